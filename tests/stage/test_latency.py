from __future__ import annotations

import msgspec
import pytest

from protocols.histogram import Histogram
from protocols.messages import Event, Heartbeat
from stage.latency import WARM_UP_S, WINDOW_S, LatencyBoard, ProcessSample
from stage.supervision.history import MEMORY_WARM_UP_S
from stage.supervision.report import Report


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def board(clock: Clock) -> LatencyBoard:
    return LatencyBoard("demo", ["solve", "broadcast", "capture.left"], clock)


def histogram(*milliseconds: float) -> Histogram:
    result = Histogram()
    for value in milliseconds:
        result.record(int(value * 1e6))
    return result


def heartbeat(worker: str, clock: Clock, *, pid: int = 1, legs: dict[str, Histogram] | None = None, **counters: int):
    return Heartbeat(
        worker=worker,
        pid=pid,
        at_ns=int(clock.now_s * 1e9),
        state="running",
        rate_hz=30.0,
        age_ms=4.0,
        resident_bytes=50_000_000,
        counters=counters,
        legs={leg: values.to_bytes() for leg, values in (legs or {}).items()},
        facts={"engine": "openvino"},
    )


def test_counts_and_legs_survive_a_restart(board: LatencyBoard, clock: Clock) -> None:
    board.take(heartbeat("solve", clock, pid=1, framesets_seen=10, framesets_solved=9, incomplete=0))
    board.take(heartbeat("solve", clock, pid=1, framesets_seen=20, framesets_solved=19, incomplete=0))
    board.take(heartbeat("solve", clock, pid=2, framesets_seen=5, framesets_solved=5, incomplete=1))
    board.take(heartbeat("broadcast", clock, pid=3, legs={"total": histogram(30.0)}))
    board.take(heartbeat("broadcast", clock, pid=4, legs={"total": histogram(30.0, 30.0)}))
    framesets = board.report().framesets
    assert (framesets.seen, framesets.solved, framesets.incomplete) == (25, 24, 1)
    assert framesets.solved_fraction == 24 / 25
    assert board.histograms()["total"] == histogram(30.0, 30.0, 30.0)


def test_a_late_heartbeat_of_an_earlier_life_counts_no_second_time(board: LatencyBoard, clock: Clock) -> None:
    late = heartbeat("solve", clock, pid=1, framesets_seen=10)
    board.take(late)
    clock.now_s += 1.0
    board.take(heartbeat("solve", clock, pid=2, framesets_seen=3))
    board.take(late)
    assert board.report().framesets.seen == 13


def test_what_never_reached_the_solver_counts_as_not_solved(board: LatencyBoard, clock: Clock) -> None:
    board.take(heartbeat("capture.left", clock, items=100))
    board.take(heartbeat("solve", clock, framesets_seen=80, framesets_solved=75))
    framesets = board.report().framesets
    assert (framesets.captured, framesets.seen, framesets.solved_fraction) == (100, 80, 0.75)


def test_recent_legs_forget_what_the_window_has_left(board: LatencyBoard, clock: Clock) -> None:
    board.take(heartbeat("broadcast", clock, legs={"total": histogram(*[100.0] * 50)}))
    for _ in range(WINDOW_S + 1):
        clock.now_s += 1.0
        board.tick()
    board.take(heartbeat("broadcast", clock, legs={"total": histogram(*[100.0] * 50, *[20.0] * 50)}))
    recent = board.report().recent_legs["total"]
    assert recent.count == 50
    assert recent.p50_ms == pytest.approx(20.0, rel=0.05) and recent.p99_ms == pytest.approx(20.0, rel=0.05)


def test_legs_of_the_record_begin_after_warm_up(board: LatencyBoard, clock: Clock) -> None:
    cold = [500.0] * 20
    board.take(heartbeat("broadcast", clock, legs={"total": histogram(*cold)}))
    assert board.report().legs["total"].p99_ms > 400.0
    board.tick()
    clock.now_s += WARM_UP_S
    board.tick()
    board.take(heartbeat("broadcast", clock, legs={"total": histogram(*cold, *[30.0] * 100)}))
    assert board.report().legs["total"].count == 100
    assert board.report().legs["total"].p99_ms == pytest.approx(30.0, rel=0.05)


def test_rate_is_that_between_heartbeats_since_warm_up(board: LatencyBoard, clock: Clock) -> None:
    board.take(heartbeat("solve", clock, legs={"total": histogram(1.0)}, framesets_solved=1))
    board.tick()
    clock.now_s += WARM_UP_S
    board.take(heartbeat("solve", clock, framesets_solved=100))
    board.tick()
    clock.now_s += 10.0
    board.take(heartbeat("solve", clock, framesets_solved=400))
    clock.now_s += 3.0  # the stage is being stopped meanwhile
    assert board.report().rate_hz == pytest.approx(30.0)


def test_legs_come_in_the_order_of_a_frames_way(board: LatencyBoard, clock: Clock) -> None:
    legs = {name: histogram(1.0) for name in ("total", "zeta", "send", "capture")}
    board.take(heartbeat("broadcast", clock, legs=legs))
    assert list(board.report().legs) == ["capture", "send", "total", "zeta"]


def test_gaps_and_drops_are_summed_by_name(board: LatencyBoard, clock: Clock) -> None:
    board.take(heartbeat("solve", clock, gaps=2, landmark_gaps=1, framesets_dropped_age=4))
    board.take(heartbeat("capture.left", clock, frames_dropped=3, items=100))
    report = board.report()
    assert (report.gaps, report.drops) == (3, 7)
    assert report.workers["capture.left"].drops == 3


def test_a_broken_histogram_is_noted_and_changes_nothing(board: LatencyBoard, clock: Clock) -> None:
    board.take(heartbeat("broadcast", clock, legs={"total": histogram(5.0)}))
    broken = msgspec.structs.replace(heartbeat("broadcast", clock), legs={"total": b"\xff" * 2048})
    board.take(broken)
    report = board.report()
    assert report.legs["total"].count == 1
    assert report.events[0].startswith("broadcast: heartbeat not understood")


def test_what_the_supervisor_knows_is_in_the_report(board: LatencyBoard, clock: Clock) -> None:
    board.take(heartbeat("capture.left", clock))
    board.supervise(
        restarts={"solve": 2},
        down=["capture.left"],
        samples={"solve (spare)": ProcessSample(90_000_000, 1.0), "solve": ProcessSample(80_000_000, 40.0)},
    )
    board.note(Event("solve", 0, "info", "not kept"))
    board.note(Event("solve", 0, "warning", "kept"))
    report = board.report()
    assert report.workers["capture.left"].state == "down"
    assert report.workers["solve"].state == "starting" and report.workers["solve"].cpu_percent == 40.0
    spare = report.workers["solve (spare)"]
    assert spare.state == "standby" and spare.memory is not None and spare.memory.last_mb == 90.0
    assert report.restarts == 2
    assert report.events == ("solve: kept",)
    board.supervise(restarts={}, down=[], samples={})
    assert "solve (spare)" not in board.report().workers


def test_an_unknown_worker_is_ignored(board: LatencyBoard, clock: Clock) -> None:
    board.take(heartbeat("intruder", clock))
    assert "intruder" not in board.report().workers


def test_seconds_count_from_the_beginning_of_the_show(board: LatencyBoard, clock: Clock) -> None:
    assert board.report().seconds == 0.0
    board.begin(in_s=2.0)
    assert board.report().seconds == 0.0
    clock.now_s += 12.0
    assert board.report().seconds == 10.0
    board.end()
    clock.now_s += 3.0
    assert board.report().seconds == 10.0


def test_a_report_round_trips_through_json(board: LatencyBoard, clock: Clock) -> None:
    board.take(heartbeat("broadcast", clock, legs={"total": histogram(5.0)}))
    report = board.report()
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report


def test_memory_counts_from_the_warmed_up_show_on(board: LatencyBoard, clock: Clock) -> None:
    def beat(resident_bytes: int, pid: int = 1) -> None:
        clock.now_s += 1.0
        board.take(msgspec.structs.replace(heartbeat("solve", clock, pid=pid), resident_bytes=resident_bytes))

    for second in range(60):
        beat(10_000_000 * second)
    board.begin()
    for second in range(60):
        beat(700_000_000 if second + 1 < MEMORY_WARM_UP_S else 800_000_000)
    memory = board.report().workers["solve"].memory
    assert memory is not None
    assert (memory.first_mb, memory.last_mb, memory.peak_mb) == (800.0, 800.0, 800.0)
    assert memory.slope_mb_per_minute == pytest.approx(0.0, abs=1e-9)
    beat(50_000_000, pid=2)
    memory = board.report().workers["solve"].memory
    assert memory is not None and memory.peak_mb == 50.0


def test_faces_have_legs_and_a_rate_of_their_own(clock: Clock) -> None:
    board = LatencyBoard(
        "demo", ["broadcast", "solve", "capture.left", "capture.helmet"], clock, face_cameras=["helmet"]
    )
    sent = Histogram()
    for second in range(int(WARM_UP_S) + 11):
        for _ in range(60):
            sent.record(9_000_000)
        legs = {"face_solve": histogram(2.0), "face_total": sent, "total": histogram(40.0)}
        board.take(heartbeat("broadcast", clock, legs=legs))
        board.take(heartbeat("capture.helmet", clock, items=60 * second))
        board.take(heartbeat("capture.left", clock, items=30 * second))
        board.take(heartbeat("solve", clock, framesets_seen=30 * second, framesets_solved=30 * second))
        board.tick()
        clock.now_s += 1.0
    report = board.report()
    assert report.face_rate_hz == pytest.approx(60.0)
    assert report.framesets.solved_fraction == 1.0  # the face camera's frames are none of a frameset's
    assert list(board.histograms()) == ["face_solve", "face_total", "total"]
    assert report.legs["face_total"].p99_ms == pytest.approx(9.0, rel=0.06)


def test_legs_are_told_in_the_order_of_the_way_bodies_first(board: LatencyBoard, clock: Clock) -> None:
    legs = {name: histogram(1.0) for name in ("face_total", "face_solve", "own", "total", "solve")}
    board.take(heartbeat("broadcast", clock, legs=legs))
    assert list(board.report().legs) == ["solve", "total", "face_solve", "face_total", "own"]


def test_where_nobody_solves_the_replay_brings_the_framesets(clock: Clock) -> None:
    board = LatencyBoard("demo", ["broadcast", "replay"], clock)
    board.take(heartbeat("replay", clock, framesets_seen=30, framesets_solved=30))
    assert board.report().framesets.solved == 30
    assert board.report().framesets.solved_fraction == 1.0
    assert board.report().rate_hz == 30.0
