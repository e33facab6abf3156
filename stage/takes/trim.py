"""Makes a new take of a part of one: everything of that time, and of before what it cannot be understood without.

records       those of [begin, end), byte for byte, in the order in which they were received
video         of each camera, from the last picture before the begin that needs no other
solving       from the solver's last keyframe before the begin: it, the steps since, and what they were given, so
              that the part can be solved again from its first performance on
timecode      what a timecode machine said in the seconds before

Attachments and facts go along; a fact "trimmed" says of which take it is a part. Tracks stay with the take they are of.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from protocols.errors import DecodeError, TakeError
from protocols.foxglove import COMPRESSED_VIDEO, decode_video
from protocols.show import MAX_TAKE, Mark
from protocols.solve_log import INPUTS_BEFORE_NS, KEYFRAME_S
from protocols.takefile import FOREVER_NS, VIDEO, Described, RawMessage, TakeReader
from stage.takes.folder import last_number
from stage.takes.moments import chosen_span
from stage.takes.names import SUFFIX, take_name
from stage.takes.recorded_timecode import recorded_timecode
from stage.takes.rewrite import take_its_name, written_beside
from stage.takes.tracks import take_and_track

FACTS = "trimmed"
"""Name of the facts that say that a take is a part of another."""

_SOLVER_KEYFRAME = "keyframe.solve"
_STEPS = ("step.", "keyframe.")
_INPUTS = ("landmarks.", "external.")
_TIMECODE = "timecode"
_TIMECODE_BEFORE_NS = 5_000_000_000
_SEARCH_NS = round(2.5 * KEYFRAME_S * 1e9)
_WIDER = 8


def trim(path: Path, begin: str, end: str, out: Path | None = None) -> Path:
    """Writes a part of a take as a new take.

    Args:
        path: The take.
        begin: Seconds since its first message, or a timecode of it; "" is its begin.
        end: Likewise; it is not in the new take any more. "" is its end.
        out: The new take; None: the next free number of its slate, beside it.

    Returns:
        The new take.

    Raises:
        TakeError: The take is damaged or has no end, a moment is none or not in it, there is nothing in that time, or
            the new one cannot be written.
    """
    take = TakeReader(path)
    if not take.finished:
        raise TakeError(f"{path} has no end; `stage takes recover {path}` mends it first")
    if take_and_track(path)[1]:
        raise TakeError(f"{path} is a track; trim its take, and solve that again")
    timecode, span_ns = recorded_timecode(take), take.span_ns
    begin_ns, end_ns = chosen_span(begin, end, span_ns, timecode)
    end_ns += not end  # the last message of the take is in it
    if next(take.records("performance.", "face.", "landmarks.", VIDEO, begin_ns=begin_ns, end_ns=end_ns), None) is None:
        raise TakeError(f"{path}: nothing was performed or seen in this time")
    number, out = _place(take, out)
    if out.exists():
        raise TakeError(f"{out} is there already, and stays; name another with --out")
    wanted = _Part(take, begin_ns, end_ns)
    facts = {name: of for name, of in take.facts.items() if name not in ("end", "recovered")}
    facts["take"] = facts.get("take", {}) | {
        "name": out.stem,
        "number": str(number),
        "began": datetime.fromtimestamp(begin_ns / 1e9, UTC).isoformat(timespec="milliseconds"),
        "began_ns": str(begin_ns),
        "from_ns": str(begin_ns),
        "timecode": timecode.text(begin_ns),
    }
    facts[FACTS] = {"of": path.stem, "begin_ns": str(begin_ns), "end_ns": str(end_ns)}
    new = written_beside(take, out, wanted.messages, facts, lambda: wanted.end() | {"timecode": timecode.text(end_ns)})
    take_its_name(new, out)
    return out


class _Part:
    """What goes into the new take."""

    def __init__(self, take: TakeReader, begin_ns: int, end_ns: int) -> None:
        self.records = self.marks = 0
        self._take, self._begin_ns, self._end_ns = take, begin_ns, end_ns
        self._since = {
            topic: _picture_before(take, topic, begin_ns) for topic in take.counts if topic.startswith(VIDEO)
        }
        state = _newest(take, _SOLVER_KEYFRAME, begin_ns)
        self._solving_ns = FOREVER_NS if state is None else state.received_ns
        """When the state was received with which solving can begin."""

    def messages(self) -> Iterator[tuple[Described, RawMessage]]:
        """In the order received."""
        self.records = self.marks = 0
        first_ns = min(self._begin_ns - _TIMECODE_BEFORE_NS, *self._since.values(), self._begin_ns)
        if self._solving_ns < FOREVER_NS:
            first_ns = min(first_ns, self._solving_ns - 2 * INPUTS_BEFORE_NS)
        for channel, message in self._take.messages("", begin_ns=max(0, first_ns), end_ns=self._end_ns):
            if message.log_ns >= self._begin_ns or self._leads_in(channel.topic, message):
                self.records += 1
                self.marks += channel.kind == Mark.__name__
                yield channel, message

    def end(self) -> dict[str, str]:
        """How it ends."""
        end_ns, before = min(self._end_ns, self._take.span_ns[1]), self._take.facts.get("end", {})
        return {
            "ended_ns": str(end_ns),
            "seconds": f"{(end_ns - self._begin_ns) / 1e9:.3f}",
            "records": str(self.records),
            "lost": before.get("lost", "0"),
            "marks": str(self.marks),
            "fault": before.get("fault", ""),
        }

    def _leads_in(self, topic: str, message: RawMessage) -> bool:
        if topic in self._since:
            return message.log_ns >= self._since[topic]
        if topic.startswith(_STEPS):
            return message.received_ns >= self._solving_ns
        if topic.startswith(_INPUTS):
            return message.received_ns >= self._solving_ns - INPUTS_BEFORE_NS
        return topic == _TIMECODE and message.log_ns >= self._begin_ns - _TIMECODE_BEFORE_NS


def _picture_before(take: TakeReader, topic: str, begin_ns: int) -> int:
    """Time of the last picture up to a moment that needs no other; that moment where there is none."""
    found = _newest(take, topic, begin_ns)
    return begin_ns if found is None else found.log_ns


def _newest(take: TakeReader, topic: str, begin_ns: int) -> RawMessage | None:
    """The last message up to a moment from which one can begin to read a topic; None where there is none."""
    reach_ns = _SEARCH_NS
    while True:
        first_ns = max(0, begin_ns - reach_ns)
        found = None
        for channel, message in take.messages(topic, begin_ns=first_ns, end_ns=begin_ns + 1):
            if channel.topic == topic and _is_beginning(channel, message):
                found = message
        if found is not None or first_ns <= take.span_ns[0]:
            return found
        reach_ns *= _WIDER


def _is_beginning(channel: Described, message: RawMessage) -> bool:
    if channel.schema != COMPRESSED_VIDEO.name:
        return True
    try:
        return decode_video(message.data).keyframe
    except DecodeError:
        return False


def _place(take: TakeReader, out: Path | None) -> tuple[int, Path]:
    """Number and file of the new take."""
    slate = take.facts.get("take", {}).get("slate", "") or take.path.stem
    number = last_number(take.path.parent, slate) + 1
    if out is not None:
        if out.suffix != SUFFIX:
            raise TakeError(f"{out}: a take's file ends in {SUFFIX}")
        return number, out
    if number > MAX_TAKE:
        raise TakeError(f"no take number up to {MAX_TAKE} is left for slate {slate!r}; name the new take with --out")
    return number, take.path.with_name(f"{take_name(slate, number)}{SUFFIX}")
