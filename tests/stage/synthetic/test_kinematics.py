from __future__ import annotations

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from protocols.names import RIG_BONES, RIG_PARENTS
from stage.bodies.body import RestBody, load_body
from stage.bodies.rig import Rig, bone_transforms
from stage.bodies.skinning import Skinner
from stage.synthetic.kinematics import Poses, Skin, forward, from_global, matrices


def _random_poses(count: int) -> Poses:
    random = np.random.default_rng(1)
    turned = Rotation.random(count * len(RIG_BONES), rng=random).as_quat().reshape(count, -1, 4)
    position = random.normal(size=(count, 3))
    return Poses(np.concatenate([position, turned[:, 0]], axis=1), turned)


def test_agrees_with_the_rig_that_the_solver_uses(rest: RestBody) -> None:
    poses = _random_poses(3)
    G, heads = forward(rest.joints, poses)
    joints = torch.from_numpy(rest.joints.astype(np.float64))
    position, local = torch.from_numpy(poses.root[:, :3]), torch.from_numpy(matrices(poses.rotations))
    G_rig, heads_rig = Rig(RIG_PARENTS).forward(joints, position, local)
    np.testing.assert_allclose(G, G_rig.numpy(), atol=1e-12)
    np.testing.assert_allclose(heads, heads_rig.numpy(), atol=1e-7)
    transforms = bone_transforms(joints, G_rig, heads_rig)
    expected = Skinner(load_body(), rest.vertices).vertices(transforms[0])
    vertices = Skin(load_body(), rest.vertices).vertices(rest.joints, G[0], heads[0])
    np.testing.assert_allclose(vertices, expected.numpy(), atol=1e-5)


def test_rest_pose_is_identity(rest: RestBody) -> None:
    identity = np.zeros((1, len(RIG_BONES), 4))
    identity[..., 3] = 1.0
    G, heads = forward(rest.joints, Poses(np.array([[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]]), identity))
    np.testing.assert_allclose(heads[0], rest.joints, atol=1e-6)
    vertices = Skin(load_body(), rest.vertices).vertices(rest.joints, G[0], heads[0])
    np.testing.assert_allclose(vertices, rest.vertices, atol=1e-5)


def test_facial_actions_move_the_rest_body_before_it_is_posed(rest: RestBody) -> None:
    body, poses = load_body(), _random_poses(1)
    face = np.zeros(52, np.float32)
    face[[0, 17, 24]] = (0.8, 0.6, 0.4)
    G, heads = forward(rest.joints, poses)
    moved = rest.vertices + np.tensordot(face, body.facial_basis.astype(np.float32), 1)
    expected = Skin(body, moved).vertices(rest.joints, G[0], heads[0])
    vertices = Skin(body, rest.vertices).vertices(rest.joints, G[0], heads[0], face)
    np.testing.assert_allclose(vertices, expected, atol=1e-5)
    assert np.abs(vertices - Skin(body, rest.vertices).vertices(rest.joints, G[0], heads[0])).max() > 0.01


def test_global_rotations_and_poses_are_each_others_inverse(rest: RestBody) -> None:
    poses = _random_poses(4)
    G, heads = forward(rest.joints, poses)
    again = from_global(G, heads[:, 0])
    np.testing.assert_allclose(again.root[:, :3], poses.root[:, :3])
    same = np.abs((again.rotations * poses.rotations).sum(axis=-1))
    np.testing.assert_allclose(same, 1.0, atol=1e-9)
    np.testing.assert_array_equal(again.rotations[:, 0], again.root[:, 3:])
