"""Who the actor is: the shape of the body, estimated over the first seconds and then frozen."""

from __future__ import annotations

import torch

from stage.solving.evidence import Evidence
from stage.solving.pose import Pose
from stage.solving.shape import ShapeFitter

KEYFRAME_INTERVAL_S = 0.12
MOST_KEYFRAMES = 24
_EVERY = 3


class ShapeEstimate:
    """Collects keyframes and improves the shape a little at a time; frozen once enough has been seen."""

    def __init__(self, fitter: ShapeFitter, shape: torch.Tensor, *, seconds: float, frozen: bool) -> None:
        self.shape = shape
        """(S,)."""
        self.frozen = frozen
        """Known from a profile, or estimated long enough; it does not change any more."""
        self.information: torch.Tensor | None = None
        """(S, S): inverse covariance of the shape; None before anything was seen."""
        self.keyframes = 0
        """Framesets that the estimate rests on."""
        self._fitter = fitter
        self._seconds = seconds
        self._evidence: list[Evidence] = []
        self._poses: Pose | None = None
        self._first_ns = self._last_ns = -1
        self._calls = 0

    def anew(self) -> ShapeEstimate:
        """An estimate that has seen nothing yet, and starts from this shape."""
        return ShapeEstimate(self._fitter, self.shape, seconds=self._seconds, frozen=False)

    def add(self, evidence: Evidence, pose: Pose, capture_ns: int) -> bool:
        """Take a solved frameset; true when it is time to improve."""
        if self.frozen:
            return False
        if self._first_ns < 0:
            self._first_ns = capture_ns
        enough = len(self._evidence) >= 3
        if (capture_ns - self._first_ns) * 1e-9 >= self._seconds and enough:
            self.frozen = True
            self._evidence.clear()
            return False
        apart = (capture_ns - self._last_ns) * 1e-9 >= max(KEYFRAME_INTERVAL_S, self._seconds / MOST_KEYFRAMES)
        if evidence.relative is None and (self._last_ns < 0 or apart) and len(self._evidence) < MOST_KEYFRAMES:
            self._evidence.append(evidence)
            self.keyframes += 1
            self._poses = (
                pose if self._poses is None else Pose(*(torch.cat(p) for p in zip(self._poses, pose, strict=True)))
            )
            self._last_ns = capture_ns
        self._calls += 1
        return enough and self._calls % _EVERY == 0

    def rehearse(self, evidence: Evidence, pose: Pose) -> None:
        """Go once through what `improve` does, and forget it."""
        self._fitter.iterate(self.shape, pose, evidence)

    def improve(self) -> torch.Tensor:
        """One iteration over all keyframes; the new shape (S,)."""
        assert self._poses is not None
        first = self._evidence[0]
        joined = Evidence(
            first.R,
            first.t,
            *(
                torch.cat([getattr(e, name) for e in self._evidence])
                for name in ("target", "scale", "anchor", "anchor_scale")
            ),
        )
        step = self._fitter.iterate(self.shape, self._poses, joined)
        self.shape, self._poses, self.information = step.shape, step.poses, step.information
        return self.shape
