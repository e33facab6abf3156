"""The stage that plays a take: its own outputs as far as they can be used, or those of another stage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from protocols.codec import encode
from protocols.messages import Event
from protocols.takefile import TakeReader, TakeWriter, captured_ns
from protocols.timecode import FrameRate
from stage.config import (
    ActorSection,
    CameraSection,
    Config,
    ConsoleSection,
    ControlSection,
    LiveLinkSection,
    MqttSection,
    RecordSection,
    ReplaySection,
    StageSection,
    TimecodeSection,
    VmcSection,
)
from stage.errors import ReplayError
from stage.replay.frames import frames_stage
from stage.replay.run import Wishes, prepared
from stage.replay.stage_config import ReplayStage, replay_stage
from stage.supervision.plan import plan_stage
from stage.takes.recorded_timecode import recorded_timecode
from stage.takes.track_writer import TrackWriter
from tests.stage.replay.takes import ACTOR, performed, write_take

SENT = performed(30)
OWN = Config(
    stage=StageSection(name="studio"),
    cameras=(CameraSection(id="left", source="device:0", loop=True),),
    actors=(ActorSection(id=ACTOR),),
    outputs=(
        VmcSection(id="plain", actor=ACTOR),
        VmcSection(id="dressed", actor=ACTOR, avatar="/nowhere/anna.vrm"),
        MqttSection(id="open"),
        MqttSection(id="closed", username="***", password="***"),
        MqttSection(id="keyed", password_file="/etc/hostname"),
    ),
    console=ConsoleSection(host="0.0.0.0", token="***", port=8766),
    control=ControlSection(enabled=True, host="0.0.0.0", allow=("0.0.0.0/0",)),
    record=RecordSection(folder="/nowhere"),
    timecode=TimecodeSection(rate="29.97df", zone="utc"),
)


@pytest.fixture
def take(tmp_path: Path) -> Path:
    return write_take(tmp_path / "scene_001.mcap", SENT, config=OWN)


def staged(take: Path, other: Config | None = None, *, record: bool = False, send: bool = False) -> ReplayStage:
    reader = TakeReader(take)
    section = ReplaySection(take=str(take))
    timecode = recorded_timecode(reader)
    return replay_stage(reader, take.parent / "inside", section, timecode, other, record=record, send=send)


def test_its_own_outputs_as_far_as_they_can_be_used(take: Path) -> None:
    stage = staged(take)
    assert [output.id for output in stage.config.outputs] == ["plain", "open"]
    assert len(stage.notes) == 3
    for note, words in zip(stage.notes, ("anna.vrm", "password", "keys"), strict=True):
        assert words in note and "--config" in note


def test_nothing_goes_to_other_machines_unless_the_operator_says_so(tmp_path: Path) -> None:
    far = Config(
        actors=(ActorSection(id=ACTOR),),
        outputs=(
            VmcSection(id="here", actor=ACTOR, host="localhost"),
            VmcSection(id="engine", actor=ACTOR, host="192.168.1.20", port=39539),
            MqttSection(id="broker", host="192.168.1.21", commands=True),
            MqttSection(id="own-broker", commands=True),
            VmcSection(id="dressed", actor=ACTOR, avatar="/etc/hostname"),
        ),
    )
    path = write_take(tmp_path / "mailed_001.mcap", SENT, config=far)
    stage = staged(path)
    assert [output.id for output in stage.config.outputs] == ["here", "own-broker"]
    assert "engine is left out: it sends to 192.168.1.20 port 39539; --send" in stage.notes[0]
    sent = {output.id: output for output in staged(path, send=True).config.outputs}
    assert list(sent) == ["here", "engine", "broker", "own-broker"]
    commanding = [name for name, output in sent.items() if isinstance(output, MqttSection) and output.commands]
    assert commanding == ["own-broker"]


def test_a_take_opens_no_doors(take: Path) -> None:
    config = staged(take).config
    assert (config.console.host, config.console.token, config.console.port) == ("127.0.0.1", "", 8766)
    assert (config.control.enabled, config.control.host, config.control.allow) == (True, "127.0.0.1", ())
    assert not config.record.enabled
    recording = staged(take, record=True).config.record
    assert recording.enabled and recording.folder == str(take.parent)


def test_the_outputs_and_surfaces_of_another_stage(take: Path) -> None:
    other = Config(
        stage=StageSection(name="engine"),
        actors=(ActorSection(id="bob"),),
        outputs=(LiveLinkSection(id="unreal", actor="bob"), VmcSection(id="warudo", actor="bob")),
        console=ConsoleSection(host="0.0.0.0", token="secret"),
    )
    stage = staged(take, other)
    assert [(output.id, output.actor) for output in stage.config.outputs] == [("unreal", ACTOR), ("warudo", ACTOR)]
    assert stage.config.console == other.console
    assert stage.config.stage.name == "engine"
    assert [actor.id for actor in stage.config.actors] == [ACTOR]
    two = Config(actors=(ActorSection(id="bob"), ActorSection(id=ACTOR)), outputs=other.outputs)
    assert staged(take, two).config.outputs == ()
    assert "bob" in staged(take, two).notes[0]


def test_the_timecode_is_that_of_the_take(take: Path) -> None:
    section = staged(take).config.timecode
    assert section.source == "network"
    assert FrameRate.parse(section.rate) == FrameRate.parse("30"), "the take's facts say so"


def test_the_processes_of_a_replay(take: Path) -> None:
    stage = prepared(take, take.parent / "inside", Wishes(), None)
    plans = plan_stage(stage.config)
    assert [plan.name for plan in plans] == ["broadcast", "mqtt", "control", "console", "mesh", "replay"]
    assert [plan.name for plan in plans if plan.source] == ["replay"]
    assert {plan.vital_group for plan in plans} == {"", "broadcast", "replay"}
    assert not any(plan.spare for plan in plans)


def test_the_processes_of_landmarks_that_are_solved_again(take: Path) -> None:
    section = ReplaySection(take=str(take), source="landmarks")
    reader = TakeReader(take)
    stage = replay_stage(reader, take.parent / "inside", section, recorded_timecode(reader))
    modules = {plan.name: plan.module for plan in plan_stage(stage.config, console=False)}
    assert modules["solve"] == "workers.resolve"
    assert list(modules) == ["solve", "broadcast", "mqtt", "control", "replay"]


@pytest.mark.parametrize(
    ("wishes", "word"),
    [
        (Wishes(speed=0.0), "--speed"),
        (Wishes(begin="0.5", end="0.5"), "nothing between"),
        (Wishes(track="smooth", resolve="landmarks"), "--track"),
    ],
)
def test_what_cannot_be_played_so_is_refused(take: Path, wishes: Wishes, word: str) -> None:
    with pytest.raises(ReplayError, match=word):
        prepared(take, take.parent / "inside", wishes, None)


def test_an_unfinished_take_is_played_and_that_is_told(tmp_path: Path) -> None:
    path = write_take(tmp_path / "scene_002.mcap", SENT, config=OWN, finish=False)
    assert "has no end" in prepared(path, tmp_path / "inside", Wishes(), None).notes[-1]


def test_a_take_of_another_program_is_sent_where_another_stage_sends(tmp_path: Path) -> None:
    path = tmp_path / "walk_001.mcap"
    writer = TakeWriter(path)
    for number, one in enumerate(SENT):
        log_ns = captured_ns(one.record, one.sent_ns)
        data = encode(one.record, number, one.sent_ns)
        writer.write(one.topic, type(one.record).__name__, data, log_ns, one.sent_ns, number)
    writer.finish({})
    other = Config(actors=(ActorSection(id="bob"),), outputs=(LiveLinkSection(id="unreal", actor="bob"),))
    config = prepared(path, tmp_path / "inside", Wishes(), other).config
    assert [actor.id for actor in config.actors] == [ACTOR]
    assert [output.actor for output in config.outputs] == [ACTOR]


@pytest.mark.parametrize("options", [{"speed": 2.0}, {"begin": "1"}, {"paused": True}, {"track": "smooth"}, {}])
def test_frames_are_there_and_played_as_they_are(take: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ReplayError, match=r"frames|video"):
        frames_stage(take, take.parent / "inside", Wishes(resolve="frames", **options), None)


def test_points_count_from_the_take_also_where_its_track_begins_later(take: Path) -> None:
    reader = TakeReader(take)
    with TrackWriter(reader, "late", made_from="performances", settings={}, files=()) as writer:
        for one in SENT[20:]:
            writer.write(one.topic, one.record, one.sent_ns)
    later_s = (TakeReader(writer.path).span_ns[0] - reader.span_ns[0]) / 1e9
    for name, wishes in (("a", Wishes(begin="0.5")), ("b", Wishes(begin="0.5", track="late"))):
        points = prepared(take, take.parent / name, wishes, None).config.replay
        assert points.begin_s == pytest.approx(0.5 - later_s * bool(wishes.track), abs=1e-6)
    assert later_s > 0.1


def test_no_lap_waits_for_what_lies_before_the_first_performance(tmp_path: Path) -> None:
    path = tmp_path / "led_in_001.mcap"
    writer = TakeWriter(path)
    early_ns = SENT[0].sent_ns - 2_000_000_000
    writer.write(
        "event.solve", "Event", encode(Event("solve", early_ns, "info", "warm"), 0, early_ns), early_ns, early_ns
    )
    for number, one in enumerate(SENT):
        data = encode(one.record, number, one.sent_ns)
        writer.write(one.topic, type(one.record).__name__, data, captured_ns(one.record, one.sent_ns), one.sent_ns)
    writer.finish({})
    first_ns = min(captured_ns(one.record, one.sent_ns) for one in SENT)
    played = prepared(path, tmp_path / "inside", Wishes(), Config(actors=(ActorSection(id=ACTOR),))).config.replay
    assert played is not None and played.begin_s == pytest.approx((first_ns - early_ns) / 1e9, abs=0.05)
