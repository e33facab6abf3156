"""What a solver is given, kept until the step comes that names it; bounded."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from protocols.external import ExternalBones, ExternalFace
from protocols.messages import CameraLandmarks
from protocols.solve_log import EXTERNAL, SeenFrame, SolveStep

Input = CameraLandmarks | ExternalFace | ExternalBones

_KEPT = 512
"""Per camera or input: seconds of it."""
_MOST_STREAMS = 128


class Inputs:
    """The newest of every camera and of every input."""

    def __init__(self) -> None:
        """Empty."""
        self._streams: OrderedDict[Hashable, OrderedDict[Hashable, Input]] = OrderedDict()

    def add(self, record: Input) -> None:
        """Keeps it; the oldest of its stream may go."""
        if isinstance(record, CameraLandmarks):
            self._keep(record.camera, (record.frame, record.capture_ns), record)
        else:
            self._keep((type(record).__name__, record.actor, record.input), (record.number, record.capture_ns), record)

    def frame(self, seen: SeenFrame) -> CameraLandmarks | None:
        """The landmarks of a frame; None where they have not come."""
        record = self._streams.get(seen.camera, {}).get((seen.frame, seen.capture_ns))
        return record if isinstance(record, CameraLandmarks) else None

    def external(self, step: SolveStep) -> ExternalFace | ExternalBones | None:
        """The record of another performer that a step names; None where it has not come."""
        record = self._streams.get((step.kind, step.actor, step.source), {}).get((step.sent, step.at_ns))
        return None if isinstance(record, CameraLandmarks) else record

    def has_all(self, step: SolveStep) -> bool:
        """Whether everything is there that a step names."""
        if step.call == EXTERNAL:
            return self.external(step) is not None
        return all(self.frame(seen) is not None for seen in step.views)

    def _keep(self, stream: Hashable, key: Hashable, record: Input) -> None:
        kept = self._streams.setdefault(stream, OrderedDict())
        self._streams.move_to_end(stream)
        kept[key] = record
        kept.move_to_end(key)
        if len(kept) > _KEPT:
            kept.popitem(last=False)
        if len(self._streams) > _MOST_STREAMS:
            self._streams.popitem(last=False)
