"""What was, for the take that begins now: everything of the last seconds, and what makes it whole.

messages     those received in the last N seconds
video        whole groups of pictures: from the last picture before that which needs no other
solving      from the solver's last keyframe before that: it, the steps since then, and what they were given, so that
the take can be solved again from its first performance on
timecode     what the timecode machine said last
"""

from __future__ import annotations

from collections import deque

from protocols.show import Mark
from protocols.solve_log import INPUTS_BEFORE_NS
from stage.takes.memory import Entry, Memory, TakeQueue

SOLVER_KEYFRAME = "keyframe.solve"

_NS = 1_000_000_000
_STEPS = ("step.solve", SOLVER_KEYFRAME)
_INPUTS = ("landmarks.", "external.")
_TIMECODE = "timecode"


class PreRoll:
    """The last seconds of a stage. One thread owns it."""

    def __init__(self, seconds: float, memory: Memory, now_ns: int) -> None:
        """Empty.

        Args:
            seconds: How far it reaches back.
            memory: Where its entries are; it may shorten the pre-roll.
            now_ns: Stage time from which everything comes here.
        """
        self._reach_ns = round(seconds * _NS)
        self._memory = memory
        self._from_ns = now_ns
        self._entries: deque[Entry] = deque()

    def put(self, entry: Entry, take: TakeQueue | None) -> None:
        """Takes in the newest entry, which may go into a running take too."""
        if self._memory.put(entry, take, pre_roll=True):
            self._entries.append(entry)

    def whole_from_ns(self, now_ns: int) -> int:
        """Stage time from which a take that begins now would have everything."""
        return max(now_ns - self._reach_ns, self._from_ns, self._memory.curtailed_ns)

    def seconds(self, now_ns: int) -> float:
        """How much of the past a take that begins now would have."""
        return max(0, now_ns - self.whole_from_ns(now_ns)) / _NS

    def trim(self, now_ns: int) -> None:
        """Forgets what no take will want any more; to be called a few times a second."""
        begin_ns = now_ns - self._reach_ns
        old: list[Entry] = []
        while self._entries and self._entries[0].received_ns < begin_ns:
            old.append(self._entries.popleft())
        whole_from_ns = _beginnings(old)
        kept: list[Entry] = []
        for entry in old:
            if entry.idle and entry.received_ns >= whole_from_ns.get(_line(entry), begin_ns):
                kept.append(entry)
            else:
                self._memory.leave_pre_roll(entry)
        self._entries.extendleft(reversed(kept))

    def begin(self, take: TakeQueue, now_ns: int) -> None:
        """A take begins: it gets what waits here, in the order received, and the pre-roll keeps it for the next."""
        self.trim(now_ns)
        with self._memory.lock:
            for entry in self._entries:
                if entry.idle and not isinstance(entry.record, Mark):  # a mark before the take was refused
                    self._memory.give(entry, take)


def _beginnings(entries: list[Entry]) -> dict[str, int]:
    """Per line of entries that need those before them, when the last whole part of it begins."""
    beginnings: dict[str, int] = {}
    for entry in entries:
        if entry.idle and (entry.keyframe or entry.topic in (SOLVER_KEYFRAME, _TIMECODE)):
            beginnings[_line(entry)] = entry.received_ns
    if SOLVER_KEYFRAME in beginnings:
        beginnings["inputs"] = beginnings[SOLVER_KEYFRAME] - INPUTS_BEFORE_NS
    return beginnings


def _line(entry: Entry) -> str:
    """Which entries it belongs to; "" for one that stands alone."""
    if entry.camera:
        return f"video.{entry.camera}"
    if entry.topic.startswith(_INPUTS):
        return "inputs"
    if entry.topic in _STEPS:
        return SOLVER_KEYFRAME
    return _TIMECODE if entry.topic == _TIMECODE else ""
