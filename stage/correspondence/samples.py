"""Renders of many bodies and poses with what a landmark network sees in them.

One sample is one person in one picture: another body, look, pose, room, light and camera each time (a body and a
room are used a few times, they are dear). Half of the poses are moments of choreographed motions, half are drawn
joint by joint from usual ranges. The region the network looks at comes from a rough projection of the body, twice
refined by the network itself, as in tracking.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch

from protocols.messages import LANDMARK_COUNT
from protocols.names import RIG_BONES
from stage.bodies.body import BodyModel, RestBody
from stage.cameras.camera import Camera
from stage.cameras.geometry import project, undistort
from stage.networks.landmarks import Crop, LandmarkNetwork, Landmarks, body_circle
from stage.solving.anatomy import Anatomy
from stage.solving.pose import exp
from stage.solving.skeleton import SOLVED_BONES
from stage.synthetic.appearance import random_appearance
from stage.synthetic.choreography import choreograph
from stage.synthetic.kinematics import Poses, forward, quaternions
from stage.synthetic.motions import MOTIONS, scripted
from stage.synthetic.performer import Performer
from stage.synthetic.room import Room, random_room
from stage.synthetic.scene import Light, Scene, Sensor, render
from stage.synthetic.shot import camera_looking

VIEWS_PER_BODY = 12
CAMERAS_PER_BODY = 2
"""An empty room takes longer to draw than a body in it."""
LEAST_SCORE = 0.8
_SHAPE_SPREAD = 0.8
_SIZE = (448, 448)
_REFINEMENTS = 2


class Sample(NamedTuple):
    """What the network saw of one body."""

    vertices: np.ndarray
    """(V, 3) in the world, metres."""
    center: np.ndarray
    """(3,): the camera."""
    rays: np.ndarray
    """(33, 3): unit directions in the world towards the landmarks."""
    confidence: np.ndarray
    """(33,)."""
    R_camera_world: np.ndarray
    """(3, 3)."""
    R_world_body: np.ndarray
    """(3, 3): how the pelvis stands."""
    pelvis: np.ndarray
    """(3,), metres."""


def samples(count: int, body: BodyModel, network: LandmarkNetwork, rough: np.ndarray, seed: int) -> Iterator[Sample]:
    """Samples in which the network found the person.

    Args:
        count: Pictures to render.
        body: The body model.
        network: The landmark network.
        rough: (33, V) rough meaning of the landmarks, to know where to look.
        seed: Of all that is drawn.
    """
    random = np.random.default_rng(seed)
    anatomy = Anatomy(body)
    for _ in range(0, count, VIEWS_PER_BODY):
        rest = body.rest_body(np.clip(random.normal(0.0, _SHAPE_SPREAD, body.shape_count), -2.0, 2.0))
        performer = Performer(rest, random_appearance(random))
        room = random_room(random)
        cameras = [_camera(random) for _ in range(CAMERAS_PER_BODY)]
        for index, poses in enumerate(_poses(rest, anatomy, random)):
            camera = cameras[index % CAMERAS_PER_BODY]
            sample = _look(performer, poses, room, camera, network, rough, random)
            if sample is not None:
                yield sample


def _look(
    performer: Performer,
    poses: Poses,
    room: Room,
    camera: Camera,
    network: LandmarkNetwork,
    rough: np.ndarray,
    random: np.random.Generator,
) -> Sample | None:
    """Render one pose and read it."""
    G, heads = forward(performer.rest.joints, poses)
    vertices = performer.vertices(G[0], heads[0])
    scene = Scene((performer.figure(G[0], heads[0]),), room, _light(random), _sensor(random))
    image = render(scene, camera, int(random.integers(1 << 31)))
    read = _read(image, project(camera, rough @ vertices)[0], network)
    if read is None:
        return None
    xy = undistort(camera, read.points[:, :2])
    rays = np.concatenate([xy, np.ones((LANDMARK_COUNT, 1))], 1) @ camera.R_camera_world
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    inside = np.all((read.points[:, :2] >= 0) & (read.points[:, :2] < _SIZE), 1)
    confidence = read.points[:, 2] * inside
    return Sample(
        vertices.astype(np.float32), camera.center_world, rays, confidence, camera.R_camera_world, G[0, 1], heads[0, 1]
    )


def _read(image: np.ndarray, expected: np.ndarray, network: LandmarkNetwork) -> Landmarks | None:
    points, read = expected, None
    for _ in range(_REFINEMENTS):
        (read,) = network.landmarks([Crop(image, network.region_of(body_circle(points)))])
        if read.score < LEAST_SCORE:
            return None
        points = read.points[:, :2].astype(np.float64)
    return read


def _poses(rest: RestBody, anatomy: Anatomy, random: np.random.Generator) -> Iterator[Poses]:
    """Half choreographed, half drawn."""
    motion = choreograph(scripted(str(random.choice(list(MOTIONS)))), rest, seed=int(random.integers(1 << 31)))
    for index in random.integers(len(motion), size=VIEWS_PER_BODY // 2):
        yield motion.at(int(index))
    for _ in range(VIEWS_PER_BODY - VIEWS_PER_BODY // 2):
        yield drawn_pose(rest, anatomy, random)


def drawn_pose(rest: RestBody, anatomy: Anatomy, random: np.random.Generator) -> Poses:
    """Every joint by itself from its usual range, standing on the floor."""
    spread = anatomy.usual.numpy() * random.normal(0.0, 1.0, tuple(anatomy.usual.shape))
    angles = np.clip(spread, anatomy.low.numpy(), anatomy.high.numpy())
    turns = torch.from_numpy(np.einsum("kai,ka->ki", anatomy.frames.numpy(), angles))
    local = np.tile(np.eye(3), (1, len(RIG_BONES), 1, 1))
    local[0, [RIG_BONES.index(bone) for bone in SOLVED_BONES[1:]]] = exp(turns).numpy()
    lean = random.normal(0.0, 0.12, 2)
    heading = random.uniform(-np.pi, np.pi)
    c, s = np.cos(heading), np.sin(heading)
    stance = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    root = stance @ exp(torch.tensor([lean[0], lean[1], 0.0], dtype=torch.float64)).numpy()
    rotations = quaternions(local)
    rotations[0, 0] = quaternions(root[None])[0]
    poses = Poses(np.concatenate([np.zeros(3), rotations[0, 0]])[None], rotations)
    _, heads = forward(rest.joints, poses)
    poses.root[0, 2] = 0.06 - heads[0, :, 2].min()
    return poses


def _camera(random: np.random.Generator) -> Camera:
    """Looks at the middle of the room from anywhere a camera may hang; a body there fills much of the picture."""
    azimuth, elevation = random.uniform(-np.pi, np.pi), np.deg2rad(random.uniform(-8.0, 35.0))
    distance = random.uniform(2.6, 6.0)
    middle = np.array([0.0, 0.0, 0.9]) + random.normal(0.0, 0.1, 3)
    out = np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])
    place = middle + distance * out
    place[2] = max(place[2], 0.15)
    focal = _SIZE[1] * distance / random.uniform(2.4, 3.4)
    x, y, z = (float(value) for value in place)
    at = (float(middle[0]), float(middle[1]), float(middle[2]))
    return camera_looking("view", (x, y, z), at, focal, size=_SIZE, roll=float(random.normal(0.0, 0.08)))


def _light(random: np.random.Generator) -> Light:
    towards = (float(random.normal()), float(random.normal()), float(random.uniform(0.5, 1.5)))
    return Light(towards, lamp=float(random.uniform(0.4, 0.9)), sky=float(random.uniform(0.3, 0.6)))


def _sensor(random: np.random.Generator) -> Sensor:
    return Sensor(float(random.uniform(0.3, 0.9)), float(random.uniform(0.5, 3.0)), float(random.uniform(0.8, 1.15)))
