"""Landmarks of a take solved against the order of time.

Time is mirrored at the middle of the take: what was captured last comes first. The solver notices nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from protocols.external import ExternalBones, ExternalFace
from protocols.messages import CameraLandmarks
from protocols.solve_log import INPUTS_BEFORE_NS
from protocols.takefile import TakeReader
from stage.resolve._anew import Anew
from stage.resolve._follower import Made
from stage.resolve._inputs import Input
from stage.resolve._resolve import INPUT_TOPICS, Resolved

_BLOCK_NS = 20_000_000_000
"""So much of a take is in memory at once."""


def mirror_ns(take: TakeReader) -> int:
    """Sum of a time and its mirrored time."""
    return sum(take.span_ns)


def solved_backward(resolved: Resolved, begin_ns: int, end_ns: int) -> Iterator[Made]:
    """Performances and faces with mirrored times, from the last to the first.

    Args:
        resolved: A take that has not been iterated; its solver is used.
        begin_ns: What was captured before this stage time is left out.
        end_ns: Likewise, from this time on.

    Raises:
        TakeError: The take is damaged.
    """
    mirror = mirror_ns(resolved.take)
    anew = Anew(resolved.solver, resolved.config)
    for one in anew.solved(_inputs_backward(resolved.take, end_ns)):
        if begin_ns <= mirror - one.capture_ns < end_ns:
            yield one
        elif mirror - one.capture_ns < begin_ns:
            return


def _inputs_backward(take: TakeReader, end_ns: int) -> Iterator[Input]:
    first_ns, last_ns = take.span_ns
    mirror = mirror_ns(take)
    upper_ns = min(last_ns + 1, end_ns + INPUTS_BEFORE_NS)
    while upper_ns > first_ns:
        lower_ns = max(first_ns, upper_ns - _BLOCK_NS)
        entries = take.records(*INPUT_TOPICS, begin_ns=lower_ns, end_ns=upper_ns)
        block = [record for entry in entries if isinstance(record := entry.decoded().record, Input)]
        for record in sorted(block, key=_captured, reverse=True):
            yield replace(record, capture_ns=mirror - record.capture_ns)
        upper_ns = lower_ns


def _captured(record: CameraLandmarks | ExternalFace | ExternalBones) -> int:
    return record.capture_ns
