"""What the recorder is told and what it says: slate, numbers, which take runs; files are the takes' own business.

    idle --StartRecording--> a take opens --it records--> answer, with its name
    recording --StopRecording--> the take ends: idle again --its files are done--> answer, with its files
    recording --the disk is full or gone--> idle, with a fault

Every command gets one answer, at once or when it is carried out; begin and end of a take are answered after
`PATIENCE_S` at the latest: a slow disk may take its time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from protocols.show import (
    MAX_NOTE,
    MAX_SLATE,
    MAX_TAKE,
    Command,
    Mark,
    RecorderState,
    SetSlate,
    StartRecording,
    StopRecording,
)
from stage.news import News
from stage.takes.folder import MIN_FREE_BYTES
from stage.takes.running_take import RunningTake

PATIENCE_S = 2.0
_SLOW = "the disk is slow, there is no file yet"


class Answer(NamedTuple):
    """What became of a command."""

    command: Command
    ok: bool
    text: str
    facts: Mapping[str, str]


@dataclass
class _Ending:
    """A take that has ended and whose files are not done yet."""

    take: RunningTake
    commands: list[Command]
    """Who waits for an answer."""
    due_s: float


@dataclass
class Recorder:
    """Bookkeeping of takes, without I/O."""

    slate: str
    begin: Callable[[str, int], RunningTake]
    """Begins a take of this slate and number; 0 is the next one."""
    next_number: int = 0
    """Wanted of the next take; 0 is the next one of the slate."""
    last: RunningTake | None = None
    """The take that runs, or the last one."""
    current: RunningTake | None = None
    """The take that runs."""
    _bytes_per_s: float = 0.0
    """How fast the takes before the last one grew."""
    _lost_before: int = 0
    """In the takes before the last one."""
    _starter: Command | None = None
    _due_s: float = 0.0
    """When the starter wants an answer."""
    _opening: bool = False
    _told_drops: tuple[bool, bool] = (False, False)
    """Whether it was told that the take loses pictures, and more."""
    _expected: int = 0
    """What `next_number` became when the take began; something else is somebody's wish."""
    _endings: list[_Ending] = field(default_factory=list)
    _answers: list[Answer] = field(default_factory=list)
    _news: list[News] = field(default_factory=list)

    @property
    def busy(self) -> bool:
        """Whether an answer is due soon."""
        return self._starter is not None or len(self._endings) > 0

    @property
    def lost(self) -> int:
        """Messages of all takes that could not be written."""
        return self._lost_before + (0 if self.last is None else self.last.lost)

    def state(self, last_number: int, free_bytes: int, fault: str) -> RecorderState:
        """What the recorder does, without the time.

        Args:
            last_number: The highest number that the slate has on the disk.
            free_bytes: Free space where takes go.
            fault: What is wrong apart from the take.
        """
        take, last = self.current, self.last
        rate = (0.0 if last is None else last.bytes_per_s) or self._bytes_per_s
        left = max(0, free_bytes - MIN_FREE_BYTES)
        next_number = self.next_number or last_number + 1
        return RecorderState(
            at_ns=0,
            recording=take is not None and take.phase == "recording",
            slate=self.slate if take is None else take.slate,
            take=(take.number if take is not None else 0) or next_number,
            began_ns=0 if take is None else take.began_ns,
            name="" if last is None else last.name,
            records=0 if last is None else last.records,
            lost=0 if last is None else last.lost,
            free_bytes=free_bytes,
            fault=(last.fault if last is not None else "") or fault,
            minutes_left=round(left / rate / 60.0, 1) if rate > 0 and free_bytes >= 0 else -1.0,
            frames=0 if last is None else last.frames,
            dropped_frames=0 if last is None else last.dropped_frames,
            marks=0 if last is None else last.marks,
        )

    def obey(self, command: Command, now_s: float) -> None:
        """Carries out a command; those of others are left alone."""
        match command:
            case StartRecording():
                self._start(command, now_s)
            case StopRecording():
                self._stop(command, now_s)
            case SetSlate():
                if self._choose(command):
                    number = f"take {self.next_number}" if self.next_number else "its next take"
                    facts = {"slate": self.slate, "number": str(self.next_number)}
                    self._answers.append(Answer(command, True, f"slate {self.slate}, {number}", facts))
            case Mark():
                self._mark(command)
            case _:
                pass

    def look(self, now_s: float) -> tuple[list[Answer], list[News]]:
        """What has come of it since the last look."""
        self._look_at_current(now_s)
        for ending in list(self._endings):
            self._look_at_ending(ending, now_s)
        answers, self._answers = self._answers, []
        news, self._news = self._news, []
        return answers, news

    def close(self, grace_s: float) -> None:
        """Ends what runs and waits for its files, so many seconds at most."""
        takes = [ending.take for ending in self._endings] + ([self.current] if self.current is not None else [])
        for take in takes:
            take.end()
        due_s = time.monotonic() + grace_s
        for take in takes:
            take.join(max(0.0, due_s - time.monotonic()))

    def _start(self, command: StartRecording, now_s: float) -> None:
        if self.current is not None:
            name = self.current.name or "a take"
            self._refuse(command, f"{name} is being recorded already; stop it first")
        elif self._choose(command):
            self._lost_before = self.lost
            if self.last is not None:
                self._bytes_per_s = self.last.bytes_per_s or self._bytes_per_s
            self.current = self.last = self.begin(self.slate, self.next_number)
            self._starter, self._due_s, self._opening = command, now_s + PATIENCE_S, True
            self._told_drops = (False, False)
            self.next_number = self._expected = _after(self.next_number)

    def _stop(self, command: Command, now_s: float) -> None:
        if self.current is None:
            ended = f" ({self.last.name} ended by itself: {self.last.fault})" if self.last and self.last.fault else ""
            self._refuse(command, f"nothing is being recorded{ended}")
            return
        self.current.end()
        # Started and stopped in one breath: both are answered when the files are done.
        self._leave([command] if self._starter is None else [self._starter, command], now_s)

    def _mark(self, command: Mark) -> None:
        """The command itself stands in the take: the mark is its moment, and its text the note."""
        if self.current is None:
            self._refuse(command, "nothing is being recorded, so there is nothing to mark; start a take first")
        elif len(command.text) > MAX_NOTE or not command.text.isprintable():
            self._refuse(command, f"a note has up to {MAX_NOTE} printable characters")
        else:
            self.current.marks += 1
            note = f": {command.text}" if command.text else ""
            facts = {"take": self.current.name, "mark": str(self.current.marks)}
            self._answers.append(Answer(command, True, f"mark {self.current.marks}{note}", facts))

    def _choose(self, command: StartRecording | SetSlate) -> bool:
        """Slate and number of the next take; False, answered, when they are none."""
        slate = command.slate.strip()
        if len(slate) > MAX_SLATE or not slate.isprintable():
            self._refuse(command, f"a slate has up to {MAX_SLATE} printable characters")
            return False
        if not 0 <= command.take <= MAX_TAKE:
            self._refuse(command, f"take {command.take} is no number from 1 to {MAX_TAKE}")
            return False
        if slate and slate != self.slate:
            self.slate, self.next_number = slate, 0
        if command.take or isinstance(command, SetSlate):
            self.next_number = command.take
        return True

    def _look_at_current(self, now_s: float) -> None:
        take = self.current
        if take is None:
            return
        if take.phase == "opening":
            if now_s >= self._due_s:
                self._answer_starter(False, f"{_SLOW}; the take begins as soon as there is, or stop it", {})
            return
        if self._opening:
            self._opening = False
            if take.phase == "recording" or not take.fault:
                self._answer_starter(True, f"recording {take.name}", take.facts)
                self._news.append(News("info", f"recording {take.name}"))
            else:
                self._answer_starter(False, take.fault, {})
            if self.next_number == self._expected != 0:
                self.next_number = _after(take.number)
        if self._told_drops != (drops := (take.dropped_frames > 0, take.lost > 0)):
            self._told_drops = drops
            what = "messages are lost" if take.lost > 0 else "pictures are dropped, nothing else is lost"
            self._news.append(News("warning", f"{take.name}: the disk or an encoder is too slow, {what}"))
        if take.phase != "recording":  # nobody has asked it to end
            self._leave([], 0.0)

    def _leave(self, commands: list[Command], now_s: float) -> None:
        assert self.current is not None
        self._endings.append(_Ending(self.current, commands, now_s + PATIENCE_S))
        self.current = self._starter = None
        self._opening = False

    def _look_at_ending(self, ending: _Ending, now_s: float) -> None:
        take = ending.take
        done = take.phase == "done"
        if done or now_s >= ending.due_s:
            still = "" if done else "; the disk is slow, its files are still being written"
            text = take.fault or (f"{take.name} ended, {take.records} records{still}" if take.name else _SLOW)
            ok = take.name != "" and not take.fault
            self._answers += [Answer(command, ok, text, take.facts) for command in ending.commands]
            ending.commands = []
        if done:
            self._endings.remove(ending)
            lost = f", {take.lost} could not be written" if take.lost else ""
            lost += f", {take.dropped_frames} pictures were dropped" if take.dropped_frames else ""
            frames = f", {take.frames} pictures" if take.frames else ""
            ended = News("warning" if lost else "info", f"{take.name} ended: {take.records} records{frames}{lost}")
            self._news.append(News("error", take.fault) if take.fault else ended)

    def _answer_starter(self, ok: bool, text: str, facts: Mapping[str, str]) -> None:
        """Once; later there is nobody who waits."""
        if self._starter is not None:
            self._answers.append(Answer(self._starter, ok, text, facts))
            self._starter = None

    def _refuse(self, command: Command, why: str) -> None:
        self._answers.append(Answer(command, False, why, {}))


def _after(number: int) -> int:
    """The number after one that was wished for; 0, the next of the slate, stays."""
    return number + 1 if 0 < number < MAX_TAKE else 0
