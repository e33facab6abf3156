from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage.errors import NetworkError
from stage.networks.engine import OpenVinoEngine
from stage.networks.hands import NORMALISATION, HandNetwork, HandReading, hand_angle, hand_region
from stage.networks.landmarks import Crop
from stage.networks.load import load_hand_network
from stage.networks.regions import Region
from tests.stage.networks.conftest import network_file
from tests.stage.networks.scripted_close import HandSeen, hand_points

INDEX_TIP = 8
RIGHT_HAND = Region(284.0, 178.0, 120.0, 120.0, 0.6)
"""About the signer's raised right hand, by eye."""


@pytest.fixture(scope="module")
def network() -> HandNetwork:
    network_file("mediapipe-hand")
    return load_hand_network("f32", batch=2)


@pytest.fixture(scope="module")
def region(network: HandNetwork, signing_image: np.ndarray) -> Region:
    return hand_region(network.read([Crop(signing_image, RIGHT_HAND)])[0].points)


@pytest.fixture(scope="module")
def hand(network: HandNetwork, signing_image: np.ndarray, region: Region) -> HandReading:
    return network.read([Crop(signing_image, region)])[0]


@given(st.floats(-3.0, 3.0), st.floats(5.0, 100.0), st.sampled_from(["left", "right"]))
def test_the_region_turns_and_grows_with_the_hand(angle: float, palm: float, side: str) -> None:
    points = hand_points(HandSeen(300.0, 200.0, side, palm=palm))
    region = hand_region(points)
    assert hand_angle(points) == pytest.approx(0.0, abs=1e-6)
    assert region.y < 200.0 and region.width == region.height
    c, s = np.cos(angle), np.sin(angle)
    turned = (points - (300.0, 200.0)) @ np.array([[c, s], [-s, c]])
    other = hand_region(2.0 * turned)
    assert other.width == pytest.approx(2.0 * region.width)
    assert (other.angle - angle + np.pi) % (2.0 * np.pi) - np.pi == pytest.approx(0.0, abs=1e-6)
    centre = np.array([[region.x - 300.0, region.y - 200.0]]) @ np.array([[c, s], [-s, c]])
    np.testing.assert_allclose([[other.x, other.y]], 2.0 * centre, atol=1e-6)


def test_the_right_hand_is_read_where_it_is(hand: HandReading) -> None:
    assert hand.score > 0.9 and hand.side_score > 0.9
    assert (hand.points[:, 3] == np.float32(hand.score)).all()
    assert hand.points[0, 2] == 0.0
    # Read off the image by eye.
    for point, at in {0: (266, 205), INDEX_TIP: (305, 142)}.items():
        assert np.hypot(*(hand.points[point, :2] - at)) < 20.0


def test_metres_are_turned_into_the_axes_of_the_camera(hand: HandReading) -> None:
    assert hand.world is not None
    assert 0.1 < np.linalg.norm(hand.world[INDEX_TIP] - hand.world[0]) < 0.25
    way, metres = hand.points[INDEX_TIP, :2] - hand.points[0, :2], (hand.world[INDEX_TIP] - hand.world[0])[:2]
    assert way @ metres / np.hypot(*way) / np.hypot(*metres) > 0.97


def test_the_mirrored_hand_is_a_left_one(
    network: HandNetwork, signing_image: np.ndarray, region: Region, hand: HandReading
) -> None:
    mirror = np.ascontiguousarray(signing_image[:, ::-1])
    last = signing_image.shape[1] - 1
    mirrored = network.read([Crop(mirror, region._replace(x=last - region.x, angle=-region.angle))])[0]
    assert mirrored.side_score < 0.1
    back = mirrored.points[:, :2] * (-1.0, 1.0) + (last, 0.0)
    assert np.abs(back - hand.points[:, :2]).mean() < 0.04 * region.width


def test_a_turned_picture_gives_turned_points(
    network: HandNetwork, signing_image: np.ndarray, region: Region, hand: HandReading
) -> None:
    height = signing_image.shape[0]
    turned_image = np.ascontiguousarray(np.rot90(signing_image, -1))
    shown = Region(height - 1 - region.y, region.x, region.width, region.height, region.angle + np.pi / 2)
    turned = network.read([Crop(turned_image, shown)])[0]
    expected = np.stack([height - 1 - hand.points[:, 1], hand.points[:, 0]], axis=-1)
    np.testing.assert_allclose(turned.points[:, :2], expected, atol=0.02 * region.width)
    assert hand.world is not None and turned.world is not None
    world = np.stack([-hand.world[:, 1], hand.world[:, 0], hand.world[:, 2]], axis=1)
    np.testing.assert_allclose(turned.world, world, atol=0.005)


def test_points_outside_of_the_picture_are_not_trusted(
    network: HandNetwork, signing_image: np.ndarray, region: Region, hand: HandReading
) -> None:
    cut = round(float(np.median(hand.points[:, 1])))
    half = np.ascontiguousarray(signing_image[:cut])
    reading = network.read([Crop(half, region)])[0]
    np.testing.assert_array_equal(reading.points[:, 3] > 0.0, reading.points[:, 1] < cut - 0.5)


def test_no_hand_scores_low_and_crops_keep_their_order(
    network: HandNetwork, signing_image: np.ndarray, region: Region
) -> None:
    wall, hand = Crop(signing_image, Region(420.0, 80.0, 100.0, 100.0, 0.0)), Crop(signing_image, region)
    assert [reading.score > 0.5 for reading in network.read([wall, hand, wall, hand, hand])] == [0, 1, 0, 1, 1]
    assert network.read([]) == []


def test_another_network_is_refused(pose_file: Path) -> None:
    with pytest.raises(NetworkError, match="expected MediaPipe's hand landmarks"):
        HandNetwork(OpenVinoEngine(pose_file, (0, 1), NORMALISATION))
