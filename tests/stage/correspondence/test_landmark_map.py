from __future__ import annotations

import numpy as np
import pytest

from protocols.messages import LANDMARK_COUNT
from protocols.names import BODY_LANDMARKS
from stage.correspondence.landmark_map import load_landmark_map
from stage.correspondence.learn import Gathered, learn
from stage.correspondence.rough import rough_meaning
from stage.errors import NetworkError
from tests.body_model import body_model


def test_the_learned_map_is_one_of_convex_combinations_with_sane_errors():
    learned = load_landmark_map("mediapipe-pose")
    np.testing.assert_allclose(learned.weights.sum(1), 1.0, atol=1e-5)
    assert learned.weights.min() >= 0.0
    assert 0.005 < learned.sigma_m.min() <= learned.sigma_m.max() < 0.1
    assert np.abs(learned.bias_m).max() < 0.05


def test_left_and_right_are_mirror_images_on_the_mean_body():
    body = body_model()
    points = load_landmark_map("mediapipe-pose").combination(len(body.mean_vertices)) @ body.mean_vertices
    for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "heel", "foot_index"):
        left, right = (points[BODY_LANDMARKS.index(f"{side}_{name}")] for side in ("left", "right"))
        assert np.linalg.norm(left * [-1, 1, 1] - right) < 0.03, name


def test_bias_and_error_are_continuous_around_the_body():
    learned = load_landmark_map("mediapipe-pose")
    azimuths = np.linspace(-np.pi, np.pi, 721)
    bias, sigma = learned.seen_from(azimuths)
    assert bias.shape == (721, LANDMARK_COUNT, 2)
    assert np.abs(np.diff(bias, axis=0)).max() < 2e-3
    assert np.abs(np.diff(sigma, axis=0)).max() < 2e-3
    np.testing.assert_allclose(bias[0], bias[-1], atol=1e-6)


def test_an_unknown_network_has_no_map():
    with pytest.raises(NetworkError, match="mediapipe-pose"):
        load_landmark_map("nobody")


def test_rough_meanings_are_combinations_on_the_right_side():
    body = body_model()
    rows = rough_meaning(body)
    np.testing.assert_allclose(rows.sum(1), 1.0, atol=1e-2)
    points = rows @ body.mean_vertices
    for name, point in zip(BODY_LANDMARKS, points, strict=True):
        side = 0.0 if "mouth" in name else 1.0 if "left" in name else -1.0 if "right" in name else 0.0
        assert side == 0.0 or np.sign(point[0]) == side, name


def test_learning_finds_the_points_that_made_the_rays():
    """Rays from known combinations of moving points, without noise: the same points come out, and no bias."""
    random = np.random.default_rng(3)
    samples, candidates = 400, 12
    base = random.normal(0.0, 0.1, (candidates, 3))
    turns = np.linalg.qr(random.normal(size=(samples, 3, 3)))[0]
    turns *= np.sign(np.linalg.det(turns))[:, None, None]
    vertices = base @ turns.swapaxes(1, 2) + random.normal(0.0, 0.2, (samples, 1, 3)) + [0.0, 0.0, 1.0]
    true = np.zeros((LANDMARK_COUNT, candidates))
    true[:, :3] = random.dirichlet([2.0, 2.0, 2.0], LANDMARK_COUNT)
    points = np.einsum("lk,nkd->nld", true, vertices)
    centers = random.normal([0.0, -4.0, 1.0], 1.0, (samples, 3))
    rays = points - centers[:, None]
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    looking = np.tile(np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]]), (samples, 1, 1))
    data = Gathered(
        vertices.astype(np.float32), centers, rays, np.ones((samples, LANDMARK_COUNT)), looking, turns, vertices.mean(1)
    )
    learned = learn(data, np.arange(candidates), [np.arange(candidates)] * LANDMARK_COUNT)
    found = np.einsum("lk,nkd->nld", learned.combination(candidates), vertices)
    assert np.linalg.norm(found - points, axis=-1).mean() < 2e-3
    assert np.abs(learned.bias_m).max() < 2e-3
