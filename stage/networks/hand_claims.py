"""Claims: whose a hand is when two arms lead to it.

A hand before the other hides it, and the network then reads the front one in both regions. Two
readings of one camera whose points lie on each other are of one hand. It belongs to the claim that
agrees better with what is known: which side the network takes it for, how near the pose's wrist is,
and who had it a moment ago.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

SAME_HAND = 0.35
"""Mean distance of the points of two readings, in palms, below which they are of one hand."""

_HELD = 0.3
_NEARNESS = 1.0


class Claim(NamedTuple):
    """An arm says that this hand is its own."""

    key: tuple[str, str, str]
    """Actor, view, side."""
    camera: str
    points: npt.NDArray[np.float32]
    """(21, 2 or more): image pixels, now."""
    palm: float
    trust: float
    """How likely it is a hand of this side, in [0, 1]."""
    from_wrist: float
    """Distance from the pose's wrist, in palms."""
    held: bool
    """Whether the arm already had a hand before this frame."""

    @property
    def strength(self) -> float:
        """How well the claim agrees with what is known."""
        return self.trust - _NEARNESS * min(self.from_wrist, 1.0) + _HELD * self.held


def same_hand(one: Claim, other: Claim) -> bool:
    """Whether two claims are to one hand."""
    if one.camera != other.camera or one.key == other.key:
        return False
    apart = one.points[:, :2] - other.points[:, :2]
    return float(np.hypot(apart[:, 0], apart[:, 1]).mean()) < SAME_HAND * min(one.palm, other.palm)


def lost_claims(claims: list[Claim]) -> set[tuple[str, str, str]]:
    """The keys of those that claim a hand with a better claim to it."""
    lost: set[tuple[str, str, str]] = set()
    ranked = sorted(claims, key=lambda claim: -claim.strength)
    for k, claim in enumerate(ranked):
        if any(better.key not in lost and same_hand(better, claim) for better in ranked[:k]):
            lost.add(claim.key)
    return lost
