"""Laws of the finger fit: exact points give exact fingers, limits hold whatever is seen, mirrors mirror."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stage.bodies.hands import ANGLE_COUNT, MIRROR, Floats
from stage.solving.hands.anatomy import HIGH, LOW, RELAXED, terms, within_limits
from stage.solving.hands.evidence import HandEvidence
from stage.solving.hands.fit import HandFit, HandPrior, fit
from stage.solving.hands.model import HandGeometry, HandModel, HandPose, place
from stage.solving.hands.motion import HandMotionModel
from stage.synthetic.hand_poses import POSES_DEG, pose_angles, random_angles
from tests.body_model import body_model
from tests.stage.solving.hands.synthetic_hands import exact_evidence, exact_hand_map

BONES = (np.stack([np.eye(3)] * 2), np.array([[0.5, 0.0, 1.0], [-0.5, 0.0, 1.0]]))


def geometry() -> HandGeometry:
    body = body_model()
    return HandModel(body, exact_hand_map(body)).geometry(torch.zeros(body.shape_count, dtype=torch.float64))


def fitted(hands: HandGeometry, evidence: HandEvidence, start: Floats, iterations: int = 12) -> HandFit:
    prior = HandPrior(start, np.zeros((len(start), ANGLE_COUNT, ANGLE_COUNT)))
    return fit(hands, HandPose(*BONES, start), prior, evidence, iterations=iterations, anatomy_weight=1e-2)


def test_exact_points_give_exact_fingers():
    hands, random = geometry(), np.random.default_rng(4)
    errors = []
    for _ in range(6):
        angles = within_limits(np.stack([random_angles(random).reshape(-1) for _ in range(2)]))
        true = place(hands, HandPose(*BONES, angles)).x
        found = fitted(hands, exact_evidence(true.swapaxes(1, 2), 2, random), np.tile(RELAXED, (2, 1)))
        errors.append(np.linalg.norm(place(hands, found.pose).x - true, axis=1))
    assert np.median(errors) < 0.001
    assert np.mean(errors) < 0.003


def test_a_wrong_hand_bone_is_made_up_for():
    hands, random = geometry(), np.random.default_rng(5)
    angles = np.stack([pose_angles("point").reshape(-1)] * 2)
    moved = HandPose(BONES[0], BONES[1] + 0.012, angles)
    evidence = exact_evidence(place(hands, moved).x.swapaxes(1, 2), 2, random)
    found = fitted(hands, evidence, np.tile(RELAXED, (2, 1)))
    assert np.abs(found.pose.angles - angles).mean() < np.deg2rad(5.0)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.001, 30.0), st.sampled_from(sorted(POSES_DEG)))
def test_limits_hold_for_any_evidence(seed: int, noise: float, pose: str):
    hands, random = geometry(), np.random.default_rng(seed)
    angles = np.stack([pose_angles(pose).reshape(-1)] * 2)
    evidence = exact_evidence(place(hands, HandPose(*BONES, angles)).x.swapaxes(1, 2), 1, random)
    wild = evidence._replace(target=evidence.target + random.normal(0.0, noise, evidence.target.shape))
    found = fitted(hands, wild, angles, iterations=4)
    assert np.all(np.isfinite(found.pose.angles))
    assert np.all(found.pose.angles >= LOW)
    assert np.all(found.pose.angles <= HIGH)


def test_a_mirrored_view_gives_the_mirrored_hand():
    hands, random = geometry(), np.random.default_rng(7)
    angles = np.stack([pose_angles("pinch").reshape(-1)] * 2)
    evidence = exact_evidence(place(hands, HandPose(*BONES, angles)).x.swapaxes(1, 2), 1, random)
    mirrored = HandEvidence(*(array[::-1].copy() for array in evidence))
    mirrored = mirrored._replace(R=mirrored.R * MIRROR)  # the world in a mirror, the picture the same
    start = np.tile(RELAXED, (2, 1))
    one, other = fitted(hands, evidence, start), fitted(hands, mirrored, start)
    np.testing.assert_allclose(one.pose.angles, other.pose.angles[::-1], atol=2e-3)


def test_anatomy_gradient_is_the_derivative():
    random = np.random.default_rng(2)
    angles = random.normal(0.0, 1.0, (1, ANGLE_COUNT))
    _, g, _ = terms(angles, 0.7)
    step = 1e-6 * np.eye(ANGLE_COUNT)
    difference = [(terms(angles + s, 0.7)[2] - terms(angles - s, 0.7)[2])[0] / 2e-6 for s in step]
    np.testing.assert_allclose(g[0], difference, rtol=1e-4, atol=1e-4)


def test_named_poses_are_within_the_limits():
    for name in POSES_DEG:
        angles = pose_angles(name).reshape(-1)
        np.testing.assert_array_equal(within_limits(angles), angles, err_msg=name)


def test_what_is_not_seen_becomes_less_certain_with_time():
    motions = HandMotionModel(1.0)
    motion = motions.start(np.tile(RELAXED, (2, 1)), np.stack([np.eye(ANGLE_COUNT) * 0.01] * 2))
    later = motions.predict(motion, np.array([0.1, 0.3]))
    spread = np.trace(later.P_angles, axis1=1, axis2=2)
    assert 0.2 < spread[0] < spread[1]
    np.testing.assert_array_equal(later.angles, motion.angles)
