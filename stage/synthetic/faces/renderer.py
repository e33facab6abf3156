"""Pictures of faces: a posed body's head through a calibrated camera, some milliseconds each on one core.

    vertices of the body, Camera, FaceLook, FaceLight --> FaceRenderer.render --> (H, W, 3) uint8 BGR

Smooth normals, skin with brows, lips, lashes and stubble, eyes with iris and pupil, teeth and tongue: what a
network trained on photographs expects where it looks. Samples are averaged to pixels in linear light.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from stage.bodies.body import load_body
from stage.cameras.camera import Camera
from stage.cameras.geometry import to_camera, to_pixels
from stage.errors import BodyModelError
from stage.synthetic.faces.head import load_head
from stage.synthetic.faces.look import FaceLight, FaceLook

NEAR_M = 0.03
"""What is nearer to the camera is not drawn."""
_GAMMA_STEPS = 4096
_FARTHEST_TAN = 3.0
"""Directions farther off the optical axis are not drawn: lens models fold back there."""


class FaceRenderer:
    """Draws heads; keeps its buffers, so one per thread."""

    def __init__(self) -> None:
        """Load the head and compile the kernels (seconds on the first use on a machine)."""
        import warp as wp

        from stage.synthetic.faces import kernels  # makes warp quiet before it starts

        wp.init()

        self._wp: Any = wp
        self._kernels: Any = kernels
        self._head = load_head()
        self._vertex_count = len(load_body().mean_vertices)
        self._faces = self._array(self._head.faces, int)
        self._material = self._array(self._head.material, int)
        self._place = self._array(self._head.place, wp.vec3)
        self._paint = self._array(self._head.paint, wp.vec4)
        self._noise = self._array(_smooth_noise(kernels.NOISE_SIZE), float)
        self._skull = np.clip((self._head.place[:, 2] - 1.66) / 0.08, 0.3, 1.0)
        light = np.linspace(0.0, 1.0, _GAMMA_STEPS) ** (1.0 / 2.2)
        self._screen = (light * 255.0 + 0.5).astype(np.uint8)

    def render(
        self,
        vertices: np.ndarray,
        camera: Camera,
        look: FaceLook | None = None,
        light: FaceLight | None = None,
        background: np.ndarray | None = None,
        samples: int = 2,
    ) -> np.ndarray:
        """Draw one head.

        Args:
            vertices: (V, 3) of the body model in the world, metres.
            camera: Any calibrated camera with an image size.
            look: The face's surface.
            light: Of the room.
            background: (H, W, 3) uint8 BGR behind the head; grey without one.
            samples: Per pixel along each axis.

        Returns:
            (H, W, 3) uint8 BGR.

        Raises:
            BodyModelError: Vertices of another mesh, or a background of another size.
        """
        if np.shape(vertices) != (self._vertex_count, 3):
            raise BodyModelError(f"a body has {(self._vertex_count, 3)} vertices, not {np.shape(vertices)}")
        colour = self._samples(vertices, camera, look or FaceLook(), light or FaceLight(), samples)
        if samples > 1:
            colour = cv2.resize(colour, (camera.width, camera.height), interpolation=cv2.INTER_AREA)
        if background is None:
            background = np.full((camera.height, camera.width, 3), 128, np.uint8)
        if background.shape != (camera.height, camera.width, 3):
            raise BodyModelError(f"a background of {background.shape} behind {camera.width}x{camera.height} pixels")
        steps = np.clip(colour[..., 2::-1] * (_GAMMA_STEPS - 1), 0, _GAMMA_STEPS - 1).astype(np.int32)
        cover = colour[..., 3:]
        edge = np.flatnonzero((cover > 0.0) & (cover < 1.0))
        image = np.where(cover > 0.0, self._screen[steps], background)
        if len(edge) > 0:
            # A partly covered pixel mixes with its background in linear light.
            flat, share = background.reshape(-1, 3)[edge] / 255.0, cover.reshape(-1, 1)[edge]
            mixed = colour[..., 2::-1].reshape(-1, 3)[edge] + (1.0 - share) * flat**2.2
            image.reshape(-1, 3)[edge] = np.clip(mixed, 0.0, 1.0) ** (1.0 / 2.2) * 255.0 + 0.5
        return image

    def _samples(
        self, vertices: np.ndarray, camera: Camera, look: FaceLook, light: FaceLight, samples: int
    ) -> np.ndarray:
        """(H * samples, W * samples, 4) float32: linear red green blue times cover, and cover."""
        wp, kernels = self._wp, self._kernels
        points = self._head.vertices_of(vertices)
        posed, normals = self._normals(points)
        if look.hair_volume_m > 0.0:
            thickness = look.hair_volume_m * self._head.paint[:, 3] * self._skull
            posed = self._array(points + thickness[:, None] * normals.numpy(), wp.vec3)
        pixels = self._array(_samples_of(posed.numpy(), camera, samples), wp.vec3)
        nearest = wp.zeros((camera.height * samples, camera.width * samples), dtype=wp.int64, device="cpu")
        faces = [self._faces.shape[0]]
        wp.launch(kernels.nearest_triangles, faces, [pixels, self._faces, nearest], device="cpu")
        out = wp.empty(nearest.shape, dtype=wp.vec4, device="cpu")
        surface = self._surface(points, camera, look, light)
        lit, shine = (wp.empty(len(points), dtype=wp.vec3, device="cpu") for _ in range(2))
        wp.launch(
            kernels.light_vertices, [len(points)], [posed, normals, self._paint, surface, lit, shine], device="cpu"
        )
        mesh = [pixels, self._faces, self._material, posed, normals, self._place, self._paint, lit, shine]
        wp.launch(kernels.shade, nearest.shape, [nearest, *mesh, self._noise, surface, out], device="cpu")
        return out.numpy()

    def _normals(self, points: np.ndarray) -> tuple[Any, Any]:
        """Vertices and unit normals on warp's side."""
        wp = self._wp
        posed = self._array(points, wp.vec3)
        normals = wp.zeros(len(points), dtype=wp.vec3, device="cpu")
        wp.launch(self._kernels.add_normals, [self._faces.shape[0]], [posed, self._faces, normals], device="cpu")
        unit = normals.numpy()
        unit /= np.linalg.norm(unit, axis=1, keepdims=True) + 1e-12
        return posed, normals

    def _surface(self, points: np.ndarray, camera: Camera, look: FaceLook, light: FaceLight) -> Any:
        wp = self._wp

        def linear(colour: tuple[float, float, float]) -> Any:
            return wp.vec3(*(channel**2.2 for channel in colour))

        head = self._head
        mouth, inward = _into_mouth(points[head.lip_vertices], head.place[head.lip_vertices])
        s = self._kernels.Surface()
        s.skin, s.lips, s.hair, s.brows = (linear(c) for c in (look.skin, look.lips, look.hair, look.brows))
        s.eyes, s.cloth = linear(look.eyes), linear(look.cloth)
        s.lip_strength, s.brow_strength, s.lash_strength = look.lip_strength, look.brow_strength, look.lash_strength
        s.brow_height, s.brow_width, s.brow_arch = look.brow_height_m, look.brow_width_m, look.brow_arch_m
        s.iris, s.pupil, s.stubble, s.flush = look.iris_m, look.pupil_m, look.stubble, look.flush
        s.blotches, s.shine, s.hair_on = look.blotches, look.shine, float(look.hair_volume_m > 0.0)
        s.sky, s.ground, s.key, s.fill = (wp.vec3(*c) for c in (light.sky, light.ground, light.key, light.fill))
        s.key_towards, s.fill_towards = wp.vec3(*light.key_towards), wp.vec3(*light.fill_towards)
        s.camera, s.up = wp.vec3(*camera.center_world.tolist()), wp.vec3(0.0, 0.0, 1.0)
        s.mouth, s.inward = wp.vec3(*mouth.tolist()), wp.vec3(*inward.tolist())
        s.left_eye, s.right_eye = (wp.vec3(*center.tolist()) for center in head.eye_centers)
        return s

    def _array(self, values: np.ndarray, dtype: Any) -> Any:
        kind = np.int32 if dtype is int else np.float32
        return self._wp.array(np.ascontiguousarray(values, kind), dtype=dtype, device="cpu")


def _samples_of(points: np.ndarray, camera: Camera, samples: int) -> np.ndarray:
    """(H, 3): column and row of each point among the samples, and 1/z; 0 where it cannot be drawn."""
    X = to_camera(camera, points)
    depth = np.where(X[:, 2] > NEAR_M, X[:, 2], np.inf)
    xy = X[:, :2] / depth[:, None]
    sane = np.isfinite(depth) & (np.abs(xy).max(1) < _FARTHEST_TAN)
    pixels = to_pixels(camera, np.where(sane[:, None], xy, 0.0))
    # Pixel centres are at integers: the picture's corner at (-0.5, -0.5) is what scales.
    return np.column_stack([(pixels + 0.5) * samples - 0.5, np.where(sane, 1.0 / depth, 0.0)])


def _into_mouth(points: np.ndarray, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Middle of the lips (3,) and the direction into the mouth (3,), from the lips' inner rim.

    The rim's corners lie left and right; its plane tells forward, which the average head tells from backward.
    """
    right, left = points[place[:, 0].argmin()], points[place[:, 0].argmax()]
    upper = points[place[:, 2] > np.median(place[:, 2])].mean(0)
    middle = points[np.abs(place[:, 0]) < 0.004].mean(0)
    across = left - right
    across /= np.linalg.norm(across) + 1e-12
    forward = middle - 0.5 * (left + right)
    forward -= across * (forward @ across)
    size = np.linalg.norm(forward)
    inward = -forward / size if size > 1e-6 else np.array([0.0, 1.0, 0.0])
    return 0.5 * (middle + upper), inward


def _smooth_noise(size: int) -> np.ndarray:
    """(size, size) float32 noise of unit deviation that repeats without a seam."""
    noise = np.random.default_rng(7).standard_normal((size, size)).astype(np.float32)
    noise = cv2.GaussianBlur(np.tile(noise, (3, 3)), (0, 0), 0.8)[size:-size, size:-size]
    return (noise / noise.std()).astype(np.float32)
