"""Following steps: the same bytes in whatever order things come; what is missing is told until the next state."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import TakeError
from protocols.messages import CameraLandmarks, FacePerformance, Performance, Record
from protocols.solve_log import SolverKeyframe, SolveStep
from stage.resolve import Follower, Outcome
from stage.solving.solver import Solver
from tests.stage.resolve.recorded import Show
from tests.stage.solving import stories
from tests.stage.solving.test_external import bones, face, posed_at_random

TICK_NS = stories.TICK_NS
MS = 1_000_000


@pytest.fixture(scope="module")
def heard() -> list[Record]:
    """Cameras, a phone and gloves; a state every eight framesets; measured again in the middle."""
    actress = stories.Actress(stories.body_model())
    show = Show(solver())
    for tick in range(40):
        now_ns = tick * TICK_NS
        if tick % 8 == 0:
            show.state()
        if not 12 <= tick < 26:
            arms = bones(posed_at_random(tick % 5), now_ns, "LeftUpperArm", "LeftLowerArm")
            show.external(stories.replace(arms, number=tick), overtaken=tick % 4 == 1)
            show.external(stories.replace(face(now_ns, JawOpen=tick / 50), number=tick), overtaken=False)
        show.time(now_ns)
        people = [actress.landmarks(now_ns * 1e-9)]
        show.bodies(stories.frameset(stories.CAMERAS, now_ns * 1e-9, people, noise_px=1.0))
        if tick == 20:
            show.measure("alice", now_ns)
    return [record for _, record in show.heard]


def solver() -> Solver:
    inputs = (
        stories.input_section("livelink", actor="alice", id="phone"),
        stories.input_section("vmc", actor="alice", id="other", take=("arms",)),
    )
    return stories._solver(["alice"], inputs=inputs)


def followed(records: list[Record], every_ns: int = MS) -> tuple[Follower, list[Outcome]]:
    """All of it taken in, one a millisecond."""
    follower = Follower(solver(), mesh=True)
    outcomes = [one for place, record in enumerate(records) for one in follower.take(record, place * every_ns)]
    return follower, [*outcomes, *follower.flush()]


def made(records: list[Record]) -> list[Record]:
    return [record for record in records if isinstance(record, Performance | FacePerformance)]


def of(outcomes: list[Outcome], *, exact: bool = True) -> list[Record]:
    return [one for outcome in outcomes for one in outcome.made if outcome.exact or not exact]


def given_to_solver(records: list[Record]) -> list[Record]:
    return [record for record in records if not isinstance(record, Performance | FacePerformance)]


def test_steps_give_what_the_solver_gave(heard: list[Record]):
    follower, outcomes = followed(heard)
    assert of(outcomes) == made(heard)
    assert follower.counters["inexact"] == follower.counters["gaps"] == follower.counters["missing"] == 0
    assert follower.counters["jumps"] == 1  # later states are those it has already
    assert all(outcome.meshes.keys() == {"alice"} for outcome in outcomes if outcome.step.call == "bodies")


@pytest.mark.parametrize("seed", [1, 2])
def test_inputs_may_come_long_before_their_step_or_after_it(heard: list[Record], seed: int):
    shuffle = random.Random(seed)
    order = [(place + shuffle.uniform(-40, 40) * isinstance(r, CameraLandmarks), r) for place, r in enumerate(heard)]
    follower, outcomes = followed([record for _, record in sorted(order, key=lambda item: item[0])])
    assert of(outcomes) == made(heard)
    assert follower.counters["missing"] == 0


def test_from_the_middle_on_it_is_exact_from_the_first_state_on(heard: list[Record]):
    cut = heard[len(heard) // 3 :]
    follower, outcomes = followed(cut)
    first = next(place for place, record in enumerate(cut) if isinstance(record, SolverKeyframe))
    expected = made(cut[first:])
    assert of(outcomes) == expected[: len(of(outcomes))] == expected
    assert follower.counters["inexact"] > 0
    assert len(of(outcomes, exact=False)) >= len(expected)


def is_late_landmarks(record: Record) -> bool:
    return isinstance(record, CameraLandmarks) and record.capture_ns == 10 * TICK_NS


def is_tenth_step(record: Record) -> bool:
    return isinstance(record, SolveStep) and record.call == "bodies" and record.at_ns == 10 * TICK_NS


@pytest.mark.parametrize(("lost", "counter"), [(is_late_landmarks, "missing"), (is_tenth_step, "gaps")])
def test_what_is_lost_is_told_and_the_next_state_mends_it(
    heard: list[Record], lost: Callable[[Record], bool], counter: str
):
    cut = [record for record in heard if not lost(record)]
    follower, outcomes = followed(cut, every_ns=20 * MS)
    assert follower.counters[counter] >= 1
    assert follower.counters["inexact"] > 0
    assert any("byte for byte" in news.text for news in follower.news)
    exact = of(outcomes)
    assert all(one in made(heard) for one in exact)
    assert exact[-1] == made(heard)[-1]


def test_a_jump_back_goes_on_from_the_state_that_is_sent_again(heard: list[Record]):
    back = next(place for place, r in enumerate(heard) if isinstance(r, SolverKeyframe) and r.number > 20)
    _, outcomes = followed([*heard, *heard[back:]])
    assert of(outcomes) == made(heard) + made(heard[back:])


def test_steps_that_wait_do_not_wait_for_ever(heard: list[Record]):
    follower = Follower(solver(), mesh=False, patience_ns=50 * MS)
    step = next(record for record in heard if isinstance(record, SolveStep) and record.call == "bodies")
    assert list(follower.take(step, 0)) == []
    assert follower.waiting == 1
    assert list(follower.go_on(49 * MS)) == []
    assert [outcome.exact for outcome in follower.go_on(50 * MS)] == [False]
    assert follower.counters["missing"] == 1


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_steps_that_nobody_made_raise_nothing_but_take_errors(heard: list[Record], data: st.DataObject):
    steps = [record for record in heard if isinstance(record, SolveStep)]
    step = data.draw(st.sampled_from(steps))
    field = data.draw(st.sampled_from(["call", "actor", "source", "kind", "number", "at_ns", "views", "sent"]))
    strange = {
        "call": st.sampled_from(["", "bodies", "face", "external", "time", "measure", "wear"]),
        "views": st.sampled_from([(), step.views[::-1], step.views * 2]),
    }
    wild = st.integers(-(2**62), 2**62) if field in ("number", "at_ns", "sent") else st.text(max_size=5)
    wrong = stories.replace(step, **{field: data.draw(strange.get(field, wild))})
    follower = Follower(wild_solver(), mesh=True)
    for record in given_to_solver(heard)[:12]:
        follower.add(record, 0)
    try:
        list(follower.take(wrong, 0))
        list(follower.flush())
    except TakeError:
        pass


_wild: list[Solver] = []


def wild_solver() -> Solver:
    if len(_wild) == 0:
        _wild.append(solver())
    return _wild[0]
