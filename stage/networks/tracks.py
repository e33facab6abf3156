"""Tracks: one person followed in one camera, and the rules that keep a track on its person.

A landmark network always answers; with another person in its region it reads that one, and a
tracker that moves on with the answer has changed its person without a word. Every answer is
therefore compared with what was *expected*: the solver's prediction, else the landmarks of the
frame before. Distances are in body radii (`landmarks.body_circle`), so that near and far people
are judged alike, and medians over the points, so that a waving hand does not count.

Networks also confuse front and back: all landmarks in place, left and right exchanged (a third of
the frames of one camera in our real recording, where the face is hidden). `sides_exchanged` finds
that against the expectation, `exchange_sides` mends it; but only against a prediction: the frame
before is no better a witness, and holding on to it was measured to double the wrong frames.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from protocols.names import BODY_LANDMARKS
from stage.networks.landmarks import POINTS, Landmarks, body_circle
from stage.networks.regions import FloatArray, Region

CLEAR_CONFIDENCE = 0.5
"""Points below it are not compared, if there are others."""

_ENOUGH_POINTS = 6

EXCHANGED_CONFIDENCE = 0.5
"""Factor on the confidence of a view whose sides had to be exchanged: it was confused."""

_LIMBS = [
    BODY_LANDMARKS.index(f"{side}_{joint}")
    for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    for side in ("left", "right")
]

_HIPS = [BODY_LANDMARKS.index("left_hip"), BODY_LANDMARKS.index("right_hip")]


def _mirror(name: str) -> str:
    return name.replace("left", "\0").replace("right", "left").replace("\0", "right")


OTHER_SIDE = np.array([BODY_LANDMARKS.index(_mirror(name)) for name in BODY_LANDMARKS])
"""Index of each landmark's partner on the other side of the body (itself for the nose)."""

_PARTNERS = OTHER_SIDE[_LIMBS]


@dataclass
class Track:
    """One person in one camera."""

    region: Region
    """Where to look next."""
    actor: str = ""
    """The actor whose prediction guides this track."""
    number: int = -1
    """Given when the person is first confirmed."""
    seen_ns: int = -1
    """Capture time of the last confirmed landmarks; -1 before."""
    missed: int = 0
    """Frames since then in which the person was not confirmed."""
    points: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros((POINTS, 3), np.float32))
    """(33, 3): the last confirmed landmarks, x, y in pixels, confidence."""

    velocity: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    """(2,): of the hips, pixels per nanosecond."""

    @property
    def is_confirmed(self) -> bool:
        """Whether the network has ever seen this person."""
        return self.number >= 0

    def expected_at(self, capture_ns: int) -> tuple[FloatArray | None, Region]:
        """Where the landmarks (33, 3) should be at a time, None before the first; and where to look."""
        if not self.is_confirmed:
            return None, self.region
        shift = self.velocity * (capture_ns - self.seen_ns)
        expected = self.points + np.array([*shift, 0.0], np.float32)
        return expected, self.region._replace(x=self.region.x + float(shift[0]), y=self.region.y + float(shift[1]))

    def move(self, landmarks: Landmarks, capture_ns: int) -> None:
        """The person has been found again; `number` has been given."""
        if self.seen_ns >= 0:
            way = landmarks.points[_HIPS, :2].mean(axis=0) - self.points[_HIPS, :2].mean(axis=0)
            self.velocity = 0.5 * (self.velocity + way.astype(np.float64) / max(capture_ns - self.seen_ns, 1))
        self.points, self.region = landmarks.points, landmarks.next_region
        self.seen_ns, self.missed = capture_ns, 0


def comparable(points: FloatArray) -> npt.NDArray[np.bool_]:
    """Which of (33, 3) landmarks are good enough to be compared: the clear ones, else all known."""
    clear = points[:, 2] >= CLEAR_CONFIDENCE
    return clear if np.count_nonzero(clear) >= _ENOUGH_POINTS else points[:, 2] > 0.0


def body_radius(points: FloatArray) -> float:
    """Radius of the circle about landmarks (33, 2 or 3) in pixels; where there is a third column, of the known ones."""
    known = points[:, 2] > 0.0 if points.shape[1] > 2 else None
    return max(body_circle(points[:, :2], known).radius, 1e-6)


def distance(points: FloatArray, expected: FloatArray, radius: float) -> float:
    """Median distance of landmarks (33, 3) from expected places (33, 2 or 3), in body radii."""
    known = comparable(points)
    if expected.shape[1] > 2:
        known = known & (expected[:, 2] > 0.0)
    if not known.any():
        return float("inf")
    apart = points[known, :2] - expected[known, :2]
    lengths = np.sort(np.hypot(apart[:, 0], apart[:, 1]))
    return float(lengths[len(lengths) // 2]) / radius  # np.median takes four times as long


def sides_exchanged(points: FloatArray, expected: FloatArray, radius: float) -> bool:
    """Whether landmarks (33, 3) fit expected places (33, 2 or 3) clearly better with left and right exchanged."""
    limbs = points[_LIMBS]
    weights = limbs[:, 2]
    total = float(weights.sum())
    if total < 1.0:
        return False
    ways = limbs[:, :2] - np.stack([expected[_LIMBS, :2], expected[_PARTNERS, :2]])  # (2, n, 2)
    costs = np.minimum(np.hypot(ways[..., 0], ways[..., 1]) / radius, 0.5) @ weights
    cost_same, cost_crossed = (costs / total).tolist()
    # Seen from the side, left and right lie on each other and nothing can be said.
    return cost_crossed < 0.6 * cost_same and cost_same - cost_crossed > 0.05


def exchange_sides(landmarks: Landmarks) -> Landmarks:
    """The same person, facing the other way: partners exchanged, depth reversed, less confident."""
    points = landmarks.points[OTHER_SIDE]
    points[:, 2] *= EXCHANGED_CONFIDENCE
    world = None
    if landmarks.world is not None:
        world = landmarks.world[OTHER_SIDE] * np.array([1.0, 1.0, -1.0], np.float32)
    return landmarks._replace(points=points, world=world)


def without_outside(points: npt.NDArray[np.float32], width: int, height: int) -> npt.NDArray[np.float32]:
    """Landmarks (33, 3) with confidence 0 where they lie outside of the image: no pixel speaks for them."""
    x, y = points[:, 0], points[:, 1]
    inside = (x > -0.5) & (y > -0.5) & (x < width - 0.5) & (y < height - 0.5)
    result = points.copy()
    result[~inside, 2] = 0.0
    return result


class SideVotes:
    """How often the views of one person have lately contradicted the expectation about left and right.

    If most of them do, it is the expectation that is wrong, and nothing is exchanged any more.
    """

    def __init__(self) -> None:
        """Start with trust in the expectation."""
        self._share = 0.0

    def exchanges(self, exchanged: bool) -> bool:
        """Count one view; whether it should be mended, if it is `exchanged`."""
        self._share += 0.05 * (float(exchanged) - self._share)
        return exchanged and self._share < 0.6
