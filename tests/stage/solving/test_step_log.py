"""What is told of a solver's calls: every one, numbered, and a state when there is a moment for it."""

from __future__ import annotations

from typing import Any

import pytest

from protocols.messages import CameraLandmarks, Record
from protocols.solve_log import KEYFRAME_S, SeenFrame, SolverKeyframe, SolveStep
from stage.solving import step_log
from stage.solving.framesets import Frameset
from stage.solving.step_log import StepLog

S = 1_000_000_000
SEEN = CameraLandmarks("left", 3, 40, 41, 42, 43, 640, 480, ())


class Ear:
    """Hears, and stands for the solver's state."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, size: int = 3) -> None:
        self.size = size
        self.heard: list[Record] = []

        class Memento:
            def __init__(self, _solver: Any) -> None:
                pass

            def state(_self) -> bytes:
                return bytes(self.size)

        monkeypatch.setattr(step_log, "Memento", Memento)
        solver: Any = None
        self.log = StepLog(solver, lambda _, record: self.heard.append(record), S)

    def keyframes(self) -> list[int]:
        return [record.number for record in self.heard if isinstance(record, SolverKeyframe)]


def test_every_call_is_told_and_numbered(monkeypatch: pytest.MonkeyPatch):
    ear = Ear(monkeypatch)
    ear.log.bodies(Frameset(40, {"left": SEEN}))
    ear.log.face(SEEN)
    ear.log.time(50)
    ear.log.measure("anna", 60)
    named = (SeenFrame("left", 3, 40),)
    assert ear.heard == [
        SolveStep(S, 0, "bodies", 40, named),
        SolveStep(S, 1, "face", 40, named),
        SolveStep(S, 2, "time", 50),
        SolveStep(S, 3, "measure", 60, actor="anna"),
    ]


def test_a_state_comes_first_then_soon_then_at_its_pace(monkeypatch: pytest.MonkeyPatch):
    ear = Ear(monkeypatch)
    now_ns = S
    assert ear.log.is_new
    ear.log.keyframe(now_ns, resting=True)
    assert not ear.log.is_new
    times_s = []
    for _ in range(800):
        now_ns += S // 100
        ear.log.time(now_ns)
        before = len(ear.keyframes())
        ear.log.keyframe(now_ns, resting=True)
        times_s += [(now_ns - S) / S] * (len(ear.keyframes()) > before)
    assert ear.keyframes()[0] == 0
    assert times_s == pytest.approx([0.5 + n * KEYFRAME_S for n in range(4)], abs=0.02)


def test_a_state_waits_for_a_moment_of_rest_but_not_for_ever(monkeypatch: pytest.MonkeyPatch):
    ear = Ear(monkeypatch)
    ear.log.keyframe(S + 1, resting=False)
    assert ear.keyframes() == []
    ear.log.keyframe(S + S // 2, resting=False)
    assert ear.keyframes() == [0]


def test_a_take_that_begins_gets_one(monkeypatch: pytest.MonkeyPatch):
    ear = Ear(monkeypatch)
    ear.log.keyframe(S, resting=True)
    ear.log.time(S + 1000)
    ear.log.want()
    ear.log.keyframe(S + 2000, resting=True)
    assert ear.keyframes() == [0, 1]


def test_a_state_too_large_for_the_bus_is_told_and_tried_again(monkeypatch: pytest.MonkeyPatch):
    ear = Ear(monkeypatch, size=step_log.MAX_STATE_BYTES + 1)
    ear.log.keyframe(S, resting=True)
    assert "not byte for byte" in ear.log.fault
    ear.size = 5
    ear.log.keyframe(3 * S, resting=True)
    assert ear.keyframes() == [0]
    assert ear.log.fault == ""
