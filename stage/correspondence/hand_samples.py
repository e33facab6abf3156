"""Renders of many hands with what the hand network sees in them.

One sample is one hand in one picture: another pose of arm and fingers, place, light and camera each time, from 25 to
250 pixels long and from all around; a body, its clothes and the room are used a few times. The region the network
looks at comes from a rough projection, twice refined by the network itself, as in tracking. Right hands are handed
out as the left hands that a mirror would show, so that both teach one meaning.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from protocols.messages import HAND_LANDMARK_COUNT
from protocols.names import RIG_BONES
from stage.bodies.body import BodyModel
from stage.bodies.hands import MIRROR, SIDES, finger_bone_index, finger_matrices, hand_axes
from stage.cameras.geometry import project, undistort
from stage.correspondence.samples import drawn_pose
from stage.networks.hands import HandNetwork, HandReading, hand_region
from stage.networks.landmarks import Crop
from stage.solving.anatomy import Anatomy
from stage.synthetic.appearance import random_appearance
from stage.synthetic.hand_poses import random_angles
from stage.synthetic.kinematics import Poses, forward, quaternions
from stage.synthetic.performer import Performer
from stage.synthetic.room import Room, random_room
from stage.synthetic.scene import Light, Scene, Sensor, render
from stage.synthetic.shot import camera_looking

HANDS_PER_BODY = 16
LEAST_SCORE = 0.6
HAND_LENGTH_M = 0.19
_HAND_PX = (25.0, 250.0)
_SHAPE_SPREAD = 0.8
_OWN_TWIST_DEG = 2.0
_SIZE = (320, 320)
_FOCAL_PX = (300.0, 900.0)
_MOST_PX_OFF = 0.35
"""The network looked at something else where its points lie this share of the hand's length from it."""
_REFINEMENTS = 2


class HandSample(NamedTuple):
    """What the network saw of one hand, as a left one."""

    vertices: np.ndarray
    """(U, 3) of the hand in the world, metres."""
    center: np.ndarray
    """(3,): the camera."""
    rays: np.ndarray
    """(21, 3): unit directions in the world towards the landmarks."""
    depth: np.ndarray
    """(21,): the network's depth relative to the wrist, metres at the hand."""
    world: np.ndarray
    """(21, 3): the network's own 3D along the camera's axes, metres."""
    R_camera_world: np.ndarray
    """(3, 3); a mirrored camera for a right hand."""
    R_world_hand: np.ndarray
    """(3, 3): how the hand bone is turned from rest."""
    pixel_m: np.ndarray
    """(): size of a pixel at the hand, metres."""
    score: np.ndarray
    """(): of the reading."""


def hand_samples(
    count: int, body: BodyModel, network: HandNetwork, rough: np.ndarray, sided: dict[str, np.ndarray], seed: int
) -> Iterator[HandSample]:
    """Samples in which the network found the hand.

    Args:
        count: Pictures to render.
        body: The body model.
        network: The hand network.
        rough: (21, U) rough meaning of the landmarks, to know where to look.
        sided: Vertices (U,) of the left hand, and in the same order of the right one.
        seed: Of all that is drawn.
    """
    random = np.random.default_rng(seed)
    anatomy, axes = Anatomy(body), hand_axes(body.mean_joints)
    for _ in range(0, count, HANDS_PER_BODY):
        rest = body.rest_body(np.clip(random.normal(0.0, _SHAPE_SPREAD, body.shape_count), -2.0, 2.0))
        performer, room = Performer(rest, random_appearance(random)), random_room(random)
        for _ in range(HANDS_PER_BODY):
            side = str(random.choice(SIDES))
            poses = drawn_pose(rest, anatomy, random)
            for hand in SIDES:
                twist = Rotation.from_rotvec(np.deg2rad(random.normal(0.0, _OWN_TWIST_DEG, (15, 3)))).as_matrix()
                turns = twist @ finger_matrices(axes, random_angles(random), hand)
                poses.rotations[0, finger_bone_index(hand)] = quaternions(turns)
            sample = _look(performer, poses, room, side, network, rough, sided[side], random)
            if sample is not None:
                yield sample


def _look(
    performer: Performer,
    poses: Poses,
    room: Room,
    side: str,
    network: HandNetwork,
    rough: np.ndarray,
    used: np.ndarray,
    random: np.random.Generator,
) -> HandSample | None:
    """Render one hand and read it."""
    G, heads = forward(performer.rest.joints, poses)
    vertices = performer.vertices(G[0], heads[0])[used]
    expected = rough @ vertices
    middle = expected.mean(0)
    focal = float(np.exp(random.uniform(*np.log(_FOCAL_PX))))
    distance = focal * HAND_LENGTH_M / float(np.exp(random.uniform(*np.log(_HAND_PX))))
    towards = random.normal(0.0, 1.0, 3) * (1.0, 1.0, 0.6)
    place = middle + distance * towards / np.linalg.norm(towards)
    x, y, z = (float(value) for value in place)
    at = middle + random.normal(0.0, 0.03, 3)
    camera = camera_looking(
        "hand",
        (x, y, z),
        (float(at[0]), float(at[1]), float(at[2])),
        focal,
        size=_SIZE,
        roll=float(random.normal(0.0, 0.2)),
    )
    lamp = (float(random.normal()), float(random.normal()), float(random.uniform(0.5, 1.5)))
    light = Light(lamp, lamp=float(random.uniform(0.4, 0.9)), sky=float(random.uniform(0.3, 0.6)))
    sensor = Sensor(float(random.uniform(0.3, 0.9)), float(random.uniform(0.5, 3.0)), float(random.uniform(0.8, 1.15)))
    scene = Scene((performer.figure(G[0], heads[0]),), room, light, sensor)
    image = render(scene, camera, int(random.integers(1 << 31)))
    start, _ = project(camera, expected)
    read = _read(image, start, network)
    if read is None:
        return None
    off = np.median(np.linalg.norm(read.points[:, :2] - start, axis=1))
    pixel_m = distance / focal
    if off * pixel_m > _MOST_PX_OFF * HAND_LENGTH_M:
        return None
    rays = np.concatenate([undistort(camera, read.points[:, :2]), np.ones((HAND_LANDMARK_COUNT, 1))], 1)
    rays = rays @ camera.R_camera_world
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    mirror = MIRROR if side == "right" else np.ones(3)
    assert read.world is not None
    return HandSample(
        (vertices * mirror).astype(np.float32),
        camera.center_world * mirror,
        rays * mirror,
        read.points[:, 2] * pixel_m,
        read.world,
        camera.R_camera_world * mirror,
        G[0, RIG_BONES.index("hand_" + side[0])] * mirror * mirror[:, None],
        np.array(pixel_m),
        np.array(read.score),
    )


def _read(image: np.ndarray, expected: np.ndarray, network: HandNetwork) -> HandReading | None:
    points, read = expected, None
    for _ in range(_REFINEMENTS + 1):
        (read,) = network.read([Crop(image, hand_region(points))])
        if read.score < LEAST_SCORE:
            return None
        points = read.points[:, :2].astype(np.float64)
    return read
