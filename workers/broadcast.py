"""The broadcast worker: performances and faces from the bus -> engines, by VMC, Live Link Face and plain OSC.

    `performance.<actor>`, `face.<actor>`  -> outputs, at once; if several of one topic wait, only the newest
    `command.<surface>` SetOutput          -> an output changes; `reply.broadcast` says what became of it
    `timecode`                             -> the timecode that streams carry; a replay sets it, as "solve"
    `output.<id>`                          <- the state of each output, at every change and once a second

Here the way of a performance ends, so here its legs are counted, faces of face cameras apart; after all are sent.
"""

from __future__ import annotations

import zmq

from protocols.messages import FacePerformance, Performance
from protocols.show import SetOutput, TimecodeSync
from stage.outputs.legs import FACE_PREFIX, leg_durations
from stage.outputs.orders import carried_out
from stage.outputs.switchboard import Switchboard
from stage.replay.precise import take_precedence
from stage.surfaces import RECEIVE, SOLVE, command_topics, replays
from stage.timecode import TimecodeClock
from workers.worker import Worker, run

_WAIT_MS = 100


class BroadcastWorker(Worker):
    """Sends performances to all outputs that are engines."""

    kind = "broadcast"

    def setup(self) -> None:
        """Open the outputs, then the subscriptions."""
        if replays(self.config):  # recorded times are kept to the datagram
            take_precedence()
        self._timecode = TimecodeClock(self.config.timecode, self.timing.epoch_ns)
        self._board = Switchboard(self.config, self._timecode, self.clock.now_ns)
        self.opened.callback(self._board.close)
        self._solved = self.subscribe({SOLVE: ["performance.", "face.", "timecode"], RECEIVE: ["timecode"]})
        self._commands = self.subscribe(command_topics(self.config))
        self._poller = zmq.Poller()
        for subscriber in (self._solved, self._commands):
            self._poller.register(subscriber.socket, zmq.POLLIN)

    def step(self) -> None:
        """Send what arrives; then count it, obey, and say how the outputs are."""
        arrived = dict(self._poller.poll(_WAIT_MS))
        if self._solved.socket in arrived:
            self._send()
        if self._commands.socket in arrived:
            self._obey()
        for state in self._board.states():
            self.publisher.send(f"output.{state.id}", state)

    def report(self) -> None:
        """Counts of every output by its id, and news of outputs that fail or work again."""
        for name, count in (*self._solved.counters.items(), *self._board.counters):
            self.counters[name] = count
        self.facts = self._board.facts
        for kind, text in self._board.news():
            self.event(kind, text)

    def _send(self) -> None:
        records: list[Performance | FacePerformance] = []
        for message in self._solved.drain():
            record = message.record
            if isinstance(record, Performance | FacePerformance):
                self.mark(self.clock.now_ns() - record.capture_ns)
                records.append(record)
            elif isinstance(record, TimecodeSync):
                self._timecode.sync(record)
        sent = [(record, self.clock.now_ns()) for record in self._board.send_all(records)]
        for record, sent_ns in sent:
            prefix = FACE_PREFIX if isinstance(record, FacePerformance) else ""
            for leg, duration_ns in leg_durations(record.trace, sent_ns, prefix):
                self.time_leg(leg, duration_ns)

    def _obey(self) -> None:
        for message in self.commanded(self._commands):
            command = message.record
            if isinstance(command, SetOutput) and (outcome := carried_out(self._board, command)) is not None:
                self.reply(command, *outcome)


if __name__ == "__main__":
    run(BroadcastWorker)
