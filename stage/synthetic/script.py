"""A script: what a performer does, written as keys and footsteps.

Keys say at which time a channel has which value, relative to standing still; footsteps say when a
foot leaves the floor and where it lands. Everything else (hips over feet, knees, arm swing, breath)
follows in `stage.synthetic.choreography`. A script knows no body: lengths that depend on the
performer are in units of leg length.

A script starts and ends in the neutral stance at the place and heading where it began, so that it
can be played in a loop without a seam.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

LEFT, RIGHT = 0, 1

SIDED = ("flex", "abduct", "twist", "elbow", "pronate", "wrist")
"""Channels of an arm: upper arm forward, sideways and about its axis, elbow, forearm, wrist [rad]."""

CENTRAL = (
    "forward", "sideways", "drop",
    "pelvis_pitch", "pelvis_roll", "pelvis_yaw", "spine_pitch", "spine_roll", "spine_yaw",
    "head_pitch", "head_roll", "head_yaw",
)  # fmt: skip
"""Hips relative to the feet [leg lengths], then rotations: pitch forward, roll and yaw to the left [rad]."""

CHANNELS = (*CENTRAL, *(f"{name}_{side}" for name in SIDED for side in "lr"))

STANCE = 0.13
"""Half the distance of the feet in the neutral stance, leg lengths."""


@dataclass(frozen=True)
class Step:
    """One foot leaves the floor and lands."""

    foot: int
    """LEFT or RIGHT."""
    begin_s: float
    end_s: float
    x: float
    """Where the ball of the foot lands, leg lengths."""
    y: float
    heading: float
    """Of the foot when it lands, radians; 0 faces -Y, counter-clockwise from above."""
    lift: float = 0.10
    """Height at the middle of the step, leg lengths."""
    reach: float = 0.0
    """How far forward of the straight way the foot swings out, leg lengths (a kick)."""
    aside: float = 0.0
    """How far outward, leg lengths."""
    tilt: float = 0.6
    """Heel above ball in mid-step, radians."""


@dataclass
class Script:
    """Collects keys and steps; `now` is where the next motion begins."""

    now: float = 0.0
    x: float = 0.0
    """Middle of the feet, leg lengths."""
    y: float = 0.0
    heading: float = 0.0
    keys: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: {name: [] for name in CHANNELS})
    hands: dict[str, list[tuple[float, str, float]]] = field(default_factory=lambda: {"l": [], "r": []})
    """Per side when the fingers are in which pose of `stage.synthetic.hand_poses`, and how much of it."""
    steps: list[Step] = field(default_factory=list)

    def key(self, at_s: float, **values: float) -> None:
        """Set channels at a time relative to `now`."""
        for name, value in values.items():
            self.keys[name].append((self.now + at_s, value))

    def pose(self, at_s: float, hold_s: float = 0.0, **values: float) -> None:
        """Set channels at a time and hold them for a while."""
        self.key(at_s, **values)
        if hold_s > 0.0:
            self.key(at_s + hold_s, **values)

    def hand(self, at_s: float, pose: str, hold_s: float = 0.0, *, side: str = "lr", amount: float = 1.0) -> None:
        """Bring the fingers of one or both sides into a pose at a time relative to `now`, and hold it."""
        for letter in side:
            self.hands[letter].append((self.now + at_s, pose, amount))
            if hold_s > 0.0:
                self.hands[letter].append((self.now + at_s + hold_s, pose, amount))

    def release(self, at_s: float, *names: str) -> None:
        """Bring channels back to neutral at a time relative to `now`; all, and the fingers, when none is named."""
        if len(names) == 0:
            self.hand(at_s, "relaxed")
        for name in names or CHANNELS:
            self.keys[name].append((self.now + at_s, 0.0))

    def place(self, foot: int) -> tuple[float, float]:
        """Where a foot stands in the neutral stance here."""
        side = STANCE if foot == LEFT else -STANCE
        return self.x + side * math.cos(self.heading), self.y + side * math.sin(self.heading)

    def move(self, foot: int, begin_s: float, end_s: float, lift: float = 0.10) -> None:
        """Step with one foot to its neutral place at the current `x`, `y`, `heading`."""
        x, y = self.place(foot)
        self.steps.append(Step(foot, self.now + begin_s, self.now + end_s, x, y, self.heading, lift))

    def swing(
        self, foot: int, begin_s: float, end_s: float, lift: float, reach: float, aside: float, tilt: float
    ) -> None:
        """Lift one foot, swing it out and put it back."""
        x, y = self.place(foot)
        self.steps.append(
            Step(foot, self.now + begin_s, self.now + end_s, x, y, self.heading, lift, reach, aside, tilt)
        )

    def advance(self, seconds: float) -> None:
        """End a motion: everything is neutral here, and the next one begins."""
        self.now += seconds
        self.release(0.0)
