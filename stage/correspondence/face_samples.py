"""Renders of many faces with what the face network sees in them.

One sample is one face in one close picture: people of `stage.bodies.people`, at rest or with a mild expression, seen
from the front to a half profile. People are used for several views, because dressing and painting one is dear. The
region the network looks at starts about the true face and is refined by the network itself, as in tracking.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from protocols.names import ARKIT_SHAPES, RIG_BONES
from stage.bodies.anny_model import random_person
from stage.bodies.body import BodyModel, RestBody
from stage.cameras.camera import Camera
from stage.cameras.geometry import project, undistort
from stage.networks.face import FaceNetwork, FaceReading, face_region
from stage.networks.landmarks import Crop
from stage.networks.regions import Region
from stage.synthetic.appearance import random_appearance
from stage.synthetic.garments import dress
from stage.synthetic.paint import paint
from stage.synthetic.room import random_room
from stage.synthetic.scene import Figure, Light, Scene, Sensor, render
from stage.synthetic.shot import camera_looking

VIEWS_PER_PERSON = 8
FIRST_SEED = 50_000
"""People from here on; those of benchmarks and tests have smaller numbers."""

_SIZE = (256, 256)
_REFINEMENTS = 3
_LEAST_SCORE = 0.8
_REST_SHARE = 0.4
_PARTING = ("JawOpen", "EyeBlinkLeft", "EyeBlinkRight")
"""Drawn more often: they tell an upper lip from a lower one, and lids likewise."""
_YAW_SD, _PITCH_SD, _ROLL_SD = 0.4, 0.2, 0.12


class FaceSample(NamedTuple):
    """What the network saw of one face."""

    vertices: np.ndarray
    """(U, 3) float32, the vertices asked for, world, metres."""
    center: np.ndarray
    """(3,): the camera."""
    R_camera_world: np.ndarray
    """(3, 3)."""
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
    random = np.random.default_rng(seed)
    face = np.flatnonzero(np.abs(body.facial_basis).max((0, 2)) > 1e-3)
    for person in range(FIRST_SEED, FIRST_SEED + count // VIEWS_PER_PERSON):
        rest = random_person(person)
        appearance = random_appearance(random)
        dressed, texture, room = dress(rest, appearance), paint(appearance), random_room(random)
        for _ in range(VIEWS_PER_PERSON):
            moved = _expression(body, random)
            camera = _camera(rest, random)
            figure = Figure(dressed + moved, texture)
            scene = Scene((figure,), room, _light(random), Sensor(float(random.uniform(0.3, 0.9)), 1.5))
            image = render(scene, camera, int(random.integers(1 << 31)))
            true = rest.vertices + moved
            reading = _read(image, project(camera, true[face].astype(np.float64))[0], network)
            if reading is None:
                continue
            xy = undistort(camera, reading.points[:, :2].astype(np.float64))
            rays = np.concatenate([xy, np.ones((len(xy), 1))], 1) @ camera.R_camera_world
            rays /= np.linalg.norm(rays, axis=1, keepdims=True)
            yield FaceSample(true[wanted].astype(np.float32), camera.center_world, camera.R_camera_world, rays)


def _read(image: np.ndarray, expected: np.ndarray, network: FaceNetwork) -> FaceReading | None:
    low, high = expected.min(0), expected.max(0)
    side = 1.5 * float((high - low).max())
    region = Region(float(low[0] + high[0]) / 2, float(low[1] + high[1]) / 2, side, side, 0.0)
    reading = None
    for _ in range(_REFINEMENTS):
        (reading,) = network.read([Crop(image, region)], eyes=False)
        if reading.score < _LEAST_SCORE:
            return None
        region = face_region(reading.points)
    return reading


def _expression(body: BodyModel, random: np.random.Generator) -> np.ndarray:
    """(V, 3) float32 metres that a face at rest or a mild expression moves the vertices."""
    if random.random() < _REST_SHARE:
        return np.zeros_like(body.mean_vertices)
    chance = np.full(len(ARKIT_SHAPES), 0.12)
    chance[[ARKIT_SHAPES.index(name) for name in _PARTING]] = 0.4
    actions = np.where(random.random(len(chance)) < chance, random.uniform(0.0, 0.6, len(chance)), 0.0)
    return np.tensordot(actions.astype(np.float32), body.facial_basis, 1)


def _camera(rest: RestBody, random: np.random.Generator) -> Camera:
    """Before the face, from half a metre to three metres away, the face filling a third to two thirds."""
    yaw, pitch = random.normal(0.0, _YAW_SD), random.normal(0.0, _PITCH_SD)
    middle = rest.joints[RIG_BONES.index("head")] + (0.0, -0.08, 0.03) + random.normal(0.0, 0.01, 3)
    out = np.array([np.sin(yaw) * np.cos(pitch), -np.cos(yaw) * np.cos(pitch), np.sin(pitch)])
    distance = random.uniform(0.5, 3.0)
    x, y, z = (float(value) for value in middle + distance * out)
    at = (float(middle[0]), float(middle[1]), float(middle[2]))
    focal = _SIZE[1] * distance / random.uniform(0.28, 0.5)
    return camera_looking("face", (x, y, z), at, focal, size=_SIZE, roll=float(random.normal(0.0, _ROLL_SD)))


def _light(random: np.random.Generator) -> Light:
    towards = (float(random.normal()), float(random.normal(-0.8, 0.5)), float(random.uniform(0.5, 1.5)))
    return Light(towards, lamp=float(random.uniform(0.4, 0.9)), sky=float(random.uniform(0.3, 0.6)))
