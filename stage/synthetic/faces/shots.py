"""How a camera sees a face: from where, how large, how sharp; a helmet's camera, a close-up, a body camera.

A shot's picture is only as large as the face needs, cut out of what the whole camera would see: the optical axis
passes beside the face, as it does in a real picture, and the lens bends it there.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import cv2
import numpy as np

from stage.cameras.camera import Camera
from stage.cameras.geometry import distort

FACE_M = 0.19
"""Height of a usual face, brow line to chin and a little more, which `FaceShot.size_px` is the size of."""

_WIDEST, _STEEPEST = 0.85, 0.6
_MARGIN = 1.65
"""Side of the picture, in sizes of the face."""


@dataclass(frozen=True)
class FaceShot:
    """One view of a head; angles in radians."""

    distance_m: float = 1.0
    yaw: float = 0.0
    """Of the camera about the head: positive is on the performer's left."""
    pitch: float = 0.0
    """Positive looks from above."""
    roll: float = 0.0
    size_px: float = 200.0
    off_axis: tuple[float, float] = (0.0, 0.0)
    """Angles between the optical axis and the face."""
    shift: tuple[float, float] = (0.0, 0.0)
    """Of the face in its picture, in sizes of the face."""
    lens: tuple[float, float] = (0.0, 0.0)
    """k1 and k2."""
    restless: float = 0.0
    """How far the head turns before this camera: standard deviation of yaw, radians; a helmet's camera turns along."""
    velocity: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Of yaw, pitch and roll, per second."""

    def moved(self, random: np.random.Generator, share: float = 1.0) -> FaceShot:
        """The same camera at another moment: the head has turned and moved a little."""
        yaw, pitch, roll = (self.restless * share * random.normal(0.0, 1.0, 3) * np.array([1.0, 0.6, 0.4])).tolist()
        shift = self.restless * random.normal(0.0, 0.25, 2)
        velocity = (self.restless * random.normal(0.0, 1.5, 3)).tolist()
        return replace(
            self,
            yaw=float(np.clip(self.yaw + yaw, -_WIDEST, _WIDEST)),
            pitch=float(np.clip(self.pitch + pitch, -_STEEPEST, _STEEPEST)),
            roll=self.roll + roll,
            shift=_pair(np.array(self.shift) + np.clip(shift, -0.15, 0.15)),
            velocity=(velocity[0], velocity[1], velocity[2]),
        )

    def after(self, seconds: float) -> FaceShot:
        """The same shot later."""
        yaw, pitch, roll = self.velocity
        return replace(
            self, yaw=self.yaw + yaw * seconds, pitch=self.pitch + pitch * seconds, roll=self.roll + roll * seconds
        )

    def camera(self, face: np.ndarray) -> Camera:
        """The camera of a face whose middle is at `face` (3,) in the world and which looks along -Y."""
        towards = np.array(
            [np.sin(self.yaw) * np.cos(self.pitch), -np.cos(self.yaw) * np.cos(self.pitch), np.sin(self.pitch)]
        )
        center = face + self.distance_m * towards
        right = np.cross(-towards, [0.0, 0.0, 1.0])
        right /= np.linalg.norm(right)
        at_face = np.stack([right, np.cross(-towards, right), -towards])
        turn, _ = cv2.Rodrigues(np.array([self.off_axis[1], self.off_axis[0], 0.0]))
        spin, _ = cv2.Rodrigues(np.array([0.0, 0.0, self.roll]))
        R = spin @ turn @ at_face
        lens = np.array([*self.lens, 0.0, 0.0])
        side = int(np.ceil(_MARGIN * self.size_px))
        focal = self.size_px * self.distance_m / FACE_M
        X = R @ (face - center)
        seen = distort(lens, X[:2] / X[2])
        middle = 0.5 * (side - 1) + np.array(self.shift) * self.size_px - focal * seen
        K = np.array([[focal, 0.0, middle[0]], [0.0, focal, middle[1]], [0.0, 0.0, 1.0]])
        return Camera("face", side, side, K, lens, R, -R @ center)


def random_shot(random: np.random.Generator) -> FaceShot:
    """A view drawn from what stages have: helmet cameras, close-ups, cameras that see the whole body."""
    kind = random.random()
    shift = _pair(random.normal(0.0, 0.04, 2))
    if kind < 0.3:
        return FaceShot(
            distance_m=float(random.uniform(0.16, 0.35)),
            yaw=float(random.normal(0.0, 0.10)),
            pitch=float(random.uniform(-0.5, 0.15)),
            roll=float(random.normal(0.0, 0.04)),
            size_px=float(random.uniform(110, 200)),
            off_axis=_pair(random.normal(0.0, 0.05, 2)),
            shift=shift,
            lens=(float(random.uniform(-0.25, 0.02)), float(random.uniform(0.0, 0.05))),
            restless=float(random.uniform(0.0, 0.04)),
        )
    close = kind < 0.75
    return FaceShot(
        distance_m=float(random.uniform(0.45, 1.2) if close else random.uniform(1.2, 4.0)),
        yaw=float(np.clip(random.normal(0.0, 0.15 if close else 0.30), -0.6, 0.6)),
        pitch=float(np.clip(random.normal(0.0, 0.12 if close else 0.18), -0.4, 0.4)),
        roll=float(random.normal(0.0, 0.05)),
        size_px=float(np.exp(random.uniform(*np.log([100, 190] if close else [60, 150])))),
        off_axis=_pair(random.normal(0.0, 0.15, 2)),
        shift=shift,
        lens=(float(random.normal(0.0, 0.05)), 0.0),
        restless=float(random.uniform(0.05, 0.2) if close else random.uniform(0.05, 0.3)),
    )


@dataclass(frozen=True)
class Sensor:
    """What a camera does to a picture."""

    blur_px: float = 0.0
    noise: float = 0.0
    """Standard deviation, of 255."""
    gamma: float = 1.0
    gain: float = 1.0
    grey: bool = False
    jpeg: int = 0
    """Quality of JPEG compression; 0 is none."""

    def picture(self, image: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """The picture (H, W, 3) uint8 as the sensor gives it."""
        if self.blur_px > 0.0:
            image = cv2.GaussianBlur(image, (0, 0), self.blur_px)
        if self.grey:
            image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        steps = np.arange(256, dtype=np.float32) / 255.0
        image = cv2.LUT(image, np.clip(255.0 * self.gain * steps**self.gamma, 0, 255).astype(np.uint8))
        if self.noise > 0.0:
            image = np.clip(image + self.noise * self._grain(image, random), 0, 255).astype(np.uint8)
        if self.jpeg > 0:
            _, packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, self.jpeg])
            image = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
        return image

    def _grain(self, image: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Noise of unit deviation for a picture, cut from a bank at a random place."""
        height, width = image.shape[:2]
        bank = _grain_bank(512 * (1 + (max(height, width) + 256) // 512))
        y, x, channel = (int(random.integers(n)) for n in (len(bank) - height + 1, len(bank) - width + 1, 3))
        grain = bank[y : y + height, x : x + width]
        return grain[..., channel : channel + 1] if self.grey else grain


def random_sensor(random: np.random.Generator) -> Sensor:
    """A camera as they come: sharp or soft, clean or noisy, colour or grey."""
    return Sensor(
        blur_px=float(random.uniform(0.3, 0.9)),
        noise=float(random.choice([1.0, 2.0, 3.0, 5.0])) * float(random.uniform(0.5, 1.2)),
        gamma=float(np.exp(random.normal(0.0, 0.2))),
        gain=float(np.exp(random.normal(0.05, 0.15))),
        grey=bool(random.random() < 0.2),
        jpeg=int(random.integers(60, 96)) if random.random() < 0.4 else 0,
    )


def random_background(random: np.random.Generator, side: int) -> np.ndarray:
    """(side, side, 3) uint8: something soft behind a head."""
    cells = int(random.choice([1, 2, 4, 12]))
    colours = np.clip(random.uniform(20, 220, 3) + random.normal(0, 50, (cells, cells, 3)), 0, 255).astype(np.uint8)
    return np.asarray(cv2.resize(colours, (side, side), interpolation=cv2.INTER_LINEAR), np.uint8)


@functools.lru_cache(maxsize=4)
def _grain_bank(size: int) -> np.ndarray:
    """(size, size, 3) float32 noise of unit deviation."""
    return np.random.default_rng(512).standard_normal((size, size, 3), np.float32)


def _pair(values: np.ndarray) -> tuple[float, float]:
    first, second = (float(value) for value in values)
    return first, second
