"""What is learned of an actor's face for good: how it looks at rest, whose it is, how large its head is."""

from __future__ import annotations

import numpy as np

from stage.faces.features import POINTS
from stage.faces.identity_map import IdentityMap, SizeEstimate
from stage.faces.neutral import Neutral
from stage.faces.profile import FaceProfile

SIZE_SECONDS = 4.0
"""The size of the head is estimated over the first seconds in which the face is seen; then it stays."""
OFFSETS = 4
"""Numbers after the features of a neutral: how far the irises lie from the middle of the lids' corners, metres."""

_SIZE_EVERY_S = 1.0


class FaceKnowledge:
    """One actor's.

    Args:
        identities: From a face at rest to its identity.
        neutral_seconds: How long a face at rest is averaged.
        known: From the actor's profile; nothing is measured then.
    """

    def __init__(self, identities: IdentityMap, neutral_seconds: float, known: FaceProfile | None = None) -> None:
        self._map = identities
        self._neutral = Neutral(neutral_seconds, None if known is None else known.neutral)
        self._identity = None if known is None else known.identity
        self._log_size = 0.0 if known is None else known.log_size
        self._size, self._seen_s, self._next_s = SizeEstimate(), 0.0, _SIZE_EVERY_S
        self._shape = np.zeros(0)
        self._worn: np.ndarray | None = None
        self._worn_log_size = 0.0
        self._sized = known is not None
        self._seconds = neutral_seconds
        self._before: FaceProfile | None = None
        self.version = 0
        """Rises whenever what the head wears changes."""

    def measure_again(self) -> None:
        """Gather all of it anew; what was known is used until then."""
        self._before = self.final or self._before
        self._neutral = Neutral(self._seconds)
        self._size, self._seen_s, self._next_s, self._sized = SizeEstimate(), 0.0, _SIZE_EVERY_S, False
        if self._before is None:
            self._identity = None
        self._change()

    @property
    def final(self) -> FaceProfile | None:
        """What a profile should keep, once there is nothing more to learn."""
        if not self._sized or self._neutral.value is None or self._identity is None:
            return None
        return FaceProfile(self._identity, self._neutral.value, self.log_size)

    @property
    def neutral(self) -> np.ndarray | None:
        """(D + 4,): features and irises at rest; None while unknown."""
        if self._neutral.value is None and self._before is not None:
            return self._before.neutral
        return self._neutral.value

    @property
    def wants_rest(self) -> bool:
        """Whether the face at rest is still being gathered."""
        return self._neutral.value is None

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
    def log_size(self) -> float:
        """The head's size against the mean head's."""
        if self._sized or (self._before is not None and self._size.weight == 0.0):
            return self._log_size
        expected = self._map.log_size_of(self._shape) if len(self._shape) > 0 else 0.0
        return expected + self._size.log_size

    @property
    def progress(self) -> str:
        """In words."""
        if self.wants_rest:
            return "at rest, please"
        return "known" if self.final is not None else "being measured"

    def worn(self, shape: np.ndarray) -> np.ndarray:
        """(I,) the identity to add to the actor's body of a shape (S,); zero while unknown."""
        if self._worn is None or not np.array_equal(shape, self._shape):
            self._shape = np.array(shape, np.float64)
            identity = np.zeros(self._map.count) if self._identity is None else self._identity
            self._worn_log_size = self.log_size
            self._worn = self._map.worn(identity, self._worn_log_size, self._shape)
        return self._worn

    def rest(self, features: np.ndarray, offsets: np.ndarray | None, dt: float) -> None:
        """Take in what may be the face at rest: features (D,), irises (2, 2)."""
        irises = np.full(OFFSETS, np.nan) if offsets is None else offsets.reshape(-1)
        if self._neutral.add(np.concatenate([features, irises]), dt) and self.features is not None:
            points = self.features[POINTS].reshape(-1, 3).astype(np.float64)
            self._identity = self._map.of_mean_size(points)
            self._change()

    def pass_time(self, dt: float) -> None:
        """The face was seen for another dt seconds."""
        if self._sized:
            return
        self._seen_s += dt
        if self._seen_s >= SIZE_SECONDS:
            self._log_size, self._sized = self.log_size, True
            self._change()
        elif self._seen_s >= self._next_s:
            self._next_s += _SIZE_EVERY_S
            self._change()

    @property
    def wants_size(self) -> bool:
        """Whether views of this instant should be fitted for the size."""
        return not self._sized and self._identity is not None

    def resize(self, log_size: float) -> None:
        """What several views of an instant say: how much larger the head is than the one worn."""
        self._size.add(self._worn_log_size + log_size - self._map.log_size_of(self._shape))

    def _change(self) -> None:
        self._worn = None
        self.version += 1
