"""A person whose face is filmed: an Anny body of its own, a look, and pictures of any expression from any side."""

from __future__ import annotations

import functools

import numpy as np

from stage.bodies.anny_model import random_person
from stage.bodies.body import RestBody, load_body
from stage.synthetic.faces.head import load_head
from stage.synthetic.faces.look import FaceLight, FaceLook, random_light, random_look
from stage.synthetic.faces.renderer import FaceRenderer
from stage.synthetic.faces.shots import FaceShot, Sensor, random_background, random_sensor

_MIDDLE_OF_FACE_M = np.array([0.0, -0.105, 0.055])
"""From the head bone, on usual bodies."""
_FINE_PX = 80.0
"""Faces up to this size are drawn with four samples per pixel."""


class FacePerformer:
    """One person before a camera, drawn at random by a seed; different seeds are different people."""

    def __init__(self, seed: int, renderer: FaceRenderer, rest: RestBody | None = None) -> None:
        """Draw body (unless given), look, light and sensor."""
        random = np.random.default_rng([52, seed])
        self.rest: RestBody = random_person(seed) if rest is None else rest
        self.look: FaceLook = random_look(random)
        self.light: FaceLight = random_light(random)
        self.sensor: Sensor = random_sensor(random)
        self.middle = self.rest.joints[load_body().bones.index("head")].astype(np.float64) + _MIDDLE_OF_FACE_M
        self._backdrop = int(random.integers(1 << 31))
        self._renderer = renderer

    def vertices(self, coefficients: np.ndarray) -> np.ndarray:
        """(V, 3) of an expression (52,), in the rest pose."""
        moved, basis = _moving()
        vertices = self.rest.vertices.copy()
        vertices[moved] += (np.asarray(coefficients, np.float32) @ basis).reshape(-1, 3)
        return vertices

    def picture(self, coefficients: np.ndarray, shot: FaceShot, random: np.random.Generator) -> np.ndarray:
        """(H, W, 3) uint8 BGR of an expression (52,), as the sensor gives it."""
        camera = shot.camera(self.middle)
        background = random_background(np.random.default_rng(self._backdrop), camera.width)
        samples = 2 if shot.size_px <= _FINE_PX else 1
        vertices = self.vertices(coefficients)
        image = self._renderer.render(vertices, camera, self.look, self.light, background, samples)
        return self.sensor.picture(image, random)


@functools.cache
def _moving() -> tuple[np.ndarray, np.ndarray]:
    """The drawn vertices that expressions move (U,), and how, (52, U * 3) float32."""
    basis = load_body().facial_basis
    moved = np.intersect1d(np.flatnonzero(np.abs(basis).max((0, 2)) > 0), load_head().body_vertices)
    return moved, np.ascontiguousarray(basis[:, moved], np.float32).reshape(len(basis), -1)
