"""The record worker: commands from the surfaces -> takes, one MCAP file each, with everything that is on the bus.

With a pre-roll it always listens and keeps the last seconds in memory; without, it listens while a take runs. A take
writes in a thread of its own (`stage.takes.take`): the disk holds up neither this loop nor, as all queues are bounded,
anybody else. What could not be written is counted.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import zmq
from msgspec.structs import replace

from protocols.bus import Message, Subscriber
from protocols.show import Command, TimecodeSync
from stage.surfaces import RECEIVE, RECORD, command_topics
from stage.takes.topics import recorded_topics
from stage.timecode import TimecodeClock
from workers.worker import Worker, run

if TYPE_CHECKING:
    from stage.takes.intake import Intake
    from stage.takes.recorder import Recorder
    from stage.takes.running_take import RunningTake

_WAIT_MS = 100
_LISTENING_WAIT_MS = 15
"""What comes meanwhile is taken in together; to wake for every message costs a third more."""
_BUSY_WAIT_MS = 5
"""While somebody waits for an answer."""
_QUEUE_LENGTH = 4096
"""Messages that may wait per publisher while this process does not get its turn."""
_HEARD_AFTER_S = 0.5
"""How long others may need to connect to a worker that has just started; news of the folder wait so long."""
_GRACE_S = 2.5
"""The supervisor gives a worker three seconds to end."""


class RecordWorker(Worker):
    """Records takes."""

    kind = RECORD

    def prepare(self) -> None:
        """Import what writes takes."""
        import stage.takes.intake
        import stage.takes.recorder  # noqa: F401

    def setup(self) -> None:
        """Listen to commands, look at the folder, and begin to keep what was."""
        from stage.takes.intake import Intake
        from stage.takes.recorder import Recorder
        from stage.takes.told_state import ToldState
        from stage.takes.video.lanes import VideoLanes
        from stage.takes.watch import FolderWatch

        record = self.config.record
        self._timecode = TimecodeClock(self.config.timecode, self.timing.epoch_ns)
        self._watch = FolderWatch(Path(record.folder), record.slate)
        self._recorder: Recorder = Recorder(record.slate, self._begin)
        self._data: Subscriber | None = None
        self._gaps = 0
        self._sync: Message | None = None
        self._told = ToldState()
        self._lanes = VideoLanes(self.config, self.run_dir)
        self.opened.callback(self._lanes.close)
        self._intake: Intake = Intake(self.config, self.timing, self._lanes)
        self._poller = zmq.Poller()
        topics = command_topics(self.config)
        if self.config.timecode.source == "network":
            topics[RECEIVE] = ["timecode"]
        self._commands = self.subscribe(topics)
        self._poller.register(self._commands.socket, zmq.POLLIN)
        if record.pre_roll_seconds > 0:
            self._listen()
        self._heard_s = time.monotonic() + _HEARD_AFTER_S
        self.state = "waiting"

    def step(self) -> None:
        """Take commands and data, answer, tell."""
        idle_ms = _WAIT_MS if self._data is None else _LISTENING_WAIT_MS
        self._poller.poll(_BUSY_WAIT_MS if self._recorder.busy else idle_ms)
        self._take_data()
        for message in self.commanded(self._commands):
            if isinstance(message.record, Command):
                self._recorder.obey(message.record, time.monotonic())
                self._intake.hear([message])
            elif isinstance(message.record, TimecodeSync):
                self._sync = message
                self._timecode.sync(message.record)
        self._tell()

    def report(self) -> None:
        """Counts and facts."""
        take = self._recorder.last
        self.counters["lost"] = self._recorder.lost
        self.facts["folder"] = self.config.record.folder
        self.facts["take"] = "" if take is None else take.name
        self.facts.update(self._lanes.facts())
        if self._watch.free_bytes >= 0:
            self.facts["free"] = f"{self._watch.free_bytes / 1e9:.1f} GB"

    def teardown(self) -> None:
        """End the take that runs: its file is closed properly."""
        if hasattr(self, "_recorder"):
            self._take_data()
            self._recorder.close(_GRACE_S)
            self._watch.stop()
            self._tell()
            self._stop_listening()

    def _begin(self, slate: str, number: int) -> RunningTake:
        """A take begins; without a pre-roll, there is data to be heard from here on."""
        take = self._intake.begin(self._timecode, slate, number)
        if self.config.record.pre_roll_seconds == 0:
            self._listen()
            if self._sync is not None:  # what timecode it is, known from the first record on
                self._intake.hear([self._sync])
        return take

    def _take_data(self) -> None:
        if self._data is None:
            return
        messages = self._data.drain_all()
        self._intake.hear(messages)
        gaps = self._data.counters["gaps"] - self._gaps
        self._gaps += gaps
        take = self._recorder.current
        if take is not None:
            take.lose(gaps)
            if messages:
                self.counters["items"] += len(messages) - 1
                self.mark(self.clock.now_ns() - messages[-1].sent_ns)
        elif self.config.record.pre_roll_seconds == 0 and not self._recorder.busy:
            self._stop_listening()

    def _listen(self) -> None:
        self._stop_listening()
        topics = recorded_topics(self.config)
        for publisher, more in self._lanes.topics().items():
            topics[publisher] += more
        self._data = Subscriber(self.run_dir, topics, queue_length=_QUEUE_LENGTH)
        self._gaps = 0

    def _stop_listening(self) -> None:
        if self._data is not None:
            self._data.close()
            self._data = None

    def _tell(self) -> None:
        """Answers, events and the recorder's state, as there are any."""
        answers, news = self._recorder.look(time.monotonic())
        for item in news:
            self.event(*item)
            self._watch.look()
        while self._watch.news and time.monotonic() >= self._heard_s:
            self.event(*self._watch.news.popleft())
        for answer in answers:
            self.reply(answer.command, answer.ok, answer.text, dict(answer.facts))
        self.state = "waiting" if self._recorder.current is None else "running"
        self._publish_state()

    def _publish_state(self) -> None:
        watch, recorder = self._watch, self._recorder
        state = recorder.state(watch.last_number(recorder.slate), watch.free_bytes, watch.fault)
        state = replace(state, pre_roll_s=round(self._intake.pre_roll_s, 1))
        if self._told.due(state, time.monotonic()):
            self.publisher.send("recorder", replace(state, at_ns=self.clock.now_ns()))


if __name__ == "__main__":
    run(RecordWorker)
