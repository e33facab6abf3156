from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from protocols.show import (
    MAX_NOTE,
    MAX_TAKE,
    Calibrate,
    Command,
    Mark,
    RecorderState,
    SetSlate,
    StartRecording,
    StopRecording,
)
from stage.news import News
from stage.takes.folder import MIN_FREE_BYTES
from stage.takes.recorder import PATIENCE_S, Answer, Recorder


@dataclass
class FakeTake:
    slate: str
    wish: int
    phase: str = "opening"
    number: int = 0
    name: str = ""
    began_ns: int = 1
    fault: str = ""
    records: int = 0
    lost: int = 0
    frames: int = 0
    dropped_frames: int = 0
    marks: int = 0
    bytes_per_s: float = 0.0
    ended: bool = False
    files: list[Path] = field(default_factory=list)

    @property
    def facts(self) -> Mapping[str, str]:
        return {"take": self.name}

    def lose(self, count: int) -> None:
        raise AssertionError("the recorder itself counts nothing")

    def end(self) -> None:
        self.ended = True

    def join(self, timeout: float | None = None) -> None:
        assert self.ended

    def opens(self, number: int) -> None:
        self.phase, self.number, self.name = "recording", number, f"{self.slate}_{number:03d}"


class Show:
    """A recorder and the takes it has begun."""

    def __init__(self) -> None:
        self.takes: list[FakeTake] = []
        self.recorder = Recorder("scene", self.begin)
        self.now_s = 0.0
        self.count = 0

    def begin(self, slate: str, number: int) -> FakeTake:
        self.takes.append(FakeTake(slate, number))
        return self.takes[-1]

    def obey(self, kind: type[Command], **options: object) -> Command:
        self.count += 1
        command = kind(id=str(self.count), surface="control", **options)
        self.recorder.obey(command, self.now_s)
        return command

    def look(self) -> tuple[list[Answer], list[News]]:
        return self.recorder.look(self.now_s)

    def answers(self) -> dict[str, bool]:
        return {answer.command.id: answer.ok for answer in self.look()[0]}


@pytest.fixture
def show() -> Show:
    return Show()


def test_a_take_from_start_to_stop(show: Show) -> None:
    start = show.obey(StartRecording)
    assert show.look() == ([], []) and show.recorder.busy
    (take,) = show.takes
    assert (take.slate, take.wish) == ("scene", 0)
    take.opens(3)
    ((answer,), (news,)) = show.look()
    assert answer == Answer(start, True, "recording scene_003", {"take": "scene_003"}) and news.kind == "info"
    assert show.look() == ([], []) and not show.recorder.busy
    stop = show.obey(StopRecording)
    assert take.ended and show.recorder.current is None and show.recorder.last is take
    assert show.look() == ([], []) and show.recorder.busy
    take.phase, take.records = "done", 9
    ((answer,), (news,)) = show.look()
    assert answer.command is stop and answer.ok and "scene_003 ended, 9 records" in answer.text
    assert news == News("info", "scene_003 ended: 9 records") and not show.recorder.busy


def test_a_long_end_is_answered_in_time_and_the_next_take_may_begin(show: Show) -> None:
    show.obey(StartRecording)
    show.takes[0].opens(1)
    show.look()
    stop = show.obey(StopRecording)
    show.takes[0].phase = "closing"
    show.now_s += PATIENCE_S - 0.1
    assert show.look() == ([], [])
    show.obey(StartRecording)
    show.takes[1].opens(2)
    show.now_s += 0.2
    answers, _ = show.look()
    assert {answer.command.id for answer in answers} == {stop.id, "3"}
    assert any("still being written" in answer.text for answer in answers)
    show.takes[0].phase = "done"
    answers, news = show.look()
    assert answers == [] and [item.text for item in news] == ["scene_001 ended: 0 records"]


def test_numbers(show: Show) -> None:
    def take(number: int, **wish: object) -> tuple[str, int]:
        show.obey(StartRecording, **wish)
        show.takes[-1].opens(number)
        show.look()
        show.obey(StopRecording)
        show.takes[-1].phase = "done"
        show.look()
        return show.takes[-1].slate, show.takes[-1].wish

    assert take(1) == ("scene", 0)
    assert take(2) == ("scene", 0)
    assert take(7, take=5) == ("scene", 5)  # 5 and 6 were there
    assert take(8) == ("scene", 8)
    assert take(1, slate="other") == ("other", 0)
    assert take(2, slate="other") == ("other", 0)
    show.obey(SetSlate, slate="third", take=4)
    assert show.recorder.next_number == 4
    assert take(4) == ("third", 4) and take(5) == ("third", 5)
    show.obey(SetSlate, take=0)
    assert take(6) == ("third", 0)
    assert take(MAX_TAKE, take=MAX_TAKE) == ("third", MAX_TAKE) and take(7) == ("third", 0)


def test_a_slate_set_while_recording_is_the_next_takes(show: Show) -> None:
    show.obey(StartRecording, take=5)
    show.obey(SetSlate, take=2)
    show.takes[0].opens(5)
    assert all(show.answers().values())
    show.obey(StopRecording)
    show.takes[0].phase = "done"
    show.look()
    show.obey(StartRecording)
    assert show.takes[1].wish == 2


def test_wrong_moments_and_wrong_words_are_refused(show: Show) -> None:
    assert show.obey(StopRecording).id and list(show.answers().values()) == [False]
    show.obey(StartRecording)
    show.obey(StartRecording)
    assert show.answers() == {"3": False} and len(show.takes) == 1
    for wrong in ({"take": -1}, {"take": MAX_TAKE + 1}, {"slate": "a" * 65}, {"slate": "a\0b"}, {"slate": "a\nb"}):
        show.obey(SetSlate, **wrong)
        assert list(show.answers().values()) == [False]
    assert show.recorder.slate == "scene" and show.recorder.next_number == 0
    show.obey(Calibrate, actor="anna")
    assert show.look() == ([], [])


def test_a_take_that_cannot_begin(show: Show) -> None:
    start = show.obey(StartRecording)
    show.takes[0].phase, show.takes[0].fault = "done", "no space"
    answers, news = show.look()
    assert answers == [Answer(start, False, "no space", {})] and news == [News("error", "no space")]
    assert show.recorder.current is None and show.recorder.state(0, 0, "").fault == "no space"
    show.obey(StartRecording)
    assert len(show.takes) == 2 and show.recorder.state(0, 0, "").fault == ""


def test_a_take_that_ends_by_itself(show: Show) -> None:
    show.obey(StartRecording)
    show.takes[0].opens(1)
    show.look()
    show.takes[0].phase, show.takes[0].fault = "closing", "disk full"
    assert show.look() == ([], []) and show.recorder.current is None
    show.takes[0].phase = "done"
    assert show.look() == ([], [News("error", "disk full")])
    show.obey(StopRecording)
    ((answer,), _) = show.look()
    assert not answer.ok and "scene_001 ended by itself: disk full" in answer.text


def test_started_and_stopped_in_one_breath(show: Show) -> None:
    show.obey(StartRecording)
    show.obey(StopRecording)
    assert show.takes[0].ended and show.look() == ([], [])
    show.takes[0].opens(1)
    show.takes[0].phase = "done"
    answers, news = show.look()
    assert [answer.command.id for answer in answers] == ["1", "2"] and all(answer.ok for answer in answers)
    assert len(news) == 1


def test_what_could_not_be_written_is_told(show: Show) -> None:
    show.obey(StartRecording)
    show.takes[0].opens(1)
    show.look()
    show.obey(StopRecording)
    show.takes[0].phase, show.takes[0].lost = "done", 4
    _, news = show.look()
    assert news == [News("warning", "scene_001 ended: 0 records, 4 could not be written")]


def test_closing_ends_what_runs(show: Show) -> None:
    show.obey(StartRecording)
    show.takes[0].opens(1)
    show.look()
    show.recorder.close(0.1)
    assert show.takes[0].ended


def test_its_state(show: Show) -> None:
    def state() -> RecorderState:
        return show.recorder.state(last_number=4, free_bytes=7, fault="little space")

    idle = RecorderState(0, False, "scene", 5, 0, "", 0, 0, 7, "little space")
    assert state() == idle
    show.obey(StartRecording)
    assert state() == RecorderState(0, False, "scene", 5, 1, "", 0, 0, 7, "little space")
    show.takes[0].opens(6)
    show.takes[0].records, show.takes[0].lost = 9, 1
    show.look()
    assert state() == RecorderState(0, True, "scene", 6, 1, "scene_006", 9, 1, 7, "little space")
    show.obey(SetSlate, slate="other")
    assert state().slate == "scene"
    show.takes[0].phase, show.takes[0].fault = "done", "disk full"
    show.look()
    assert state() == RecorderState(0, False, "other", 5, 0, "scene_006", 9, 1, 7, "disk full")


def test_a_disk_that_does_not_answer_is_told_and_the_take_begins_when_it_does(show: Show) -> None:
    start = show.obey(StartRecording, take=4)
    show.now_s = PATIENCE_S
    ((answer,), news) = show.look()
    assert (answer.command, answer.ok, news) == (start, False, []) and "slow" in answer.text
    show.takes[0].opens(4)
    answers, (begun,) = show.look()
    assert answers == [] and begun.text == "recording scene_004"  # answered once
    assert show.recorder.next_number == 5 and show.look() == ([], [])


def test_a_take_that_is_stopped_before_there_is_a_file_is_answered(show: Show) -> None:
    start, stop = show.obey(StartRecording), show.obey(StopRecording)
    show.now_s = PATIENCE_S
    assert show.answers() == {start.id: False, stop.id: False}
    show.takes[0].opens(1)
    show.takes[0].phase = "done"
    assert show.answers() == {}


def test_marks_count_in_the_take_that_runs(show: Show) -> None:
    show.obey(Mark, text="too early")
    show.obey(StartRecording)
    show.obey(Mark)
    show.takes[0].opens(1)
    show.obey(Mark, text="he stumbles")
    for wrong in ("x" * (MAX_NOTE + 1), "a\0b", "two\nlines"):
        show.obey(Mark, text=wrong)
    answers = {answer.command.id: answer for answer in show.look()[0]}
    assert [key for key, answer in answers.items() if not answer.ok] == ["1", "5", "6", "7"]
    assert answers["4"].text == "mark 2: he stumbles" and answers["4"].facts["take"] == "scene_001"
    assert show.takes[0].marks == 2 == show.recorder.state(1, 7, "").marks


def test_minutes_left_are_those_of_the_running_take_else_of_the_last(show: Show) -> None:
    free = MIN_FREE_BYTES + 60_000_000

    def minutes() -> float:
        return show.recorder.state(1, free, "").minutes_left

    assert minutes() == -1.0
    show.obey(StartRecording)
    show.takes[0].opens(1)
    show.look()
    assert minutes() == -1.0
    show.takes[0].bytes_per_s = 1e6
    assert minutes() == 1.0 and show.recorder.state(1, -1, "").minutes_left == -1.0
    show.obey(StopRecording)
    show.takes[0].phase = "done"
    show.look()
    show.obey(StartRecording)
    assert minutes() == 1.0
    show.takes[1].bytes_per_s = 4e6
    assert minutes() == 0.2 and show.recorder.state(1, MIN_FREE_BYTES - 1, "").minutes_left == 0.0


def test_what_a_slow_disk_costs_is_told_when_it_begins(show: Show) -> None:
    show.obey(StartRecording)
    show.takes[0].opens(1)
    show.look()
    show.takes[0].dropped_frames = 1
    (news,) = show.look()[1]
    assert news.kind == "warning" and "pictures are dropped, nothing else" in news.text
    show.takes[0].dropped_frames = 2
    assert show.look()[1] == []
    show.takes[0].lost = 1
    (news,) = show.look()[1]
    assert "messages are lost" in news.text and show.look()[1] == []
