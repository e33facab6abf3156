"""A shot: a performer who moves in a room before calibrated cameras.

Frames are numbered from 0 at `rate`; frame k is taken at k / rate with the shutter open for `exposure_s`
around that moment. A shot that loops goes on with frame 0 after its last one.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from stage.cameras.camera import Camera
from stage.errors import SourceError
from stage.synthetic.kinematics import Poses, forward
from stage.synthetic.performer import Performer
from stage.synthetic.raster import Floats
from stage.synthetic.room import Room
from stage.synthetic.scene import Figure, Light, Scene, Sensor, render


@dataclass(frozen=True, eq=False)
class Shot:
    """What is played, and who watches."""

    performer: Performer
    poses: Poses
    """On a grid of `grid_hz`."""
    grid_hz: int
    """A multiple of `rate`."""
    cameras: dict[str, Camera]
    rate: int = 30
    exposure_s: float = 0.006
    room: Room = field(default_factory=Room)
    light: Light = field(default_factory=Light)
    sensor: Sensor = field(default_factory=Sensor)

    def __post_init__(self) -> None:
        """Check that frames lie on the grid of poses.

        Raises:
            SourceError: They do not.
        """
        if self.rate < 1 or self.grid_hz % self.rate != 0:
            raise SourceError(f"poses at {self.grid_hz} Hz cannot be filmed at {self.rate} Hz; it must divide them")

    @property
    def frame_count(self) -> int:
        """Frames of one loop."""
        return len(self.poses) * self.rate // self.grid_hz

    @property
    def frame_ns(self) -> np.ndarray:
        """(T,) int64: when each frame is taken."""
        return np.arange(self.frame_count, dtype=np.int64) * 1_000_000_000 // self.rate

    @property
    def frame_poses(self) -> Poses:
        """The pose of every frame."""
        return self.poses.at(slice(0, self.frame_count * self._stride, self._stride))

    def scene(self, frame: int) -> Scene:
        """The scene at a frame; render it in as many cameras as wanted."""
        middle = frame * self._stride
        figure = self._figure(middle)
        if self.exposure_s > 0.0:
            before, after = self._figure(middle - 1).vertices, self._figure(middle + 1).vertices
            if np.linalg.norm(after - before, axis=1).max() < 0.2:  # one that does not loop jumps at its end
                share = np.float32(0.5 * self.exposure_s * self.grid_hz)
                figure = Figure(figure.vertices, figure.texture, share * (after - before))
        return Scene((figure,), self.room, self.light, self.sensor)

    def picture(self, camera_id: str, frame: int) -> np.ndarray:
        """One camera's image (H, W, 3) uint8, blue green red."""
        return render(self.scene(frame), self.cameras[camera_id], noise_seed=self.noise_seed(camera_id, frame))

    @staticmethod
    def noise_seed(camera_id: str, frame: int) -> int:
        """Of the sensor noise: another one in each picture, the same in every run."""
        return zlib.crc32(f"{camera_id} {frame}".encode())

    def vertices(self, frame: int) -> Floats:
        """The true vertices (V, 3) at a frame."""
        G, heads = self._forward
        index = frame * self._stride
        return self.performer.vertices(G[index], heads[index])

    @property
    def _stride(self) -> int:
        return self.grid_hz // self.rate

    @cached_property
    def _forward(self) -> tuple[Floats, Floats]:
        return forward(self.performer.rest.joints, self.poses)

    def _figure(self, index: int) -> Figure:
        G, heads = self._forward
        index %= len(heads)
        return self.performer.figure(G[index], heads[index])


def camera_looking(
    camera_id: str,
    place: tuple[float, float, float],
    at: tuple[float, float, float],
    focal_px: float,
    distortion: tuple[float, ...] = (),
    size: tuple[int, int] = (640, 480),
    roll: float = 0.0,
) -> Camera:
    """A camera at a place [m] that looks at a point [m], its picture upright but for `roll` [rad]."""
    eye = np.array(place, np.float64)
    forward_axis = np.array(at, np.float64) - eye
    forward_axis /= np.linalg.norm(forward_axis)
    right = np.cross(forward_axis, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    down = np.cross(forward_axis, right)
    tilted = math.cos(roll) * right + math.sin(roll) * down
    R = np.stack([tilted, np.cross(forward_axis, tilted), forward_axis])
    K = np.array([[focal_px, 0.0, size[0] / 2 - 0.5], [0.0, focal_px, size[1] / 2 - 0.5], [0.0, 0.0, 1.0]])
    return Camera(camera_id, *size, K, np.array(distortion), R, -R @ eye)
