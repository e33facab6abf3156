"""The mqtt worker: what the stage does -> MQTT brokers, and commands from there -> the bus.

    `performance.`, `face.`, `heartbeat.`, `event.`, `output.`, `recorder`, `timecode`  -> published
    <prefix>/command/...  -> `command.mqtt`;  `reply.<worker>` -> the reply at the broker
    `command.<surface>` SetOutput of an MQTT output -> carried out here, with `reply.mqtt`
    `output.<id>`         <- the state of each MQTT output, at every change and once a second

It is a process of its own so that the threads of its connections never hold up a datagram. Nothing here waits for a
broker: see `protocols.mqtt_link`.
"""

from __future__ import annotations

from contextlib import ExitStack

import zmq

from protocols.bus import Subscriber
from protocols.messages import FacePerformance, Performance
from protocols.show import Command, CommandReply, SetOutput, TimecodeSync
from stage.command_book import CommandBook
from stage.errors import OutputError
from stage.mqtt.command_desk import CommandDesk
from stage.mqtt.output import MqttOutput
from stage.mqtt.watch import StageWatch
from stage.surfaces import EXECUTORS, MQTT, RECEIVE, RECORD, SOLVE, mqtt_outputs, surfaces
from stage.timecode import TimecodeClock
from workers.worker import Worker, run

_WAIT_MS = 20
"""Commands come in by the threads of the connections, which cannot wake this one."""


class MqttWorker(Worker):
    """Speaks with MQTT brokers."""

    kind = "mqtt"

    def setup(self) -> None:
        """Open the outputs, then the subscriptions."""
        self._opened = ExitStack()
        self._outputs: dict[str, MqttOutput] = {}
        self._timecode = TimecodeClock(self.config.timecode, self.timing.epoch_ns)
        self._watch = StageWatch(self.config, self._timecode)
        self._book = CommandBook(MQTT)
        self._desks: dict[str, CommandDesk] = {}
        self._faults: dict[str, str] = {}
        for section in mqtt_outputs(self.config):
            output = MqttOutput(section, self.config, self.clock, self.timing.epoch_ns)
            self._opened.callback(output.close)
            self._outputs[output.id] = output
            if output.commands:
                self._desks[output.id] = CommandDesk(output.topics, self._book, self._give, output.answer)
        reports = {name: ["heartbeat.", "event.", "output.", "recorder"] for name in {*self._watch.workers, RECORD}}
        self._solved = self._subscribe({SOLVE: ["performance.", "face."], RECEIVE: ["timecode"]})
        self._reports = self._subscribe(reports)
        self._replies = self._subscribe({name: ["reply."] for name in EXECUTORS})
        self._commands = self._subscribe({name: ["command."] for name in surfaces(self.config)})
        self._poller = zmq.Poller()
        for subscriber in (self._solved, self._commands, self._replies):
            self._poller.register(subscriber.socket, zmq.POLLIN)

    def step(self) -> None:
        """Publish what has come, hand on commands, obey and answer."""
        self._poller.poll(_WAIT_MS)
        self._send()
        self._hear()
        for output in self._outputs.values():
            if (state := output.news(self.clock.now_ns())) is not None:
                self.publisher.send(f"output.{output.id}", state)

    def report(self) -> None:
        """Tell the brokers what is new, and the bus how the connections are."""
        for message in self._reports.drain_all():
            self._watch.take(message.record)
        self._book.expire()
        news = self._watch.news(self.clock.now_ns())
        self.counters.update({name: count - self.counters[name] for name, count in self._solved.counters.items()})
        for output in self._outputs.values():
            output.tell(news)
            desk = self._desks.get(output.id)
            for name, count in (output.counters | (desk.counters if desk is not None else {})).items():
                self.counters[f"{output.id}.{name}"] = count
            self.facts[output.id] = output.target
            self._tell(output.id, output.fault)

    def teardown(self) -> None:
        """Take leave of the brokers, of all at the same time."""
        if hasattr(self, "_opened"):
            for output in self._outputs.values():
                output.leave()
            self._opened.close()

    def _subscribe(self, publishers: dict[str, list[str]]) -> Subscriber:
        subscriber = Subscriber(self.run_dir, publishers)
        self._opened.callback(subscriber.close)
        return subscriber

    def _send(self) -> None:
        for message in self._solved.drain():
            record = message.record
            if isinstance(record, Performance | FacePerformance):
                self.mark(self.clock.now_ns() - record.capture_ns)
                for output in self._outputs.values():
                    output.send(record, self.clock.now_ns())
            elif isinstance(record, TimecodeSync):
                self._timecode.sync(record)

    def _hear(self) -> None:
        """Commands from brokers and from the bus, and replies."""
        for name, output in self._outputs.items():
            for message in output.received():
                if name in self._desks:
                    self._desks[name].take(message)
        for message in self._commands.drain_all():
            if isinstance(message.record, SetOutput) and message.record.output in self._outputs:
                self._obey(message.record)
        for message in self._replies.drain_all():
            if isinstance(message.record, CommandReply):
                self._book.take(message.record)

    def _give(self, command: Command) -> None:
        self.publisher.send(f"command.{self.name}", command)

    def _obey(self, command: SetOutput) -> None:
        output = self._outputs[command.output]
        try:
            output.change(command)
        except OutputError as error:
            self.reply(command, False, str(error))
        else:
            self.reply(command, True, output.text, output.facts)

    def _tell(self, output: str, fault: str) -> None:
        before = self._faults.get(output, "")
        self._faults[output] = fault
        if bool(fault) != bool(before):
            self.event("warning" if fault else "info", f"output {output}: {fault or 'works again'}")


if __name__ == "__main__":
    run(MqttWorker)
