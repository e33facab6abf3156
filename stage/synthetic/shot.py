"""A shot: a performer who moves in a room before calibrated cameras, and perhaps one that rides on the head.

Frames are numbered from 0 at the rate of their camera; frame k is taken at k / rate with the shutter open for
`exposure_s` around that moment. A shot that loops goes on with frame 0 after its last one.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from stage.cameras.camera import Camera
from stage.errors import SourceError
from stage.synthetic.head_camera import HeadCamera
from stage.synthetic.kinematics import Poses, forward
from stage.synthetic.performer import Performer
from stage.synthetic.raster import Floats
from stage.synthetic.room import Room
from stage.synthetic.scene import Figure, Light, Scene, Sensor, render

_LEAST_BLUR_M = 0.0015
"""Motion within an exposure that no camera of a room would show."""


@dataclass(frozen=True, eq=False)
class Shot:
    """What is played, and who watches."""

    performer: Performer
    poses: Poses
    """On a grid of `grid_hz`."""
    grid_hz: int
    """A multiple of `rate`."""
    cameras: dict[str, Camera]
    """Those that stand in the room."""
    face: Floats | None = None
    """(T, 52) facial actions on the grid of poses; None is a face at rest."""
    head_cameras: dict[str, HeadCamera] = field(default_factory=dict)
    rate: int = 30
    """Of the cameras that stand in the room."""
    exposure_s: float = 0.006
    room: Room = field(default_factory=Room)
    light: Light = field(default_factory=Light)
    sensor: Sensor = field(default_factory=Sensor)

    def __post_init__(self) -> None:
        """Check that frames lie on the grid of poses, and every pose has its face.

        Raises:
            SourceError: They do not.
        """
        for rate in (self.rate, *(camera.rate for camera in self.head_cameras.values())):
            if rate < 1 or self.grid_hz % rate != 0:
                raise SourceError(f"poses at {self.grid_hz} Hz cannot be filmed at {rate} Hz; it must divide them")
        if self.face is not None and len(self.face) != len(self.poses):
            raise SourceError(f"{len(self.face)} faces do not fit {len(self.poses)} poses; they share one grid")

    @property
    def camera_ids(self) -> tuple[str, ...]:
        """Of all cameras, those on the head last."""
        return (*self.cameras, *self.head_cameras)

    @property
    def frame_count(self) -> int:
        """Frames of one loop in the cameras of the room."""
        return len(self.poses) * self.rate // self.grid_hz

    @property
    def frame_ns(self) -> np.ndarray:
        """(T,) int64: when each frame of the room's cameras is taken."""
        return frame_times_ns(self.frame_count, self.rate)

    @property
    def frame_poses(self) -> Poses:
        """The pose of every frame of the room's cameras."""
        return self.poses.at(slice(0, self.frame_count * self._stride, self._stride))

    def rate_of(self, camera_id: str) -> int:
        """Frames per second of a camera."""
        return self.head_cameras[camera_id].rate if camera_id in self.head_cameras else self.rate

    def size_of(self, camera_id: str) -> tuple[int, int]:
        """Width and height of a camera's pictures."""
        camera = self.head_cameras.get(camera_id) or self.cameras[camera_id]
        return camera.width, camera.height

    def scene(self, frame: int) -> Scene:
        """The scene at a frame of the room's cameras; render it in as many of them as wanted."""
        middle = frame * self._stride
        figure = self._figure(middle)
        if self.exposure_s > 0.0:
            before, after = self._figure(middle - 1).vertices, self._figure(middle + 1).vertices
            share = np.float32(0.5 * self.exposure_s * self.grid_hz)
            farthest = np.linalg.norm(after - before, axis=1).max()
            if share * farthest > _LEAST_BLUR_M and farthest < 0.2:  # one that does not loop jumps at its end
                figure = Figure(figure.vertices, figure.texture, share * (after - before))
        return Scene((figure,), self.room, self.light, self.sensor)

    def picture(self, camera_id: str, frame: int) -> np.ndarray:
        """One camera's image (H, W, 3) uint8, blue green red."""
        if camera_id in self.head_cameras:
            return self._close_up(self.head_cameras[camera_id], frame)
        return render(self.scene(frame), self.cameras[camera_id], noise_seed=self.noise_seed(camera_id, frame))

    @staticmethod
    def noise_seed(camera_id: str, frame: int) -> int:
        """Of the sensor noise: another one in each picture, the same in every run."""
        return zlib.crc32(f"{camera_id} {frame}".encode())

    def vertices(self, frame: int) -> Floats:
        """The true vertices (V, 3) at a frame of the room's cameras."""
        G, heads = self.motion
        index = frame * self._stride
        return self.performer.vertices(G[index], heads[index], self._face(index))

    @cached_property
    def motion(self) -> tuple[Floats, Floats]:
        """Global rotations (T, 53, 3, 3) and bone heads (T, 53, 3) on the grid."""
        return forward(self.performer.rest.joints, self.poses)

    @property
    def _stride(self) -> int:
        return self.grid_hz // self.rate

    def _figure(self, index: int) -> Figure:
        G, heads = self.motion
        index %= len(heads)
        return self.performer.figure(G[index], heads[index], self._face(index))

    def _face(self, index: int) -> Floats | None:
        return None if self.face is None else self.face[index]

    def _close_up(self, camera: HeadCamera, frame: int) -> np.ndarray:
        from stage.synthetic.close_up import CloseUp, render_close_up  # its renderer takes a while to load

        index = frame * self.grid_hz // camera.rate
        G, heads = self.motion
        scene = Scene((self._figure(index),), self.room, self.light, self.sensor)
        bare = self.performer.vertices(G[index], heads[index], self._face(index))
        shown = CloseUp(scene, bare, self.performer.appearance)
        return render_close_up(shown, camera.at(index, G, heads), self.noise_seed(camera.id, frame))


def frame_times_ns(count: int, rate: int) -> np.ndarray:
    """(count,) int64: when frames are taken, since the first one."""
    return np.arange(count, dtype=np.int64) * 1_000_000_000 // rate


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
