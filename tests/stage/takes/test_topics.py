from __future__ import annotations

from stage.config import CameraSection, Config, ControlSection, LiveLinkInputSection, TimecodeSection
from stage.takes.topics import recorded_topics
from tests.sections import output_section

CAMERA = CameraSection(id="left", source="device:0")


def test_everything_of_a_stage_is_recorded_and_nothing_of_what_it_does_not_have() -> None:
    topics = recorded_topics(Config(cameras=(CAMERA,)))
    assert topics["solve"] == ("performance.", "face.", "step.", "keyframe.", "event.", "reply.")
    assert topics["landmarks"] == ("landmarks.", "event.")
    assert topics["capture.left"] == ("frame.", "event.")
    assert topics["console"] == ("event.",)
    assert not {"mqtt", "receive", "control", "landmarks.faces"} & set(topics)
    full = Config(
        cameras=(CAMERA, CameraSection(id="close", source="device:1", face_of="anna")),
        outputs=(output_section("mqtt", id="m", commands=True),),
        inputs=(LiveLinkInputSection(id="phone"),),
        control=ControlSection(enabled=True),
        timecode=TimecodeSection(source="network"),
    )
    topics = recorded_topics(full)
    assert topics["receive"] == ("external.", "timecode", "event.")
    assert set(topics["mqtt"]) == {"output.", "event.", "reply."}
    assert "event." in topics["control"] and "landmarks." in topics["landmarks.faces"]


def test_meshes_predictions_and_signs_of_life_are_left_out() -> None:
    prefixes = {prefix for wanted in recorded_topics(Config(cameras=(CAMERA,))).values() for prefix in wanted}
    assert not any("mesh.anna".startswith(prefix) or "heartbeat.x".startswith(prefix) for prefix in prefixes)
    assert not any("prediction.anna".startswith(prefix) or "solved".startswith(prefix) for prefix in prefixes)
