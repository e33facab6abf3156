from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from protocols.bus import Message
from protocols.clock import ClockFile, StageClock
from protocols.codec import encode
from protocols.messages import Event, Record
from protocols.takefile import TakeReader
from protocols.video import VideoPacket
from stage.config import CameraSection, Config, RecordSection
from stage.takes.intake import Intake
from stage.takes.take import Take
from stage.takes.video.lanes import VideoLanes
from stage.timecode import TimecodeClock
from tests.waiting import until

MS = 1_000_000


@dataclass
class Room:
    """An intake, and a bus to speak on."""

    folder: Path
    pre_roll_s: float
    clock: StageClock = field(default_factory=StageClock.start)
    counts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        record = RecordSection(folder=str(self.folder), pre_roll_seconds=self.pre_roll_s, video="copy")
        config = Config(cameras=(CameraSection(id="left", source="file:/left.mp4"),), record=record)
        self.lanes = VideoLanes(config, self.folder)
        timing = ClockFile(self.clock.offset_ns, self.clock.now_ns())
        self.intake = Intake(config, timing, self.lanes)
        self.timecode = TimecodeClock(config.timecode, timing.epoch_ns)

    def begin(self) -> Take:
        return self.intake.begin(self.timecode, "scene", 0)

    def said(self, record: Record, sent_ns: int = 0, topic: str = "") -> Message:
        topic = topic or f"event.{type(record).__name__}"
        number = self.counts.get(topic, 0)
        self.counts[topic] = number + 1
        sent_ns = sent_ns or self.clock.now_ns()
        return Message(topic, record, number, sent_ns, encode(record, number, sent_ns))

    def event(self, text: str, sent_ns: int = 0) -> Message:
        return self.said(Event("x", 1, "info", text), sent_ns)

    def packet(self, number: int, capture_ns: int = 0) -> Message:
        capture_ns = capture_ns or self.clock.now_ns()
        unit = b"\0\0\0\1\x65" if number % 5 == 0 else b"\0\0\0\1\x41"
        time_ns = number * 33 * MS
        record = VideoPacket(
            camera="left",
            codec="h264",
            frame=number,
            capture_ns=capture_ns,
            pts_ns=time_ns,
            dts_ns=time_ns,
            keyframe=number % 5 == 0,
            shown=True,
            width=640,
            height=480,
            rotation=0,
            data=unit + bytes(100),
        )
        return self.said(record, topic="packet.left")


@pytest.fixture
def room(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Room]:
    room = Room(tmp_path, getattr(request, "param", 1.0))
    yield room
    room.lanes.close()


def done(take: Take) -> TakeReader:
    take.end()
    take.join(20.0)
    assert take.phase == "done" and take.fault == ""
    return TakeReader(take.files[0])


def texts(take: TakeReader) -> list[str]:
    return [entry.decoded().record.text for entry in take.records("event.")]  # type: ignore[attr-defined]


def test_order_and_times_are_those_of_sending(room: Room) -> None:
    now_ns = room.clock.now_ns()
    take = room.begin()
    room.intake.hear([room.event("late", now_ns - 5 * MS), room.event("first", now_ns - 9 * MS)])
    room.intake.hear([room.event("held up", now_ns - 7 * MS), room.event("of the future", now_ns + 10**15)])
    read = done(take)
    assert texts(read) == ["first", "late", "held up", "of the future"]
    received = [entry.received_ns for entry in read.records()]
    assert received[:3] == [now_ns - 9 * MS, now_ns - 5 * MS, now_ns - 5 * MS + 1]
    assert received[2] < received[3] < now_ns + 10**10


def test_past_present_and_pictures_are_one_take(room: Room) -> None:
    for number in range(20):
        room.intake.hear([room.event(str(number)), room.packet(number)])
    take = room.begin()
    for number in range(20, 40):
        room.intake.hear([room.packet(number), room.event(str(number))])
    read = done(take)
    assert texts(read) == [str(number) for number in range(40)]
    pictures = list(read.records("video.left"))
    assert len(pictures) == 40 and read.facts["end"]["frames.left"] == "40" and read.facts["end"]["dropped"] == "0"
    assert not any(entry.topic.startswith("packet.") for entry in read.records())
    assert int(read.facts["take"]["from_ns"]) <= int(read.facts["take"]["began_ns"])


@pytest.mark.parametrize("room", [0.0], indirect=True)
def test_without_a_pre_roll_there_is_no_past(room: Room) -> None:
    room.intake.hear([room.event("before"), room.packet(0)])
    assert room.intake.pre_roll_s == 0.0
    take = room.begin()
    room.intake.hear([room.packet(1), room.event("in it"), room.packet(5)])
    read = done(take)
    assert texts(read) == ["in it"] and len(list(read.records("video."))) == 1
    assert read.facts["take"]["from_ns"] <= read.facts["take"]["began_ns"]


def test_pictures_of_the_take_may_come_after_its_end(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VideoLanes, "waiting", 1)
    take = room.begin()
    until(lambda: take.phase == "recording")
    room.intake.hear([room.packet(0)])
    before_ns = room.clock.now_ns()
    take.end()
    room.intake.hear([room.packet(1, before_ns), room.event("too late"), room.packet(2)])
    read = done(take)
    assert len(list(read.records("video."))) == 2 and texts(read) == []
    room.intake.hear([room.packet(3, before_ns)])
    assert take.dropped_frames == 0
