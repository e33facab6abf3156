from __future__ import annotations

import io
import re

import msgspec
from rich.console import Console

from stage.config import LatencySection
from stage.supervision.display import PLAIN_PERIOD_S, PlainDisplay, TableDisplay, numbers_line, tables
from stage.supervision.report import FramesetReport, LegReport, MemoryReport, Report, WorkerReport

REPORT = Report(
    stage="demo",
    seconds=12.0,
    face_rate_hz=0.0,
    rate_hz=29.97,
    framesets=FramesetReport(captured=360, seen=360, solved=359, solved_fraction=359 / 360),
    legs={"solve": LegReport(300, 8.0, 45.0), "total": LegReport(300, 41.0, 78.0)},
    recent_legs={"solve": LegReport(100, 8.1, 44.0), "total": LegReport(100, 42.0, 79.0)},
    workers={
        "solve": WorkerReport("running", 30.0, 2.0, 41.0, 0, 0, 3, MemoryReport(250.0, 251.0, 252.0, 0.1), {}, {}),
        "capture.left": WorkerReport("down", 0.0, -1.0, 0.0, 4, 0, 0, None, {}, {}),
    },
    restarts=4,
    gaps=0,
    drops=3,
    events=(),
)


def recording_console(terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=120, record=True, markup=False)


def test_plain_lines_come_at_their_pace() -> None:
    console, now_s = recording_console(terminal=False), [0.0]
    display = PlainDisplay(console, clock=lambda: now_s[0])
    display.show(lambda: REPORT)
    assert console.export_text(clear=False) == ""
    now_s[0] = PLAIN_PERIOD_S
    display.show(lambda: REPORT)
    display.show(lambda: REPORT)
    lines = console.export_text().splitlines()
    assert len(lines) == 1
    for part in ("30.0 framesets/s", "99.7 % solved", "total 42.0/79.0 ms", "restarts 4", "down: capture.left"):
        assert part in lines[0]


def test_before_the_show_the_line_says_what_is_waited_for() -> None:
    starting = msgspec.structs.replace(REPORT, seconds=0.0)
    assert numbers_line(starting) == "starting: waiting for capture.left"


def test_messages_name_their_worker_and_errors_say_so() -> None:
    console = recording_console(terminal=False)
    display = PlainDisplay(console)
    display.say("info", "solve", "smoothing lag 12 ms [not markup]")
    display.say("error", "capture.left", "no such file")
    assert console.export_text().splitlines() == [
        "solve: smoothing lag 12 ms [not markup]",
        "stage: error: capture.left: no such file",
    ]


def test_the_table_shows_a_leg_over_its_budget_in_red() -> None:
    console = recording_console(terminal=True)
    console.print(tables(REPORT, LatencySection(solve_ms=30.0, total_ms=100.0)))
    text = console.export_text(styles=True)
    assert re.findall(r"\x1b\[1;31m *([\w.]+) *\x1b", text) == ["44.0", "45.0", "down"]


def test_the_live_table_leaves_the_terminal_as_it_was() -> None:
    console = recording_console(terminal=True)
    display = TableDisplay(console, LatencySection())
    display.show(lambda: REPORT)
    display.say("warning", "capture.left", "lost")
    display.close()
    output = console.file.getvalue()  # type: ignore[attr-defined]
    assert "stage: warning: capture.left: lost" in output
    assert output.endswith("\x1b[?25h")  # the cursor is back


def test_faces_are_told_beside_bodies_and_alone() -> None:
    legs = {"face_solve": LegReport(100, 2.0, 3.0), "face_total": LegReport(100, 9.0, 14.0)}
    both = msgspec.structs.replace(REPORT, face_rate_hz=59.9, recent_legs=REPORT.recent_legs | legs)
    line = numbers_line(both)
    assert "30.0 framesets/s  59.9 faces/s" in line and "face_total 9.0/14.0 ms (p50/p99)" in line
    assert "face_solve" not in line
    alone = msgspec.structs.replace(both, framesets=FramesetReport(), rate_hz=0.0, recent_legs=legs)
    assert "framesets" not in numbers_line(alone) and "solved" not in numbers_line(alone)


def test_a_recorder_that_waits_is_well_a_camera_that_waits_is_not() -> None:
    console = recording_console(terminal=True)
    waiting = msgspec.structs.replace(REPORT.workers["solve"], state="waiting")
    for name in ("record", "capture.left"):
        console.print(tables(msgspec.structs.replace(REPORT, legs={}, workers={name: waiting}), LatencySection()))
    lines = [line for line in console.file.getvalue().splitlines() if "waiting" in line]  # type: ignore[attr-defined]
    assert ["\x1b[1;31m" in line for line in lines] == [False, True]


def test_words_from_the_network_do_not_command_the_terminal() -> None:
    console = recording_console(terminal=True)
    display = PlainDisplay(console)
    display.say("warning", "mqtt", "session \x1b[2J\x9bm\u202e; caf\u00e9")
    assert console.export_text().strip() == "stage: warning: mqtt: session \ufffd[2J\ufffdm\ufffd; café"


def test_a_replay_says_where_it_is() -> None:
    facts = {"take": "scene_001", "position": "playing at 2.50 s of 10.00 s", "timecode": "10:00:02:15"}
    worker = msgspec.structs.replace(REPORT.workers["solve"], facts=facts)
    report = msgspec.structs.replace(REPORT, workers={"replay": worker})
    assert "  playing at 2.50 s of 10.00 s 10:00:02:15  " in numbers_line(report)
    console = recording_console(terminal=False)
    console.print(tables(report, LatencySection()))
    assert "10:00:02:15" in console.file.getvalue()  # type: ignore[attr-defined]
