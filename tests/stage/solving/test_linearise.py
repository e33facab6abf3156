"""Jacobians against finite differences, and a fit to exact evidence."""

from __future__ import annotations

import numpy as np
import torch

from stage.solving.anatomy import Anatomy
from stage.solving.evidence import Evidence
from stage.solving.fit import PoseFitter, Prior
from stage.solving.linearise import Body, place, point_information, point_jacobian, shape_jacobian
from stage.solving.pose import Pose, exp
from stage.solving.skeleton import Points, Skeleton
from tests.body_model import body_model
from tests.stage.solving.synthetic_views import Actress, ring_of_cameras

_H = 1e-6


def scene() -> tuple[Skeleton, Points, torch.Tensor, Pose]:
    body = body_model()
    generator = torch.Generator().manual_seed(5)
    skeleton = Skeleton(body)
    points = skeleton.points_of_vertices(body.coco_weights)
    shape = 0.5 * torch.randn(body.shape_count, generator=generator, dtype=torch.float64)
    turns = 0.4 * torch.randn(2, skeleton.bone_count, 3, generator=generator, dtype=torch.float64)
    return skeleton, points, shape, Pose(torch.randn(2, 3, generator=generator, dtype=torch.float64), exp(turns))


def test_points_follow_a_step_as_their_jacobian_says():
    skeleton, points, shape, pose = scene()
    body = Body.of(skeleton, points, shape)
    J = point_jacobian(body, place(body, pose))
    for coordinate in range(J.shape[-1]):
        step = torch.zeros(2, J.shape[-1], dtype=torch.float64)
        step[:, coordinate] = _H
        numeric = (place(body, pose.moved(step)).x - place(body, pose.moved(-step)).x).transpose(1, 2) / (2 * _H)
        assert torch.allclose(J[..., coordinate], numeric, atol=1e-6), coordinate


def test_points_follow_the_shape_as_their_jacobian_says():
    skeleton, points, shape, pose = scene()
    J = shape_jacobian(Body.of(skeleton, points, shape), place(Body.of(skeleton, points, shape), pose))
    for coefficient in range(len(shape)):
        step = torch.zeros_like(shape)
        step[coefficient] = _H
        more, less = (place(Body.of(skeleton, points, s), pose).x for s in (shape + step, shape - step))
        numeric = (more - less).transpose(1, 2) / (2 * _H)
        assert torch.allclose(J[..., coefficient], numeric, atol=1e-6), coefficient


def test_points_ride_on_bones_as_skinned_vertices_do():
    from stage.bodies.rig import bone_transforms
    from stage.bodies.skinning import Skinner

    skeleton, points, shape, pose = scene()
    body = skeleton.body
    placed = place(Body.of(skeleton, points, shape), pose)
    rest_joints = skeleton.rest_joints(shape)
    G, joints = skeleton.full_pose(rest_joints, placed.G, placed.p)
    skinner = Skinner(body, body.rest_body(shape.numpy()).vertices)
    for item in range(2):
        vertices = skinner.vertices(bone_transforms(rest_joints, G[item : item + 1], joints[item : item + 1])[0])
        expected = body.coco_weights.astype(np.float64) @ vertices.numpy().astype(np.float64)
        np.testing.assert_allclose(placed.x[item].T.numpy(), expected, atol=1e-5)


def evidence_of(actress: Actress, pose: Pose, points: Points) -> tuple[Body, Evidence]:
    cameras = ring_of_cameras(4)
    body = Body.of(actress.skeleton, points, torch.from_numpy(actress.shape))
    x = place(body, pose).x
    R = torch.from_numpy(np.stack([c.R_camera_world for c in cameras]))
    t = torch.from_numpy(np.stack([c.t_camera_world for c in cameras]))
    in_camera = R @ x[:, None] + t[:, :, None]
    scale = torch.full((x.shape[0], 4, x.shape[2]), 200.0, dtype=torch.float64)
    free = torch.zeros_like(x)
    return body, Evidence(R, t, in_camera[:, :, :2] / in_camera[:, :, 2:], scale, free, free)


def test_gradient_of_the_cost_against_finite_differences():
    skeleton, points, shape, _pose = scene()
    actress = Actress(skeleton.body, shape.numpy())
    body, evidence = evidence_of(actress, actress.pose(0.3), points)
    evidence = evidence._replace(target=evidence.target.expand(2, -1, -1, -1), scale=evidence.scale.expand(2, -1, -1))
    free = torch.zeros(2, 3, points.weight.shape[1], dtype=torch.float64)
    evidence = evidence._replace(anchor=free, anchor_scale=free + 3.0)
    near = Pose(actress.pose(0.4).position.expand(2, -1), actress.pose(0.4).D.expand(2, -1, -1, -1))
    prior = Prior(near, torch.eye(69, dtype=torch.float64).expand(2, -1, -1))
    fitter = PoseFitter(body, Anatomy(skeleton.body))
    g = fitter.normal(near, prior, evidence, 0.5).g
    for coordinate in range(69):
        step = torch.zeros(2, 69, dtype=torch.float64)
        step[:, coordinate] = _H
        more, less = (fitter.normal(near.moved(s), prior, evidence, 0.5).cost for s in (step, -step))
        assert torch.allclose(g[:, coordinate], (more - less) / (2 * _H), rtol=1e-3, atol=1e-2), coordinate


def test_a_fit_to_exact_evidence_finds_the_pose():
    body = body_model()
    actress = Actress(body)
    points = actress.skeleton.points_of_vertices(body.coco_weights)
    fitted_body, evidence = evidence_of(actress, actress.pose(1.1), points)
    start = actress.pose(0.9)
    prior = Prior(start, 1e-4 * torch.eye(69, dtype=torch.float64)[None])
    fit = PoseFitter(fitted_body, Anatomy(body)).fit(start, prior, evidence, iterations=25, anatomy_weight=1e-4)
    miss = place(fitted_body, fit.pose).x - place(fitted_body, actress.pose(1.1)).x
    assert float(miss.norm(dim=1).max()) < 0.005


def test_framesets_of_a_batch_do_not_influence_each_other():
    body = body_model()
    actress = Actress(body)
    points = actress.skeleton.points_of_vertices(body.coco_weights)
    poses = [actress.pose(s) for s in (0.2, 0.5, 1.3)]
    pairs = [evidence_of(actress, pose, points) for pose in poses]
    start = actress.pose(0.6)
    information = torch.eye(69, dtype=torch.float64)[None]
    fitter = PoseFitter(pairs[0][0], Anatomy(body))
    alone = [fitter.fit(start, Prior(start, information), e, iterations=6, anatomy_weight=0.1).pose for _, e in pairs]
    joined = Evidence(
        pairs[0][1].R,
        pairs[0][1].t,
        *(torch.cat([getattr(e, name) for _, e in pairs]) for name in ("target", "scale", "anchor", "anchor_scale")),
    )
    starts = Pose(start.position.expand(3, -1), start.D.expand(3, -1, -1, -1))
    together = fitter.fit(
        starts, Prior(starts, information.expand(3, -1, -1)), joined, iterations=6, anatomy_weight=0.1
    )
    for item, pose in enumerate(alone):
        assert torch.allclose(together.pose.D[item], pose.D[0], atol=1e-6)


def test_information_of_a_point_is_symmetric_and_not_negative():
    skeleton, points, _, _ = scene()
    actress = Actress(skeleton.body)
    body, evidence = evidence_of(actress, actress.pose(0.0), points)
    A = point_information(evidence, place(body, actress.pose(0.1))).A
    assert torch.allclose(A, A.transpose(-1, -2), atol=1e-6)
    assert float(torch.linalg.eigvalsh(A).min()) > -1e-6
