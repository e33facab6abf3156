from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from protocols import mqtt_payloads as payloads
from protocols.mqtt_schemas import SCHEMAS
from protocols.mqtt_topics import Publication, Topics
from stage.probing.mqtt_inspector import MqttInspector
from tests.stage.outputs.faces import any_face, face_performance
from tests.stage.outputs.performers import random_pose

NOW_NS = 1_700_000_000_000_000_000
MS = 1_000_000
TOPICS = Topics("stage/demo")
STATE = payloads.StateReport("ready", "abc", NOW_NS)
STAGE = payloads.StageReport("demo", "stage 1", 30.0, "abc", 1, ["anna"], ["left"], ["engine"], True)
CAMERA = payloads.CameraReport("running", 30.0, 4.0, 90, 0, NOW_NS)


class Heard:
    """An inspector and what it is told."""

    def __init__(self, *publications: Publication) -> None:
        self.inspector = MqttInspector("")
        for publication in (TOPICS.state(STATE), TOPICS.stage(STAGE), *publications):
            self.take(publication)

    def take(self, publication: Publication, *, retained: bool = False, at_ns: int = NOW_NS) -> None:
        self.inspector.take(publication.topic, publication.payload(), retained, at_ns)

    def faults(self, later_s: float = 0.0) -> str:
        report = self.inspector.report(NOW_NS + round(later_s * 1e9))
        return "\n".join(f"{finding.fault} | {finding.example}" for finding in report.findings)

    def facts(self) -> dict[str, str]:
        return self.inspector.report(NOW_NS).facts


def test_a_good_stage() -> None:
    heard = Heard(
        TOPICS.rig(),
        TOPICS.actor("anna", payloads.ActorReport("tracking", 1)),
        TOPICS.camera("left", CAMERA),
        TOPICS.output("engine", payloads.OutputReport("vmc", True, "", 0.0, "udp", 30.0, 1, 0, "", NOW_NS)),
        TOPICS.recorder(payloads.RecorderReport(True, "scene", 1, 1, "scene_001", 0, 0, -1, "", NOW_NS)),
        TOPICS.timecode(payloads.TimecodeReport("01:00:00:00", "25", NOW_NS)),
        TOPICS.latency("solve", payloads.LatencyReport(4.0, 9.0, 3, 30.0, False)),
        TOPICS.alarms(payloads.AlarmsReport([], 5)),
    )
    for number in range(30):
        capture_ns = NOW_NS + number * 33 * MS
        posed = random_pose(1, actor="anna", number=number, capture_ns=capture_ns)
        heard.take(TOPICS.pose(posed.performance, capture_ns + 30 * MS), at_ns=capture_ns + 40 * MS)
        face = face_performance(any_face(), number, capture_ns=capture_ns)
        heard.take(TOPICS.face(face, capture_ns + 30 * MS), at_ns=capture_ns + 40 * MS)
    assert heard.faults() == ""
    report = heard.inspector.report(NOW_NS)
    assert report.timing.rate_hz == pytest.approx(1e3 / 33, rel=0.01)
    assert report.timing.latency is not None and report.timing.latency.p50_ms == pytest.approx(40.0, rel=0.06)
    assert report.sources == ["stage/demo"]
    facts = report.facts
    assert facts["$state"] == "ready, session abc"
    assert facts["actor anna"].startswith("tracking; poses 30 at 30.30 Hz, latency p50 ")
    assert "faces 30" in facts["actor anna"]
    assert facts["cameras"] == "left running 30 Hz"
    assert facts["outputs"] == "engine on 30 Hz"
    assert facts["recorder"] == "recording scene_001 scene take 1"
    assert facts["timecode"] == "01:00:00:00 at 25"
    assert facts["leg solve"] == "p50 4.0 ms, p99 9.0 of 30 ms"


def test_no_state_lost_disconnected_and_a_stage_that_only_seems_ready() -> None:
    nobody = MqttInspector("stage/demo")
    publication = TOPICS.camera("left", CAMERA)
    nobody.take(publication.topic, publication.payload(), True, NOW_NS)
    assert "no $state" in nobody.report(NOW_NS).findings[0].fault
    assert "is lost" in Heard(TOPICS.state(payloads.StateReport("lost", "abc", 1))).faults()
    assert "has ended" in Heard(TOPICS.state(payloads.StateReport("disconnected", "abc", 1))).faults()
    assert Heard().faults(4.0) == ""
    assert "nothing new comes" in Heard().faults(6.0)


def test_sessions_that_do_not_belong_together() -> None:
    other = TOPICS.state(payloads.StateReport("ready", "xyz", 1))
    faults = Heard(other).faults()
    assert "another session says ready" in faults
    assert "two sessions" in faults


def test_what_must_not_be_retained() -> None:
    heard = Heard()
    heard.take(TOPICS.pose(random_pose(1, actor="anna").performance, 1), retained=True)
    heard.inspector.take("stage/demo/command/record/start", b"", True, NOW_NS)
    heard.inspector.take("stage/demo/command/record/stop", b"", False, NOW_NS)
    faults = heard.faults()
    assert "old message first" in faults and "actor/anna/pose" in faults
    assert "command retained on the broker" in faults and "record/start" in faults
    assert "record/stop" not in faults and heard.facts()["commands"] == "1 x command/record/stop"


def test_payloads_that_do_not_fit_and_topics_of_others() -> None:
    heard = Heard()
    heard.inspector.take("stage/demo/camera/left", b'{"state": 1}', False, NOW_NS)
    heard.inspector.take("stage/demo/latency/solve", b"nonsense", False, NOW_NS)
    heard.inspector.take("stage/demo/weather", b"{}", False, NOW_NS)
    heard.inspector.take("stage/other/$state", b"{}", True, NOW_NS)
    faults = heard.faults()
    assert "schemas/camera.json | camera/left: " in faults
    assert "schemas/latency.json" in faults
    assert "no stage publishes: does something else use this prefix? | weather" in faults
    assert "other stages speak here too; --prefix chooses one | stage/other" in faults


def test_left_overs_of_an_earlier_configuration_until_they_are_deleted() -> None:
    heard = Heard(TOPICS.camera("right", CAMERA), TOPICS.actor("eve", payloads.ActorReport("tracking", 1)))
    assert "no such camera, output or actor" in heard.faults()
    assert "camera/right" in heard.faults() and "actor/eve/state" in heard.faults()
    for topic in ("camera/right", "actor/eve/state"):
        heard.inspector.take(f"stage/demo/{topic}", b"", False, NOW_NS)
    assert heard.faults() == ""


def test_clocks_that_differ() -> None:
    heard = Heard()
    heard.take(TOPICS.camera("left", replace(CAMERA, at_ns=NOW_NS - 3_600_000 * MS)), retained=True)
    assert heard.faults() == ""  # merely old
    heard.take(TOPICS.camera("left", replace(CAMERA, at_ns=NOW_NS + 5_000 * MS)))
    assert "clocks of stage and probe differ" in heard.faults() and "-5.0 s" in heard.faults()


def test_what_the_stage_itself_complains_of() -> None:
    heard = Heard(
        TOPICS.alarm(payloads.AlarmReport("solve", "error", "no calibration", 1)),
        TOPICS.alarms(payloads.AlarmsReport([payloads.Alarm("output/engine", "no route", 1)], 1)),
        TOPICS.reply(payloads.ReplyReport("a", "record/stop", False, "nothing is recorded")),
    )
    faults = heard.faults()
    assert "alarm of solve: no calibration" in faults
    assert "the stage says: output/engine: no route" in faults
    assert "command that was refused | record/stop: nothing is recorded" in faults


_PATHS = [
    "$state",
    "stage",
    "rig",
    "actor/a/pose",
    "actor/a/state",
    "camera/a",
    "alarms",
    "reply",
    "command/x",
    "x",
    "",
]


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(_PATHS) | st.text(max_size=20), st.binary(max_size=60), st.booleans())))
def test_nothing_that_is_heard_is_too_much(messages: list[tuple[str, bytes, bool]]) -> None:
    inspector = MqttInspector("stage/demo")
    for path, payload, retained in messages:
        inspector.take(f"stage/demo/{path}", payload, retained, NOW_NS)
    msgspec.json.encode(inspector.report(NOW_NS))


def test_memory_is_bounded() -> None:
    inspector = MqttInspector("stage/demo")
    state = TOPICS.actor("x", payloads.ActorReport("tracking", 1)).payload()
    for number in range(10_000):
        inspector.take(f"stage/demo/actor/{number}/state", state, False, NOW_NS)
        inspector.take(f"stage/demo/command/{number}", b"", False, NOW_NS)
    assert len(msgspec.json.encode(inspector.report(NOW_NS))) < 200_000
    assert len(SCHEMAS) > 0
