"""Where the page's own camera stands at first, and how large the stage's cameras are drawn.

The eye looks at the place where the cameras look, from between two of them, a little further out and
higher than they stand: so no camera hangs in front of the performer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from stage.cameras.camera import Camera

_USUAL_TARGET = np.array([0.0, 0.0, 0.95])
_TARGET_HEIGHTS_M = (0.6, 1.2)
_FARTHEST_TARGET = 1.5
"""A common target further away than this, in distances of the cameras from each other, is no target."""

_DISTANCES_M = (2.2, 14.0)
_FURTHER = 1.95
_ELEVATION = 0.36
"""Height of the eye above its target, as a share of the distance."""


FIELD_OF_VIEW = 0.8
"""Of the page's own camera, vertical, radians: a long lens, so that near cameras do not fill the view."""


class Viewpoint(NamedTuple):
    """An eye, what it looks at, and how deep the frusta of the cameras are drawn; all in metres."""

    eye: np.ndarray
    target: np.ndarray
    frustum_depth: float


def viewpoint(cameras: Sequence[Camera]) -> Viewpoint:
    """A first view of a stage with these cameras; of an empty floor when there are none."""
    if len(cameras) == 0:
        return Viewpoint(_USUAL_TARGET + np.array([1.4, -3.6, 1.0]), _USUAL_TARGET, 0.4)
    centers = np.stack([camera.center_world for camera in cameras])  # (C, 3)
    target = common_target(cameras)
    offsets = centers[:, :2] - target[:2]
    distance = float(np.clip(np.median(np.linalg.norm(offsets, axis=1)), *_DISTANCES_M))
    azimuth = _open_azimuth(np.arctan2(offsets[:, 1], offsets[:, 0]))
    direction = np.array([np.cos(azimuth), np.sin(azimuth), _ELEVATION])
    return Viewpoint(target + _FURTHER * distance * direction, target, 0.115 * distance)


def common_target(cameras: Sequence[Camera]) -> np.ndarray:
    """The point (3,) nearest to all optical axes, at the height of a performer's middle.

    One camera, or cameras that look side by side, have no such point; they look as far ahead as a
    performer usually stands.
    """
    centers = np.stack([camera.center_world for camera in cameras])
    axes = np.stack([camera.R_camera_world[2] for camera in cameras])  # (C, 3) unit
    across = np.eye(3) - axes[:, :, None] * axes[:, None, :]  # (C, 3, 3) takes off what lies along the axis
    middle = centers.mean(axis=0)
    target, _, rank, _ = np.linalg.lstsq(across.sum(axis=0), (across @ centers[:, :, None]).sum(axis=0)[:, 0], 1e-2)
    spread = max(float(np.linalg.norm(centers - middle, axis=1).max()), _DISTANCES_M[0])
    if rank < 3 or np.linalg.norm(target - middle) > _FARTHEST_TARGET * spread:
        target = middle + 3.0 * axes.mean(axis=0)
    target[2] = np.clip(target[2], *_TARGET_HEIGHTS_M)
    return target


def _open_azimuth(azimuths: np.ndarray) -> float:
    """The direction [rad] in the middle of a gap between neighbours that has most cameras on its side."""
    ordered = np.sort(azimuths)
    if len(ordered) == 1:
        return float(ordered[0] + 0.6)
    gaps = np.diff(ordered, append=ordered[0] + 2 * np.pi)
    middles = ordered + gaps / 2
    side = np.exp(1j * azimuths).mean()
    towards_side = np.real(np.conj(side) * np.exp(1j * middles))
    # All around, no side is better; then from the front of a performer who faces -Y, as at rest.
    return float(middles[np.argmax(np.round(towards_side, 2) - 1e-3 * np.sin(middles))])
