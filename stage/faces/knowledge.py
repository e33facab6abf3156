"""What is learned of an actor's face for good: its identity and how it looks at rest."""

from __future__ import annotations

import numpy as np

from stage.faces.head_pose import HeadPose, View
from stage.faces.identity import IdentityEstimate
from stage.faces.model import FaceModel
from stage.faces.neutral import Neutral

IDENTITY_SECONDS = 6.0
"""The identity is fitted over the first seconds in which the face is seen; then it stays."""
OFFSETS = 4
"""Numbers after the features of a neutral: how far the irises lie from the middle of the lids' corners, metres."""

_IMPROVE_AT_S = (0.3, 1.0, 2.0, 4.0, IDENTITY_SECONDS)
_EVERY = 3
"""Every third frame is fitted: neighbours say the same."""


class FaceKnowledge:
    """One actor's.

    Args:
        model: The linear model of a face.
        neutral_seconds: How long a face at rest is averaged.
        identity: (I,) from a profile.
        neutral: (D + 4,) from a profile.
    """

    def __init__(
        self,
        model: FaceModel,
        neutral_seconds: float,
        identity: np.ndarray | None = None,
        neutral: np.ndarray | None = None,
    ) -> None:
        self._estimate = IdentityEstimate(model)
        if identity is not None:
            self._estimate.identity = np.asarray(identity, np.float64)
        self._neutral = Neutral(neutral_seconds, neutral)
        self._seen_s, self._frames, self._improved = 0.0, 0, 0
        self.frozen = identity is not None
        """Whether the identity does not change any more."""
        self.version = 0
        """Rises whenever the identity changes."""

    @property
    def identity(self) -> np.ndarray:
        """(I,): as good as it is now."""
        return self._estimate.identity

    @property
    def neutral(self) -> np.ndarray | None:
        """(D + 4,): features and irises at rest; None while unknown."""
        return self._neutral.value

    @property
    def features(self) -> np.ndarray | None:
        """(D,) at rest; None while unknown."""
        return None if self.neutral is None else self.neutral[:-OFFSETS]

    @property
    def offsets(self) -> np.ndarray | None:
        """(2, 2) of the irises at rest, metres; None while unknown or where they were never read."""
        if self.neutral is None or not np.all(np.isfinite(self.neutral[-OFFSETS:])):
            return None
        return self.neutral[-OFFSETS:].reshape(2, 2).astype(np.float64)

    @property
    def progress(self) -> str:
        """In words."""
        if self.frozen and self.neutral is not None:
            return "known"
        return "at rest, please" if self.neutral is None else "being measured"

    def rest(self, features: np.ndarray, offsets: np.ndarray | None, dt: float) -> None:
        """Take in what may be the face at rest: features (D,), irises (2, 2)."""
        irises = np.full(OFFSETS, np.nan) if offsets is None else offsets.reshape(-1)
        self._neutral.add(np.concatenate([features, irises]), dt)

    def pass_time(self, dt: float) -> bool:
        """The face was seen for another dt seconds; True where views of this instant should be fitted."""
        if self.frozen:
            return False
        self._seen_s += dt
        self._frames += 1
        if self._seen_s >= _IMPROVE_AT_S[self._improved] and self._estimate.frames > 0:
            self._improved += 1
            self._estimate.improve()
            self.version += 1
            self.frozen = self._improved == len(_IMPROVE_AT_S)
        return not self.frozen and self._frames % _EVERY == 1

    def fit(self, camera: str, view: View, pose: HeadPose, points: np.ndarray) -> None:
        """Take in one view of an instant, see `IdentityEstimate.add`."""
        self._estimate.add(camera, view, pose, points)
