"""The hand as a mechanism: derivatives, mirror images, agreement with the mesh."""

from __future__ import annotations

import numpy as np
import torch

from protocols.names import RIG_BONES
from stage.bodies.hands import MIRROR, SIDES, finger_bone_index, finger_matrices, hand_axes
from stage.solving.hands.model import (
    COORDINATES,
    HandModel,
    HandPose,
    finger_quaternions,
    finger_turns,
    place,
    point_jacobian,
    small_turn,
)
from stage.synthetic.hand_poses import bone_quaternions, random_angles
from stage.synthetic.kinematics import Poses, Skin, forward, matrices
from tests.body_model import body_model
from tests.stage.solving.hands.synthetic_hands import exact_hand_map


def some_pose(seed: int = 3) -> HandPose:
    random = np.random.default_rng(seed)
    R = small_turn(random.normal(0.0, 0.6, (2, 3)))
    angles = np.stack([random_angles(random).reshape(-1) for _ in SIDES])
    return HandPose(R, random.normal(0.0, 0.5, (2, 3)), angles)


def test_jacobian_is_the_derivative():
    body = body_model()
    geometry = HandModel(body, exact_hand_map(body)).geometry(torch.zeros(body.shape_count, dtype=torch.float64))
    pose = some_pose()
    J = point_jacobian(geometry, place(geometry, pose))
    for coordinate in range(COORDINATES):
        step = np.zeros((2, COORDINATES))
        step[:, coordinate] = 1e-6
        difference = (place(geometry, pose.moved(step)).x - place(geometry, pose.moved(-step)).x) / 2e-6
        np.testing.assert_allclose(J[:, :, coordinate], difference, atol=1e-6)


def test_landmarks_are_those_of_the_mesh():
    body, meaning = body_model(), exact_hand_map(body_model())
    shape = np.zeros(body.shape_count)
    shape[0] = 0.7
    geometry = HandModel(body, meaning).geometry(torch.from_numpy(shape))
    angles = some_pose().angles
    rotations = np.tile([0.0, 0.0, 0.0, 1.0], (1, len(RIG_BONES), 1))
    for row, side in zip(angles, SIDES, strict=True):
        rotations[0, finger_bone_index(side)] = bone_quaternions(row.reshape(5, 4), side)
    rest = body.rest_body(shape)
    G, heads = forward(rest.joints, Poses(np.array([[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]]), rotations))
    mesh = Skin(body, rest.vertices).vertices(rest.joints, G[0], heads[0])
    bones = [RIG_BONES.index("hand_l"), RIG_BONES.index("hand_r")]
    placed = place(geometry, HandPose(G[0, bones], heads[0, bones], angles))
    for hand, side in enumerate(SIDES):
        np.testing.assert_allclose(placed.x[hand].T, meaning.combination(side, len(mesh)) @ mesh, atol=1e-6)
        np.testing.assert_allclose(placed.heads[hand, 1:], heads[0, finger_bone_index(side)], atol=1e-6)


def test_quaternions_are_the_turns():
    body = body_model()
    geometry = HandModel(body, exact_hand_map(body)).geometry(torch.zeros(body.shape_count, dtype=torch.float64))
    angles = some_pose().angles
    found = matrices(finger_quaternions(geometry, angles))
    np.testing.assert_allclose(found, finger_turns(geometry, angles), atol=1e-12)
    axes = hand_axes(body.mean_joints)
    for row, own, side in zip(angles, found, SIDES, strict=True):
        turns = finger_matrices(axes, row.reshape(5, 4), side)
        np.testing.assert_allclose(own.reshape(15, 3, 3), turns, atol=1e-6)


def test_the_same_angles_make_mirror_images():
    axes, angles = hand_axes(body_model().mean_joints), random_angles(np.random.default_rng(0))
    left, right = (finger_matrices(axes, angles, side) for side in SIDES)
    np.testing.assert_allclose(right, left * MIRROR * MIRROR[:, None], atol=1e-12)


def test_flexion_bends_towards_the_palm_and_spread_towards_the_thumb():
    body = body_model()
    axes = hand_axes(body.mean_joints)
    heads = dict(zip(body.bones, body.mean_joints.astype(float), strict=True))
    palm = -np.cross(heads["index_01_l"] - heads["hand_l"], heads["pinky_01_l"] - heads["hand_l"])
    to_thumb = heads["index_01_l"] - heads["pinky_01_l"]
    for finger, name in enumerate(("thumb", "index", "middle", "ring", "pinky")):
        along = heads[f"{name}_02_l"] - heads[f"{name}_01_l"]
        assert np.cross(axes.flexion[finger], along) @ palm > 0.0 or name == "thumb"
        towards = palm if name == "thumb" else to_thumb
        assert np.cross(axes.spread[finger], along) @ towards > 0.0
