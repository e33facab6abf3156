from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from protocols.names import BODY_LANDMARKS
from stage.errors import NetworkError
from stage.networks.engine import OpenVinoEngine
from stage.networks.landmarks import Crop, Landmarks, body_circle
from stage.networks.pose import NORMALISATION, OUTPUTS, PoseNetwork, refined
from stage.networks.regions import Circle, Region

PERFORMER = Circle(624.0, 925.0, 0.0, -560.0)
"""About the man in the real image, by eye."""


@pytest.fixture(scope="module")
def network(pose_file: Path) -> PoseNetwork:
    return PoseNetwork(OpenVinoEngine(pose_file, OUTPUTS, NORMALISATION, batch=2, precision="f32"))


@pytest.fixture(scope="module")
def performer(network: PoseNetwork, performer_image: np.ndarray) -> Landmarks:
    first = network.landmarks([Crop(performer_image, network.region_of(PERFORMER))])[0]
    return network.landmarks([Crop(performer_image, first.next_region)])[0]


def heat_map(*peaks: tuple[float, float], level: float = -4.0) -> np.ndarray:
    """Logits (64, 64, n) with a bump of 2 cells about each peak, given in cells, above a level."""
    y, x = np.mgrid[0:64, 0:64].astype(float)
    maps = [8.0 * np.exp(-((x - px) ** 2 + (y - py) ** 2) / 8.0) + level for px, py in peaks]
    return np.stack(maps, axis=-1).astype(np.float32)


def test_a_point_moves_to_the_peak_near_it() -> None:
    peaks = [(20.3, 30.8), (40.0, 12.5)]
    unit = np.array([[19.5, 31.5], [41.5, 12.5]]) / 64
    points, heights = refined(unit, heat_map(*peaks))
    np.testing.assert_allclose(points * 64, peaks, atol=0.35)
    assert (heights > 0.9).all()


def test_a_point_without_a_peak_or_outside_of_the_map_stays() -> None:
    unit = np.array([[0.5, 0.5], [-0.2, 0.5], [0.5, 1.0]])
    heat = np.concatenate([heat_map((5.0, 5.0), level=-12.0), heat_map((0.0, 32.0)), heat_map((32.0, 63.0))], axis=2)
    points, peaks = refined(unit, heat)
    np.testing.assert_array_equal(points, unit)
    assert peaks[0] < 0.01


def test_a_point_at_the_border_uses_what_there_is() -> None:
    moved, _ = refined(np.array([[0.2, 63.9]]) / 64, heat_map((0.0, 63.0)))
    assert (moved >= 0.0).all() and (moved <= 1.0).all()


def test_the_performer_is_read_where_he_stands(performer: Landmarks) -> None:
    assert performer.score > 0.9
    points: dict[str, np.ndarray] = dict(zip(BODY_LANDMARKS, performer.points, strict=True))
    # Read off the image by eye.
    for name, at in {"left_hip": (590, 915), "right_hip": (705, 920), "left_shoulder": (582, 632)}.items():
        assert np.hypot(*(points[name][:2] - at)) < 40.0, name
    assert points["left_ankle"][1] > points["left_knee"][1] > points["left_hip"][1]
    circle = body_circle(performer.points[:, :2])
    region = performer.next_region
    assert np.hypot(region.x - circle.x, region.y - circle.y) < 0.03 * circle.radius
    assert region.width / 2.5 == pytest.approx(circle.radius, rel=0.2)


def test_world_landmarks_are_metres_in_camera_axes(performer: Landmarks) -> None:
    assert performer.world is not None
    world = dict(zip(BODY_LANDMARKS, performer.world, strict=True))
    middle = 0.5 * (world["left_hip"] + world["right_hip"])
    assert np.linalg.norm(middle) < 0.05
    shoulders = 0.5 * (world["left_shoulder"] + world["right_shoulder"])
    assert 0.35 < np.linalg.norm(shoulders) < 0.65 and shoulders[1] < -0.3
    # He is seen from behind, so his left is on the left, and the nose is farther away than the ears.
    assert world["left_shoulder"][0] < world["right_shoulder"][0]
    assert world["nose"][2] > 0.5 * (world["left_ear"] + world["right_ear"])[2]


def test_a_turned_image_gives_turned_landmarks(
    network: PoseNetwork, performer: Landmarks, performer_image: np.ndarray
) -> None:
    height = performer_image.shape[0]
    turned_image = np.ascontiguousarray(np.rot90(performer_image, -1))  # clockwise: (x, y) -> (h - 1 - y, x)
    region = performer.next_region
    first = network.landmarks([Crop(performer_image, region)])[0]
    turned_region = Region(height - 1 - region.y, region.x, region.width, region.height, region.angle + np.pi / 2)
    turned = network.landmarks([Crop(turned_image, turned_region)])[0]
    expected = np.stack([height - 1 - first.points[:, 1], first.points[:, 0]], axis=1)
    np.testing.assert_allclose(turned.points[:, :2], expected, atol=4.0)
    assert turned.world is not None and first.world is not None
    world = np.stack([-first.world[:, 1], first.world[:, 0], first.world[:, 2]], axis=1)
    np.testing.assert_allclose(turned.world, world, atol=0.03)


def test_crops_of_several_images_keep_their_order(
    network: PoseNetwork, performer: Landmarks, performer_image: np.ndarray
) -> None:
    empty = np.zeros((240, 320, 3), np.uint8)
    person = Crop(performer_image, performer.next_region)
    nobody = Crop(empty, Region(160.0, 120.0, 200.0, 200.0, 0.0))
    scores = [result.score for result in network.landmarks([nobody, person, person, nobody, person])]
    assert [score > 0.5 for score in scores] == [False, True, True, False, True]
    assert network.landmarks([]) == []


def test_another_network_is_refused(detector_file: Path) -> None:
    with pytest.raises(NetworkError, match="expected MediaPipe's pose landmarks"):
        PoseNetwork(OpenVinoEngine(detector_file, (0, 1), NORMALISATION))
