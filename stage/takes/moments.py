"""Moments of a take as an operator says them: seconds since its begin, or its timecode."""

from __future__ import annotations

from protocols.errors import TakeError
from protocols.timecode import NS_PER_S, TimecodeError
from stage.takes.recorded_timecode import RecordedTimecode


def chosen_span(begin: str, end: str, span_ns: tuple[int, int], timecode: RecordedTimecode) -> tuple[int, int]:
    """The first and the last moment, stage time [ns], of `--from` and `--to`.

    Args:
        begin: A moment; "" is the first of the take.
        end: Likewise; "" is the last.
        span_ns: The first and the last moment of the take, stage time.
        timecode: Of the take.

    Raises:
        TakeError: One is none or not in the take, or they are not in this order.
    """
    begin_ns = moment(begin, "--from", span_ns, timecode) if begin else span_ns[0]
    end_ns = moment(end, "--to", span_ns, timecode) if end else span_ns[1]
    if begin_ns > end_ns:
        raise TakeError(f"--from {begin} is after --to {end}")
    return begin_ns, end_ns


def moment(text: str, option: str, span_ns: tuple[int, int], timecode: RecordedTimecode) -> int:
    """The stage time [ns] that is meant.

    Args:
        text: Seconds since the begin of the take, or a label of its timecode.
        option: Where it was said, for errors.
        span_ns: The first and the last moment of the take, stage time.
        timecode: Of the take.

    Raises:
        TakeError: It is neither, or not in the take.
    """
    begin_ns, end_ns = span_ns
    if ":" not in text:
        return begin_ns + _seconds_ns(text, option, end_ns - begin_ns)
    try:
        found_ns = timecode.find(text, begin_ns, end_ns)
    except TimecodeError as error:
        raise TakeError(f"{option}: {error}; or give seconds since the begin of the take") from error
    if found_ns is None:
        first, last = timecode.text(begin_ns), timecode.text(end_ns)
        has = f"it goes from {first} to {last}" if first else "it has no timecode; give seconds"
        raise TakeError(f"{option} {text} is not in the take: {has}")
    return found_ns


def _seconds_ns(text: str, option: str, length_ns: int) -> int:
    try:
        wanted_ns = round(float(text) * NS_PER_S)
    except (ValueError, OverflowError):
        raise TakeError(f'{option} "{text}" is no moment; give seconds, or a timecode as 10:00:05:12') from None
    if not 0 <= wanted_ns <= length_ns:
        raise TakeError(f"{option} {text} is not in the take: it goes from 0 to {length_ns / NS_PER_S:.2f} s")
    return wanted_ns
