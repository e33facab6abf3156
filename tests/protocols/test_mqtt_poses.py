from __future__ import annotations

import json

import numpy as np
import pytest
from msgspec.structs import replace

from protocols.errors import EncodeError
from protocols.mqtt_poses import check_face, check_pose, encode_face, encode_pose
from protocols.names import ARKIT_SHAPES, RIG_BONES
from tests.stage.outputs.faces import any_face, face, face_performance
from tests.stage.outputs.performers import random_pose

POSED = random_pose(1, actor="anna", number=7)


def test_pose_is_the_performance_in_tenths_of_millimetres_or_better() -> None:
    check_pose(POSED.performance)
    pose = json.loads(encode_pose(POSED.performance, 99))
    assert (pose["number"], pose["sent_ns"], pose["state"]) == (7, 99, "tracking")
    np.testing.assert_allclose(pose["joints"], POSED.joints, atol=2e-5)
    np.testing.assert_allclose(pose["root"][:3], POSED.joints[0], atol=2e-5)
    rotations = np.frombuffer(POSED.performance.rotations, "<f4").reshape(-1, 4)
    np.testing.assert_allclose(pose["rotations"], rotations, atol=2e-5)
    assert len(pose["confidence"]) == len(RIG_BONES)


def test_a_face_is_its_shapes_by_name() -> None:
    source = face_performance(any_face(), 9, capture_ns=5)
    report = json.loads(encode_face(source, check_face(source), 6))
    assert {key: report[key] for key in ("number", "capture_ns", "sent_ns", "state")} == {
        "number": 9, "capture_ns": 5, "sent_ns": 6, "state": "tracking",
    }  # fmt: skip
    assert tuple(report["shapes"]) == tuple(report["confidence"]) == ARKIT_SHAPES
    np.testing.assert_allclose(list(report["shapes"].values()), np.frombuffer(any_face().shapes, "<f4"), atol=1e-5)
    assert report["confidence"]["TongueOut"] == 1.0
    assert report["head"] == [0.0, 0.0, 0.0, 1.0]
    assert report["gaze"] == {"left": [0.2, -0.1], "right": [0.1, -0.1]}


def test_what_json_cannot_carry_is_refused() -> None:
    joints = np.full((53, 3), np.nan, "<f4").tobytes()
    with pytest.raises(EncodeError, match="joints is not finite"):
        check_pose(replace(POSED.performance, joints=joints))
    with pytest.raises(EncodeError, match="shapes is not finite"):
        check_face(face_performance(face(JawOpen=float("nan"))))
    with pytest.raises(EncodeError, match="has no face"):
        check_face(POSED.performance)
    with pytest.raises(EncodeError, match='"dancing" is no state'):
        check_pose(replace(POSED.performance, state="dancing"))
