"""Feet that neither slide nor sink.

Heel and toe of each sole are watched. One that is slow, or low and fairly slow, is in contact: it is held where it
came to rest, gently enough that real evidence can drag it, and let go once the evidence insists. One that would
be under the floor is held at the floor.
"""

from __future__ import annotations

import numpy as np

from stage.bodies.body import BodyModel

REST_SPEED_M_S = 0.15
FLOOR_SPEED_M_S = 0.40
FLOOR_HEIGHT_M = 0.04
"""Below this height a sole point counts as on the floor, and may be faster while it settles."""
REST_TIME_S = 0.06
RELEASE_M = 0.03
HOLD_SIGMA_M = 0.012
SINK_SIGMA_M = 0.006
_FOLLOW_S = 0.4
_SPEED_SMOOTHING_S = 0.05


def sole_vertices(body: BodyModel) -> list[int]:
    """Vertices of left heel, left toe, right heel, right toe: lowest of the rear and of the front of each foot."""
    chosen = []
    vertices = body.mean_vertices
    for side in ("_l", "_r"):
        bones = [body.bones.index("foot" + side), body.bones.index("ball" + side)]
        share = np.where(np.isin(body.skin_bones, bones), body.skin_weights, 0.0).sum(1)
        foot = np.flatnonzero(share > 0.9)
        back = vertices[foot, 1]
        for part in (back > np.quantile(back, 0.85), back < np.quantile(back, 0.25)):
            low = foot[part]
            chosen.append(int(low[vertices[low, 2].argmin()]))
    return chosen


class Contacts:
    """Remembers which sole points stand, and where."""

    def __init__(self, count: int, *, floor: bool) -> None:
        self._floor = floor
        self._last: np.ndarray | None = None
        self._speed = np.full(count, FLOOR_SPEED_M_S)
        self._slow_s = np.zeros(count)
        self._held = np.zeros(count, bool)
        self._anchor = np.zeros((count, 3))

    @property
    def held(self) -> np.ndarray:
        """(M,) bool: points in contact."""
        return self._held

    def anchors(self, expected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where soles should stay (3, M) and how firmly (3, M), given where they are expected (M, 3)."""
        anchor = np.where(self._held[:, None], self._anchor, expected)
        scale = np.where(self._held[:, None], 1.0 / HOLD_SIGMA_M, 0.0) * np.ones(3)
        if self._floor:
            sinking = expected[:, 2] < 0.0
            anchor[sinking, 2] = 0.0
            scale[sinking, 2] = 1.0 / SINK_SIGMA_M
        return anchor.T, scale.T

    def update(self, points: np.ndarray, dt: float) -> None:
        """Take note of where the soles (M, 3) are now, `dt` seconds after the last time."""
        if self._last is None or dt <= 0.0:
            self._last = points
            return
        speed = np.linalg.norm(points - self._last, axis=1) / dt
        share = min(1.0, dt / _SPEED_SMOOTHING_S)
        self._speed += share * (speed - self._speed)
        self._last = points
        on_floor = self._floor & (points[:, 2] < FLOOR_HEIGHT_M)
        slow = self._speed < np.where(on_floor, FLOOR_SPEED_M_S, REST_SPEED_M_S)
        self._slow_s = np.where(slow, self._slow_s + dt, 0.0)
        begins = ~self._held & (self._slow_s >= REST_TIME_S) & (self._speed < REST_SPEED_M_S)
        self._anchor[begins] = points[begins]
        pulled = np.linalg.norm(points - self._anchor, axis=1) > RELEASE_M
        self._held = (self._held | begins) & slow & ~(pulled & ~begins)
        self._anchor += min(1.0, dt / _FOLLOW_S) * (points - self._anchor) * self._held[:, None]
        if self._floor:
            self._anchor[:, 2] = np.maximum(self._anchor[:, 2], 0.0)
