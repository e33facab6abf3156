"""The replay worker: a take -> the bus, as if live.

    take --read ahead, in a thread--> player --at its time--> `performance.<actor>`, `face.<actor>` from "solve",
                                                        or what is to be solved again, from who published it then
    `command.<surface>` SetPlayback   -> the player moves; `reply.replay` says what became of it
    `player`                          <- what the player does, at every change and ten times a second while it plays
    `timecode`                        <- that of the take, on the way of what it belongs to

It speaks with the voices of the recorded workers: a publisher each, so that nobody else knows of a replay.
"""

from __future__ import annotations

import sys
from pathlib import Path

from protocols.bus import Publisher
from protocols.playback import PlayerState, SetPlayback
from protocols.show import Calibrate
from protocols.takefile import TakeReader
from stage.errors import ReplayError
from stage.replay.ahead import ReadAhead
from stage.replay.held import Due
from stage.replay.item import moved
from stage.replay.landmark_source import LandmarkSource
from stage.replay.player import Player
from stage.replay.precise import take_precedence, wait_until
from stage.replay.source import BODY, FACE, STEP, PerformanceSource
from stage.replay.state import PlayerTeller
from stage.replay.timecode_teller import TimecodeTeller
from stage.replay.voices import QUEUE_LENGTH, Voices
from stage.surfaces import REPLAY, command_topics
from stage.takes.recorded_timecode import recorded_timecode
from stage.takes.tracks import opened_track
from workers.worker import Worker, run

_WAIT_NS = 50_000_000
_READING_NS = 2_000_000
"""While an answer of the reader is awaited."""
_SWITCH_S = 0.0002
"""How long the reader may keep the interpreter while something is due."""


class ReplayWorker(Worker):
    """Plays a take."""

    kind = REPLAY

    def setup(self) -> None:
        """Open the take and the voices; the first picture is read meanwhile."""
        section = self.config.replay
        sys.setswitchinterval(_SWITCH_S)
        take = TakeReader(Path(section.take))
        solved_again = section.source == "landmarks"
        source = LandmarkSource(take) if solved_again else PerformanceSource(opened_track(take.path, section.track))
        self._player = Player(source.begin_ns, source.end_ns, pictures=not solved_again)
        self._ahead = ReadAhead(source)
        self.opened.callback(self._ahead.close)
        self.facts["precedence"] = "real time" if take_precedence() else "ordinary"
        self._voices = Voices(self.config, self.run_dir, self.clock, self.publisher)
        self.opened.callback(self._voices.close)
        timecode = recorded_timecode(take)
        self._timecode = TimecodeTeller(timecode)
        self._teller = PlayerTeller(take, section, timecode)
        self._commands = self.subscribe(command_topics(self.config))
        self._counted = STEP if solved_again else BODY if _has(source.take, BODY) else FACE
        self._counted_ns = 0
        self._touched = section.paused
        self._fault = ""
        begin = SetPlayback(
            "",
            "",
            playing=not section.paused,
            speed=section.speed,
            loop=section.loop,
            begin_s=section.begin_s,
            end_s=section.end_s,
        )
        self._player.obey(begin, 0)
        self._read()
        self.facts |= self._teller.facts(self._player, 0)

    def step(self) -> None:
        """Send what is due, obey, tell, and wait for what comes next."""
        now_ns = self.clock.now_ns()
        if now_ns < self.timing.epoch_ns:  # nobody has heard anything before
            wait_until(self.clock, min(self.timing.epoch_ns, now_ns + _WAIT_NS))
            return
        self._obey()
        self._read()
        for due in self._player.due(self.clock.now_ns()):
            self._send(due)
        self._read()
        self._tell()
        self._wait()

    def report(self) -> None:
        """Where it is."""
        self.facts |= self._teller.facts(self._player, self.clock.now_ns())
        if (fault := self._ahead.fault) and fault != self._fault:
            self._fault = fault
            self.event("error", fault)

    def _open_bus(self) -> None:
        # Steps and states are said by this worker itself, hundreds at once after a jump.
        self.publisher = Publisher(self.run_dir, self.name, self.clock, QUEUE_LENGTH)

    def _send(self, due: Due) -> None:
        item, capture_ns, speed, held = due
        log_ns = self._player.position_ns(0) if held else item.log_ns
        if (sync := self._timecode.before(log_ns, capture_ns, speed)) is not None:
            self._voices.timecode.send("timecode", sync)
        self._tell()
        record = moved(item.record, capture_ns - item.log_ns)
        self._voices.of(item.topic).send(item.topic, record)
        if not held and item.topic.startswith(self._counted) and item.log_ns != self._counted_ns:
            self._counted_ns = item.log_ns  # several actors of one frameset count once
            self.counters["framesets_seen"] += 1
            self.counters["framesets_solved"] += 1
            self.mark(self.clock.now_ns() - capture_ns)

    def _read(self) -> None:
        player = self._player
        if player.question is not None:
            self._ahead.ask(player.question)
            player.question = None
        while player.hungry and (answer := self._ahead.take()) is not None:
            player.put(answer)

    def _obey(self) -> None:
        for message in self.commanded(self._commands):
            command = message.record
            if isinstance(command, SetPlayback):
                self._touched = True
                try:
                    text = self._player.obey(command, self.clock.now_ns())
                except ReplayError as error:
                    self.reply(command, False, str(error))
                    continue
                state = self._state()
                self.reply(command, True, text, self._teller.reply_facts(state))
            elif isinstance(command, Calibrate) and self.config.replay.source == "performances":
                self.reply(command, False, "a take is played, nobody is filmed: nothing can be measured")

    def _state(self) -> PlayerState:
        return self._teller.state(self._player, self.clock.now_ns(), self._ahead.fault)

    def _tell(self) -> None:
        player = self._player
        if self._teller.due(player, self.clock.now_ns()):
            self.publisher.send("player", self._state())
        if player.ended and not self._touched and self.state != "finished":
            self.finish(f"{self._teller.name} has ended")

    def _wait(self) -> None:
        now_ns = self.clock.now_ns()
        next_ns = self._player.next_ns()
        rest_ns = now_ns + (_WAIT_NS if next_ns is not None else _READING_NS)
        until_ns = rest_ns if next_ns is None else min(next_ns, rest_ns)
        wait_until(self.clock, until_ns, self._commands.socket)


def _has(take: TakeReader, prefix: str) -> bool:
    return any(topic.startswith(prefix) for topic in take.counts)


if __name__ == "__main__":
    run(ReplayWorker)
