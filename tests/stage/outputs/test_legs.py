from __future__ import annotations

from protocols.messages import Trace
from stage.outputs.legs import FACE_PREFIX, leg_durations
from stage.supervision.report import LEGS

WHOLE = Trace(
    capture_ns=100,
    published_ns=101,
    landmarks_begin_ns=103,
    landmarks_end_ns=107,
    solve_begin_ns=115,
    solve_end_ns=131,
)


def test_legs_are_the_steps_of_the_trace_and_add_up_to_the_total() -> None:
    legs = dict(leg_durations(WHOLE, 163))
    assert legs == {"capture": 1, "queue": 2, "landmarks": 4, "assemble": 8, "solve": 16, "send": 32, "total": 63}
    assert sum(ns for leg, ns in legs.items() if leg != "total") == legs["total"]


def test_legs_are_those_that_are_shown() -> None:
    assert tuple(dict(leg_durations(WHOLE, 163))) == LEGS


def test_what_was_not_reached_is_left_out() -> None:
    assert dict(leg_durations(Trace(100, 101, 103, 107, 115), 0)).keys() == {
        "capture",
        "queue",
        "landmarks",
        "assemble",
    }
    assert dict(leg_durations(Trace(100, 0, 0, 0, 0), 163)) == {"total": 63}


def test_faces_have_a_way_of_their_own() -> None:
    assert set(dict(leg_durations(WHOLE, 163, FACE_PREFIX))) == {f"face_{leg}" for leg in LEGS}
