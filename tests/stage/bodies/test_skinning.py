from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from stage.bodies.rig import Rig, bone_transforms
from stage.bodies.skinning import Skinner
from stage.solving.pose import exp
from tests.body_model import body_model


def random_pose(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Root position (1, 3) and rotations (1, 53, 3, 3)."""
    generator = torch.Generator().manual_seed(seed)
    turns = 0.4 * torch.randn(1, 53, 3, generator=generator, dtype=torch.float64)
    return torch.randn(1, 3, generator=generator, dtype=torch.float64), exp(turns)


def test_the_rest_pose_is_the_rest_body():
    body = body_model()
    rest = body.rest_body(np.full(body.shape_count, 0.3))
    joints = torch.from_numpy(rest.joints).double()
    G, heads = Rig(body.parents.tolist()).forward(joints, joints[:1], torch.eye(3).double().repeat(1, 53, 1, 1))
    vertices = Skinner(body, rest.vertices).vertices(bone_transforms(joints, G, heads)[0])
    np.testing.assert_allclose(vertices.numpy(), rest.vertices, atol=1e-5)


def test_moving_the_root_moves_every_vertex_alike():
    body = body_model()
    rest = body.rest_body(np.zeros(body.shape_count))
    joints = torch.from_numpy(rest.joints).double()
    rig, skinner = Rig(body.parents.tolist()), Skinner(body, rest.vertices)
    position, rotations = random_pose(1)
    step = torch.tensor([[0.3, -0.2, 0.7]], dtype=torch.float64)
    before = skinner.vertices(bone_transforms(joints, *rig.forward(joints, position, rotations))[0])
    after = skinner.vertices(bone_transforms(joints, *rig.forward(joints, position + step, rotations))[0])
    np.testing.assert_allclose((after - before).numpy(), step.expand_as(after).numpy(), atol=1e-5)


def test_out_is_written_and_nothing_else_is_different():
    body = body_model()
    rest = body.rest_body(np.zeros(body.shape_count))
    joints = torch.from_numpy(rest.joints).double()
    transforms = bone_transforms(joints, *Rig(body.parents.tolist()).forward(joints, *random_pose(2)))[0]
    skinner = Skinner(body, rest.vertices)
    out = torch.empty(skinner.vertex_count, 3)
    assert skinner.vertices(transforms, out) is out
    assert torch.equal(out, skinner.vertices(transforms))


def test_our_mesh_is_annys_mesh_to_a_tenth_of_a_millimetre():
    pytest.importorskip("anny")
    body = body_model()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import anny

        model = anny.Anny(rig="game_engine", facial_actions="all", skinning_method="lbs")
        position, rotations = random_pose(3)
        pose = torch.eye(4, dtype=torch.float64).repeat(1, 53, 1, 1)
        pose[..., :3, :3] = rotations
        pose[:, 0, :3, 3] = position
        output = model(pose, phenotype_kwargs={"height": 0.6, "weight": 0.7})
    joints = output["rest_bone_heads"][0] - output["rest_bone_heads"][0, 0]
    rest = (output["rest_vertices"][0] - output["rest_bone_heads"][0, 0]).numpy().astype(np.float32)
    G, heads = Rig(body.parents.tolist()).forward(joints, position, rotations)
    vertices = Skinner(body, rest).vertices(bone_transforms(joints, G, heads)[0])
    np.testing.assert_allclose(heads[0].numpy(), output["bone_poses"][0, :, :3, 3].numpy(), atol=1e-6)
    np.testing.assert_allclose(vertices.numpy(), output["vertices"][0].numpy(), atol=1e-4)
