from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stage.errors import NetworkError
from stage.networks.detector import ANCHOR_GRIDS, PoseDetector, make_anchors, merged, overlap

boxes = hnp.arrays(np.float64, (6, 4), elements=st.floats(0.0, 1.0)).map(
    lambda a: np.concatenate([np.minimum(a[:, :2], a[:, 2:]), np.maximum(a[:, :2], a[:, 2:]) + 0.01], axis=1)
)


@pytest.fixture(scope="module")
def detector(detector_file: Path) -> PoseDetector:
    return PoseDetector(detector_file, precision="f32")


def test_anchors_are_the_grids_of_the_network() -> None:
    anchors = make_anchors(ANCHOR_GRIDS)
    assert anchors.shape == (2254, 2)
    np.testing.assert_allclose(anchors[0], [0.5 / 28, 0.5 / 28])
    np.testing.assert_allclose(anchors[2], [1.5 / 28, 0.5 / 28])
    np.testing.assert_allclose(anchors[28 * 28 * 2], [0.5 / 14, 0.5 / 14])
    np.testing.assert_allclose(anchors[-1], [6.5 / 7, 6.5 / 7])


@given(boxes)
def test_overlap_is_symmetric_and_whole_with_itself(boxes: np.ndarray) -> None:
    table = np.stack([overlap(box, boxes) for box in boxes])
    np.testing.assert_allclose(table, table.T, atol=1e-12)
    np.testing.assert_allclose(np.diag(table), 1.0, atol=1e-6)
    assert (table >= 0.0).all() and (table <= 1.0 + 1e-9).all()


@given(boxes, st.integers(1, 6))
def test_merged_people_are_apart_best_first_and_not_too_many(boxes: np.ndarray, most: int) -> None:
    scores = np.linspace(0.5, 0.9, 6)
    people = merged(scores, boxes, boxes, most)
    assert 1 <= len(people) <= most
    assert [score for score, _ in people] == sorted((score for score, _ in people), reverse=True)
    assert people[0][0] == 0.9


def test_nobody_is_found_in_an_empty_image(detector: PoseDetector) -> None:
    assert detector.detect(np.zeros((480, 640, 3), np.uint8), 4) == []
    assert detector.detect(np.full((2, 3, 3), 128, np.uint8), 4) == []


def test_the_performer_is_found_in_a_real_image(detector: PoseDetector, performer_image: np.ndarray) -> None:
    best = detector.detect(performer_image, 4)[0]
    # Hips on the shorts, the top of the circle above the cap.
    assert np.hypot(best.circle.x - 624, best.circle.y - 925) < 60
    assert 450 < best.circle.radius < 700
    assert best.circle.up_y < 0 and abs(best.circle.up_x) < 0.35 * best.circle.radius


def test_a_person_is_found_in_the_same_place_of_a_wider_image(
    detector: PoseDetector, performer_image: np.ndarray
) -> None:
    tall = detector.detect(performer_image, 1)[0].circle
    wide = detector.detect(np.pad(performer_image, ((0, 0), (416, 416), (0, 0))), 1)[0].circle
    np.testing.assert_allclose((wide.x - 416, wide.y, wide.radius), (tall.x, tall.y, tall.radius), atol=8.0)


def test_another_network_is_refused(pose_file: Path) -> None:
    with pytest.raises(NetworkError, match="expected MediaPipe's pose detector"):
        PoseDetector(pose_file)
