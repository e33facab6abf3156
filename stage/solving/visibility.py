"""Where points of the world appear in the cameras of a rig."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from protocols.arrays import to_bytes
from stage.cameras.geometry import to_pixels
from stage.solving.people import CameraRig
from stage.solving.triangulation import L_HIP, R_HIP

_NEAREST_M = 0.1
_IN_VIEW_SHARE = 0.3


def in_cameras(rig: CameraRig, expected: Sequence[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Normalised image coordinates (C, 33, 2) and trunk depths (C,) of landmarks (33, 3), per actor."""
    images, depths = [], []
    for points in expected:
        in_camera = np.einsum("cij,lj->cli", rig.R, points) + rig.t[:, None]
        images.append(in_camera[..., :2] / np.maximum(in_camera[..., 2:], _NEAREST_M))
        depths.append(0.5 * (in_camera[:, L_HIP, 2] + in_camera[:, R_HIP, 2]))
    return images, depths


def body_seen(rig: CameraRig, points: np.ndarray) -> dict[str, bytes]:
    """Pixels (33, 2) of landmarks (33, 3) per camera that has enough of them in its picture."""
    (image,), (depth,) = in_cameras(rig, [points])
    seen = {}
    for index, camera_id in enumerate(rig.ids):
        camera = rig.cameras[camera_id]
        if depth[index] <= _NEAREST_M:
            continue
        pixels = to_pixels(camera, image[index])
        inside = np.all((pixels >= 0) & (pixels < (camera.width, camera.height)), 1)
        if inside.mean() >= _IN_VIEW_SHARE:
            seen[camera_id] = to_bytes(pixels)
    return seen


def hands_seen(rig: CameraRig, hands: np.ndarray | None, cameras: Sequence[str]) -> dict[str, bytes]:
    """Pixels (2, 21, 2) of hands (2, 21, 3) in those of some cameras that have them before them."""
    if hands is None:
        return {}
    seen = {}
    for camera_id in cameras:
        index, camera = rig.ids.index(camera_id), rig.cameras[camera_id]
        in_camera = hands.reshape(-1, 3) @ rig.R[index].T + rig.t[index]
        if in_camera[:, 2].min() > _NEAREST_M:
            pixels = to_pixels(camera, in_camera[:, :2] / in_camera[:, 2:])
            seen[camera_id] = to_bytes(pixels.reshape(hands.shape[0], hands.shape[1], 2))
    return seen
