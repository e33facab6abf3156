"""A camera that rides on the performer's head, on a boom before the face.

    T_world_camera(t) = T_world_head(t) T_head_camera(t),   T_head_camera(t) = mount + slip(t)

A helmet never sits still: it drifts by some millimetres and a degree within seconds, and it lags behind when the
head is thrown about. A face solver must not take that slip for a movement of the head, so the truth records it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from protocols.names import RIG_BONES
from stage.cameras.camera import Array, Camera
from stage.synthetic.raster import Floats

_HEAD = RIG_BONES.index("head")
_DRIFT_S = 1.2
_DRIFT_M, _DRIFT_RAD = 0.0013, 0.007
"""Deviations of the slow drift, per axis."""
_LAG_M_PER_MS2 = 0.00012
_MOST_LAG_M = 0.004
_LAG_S = 0.05


@dataclass(frozen=True, eq=False)
class HeadCamera:
    """A camera fixed to a head, but for its slip."""

    id: str
    width: int
    height: int
    K: Array
    """(3, 3)."""
    distortion: Array
    rate: int
    """Frames per second."""
    mounts: Floats
    """(T, 7) T_head_camera on the grid of poses: place in the axes of the head bone at rest, from its head, metres; and
    rotation xyzw."""

    def at(self, index: int, G: Floats, heads: Floats) -> Camera:
        """The camera in the world at an instant of the grid, whose pose is G (T, 53, 3, 3), heads (T, 53, 3)."""
        G_head = G[index, _HEAD]
        R_world_camera = G_head @ Rotation.from_quat(self.mounts[index, 3:]).as_matrix()
        center = heads[index, _HEAD] + G_head @ self.mounts[index, :3]
        return Camera(
            self.id,
            self.width,
            self.height,
            self.K,
            self.distortion,
            R_world_camera.T,
            -R_world_camera.T @ center,
        )


def mounted(
    camera: Camera, rest_joints: Floats, G: Floats, heads: Floats, *, rate: int, grid_hz: int, seed: int = 0
) -> HeadCamera:
    """Fix a camera to a head; it slips as helmets do, the same at the end of a loop as at its beginning.

    Args:
        camera: Where it is, looking at the rest body.
        rest_joints: (53, 3) of that body.
        G: (T, 53, 3, 3) of the motion it joins in.
        heads: (T, 53, 3) of that motion.
        rate: Of its frames per second.
        grid_hz: Poses per second.
        seed: Of its slip.
    """
    random, count = np.random.default_rng(seed), len(G)

    def drift(deviation: float) -> Floats:
        rough = gaussian_filter1d(random.standard_normal((count, 3)), _DRIFT_S * grid_hz, axis=0, mode="wrap")
        return deviation * (rough - rough.mean(axis=0)) / rough.std(axis=0)

    face = heads[:, _HEAD] + G[:, _HEAD] @ (camera.center_world - rest_joints[_HEAD])
    smooth = gaussian_filter1d(face, _LAG_S * grid_hz, axis=0, mode="wrap")
    acceleration = (np.roll(smooth, -1, 0) - 2.0 * smooth + np.roll(smooth, 1, 0)) * grid_hz**2
    lag = -_LAG_M_PER_MS2 * (np.swapaxes(G[:, _HEAD], 1, 2) @ acceleration[..., None])[..., 0]
    place = camera.center_world - rest_joints[_HEAD] + drift(_DRIFT_M) + np.clip(lag, -_MOST_LAG_M, _MOST_LAG_M)
    turned = Rotation.from_rotvec(drift(_DRIFT_RAD)) * Rotation.from_matrix(camera.R_camera_world.T)
    mounts = np.concatenate([place, turned.as_quat(canonical=True)], axis=1)
    return HeadCamera(camera.id, camera.width, camera.height, camera.K, camera.distortion, rate, mounts)
