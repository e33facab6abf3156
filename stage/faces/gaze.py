"""Where the eyes look, relative to the head.

Two witnesses are averaged. The iris: its centre and the middle of the lids' corners, both as rays, meet a plane
before the face; how far the one lies from the other, less the same at rest, turns an eyeball of usual size,

    yaw = asin(dx / r),   pitch = asin(dz / r)

And the regressor's EyeLook coefficients, of which 1 means what it means in ARKit (see `stage.faces.looks`). Lids that
close hide the iris; the gaze then stays.
"""

from __future__ import annotations

import numpy as np

from protocols.names import ARKIT_SHAPES
from stage.faces.head_pose import HeadPose, View
from stage.faces.looks import look_directions
from stage.networks.face import EYE_CORNERS

IRIS_RADIUS_M = 0.0115
"""From the centre of a usual eyeball to its iris."""
IRIS = 71
"""The centre of the iris among an eye's 76 points."""

_IRIS_SHARE = 0.5
_MOST_RAD = 0.8
_SIDES = ("Left", "Right")
_BLINK = [ARKIT_SHAPES.index(f"EyeBlink{side}") for side in _SIDES]
_CORNERS = np.array(EYE_CORNERS).reshape(-1)


def iris_offsets(view: View, irises: np.ndarray, pose: HeadPose, points: np.ndarray) -> np.ndarray:
    """(2, 2): how far each iris lies to the performer's left of and above the middle of its lids' corners, metres.

    Args:
        view: The face (468 points) in a camera.
        irises: (2, 2) normalised image coordinates of the irises' centres.
        pose: T_world_head.
        points: (468, 3) of the model, head axes.
    """
    rays = np.concatenate([view.image[_CORNERS], irises])
    rays = np.concatenate([rays, np.ones((len(rays), 1))], 1) @ view.R @ pose.R  # in head axes
    camera = (-view.R.T @ view.t - pose.t) @ pose.R
    depth = points[_CORNERS].reshape(2, 2, 3).mean(1)[:, 1]  # (2,): the planes y = depth
    planes = np.concatenate([np.repeat(depth, 2), depth])
    along = rays[:, 1]
    met = camera + rays * ((planes - camera[1]) / np.where(np.abs(along) > 1e-6, along, 1e-6))[:, None]
    return (met[4:] - met[:4].reshape(2, 2, 3).mean(1))[:, ::2]


def gaze(shapes: np.ndarray, offsets: np.ndarray | None, rest: np.ndarray | None) -> np.ndarray:
    """(2, 2) radians: left eye, right eye; yaw to the performer's left, pitch up.

    Args:
        shapes: (52,) coefficients.
        offsets: (2, 2) from `iris_offsets`; None where the irises were not read.
        rest: (2, 2) the same at rest; None while it is not known.
    """
    told = look_directions(shapes)
    if offsets is None or rest is None:
        return np.clip(told, -_MOST_RAD, _MOST_RAD)
    seen = np.arcsin(np.clip((offsets - rest) / IRIS_RADIUS_M, -0.7, 0.7))
    share = _IRIS_SHARE * np.clip(1.0 - shapes[_BLINK], 0.0, 1.0)[:, None]
    return np.clip(told + share * (seen - told), -_MOST_RAD, _MOST_RAD)


def lids_open(shapes: np.ndarray) -> np.ndarray:
    """(2,) in [0, 1]: how much of each eye there is to look at."""
    return np.clip(1.5 - 2.0 * shapes[_BLINK], 0.0, 1.0)
