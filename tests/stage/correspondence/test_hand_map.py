"""The meaning of hand landmarks, and what of the network's depth counts."""

from __future__ import annotations

import numpy as np
import pytest

from protocols.names import HAND_LANDMARKS
from stage.bodies.hands import MIRROR
from stage.correspondence.hand_map import PALM, load_hand_map, relief_filter
from stage.correspondence.hand_samples import HandSample
from stage.correspondence.learn_hands import learn
from stage.correspondence.rough_hand import hand_vertices, landmark_places, rough_hand
from stage.errors import NetworkError
from tests.body_model import body_model


def test_the_palm_is_rigid_with_the_hand():
    names = [HAND_LANDMARKS[i] for i in PALM]
    assert names == ["wrist", "thumb_cmc", "index_mcp", "middle_mcp", "ring_mcp", "pinky_mcp"]


def test_the_learned_points_lie_in_the_fingers_they_name():
    body, meaning = body_model(), load_hand_map("mediapipe-hand")
    count = len(body.mean_vertices)
    left, right = (meaning.combination(side, count) @ body.mean_vertices for side in ("left", "right"))
    np.testing.assert_allclose(left * MIRROR, right, atol=1e-4)
    places = landmark_places(body, hand_vertices(body)["left"])
    assert np.linalg.norm(left - places, axis=1).max() < 0.035
    np.testing.assert_allclose(meaning.weights.sum(1), 1.0, atol=1e-5)


def test_an_unknown_network_has_no_meaning():
    with pytest.raises(NetworkError, match="learn_hands"):
        load_hand_map("nobody-hand")


def test_relief_forgets_planes_and_keeps_what_stands_out():
    random = np.random.default_rng(1)
    image = random.normal(0.0, 0.1, (2, 21, 2))
    plane = 0.3 + 2.0 * image[..., 0] - 0.7 * image[..., 1]
    filtered = relief_filter(image, np.ones((2, 21)))
    assert np.abs(filtered @ plane[..., None]).max() < 1e-4
    bump = np.zeros((2, 21, 1))
    bump[:, 5] = 0.02
    assert np.all((filtered @ bump)[:, 5] > 0.01)


def test_learning_finds_the_points_that_were_looked_at():
    body = body_model()
    sided = hand_vertices(body)
    left = sided["left"]
    random = np.random.default_rng(3)
    true = rough_hand(body, left)
    rows = []
    for number in range(60):
        vertices = body.mean_vertices[left] + random.normal(0.0, 0.003, (len(left), 3))
        points = true @ vertices
        z = random.normal(size=3)
        z /= np.linalg.norm(z)
        x = np.cross([0.0, 0.0, 1.0], z)
        x /= np.linalg.norm(x)
        R = np.stack([x, np.cross(z, x), z])
        center = points.mean(0) - 0.6 * z
        rays = points - center
        depth = (points - points[0]) @ z
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        rows.append(
            HandSample(
                vertices, center, rays, depth, points, R, np.eye(3), np.array(1e-5 * (number + 1)), np.array(0.9)
            )
        )
    learned = learn(HandSample(*(np.stack(column) for column in zip(*rows, strict=True))), body, sided)
    found = learned.combination("left", len(body.mean_vertices)) @ body.mean_vertices
    assert np.linalg.norm(found - true @ body.mean_vertices[left], axis=1).max() < 0.004
    assert float(learned.depth_scale) == pytest.approx(1.0, abs=0.05)
