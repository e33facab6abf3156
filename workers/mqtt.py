"""The mqtt worker: what the stage does -> MQTT brokers, and commands from there -> the bus.

    `performance.`, `face.`, `heartbeat.`, `event.`, `output.`, `recorder`, `player`, `timecode`  -> published
    <prefix>/command/...  -> `command.mqtt`;  `reply.<worker>` -> the reply at the broker
    `command.<surface>` SetOutput of an MQTT output -> carried out here, with `reply.mqtt`
    `output.<id>`         <- the state of each MQTT output, at every change and once a second

It is a process of its own so that the threads of its connections never hold up a datagram. Nothing here waits for a
broker: see `protocols.mqtt_link`.
"""

from __future__ import annotations

import zmq

from protocols.messages import FacePerformance, Performance
from protocols.show import Command, CommandReply, SetOutput, TimecodeSync
from stage.mqtt.switchboard import MqttSwitchboard
from stage.mqtt.watch import StageWatch
from stage.outputs.orders import carried_out
from stage.surfaces import EXECUTORS, RECEIVE, RECORD, SOLVE, command_topics
from stage.timecode import TimecodeClock
from workers.worker import Worker, run

_WAIT_MS = 20
"""Commands come in by the threads of the connections, which cannot wake this one."""


class MqttWorker(Worker):
    """Speaks with MQTT brokers."""

    kind = "mqtt"

    def setup(self) -> None:
        """Open the outputs, then the subscriptions."""
        self._timecode = TimecodeClock(self.config.timecode, self.timing.epoch_ns)
        self._watch = StageWatch(self.config, self._timecode)
        self._board = MqttSwitchboard(self.config, self.clock, self.timing.epoch_ns, self._give)
        self.opened.callback(self._board.close)
        told = ["heartbeat.", "event.", "output.", "recorder", "player"]
        reports = {name: told for name in {*self._watch.workers, RECORD}}
        self._solved = self.subscribe({SOLVE: ["performance.", "face.", "timecode"], RECEIVE: ["timecode"]})
        self._reports = self.subscribe(reports)
        self._replies = self.subscribe({name: ["reply."] for name in EXECUTORS})
        self._commands = self.subscribe(command_topics(self.config))
        self._poller = zmq.Poller()
        for subscriber in (self._solved, self._commands, self._replies):
            self._poller.register(subscriber.socket, zmq.POLLIN)

    def step(self) -> None:
        """Publish what has come, hand on commands, obey and answer."""
        self._poller.poll(_WAIT_MS)
        self._send()
        self._board.hear()
        self._obey()
        for message in self._replies.drain_all():
            if isinstance(message.record, CommandReply):
                self._board.answer(message.record)
        for state in self._board.states():
            self.publisher.send(f"output.{state.id}", state)

    def report(self) -> None:
        """Tell the brokers what is new, and the bus how the connections are."""
        for message in self._reports.drain_all():
            self._watch.take(message.record)
        self._board.expire()
        self._board.tell(self._watch.news(self.clock.now_ns()))
        for name, count in (*self._solved.counters.items(), *self._board.counters):
            self.counters[name] = count
        self.facts = self._board.facts
        for kind, text in self._board.news():
            self.event(kind, text)

    def _send(self) -> None:
        for message in self._solved.drain():
            record = message.record
            if isinstance(record, Performance | FacePerformance):
                self.mark(self.clock.now_ns() - record.capture_ns)
                self._board.send(record)
            elif isinstance(record, TimecodeSync):
                self._timecode.sync(record)

    def _obey(self) -> None:
        for message in self.commanded(self._commands):
            command = message.record
            if isinstance(command, SetOutput) and (outcome := carried_out(self._board, command)) is not None:
                self.reply(command, *outcome)

    def _give(self, command: Command) -> None:
        self.publisher.send(f"command.{self.name}", command)


if __name__ == "__main__":
    run(MqttWorker)
