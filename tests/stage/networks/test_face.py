from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage.errors import NetworkError
from stage.networks.engine import OpenVinoEngine
from stage.networks.face import (
    EYE_CORNERS,
    FACE_EXPANSION,
    NORMALISATION,
    OUTPUTS,
    FaceNetwork,
    FaceReading,
    eye_regions,
    face_region,
)
from stage.networks.face_detector import FaceDetector
from stage.networks.landmarks import Crop
from stage.networks.load import load_face_detector, load_face_network
from stage.networks.regions import Region
from tests.stage.networks.conftest import network_file
from tests.stage.networks.scripted_close import FaceSeen, face_points

UPPER_LIP, LOWER_LIP, NOSE_TIP, CHIN = 0, 17, 1, 152


@pytest.fixture(scope="module")
def network() -> FaceNetwork:
    network_file("mediapipe-face")
    return load_face_network("f32", batch=2)


@pytest.fixture(scope="module")
def region(network: FaceNetwork, signer_image: np.ndarray) -> Region:
    region = Region(305.0, 130.0, 120.0, 120.0, 0.0)
    for _ in range(2):
        region = face_region(network.read([Crop(signer_image, region)], eyes=False)[0].points)
    return region


@pytest.fixture(scope="module")
def face(network: FaceNetwork, signer_image: np.ndarray, region: Region) -> FaceReading:
    return network.read([Crop(signer_image, region)])[0]


@given(
    st.floats(20.0, 600.0), st.floats(20.0, 400.0), st.floats(10.0, 200.0), st.floats(-3.0, 3.0), st.floats(-3.0, 3.0)
)
def test_the_region_turns_moves_and_grows_with_the_face(
    x: float, y: float, size: float, angle: float, turn: float
) -> None:
    region = face_region(face_points(FaceSeen(x, y, size, angle=angle)))
    other = face_region(face_points(FaceSeen(x, y, 2.0 * size, angle=angle + turn)))
    assert region.width == region.height == pytest.approx(FACE_EXPANSION * size, rel=0.01)
    assert other.width == pytest.approx(2.0 * region.width, rel=1e-3)
    assert np.hypot(other.x - region.x, other.y - region.y) < 0.05 * size
    difference = (other.angle - region.angle - turn + np.pi) % (2.0 * np.pi) - np.pi
    assert difference == pytest.approx(0.0, abs=1e-3)


def test_the_regions_of_the_eyes_are_about_their_corners() -> None:
    points = face_points(FaceSeen(300.0, 200.0, 100.0))
    left, right = eye_regions(points)
    assert left.x > right.x and left.width == pytest.approx(right.width)
    assert left.x == pytest.approx(points[list(EYE_CORNERS[0]), 0].mean())


def test_the_signers_face_is_read_where_it_is(face: FaceReading, region: Region) -> None:
    assert face.score > 0.99
    # Read off the image by eye.
    for point, at in {NOSE_TIP: (294, 134), CHIN: (297, 167), UPPER_LIP: (296, 146)}.items():
        assert np.hypot(*(face.points[point, :2] - at)) < 5.0
    assert face.points[NOSE_TIP, 2] < face.points[CHIN, 2]  # nearer
    inside = region.to_unit(face.points[:, :2])
    assert np.ptp(inside, axis=0).max() == pytest.approx(1.0 / FACE_EXPANSION, abs=0.03)


def test_eyes_are_in_their_corners_with_irises_between(face: FaceReading) -> None:
    assert face.eyes is not None
    for eye, corners in zip(face.eyes, EYE_CORNERS, strict=True):
        (outer, inner) = face.points[list(corners), :2]
        width = np.hypot(*(outer - inner))
        assert np.hypot(*(eye[0] - outer)) < 0.2 * width  # the first of the lids is the outer corner, in both eyes
        assert np.hypot(*(eye[71] - 0.5 * (outer + inner))) < 0.3 * width
    assert face.eyes[0, 71, 0] > face.eyes[1, 71, 0]  # the performer's left is on the right


def test_a_mirrored_picture_gives_the_mirrored_eyes(
    network: FaceNetwork, signer_image: np.ndarray, region: Region, face: FaceReading
) -> None:
    mirror = np.ascontiguousarray(signer_image[:, ::-1])
    last = signer_image.shape[1] - 1
    shown = region._replace(x=last - region.x, angle=-region.angle)
    mirrored = network.read([Crop(mirror, shown)])[0]
    assert mirrored.eyes is not None and face.eyes is not None
    back = mirrored.eyes[::-1] * (-1.0, 1.0) + (last, 0.0)
    assert np.abs(back - face.eyes).mean() < 0.5


def test_a_turned_picture_gives_turned_points(
    network: FaceNetwork, signer_image: np.ndarray, region: Region, face: FaceReading
) -> None:
    height = signer_image.shape[0]
    turned_image = np.ascontiguousarray(np.rot90(signer_image, -1))  # clockwise: (x, y) -> (h - 1 - y, x)
    shown = Region(height - 1 - region.y, region.x, region.width, region.height, region.angle + np.pi / 2)
    turned = network.read([Crop(turned_image, shown)])[0]
    assert turned.eyes is not None and face.eyes is not None
    for ours, theirs in ((face.points[:, :2], turned.points[:, :2]), (face.eyes, turned.eyes)):
        expected = np.stack([height - 1 - ours[..., 1], ours[..., 0]], axis=-1)
        np.testing.assert_allclose(theirs, expected, atol=0.7)
    np.testing.assert_allclose(turned.points[:, 2], face.points[:, 2], atol=1.0)


def test_grey_pictures_are_read_alike(
    network: FaceNetwork, signer_image: np.ndarray, region: Region, face: FaceReading
) -> None:
    grey = np.ascontiguousarray(signer_image.mean(axis=2).astype(np.uint8))
    reading = network.read([Crop(grey, region)])[0]
    assert reading.score > 0.9
    assert np.abs(reading.points[:, :2] - face.points[:, :2]).mean() < 1.5


def test_no_face_scores_low_and_has_no_eyes(network: FaceNetwork, signer_image: np.ndarray) -> None:
    wall = Region(420.0, 120.0, 100.0, 100.0, 0.0)
    outside = Region(-40.0, -40.0, 100.0, 100.0, 0.0)
    for reading in network.read([Crop(signer_image, wall), Crop(signer_image, outside)]):
        assert reading.score < 0.5 and reading.eyes is None
    assert network.read([]) == []


def test_crops_keep_their_order(network: FaceNetwork, signer_image: np.ndarray, region: Region) -> None:
    wall = Crop(signer_image, Region(420.0, 120.0, 100.0, 100.0, 0.0))
    person = Crop(signer_image, region)
    readings = network.read([wall, person, person, wall, person])
    assert [reading.eyes is not None for reading in readings] == [False, True, True, False, True]
    assert all(reading.eyes is None for reading in network.read([person], eyes=False))


def test_other_networks_are_refused(pose_file: Path) -> None:
    wrong = OpenVinoEngine(pose_file, OUTPUTS, NORMALISATION)
    with pytest.raises(NetworkError, match="expected MediaPipe's face landmarks"):
        FaceNetwork(wrong)
    with pytest.raises(NetworkError, match="expected MediaPipe's face detector"):
        FaceDetector(wrong)


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    network_file("mediapipe-face-detector")
    return load_face_detector()


def test_the_detector_finds_the_face(detector: FaceDetector, signer_image: np.ndarray, region: Region) -> None:
    close = np.ascontiguousarray(signer_image[40:260, 190:410])
    (found,) = detector.detect(close, 4)
    assert np.hypot(found.region.x - region.x + 190, found.region.y - region.y + 40) < 0.15 * region.width
    assert found.region.width == pytest.approx(region.width, rel=0.3)
    assert len(detector.detect(np.ascontiguousarray(close[..., 0]), 4)) == 1


def test_the_detector_finds_nobody_in_empty_pictures(detector: FaceDetector) -> None:
    assert detector.detect(np.zeros((480, 640, 3), np.uint8), 4) == []
    assert detector.detect(np.full((2, 3), 128, np.uint8), 4) == []
