from __future__ import annotations

from html.parser import HTMLParser

import pytest

from protocols.histogram import Histogram
from protocols.messages import Event
from stage.config import CameraSection, LatencySection
from stage.console import tables
from stage.console.history import LatencyHistory
from stage.console.status import StageStatus
from tests.sections import output_section
from tests.stage.console.samples import heartbeat, performance
from tests.stage.control.show import output_state, recorder_state
from tests.stage.outputs.faces import face

EVIL = "<script>alert(1)</script>"
BUDGET = LatencySection()


class Balanced(HTMLParser):
    """Fails on a tag that is not closed, or closed in the wrong place."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def history_of(total_ms: float, leg: str = "total") -> LatencyHistory:
    history, histogram = LatencyHistory(), Histogram()
    for _ in range(2):
        history.take("broadcast", {leg: histogram.to_bytes()})
        history.sample()
        histogram.record(round(total_ms * 1e6))
    return history


def test_what_comes_over_the_bus_is_never_markup() -> None:
    status = StageStatus()
    status.take_heartbeat(heartbeat(EVIL, state=EVIL))
    status.take_performance(performance(state=EVIL, actor=EVIL), 0.5, (0.5, 0.5))
    status.take_face(EVIL, face(EVIL, JawOpen=0.5))
    status.take_event(Event(EVIL, 0, EVIL, EVIL))
    pages = [
        tables.workers(status, [CameraSection(id=EVIL, source="device:0")]),
        tables.actors(status),
        tables.events(status, 5_000_000_000),
    ]
    for page in pages:
        assert "script" not in Balanced(page).seen
        assert "alert(1)" in page


def test_an_empty_stage_is_shown_too() -> None:
    status, history = StageStatus(), LatencyHistory()
    for page in (
        tables.figures(status, history, BUDGET),
        tables.legs(history, BUDGET),
        tables.workers(status, [CameraSection(id="left", source="device:0")]),
        tables.actors(status),
        tables.events(status, 0),
    ):
        Balanced(page)
        assert "nan" not in page
    assert "silent" in tables.workers(status, [CameraSection(id="left", source="device:0")])


def test_a_leg_above_its_budget_is_red() -> None:
    status = StageStatus()
    assert 'class="bad"' not in tables.figures(status, history_of(50.0), BUDGET)
    assert 'class="bad"' in tables.figures(status, history_of(150.0), BUDGET)
    assert 'class="bad"' not in tables.legs(history_of(50.0), BUDGET)
    assert 'class="bad"' in tables.legs(history_of(150.0), BUDGET)


def test_a_row_says_rate_age_losses_and_restarts() -> None:
    status = StageStatus()
    status.take_heartbeat(heartbeat("capture.left", pid=1))
    status.take_heartbeat(heartbeat("capture.left", pid=2, rate_hz=29.94, counters={"drops": 17, "errors": 3}))
    page = tables.workers(status, [CameraSection(id="left", source="device:0")])
    for cell in ("left", "29.9", "2.5", "17", "+3 err", '<span class="poor">1</span>'):
        assert cell in page


def test_events_say_how_long_ago() -> None:
    status = StageStatus()
    status.take_event(Event("solve", 0, "warning", "left is late"))
    seconds = 1_000_000_000
    assert "12 s ago" in tables.events(status, 12 * seconds)
    assert "3 min ago" in tables.events(status, 200 * seconds)
    assert "2 h ago" in tables.events(status, 8000 * seconds)


def test_hands_and_face_stand_below_their_actor() -> None:
    status = StageStatus()
    status.take_performance(performance(actor="anna"), 0.9, (0.31, 0.82))
    status.take_face("anna", face("holding", JawOpen=0.75, MouthSmileLeft=0.5))
    page = tables.actors(status)
    Balanced(page)
    places = [page.index(word) for word in ("anna", "left hand", "31 %", "right hand", "82 %", "holding")]
    assert places == sorted(places)
    assert page.index("JawOpen") < page.index("0.75") < page.index("MouthSmileLeft") < page.index("0.50")


def test_a_stage_of_face_cameras_alone_shows_the_face_of_its_actor() -> None:
    status = StageStatus()
    status.take_face("anna", face())
    assert "anna" in tables.actors(status) and "hand" not in tables.actors(status)


def test_faces_of_face_cameras_have_a_rate_and_a_budget() -> None:
    slow, fast = history_of(60.0, "face_total"), history_of(9.0, "face_total")
    assert "face cameras" in tables.legs(fast, BUDGET) and "faces" in tables.figures(StageStatus(), fast, BUDGET)
    assert 'class="bad"' in tables.legs(slow, BUDGET) and 'class="bad"' not in tables.legs(fast, BUDGET)
    assert "face cameras" not in tables.legs(history_of(50.0), BUDGET)


def test_an_output_says_what_it_does_and_what_is_wrong() -> None:
    section = output_section("vmc", id="vmc-1")
    page = tables.output(section, output_state("vmc-1", actor="anna", rate=30.0, rate_hz=29.7, lost=3, fault=EVIL))
    assert Balanced(page).seen.isdisjoint({"script"})
    for cell in ("127.0.0.1:39539", "anna", "29.7 Hz", "at most 30 Hz", "3 lost"):
        assert cell in page
    assert " off" in tables.output(section, output_state("vmc-1", enabled=False))
    assert "silent" in tables.output(section, None)


def test_a_take_says_how_long_it_runs() -> None:
    second = 1_000_000_000
    running = recorder_state(recording=True, name="forest_003", began_ns=second, records=12345, fault=EVIL, lost=2)
    page = tables.recorder(running, 76 * second)
    assert Balanced(page).seen.isdisjoint({"script"})
    for cell in ("1:15", "forest_003", "12,345 records", "1000 GB free", "2 lost"):
        assert cell in page
    assert "1:01:05" in tables.recorder(running, 3666 * second)
    room = recorder_state(minutes_left=90.0, dropped_frames=7, frames=1200, marks=2, recording=True)
    for cell in ("1000 GB free, 90 min", "7 frames dropped", "1,200 frames", "2 marks"):
        assert cell in tables.recorder(room, second)
    assert "free, 11 h" in tables.recorder(recorder_state(minutes_left=660.0), 0)
    assert "2.0 s pre-roll" in tables.recorder(recorder_state(pre_roll_s=2.0), 0)
    assert "no take yet" in tables.recorder(recorder_state(free_bytes=-1), 0)
    assert "silent" in tables.recorder(None, 0)


@pytest.mark.parametrize(("worker", "colour"), [("record", "dim"), ("capture.left", "poor")])
def test_a_recorder_that_waits_is_well_a_camera_that_waits_is_not(worker: str, colour: str) -> None:
    status = StageStatus()
    status.take_heartbeat(heartbeat(worker, state="waiting"))
    page = tables.workers(status, [CameraSection(id="left", source="device:0")])
    assert f'<span class="{colour}" title="waiting">' in page


def test_a_replay_has_no_cameras_and_no_solver() -> None:
    status = StageStatus()
    status.take_heartbeat(heartbeat("replay"))
    shown = tables.workers(status, [CameraSection(id="left", source="device:0")], replaying="performances")
    assert "replay" in shown and "left" not in shown and "solve" not in shown and "landmarks" not in shown
    assert "solve" in tables.workers(status, [], replaying="landmarks")
    assert "played" in tables.figures(status, LatencyHistory(), LatencySection())
