from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from protocols.errors import EncodeError
from protocols.histogram import Histogram
from protocols.mqtt_topics import Topics, level
from protocols.names import ARKIT_SHAPES, RIG_BONES
from tests.stage.outputs.faces import any_face, face, face_performance
from tests.stage.outputs.performers import random_pose

TOPICS = Topics("stage/demo/")
POSED = random_pose(1, actor="anna", number=7)


def test_tree() -> None:
    performance = POSED.performance
    window = Histogram()
    window.record(4_000_000)
    publications = [
        TOPICS.state("ready", "abc", 5),
        TOPICS.rig(),
        TOPICS.actor("anna", "tracking", 5),
        TOPICS.pose(performance, 6),
        TOPICS.latency("solve", window),
    ]
    assert [(p.topic, p.qos, p.retain) for p in publications] == [
        ("stage/demo/$state", 1, True),
        ("stage/demo/rig", 1, True),
        ("stage/demo/actor/anna/state", 1, True),
        ("stage/demo/actor/anna/pose", 0, False),
        ("stage/demo/latency/solve", 0, False),
    ]
    assert json.loads(publications[0].payload()) == {"state": "ready", "session": "abc", "at_ns": 5}
    assert json.loads(publications[1].payload())["bones"] == list(RIG_BONES)
    assert json.loads(publications[2].payload()) == {"state": "tracking", "at_ns": 5}
    latency = json.loads(publications[4].payload())
    assert latency["count"] == 1 and latency["p50_ms"] == pytest.approx(4.0, rel=0.06)


def test_pose_is_the_performance_in_tenths_of_millimetres_or_better() -> None:
    pose = json.loads(TOPICS.pose(POSED.performance, 99).payload())
    assert (pose["number"], pose["sent_ns"], pose["state"]) == (7, 99, "tracking")
    np.testing.assert_allclose(pose["joints"], POSED.joints, atol=2e-5)
    np.testing.assert_allclose(pose["root"][:3], POSED.joints[0], atol=2e-5)
    rotations = np.frombuffer(POSED.performance.rotations, "<f4").reshape(-1, 4)
    np.testing.assert_allclose(pose["rotations"], rotations, atol=2e-5)
    assert len(pose["confidence"]) == len(RIG_BONES)


def test_what_json_cannot_carry_is_refused() -> None:
    joints = np.full((53, 3), np.nan, "<f4").tobytes()
    with pytest.raises(EncodeError, match="joints"):
        TOPICS.pose(replace(POSED.performance, joints=joints), 0)


@settings(deadline=None)
@given(st.text())
def test_any_name_is_one_level(name: str) -> None:
    assert level(name)
    assert not set(level(name)) & set("+#/\0")


def test_a_face_is_its_shapes_by_name() -> None:
    publication = TOPICS.face(face_performance(any_face(), 9, capture_ns=5), 6)
    assert (publication.topic, publication.qos, publication.retain) == ("stage/demo/actor/anna/face", 0, False)
    report = json.loads(publication.payload())
    assert {key: report[key] for key in ("number", "capture_ns", "sent_ns", "state")} == {
        "number": 9, "capture_ns": 5, "sent_ns": 6, "state": "tracking",
    }  # fmt: skip
    assert tuple(report["shapes"]) == tuple(report["confidence"]) == ARKIT_SHAPES
    np.testing.assert_allclose(list(report["shapes"].values()), np.frombuffer(any_face().shapes, "<f4"), atol=1e-5)
    assert report["confidence"]["TongueOut"] == 1.0
    assert report["head"] == [0.0, 0.0, 0.0, 1.0]
    assert report["gaze"] == {"left": [0.2, -0.1], "right": [0.1, -0.1]}
    assert TOPICS.face_state("anna", "holding", 5).topic == "stage/demo/actor/anna/face_state"


def test_a_face_that_is_none_or_not_finite_is_refused() -> None:
    with pytest.raises(EncodeError, match="has no face"):
        TOPICS.face(POSED.performance, 1)
    with pytest.raises(EncodeError, match="shapes is not finite"):
        TOPICS.face(face_performance(face(JawOpen=float("nan"))), 1)
