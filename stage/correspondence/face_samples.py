"""Renders of many faces with what the face network sees in them.

One sample is one face in one picture: a random person, at rest or with a mild expression, filmed as stages film faces
(see `stage.synthetic.faces.shots`). The region the network looks at starts about the true face and is refined by the
network itself, as in tracking.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from protocols.names import ARKIT_SHAPES
from stage.bodies.body import BodyModel
from stage.cameras.camera import Camera
from stage.cameras.geometry import project, undistort
from stage.networks.face import FACE_EXPANSION, FaceNetwork, FaceReading, face_region, square_around
from stage.networks.landmarks import Crop
from stage.synthetic.faces.performer import FacePerformer
from stage.synthetic.faces.renderer import FaceRenderer
from stage.synthetic.faces.shots import random_shot

VIEWS_PER_PERSON = 6
FIRST_SEED = 50_000
"""People from here on; those of benchmarks and tests have other numbers."""

_REFINEMENTS = 3
_MOVED_M = 1e-3
"""What expressions move more than this is the face."""
_LEAST_SCORE = 0.8
_REST_SHARE = 0.4
_PARTING = ("JawOpen", "EyeBlinkLeft", "EyeBlinkRight")
"""Drawn more often: they tell an upper lip from a lower one, and lids likewise."""


class FaceSample(NamedTuple):
    """What the network saw of one face."""

    vertices: np.ndarray
    """(U, 3) float32, the vertices asked for, world, metres."""
    center: np.ndarray
    """(3,): the camera."""
    rays: np.ndarray
    """(468, 3): unit directions in the world towards the points."""


def face_samples(
    count: int, body: BodyModel, network: FaceNetwork, wanted: np.ndarray, seed: int
) -> Iterator[FaceSample]:
    """Samples in which the network found the face.

    Args:
        count: Pictures to render.
        body: The body model.
        network: The face network.
        wanted: (U,) vertices to keep.
        seed: Of all that is drawn but the people.
    """
    random, renderer = np.random.default_rng(seed), FaceRenderer()
    for person in range(FIRST_SEED, FIRST_SEED + count // VIEWS_PER_PERSON):
        performer = FacePerformer(person, renderer)
        for _ in range(VIEWS_PER_PERSON):
            shot, expression = random_shot(random), _expression(random)
            camera = shot.camera(performer.middle)
            image = performer.picture(expression, shot, random)
            vertices = performer.vertices(expression)
            reading = read_face(image, camera, vertices, body, network)
            if reading is None:
                continue
            xy = undistort(camera, reading.points[:, :2].astype(np.float64))
            rays = np.concatenate([xy, np.ones((len(xy), 1))], 1) @ camera.R_camera_world
            rays /= np.linalg.norm(rays, axis=1, keepdims=True)
            if not np.all(np.isfinite(rays)):
                continue  # a point beyond what the lens can show
            yield FaceSample(vertices[wanted].astype(np.float32), camera.center_world, rays)


def read_face(
    image: np.ndarray, camera: Camera, vertices: np.ndarray, body: BodyModel, network: FaceNetwork
) -> FaceReading | None:
    """What the network sees of a body (V, 3) in its picture, without eyes; None where it finds no face."""
    face = np.flatnonzero(np.abs(body.facial_basis).max((0, 2)) > _MOVED_M)
    expected = project(camera, vertices[face].astype(np.float64))[0]
    region, reading = square_around(expected, 0.0, FACE_EXPANSION), None
    for _ in range(_REFINEMENTS):
        if not region.is_usable(image):
            return None
        (reading,) = network.read([Crop(image, region)], eyes=False)
        if reading.score < _LEAST_SCORE:
            return None
        region = face_region(reading.points)
    return reading


def _expression(random: np.random.Generator) -> np.ndarray:
    """(52,) at rest or mild."""
    if random.random() < _REST_SHARE:
        return np.zeros(len(ARKIT_SHAPES))
    chance = np.full(len(ARKIT_SHAPES), 0.12)
    chance[[ARKIT_SHAPES.index(name) for name in _PARTING]] = 0.4
    return np.where(random.random(len(chance)) < chance, random.uniform(0.0, 0.6, len(chance)), 0.0)
