"""The angles of Live Link Face: geometry, round trips, an independent decomposition, and real takes."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from protocols.livelink import VALUES, decode
from protocols.livelink_face import (
    Angles,
    eye_angles,
    gaze_of,
    head_angles,
    head_rotation,
    read_face,
    write_face,
)
from tests.protocols.test_livelink import recorded
from tests.shared_data import shared_data

OUT, LEFT, UP = np.array([0.0, -1.0, 0.0]), np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])
ARKIT_FROM_REST = np.array([LEFT, UP, OUT])
angles = st.floats(-1.4, 1.4)


def turned(head: Angles, direction: np.ndarray) -> np.ndarray:
    return Rotation.from_quat(head_rotation(head)).apply(direction)


def test_which_way_the_head_goes() -> None:
    assert turned(Angles(0.5, 0.0, 0.0), OUT) @ LEFT > 0.4, "yaw is to the subject's left"
    assert turned(Angles(0.0, 0.5, 0.0), OUT) @ UP > 0.4, "pitch is up"
    assert turned(Angles(0.0, 0.0, 0.5), UP) @ LEFT < -0.4, "roll is to the subject's right shoulder"


def test_which_way_the_eyes_go() -> None:
    left, up = eye_angles(0.3, 0.0), eye_angles(0.0, 0.3)
    assert left == pytest.approx((-0.3, 0.0, 0.0))
    assert up == pytest.approx((0.0, -0.3, 0.0))


@given(angles, angles, angles)
def test_head_round_trip(yaw: float, pitch: float, roll: float) -> None:
    assert head_angles(np.array(head_rotation(Angles(yaw, pitch, roll)))) == pytest.approx((yaw, pitch, roll), abs=1e-7)


@given(st.lists(st.floats(-1.0, 1.0), min_size=4, max_size=4).filter(lambda q: math.hypot(*q) > 0.1))
def test_every_rotation_comes_back(q: list[float]) -> None:
    head = np.array(q) / math.hypot(*q)
    back = np.array(head_rotation(head_angles(head)))
    assert abs(back @ head) == pytest.approx(1.0, abs=1e-6)


@given(angles, angles, angles)
def test_an_independent_decomposition_of_the_head(yaw: float, pitch: float, roll: float) -> None:
    ours = Rotation.from_quat(head_rotation(Angles(yaw, pitch, roll))).as_matrix()
    in_arkit = ARKIT_FROM_REST @ ours @ ARKIT_FROM_REST.T
    np.testing.assert_allclose(in_arkit, Rotation.from_euler("XYZ", [-pitch, yaw, roll]).as_matrix(), atol=1e-9)


@given(angles, angles)
def test_gaze_round_trip(yaw: float, pitch: float) -> None:
    eye = eye_angles(yaw, pitch)
    assert gaze_of(eye.yaw, eye.pitch) == pytest.approx((yaw, pitch), abs=1e-7)


@given(angles, angles)
def test_an_eye_has_no_torsion(yaw: float, pitch: float) -> None:
    eye = eye_angles(yaw, pitch)
    R = Rotation.from_euler("XYZ", [eye.pitch, -eye.yaw, eye.roll]).as_matrix()  # ARKit's axes
    np.testing.assert_allclose(R, Rotation.from_euler("YX", [yaw, -pitch]).as_matrix(), atol=1e-9)


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=61, max_size=61))
def test_any_finite_values_are_a_face(numbers: list[float]) -> None:
    face = read_face(np.array(numbers, np.float32))
    assert ((face.shapes >= 0.0) & (face.shapes <= 1.0)).all()
    assert np.linalg.norm(face.head) == pytest.approx(1.0, abs=1e-5)
    assert np.isfinite(face.gaze).all()


def test_a_face_comes_back_as_it_was_written() -> None:
    rng = np.random.default_rng(1)
    for _ in range(100):
        shapes, gaze = rng.random(52), rng.uniform(-0.6, 0.6, (2, 2))
        head = Rotation.from_rotvec(rng.uniform(-0.7, 0.7, 3)).as_quat()
        face = read_face(write_face(shapes, head, gaze))
        np.testing.assert_allclose(face.shapes, shapes, atol=1e-7)
        np.testing.assert_allclose(face.gaze, gaze, atol=1e-6)
        assert abs(face.head @ head) == pytest.approx(1.0, abs=1e-6)


# -- real takes -------------------------------------------------------------------------------------------------------


def take(path: Path) -> np.ndarray:
    """(frames, 61) of the app's CSV file, by the names of its columns, not by their order."""
    with path.open(newline="") as file:
        return np.array([[float(row[name]) for name in VALUES] for row in csv.DictReader(file) if row["HeadYaw"]])


def column(values: np.ndarray, name: str) -> np.ndarray:
    return values[:, VALUES.index(name)]


@pytest.mark.parametrize("name", ["S88-001.csv", "alex_rom_3.csv"])
def test_the_eyes_of_a_real_take(name: str) -> None:
    values = take(shared_data("livelinkface") / name)
    for index, (side, inwards) in enumerate((("Left", -1.0), ("Right", 1.0))):
        yaw, pitch, roll = (column(values, f"{side}Eye{angle}") for angle in ("Yaw", "Pitch", "Roll"))
        gaze = np.array([read_face(row).gaze[index] for row in values])
        looks = {look: column(values, f"EyeLook{look}{side}") for look in ("In", "Out", "Up", "Down")}
        assert np.corrcoef(gaze[:, 0], inwards * (looks["In"] - looks["Out"]))[0, 1] > 0.98
        assert np.corrcoef(gaze[:, 1], looks["Up"] - looks["Down"])[0, 1] > 0.9
        again = np.array([eye_angles(*direction) for direction in gaze.tolist()])
        np.testing.assert_allclose(again, np.stack([yaw, pitch, roll], 1), atol=2e-5)  # the roll, too


def test_the_head_of_a_real_recording_turns_against_the_eyes() -> None:
    """Eyes that hold a place turn as fast as the head, the other way; so the signs of both belong together."""
    packets = [decode(datagram) for datagram in recorded(shared_data("livelink_udp") / "dao.gesichter")]
    values = np.array([packet.values for packet in packets])
    open_eyes = (column(values, "EyeBlinkLeft") + column(values, "EyeBlinkRight")) / 2 < 0.35
    faces = [read_face(row) for row in values]
    gaze = np.array([face.gaze[:, 0].mean() for face in faces])
    head = np.array([head_angles(face.head).yaw for face in faces])
    slope, _ = np.polyfit(np.gradient(head)[open_eyes], np.gradient(gaze)[open_eyes], 1)
    assert -1.2 < slope < -0.7
