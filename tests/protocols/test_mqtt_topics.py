from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols import mqtt_payloads as payloads
from protocols.mqtt_topics import Publication, Topics, erased, level
from protocols.names import RIG_BONES
from tests.stage.outputs.faces import any_face, face_performance
from tests.stage.outputs.performers import random_pose

TOPICS = Topics("stage/demo/")
POSED = random_pose(1, actor="anna", number=7)


def tree() -> list[tuple[Publication, str, int, bool]]:
    actor = payloads.ActorReport("tracking", 5)
    reply = payloads.ReplyReport("a", "record/start", True, "recording")
    output = payloads.OutputReport("vmc", True, "", 0.0, "udp", 30.0, 1, 0, "", 5)
    recorder = payloads.RecorderReport(False, "scene", 1, 0, "", 0, 0, -1, "", 5)
    return [
        (TOPICS.state(payloads.StateReport("ready", "abc", 5)), "$state", 1, True),
        (TOPICS.rig(), "rig", 1, True),
        (TOPICS.actor("anna", actor), "actor/anna/state", 1, True),
        (TOPICS.face_state("anna", actor), "actor/anna/face_state", 1, True),
        (TOPICS.pose(POSED.performance, 6), "actor/anna/pose", 0, False),
        (TOPICS.face(face_performance(any_face(), 9), 6), "actor/anna/face", 0, False),
        (TOPICS.camera("left", payloads.CameraReport("running", 30.0, 4.0, 9, 0, 5)), "camera/left", 1, True),
        (TOPICS.output("engine", output), "output/engine", 1, True),
        (TOPICS.recorder(recorder), "recorder", 1, True),
        (TOPICS.timecode(payloads.TimecodeReport("01:00:00:00", "25", 5)), "timecode", 0, False),
        (TOPICS.latency("solve", payloads.LatencyReport(4.0, 9.0, 3, 5.0, True)), "latency/solve", 0, False),
        (TOPICS.alarm(payloads.AlarmReport("capture.left", "error", "gone", 5)), "alarm/capture.left", 1, False),
        (TOPICS.alarms(payloads.AlarmsReport([], 5)), "alarms", 1, True),
        (TOPICS.reply(reply), "reply", 1, False),
    ]


@pytest.mark.parametrize(("publication", "path", "qos", "retain"), tree())
def test_tree(publication: Publication, path: str, qos: int, retain: bool) -> None:
    assert (publication.topic, publication.qos, publication.retain) == (f"stage/demo/{path}", qos, retain)
    assert isinstance(json.loads(publication.payload()), dict)


def test_what_must_arrive_is_not_replaced() -> None:
    assert [path for publication, path, _, _ in tree() if publication.every] == ["alarm/capture.left", "reply"]


def test_payloads() -> None:
    payload: dict[str, Any] = {path: json.loads(one.payload()) for one, path, _, _ in tree()}
    assert payload["$state"] == {"state": "ready", "session": "abc", "at_ns": 5}
    assert payload["rig"]["bones"] == list(RIG_BONES)
    assert payload["latency/solve"] == {"p50_ms": 4.0, "p99_ms": 9.0, "count": 3, "budget_ms": 5.0, "over": True}
    assert payload["alarms"] == {"alarms": [], "at_ns": 5}


def test_a_reply_goes_where_it_is_wanted() -> None:
    publication = TOPICS.reply(payloads.ReplyReport("", "slate", False, "no"), "my/answers", b"\x01")
    assert (publication.topic, publication.correlation) == ("my/answers", b"\x01")


def test_erased_is_the_empty_payload() -> None:
    publication = erased(TOPICS.rig())
    assert (publication.payload(), publication.retain, publication.topic) == (b"", True, "stage/demo/rig")


@settings(deadline=None)
@given(st.text())
def test_any_name_is_one_level(name: str) -> None:
    assert level(name)
    assert not set(level(name)) & set("+#/\0")
