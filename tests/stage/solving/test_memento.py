"""The state of a solver: who gets it goes on as the other did, bit by bit; nothing in it is believed."""

from __future__ import annotations

import functools
from collections import deque
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import TakeError
from stage.solving._state_objects import Each, Inside, Made
from stage.solving._state_parts import solver_state
from stage.solving.memento import STATE_VERSION, Memento
from stage.solving.solver import Solver
from tests.stage.solving.stories import STORIES, Story, done

AHEAD = 12
"""Calls that are compared after a state was put into another solver."""


class Told:
    """A story as one solver went through it."""

    def __init__(self, name: str) -> None:
        self.story: Story = STORIES[name]()
        self.solver = self.story.solver()
        memento = Memento(self.solver)
        self.states: list[bytes] = []
        self.made: list[list[Any]] = []
        for call in self.story.calls:
            self.states.append(memento.state())
            self.made.append(done(self.solver, call))


@functools.cache
def told(name: str) -> Told:
    return Told(name)


@pytest.mark.parametrize("name", STORIES)
def test_a_solver_goes_on_from_the_state_of_another_bit_by_bit(name: str):
    one = told(name)
    other = one.story.solver()
    memento = Memento(other)
    random = np.random.default_rng(3)
    for at in sorted(random.choice(len(one.states) - AHEAD, 4, replace=False), reverse=True):
        memento.restore(one.states[at])  # into a solver that has been elsewhere
        assert memento.state() == one.states[at]
        for call, made in zip(one.story.calls[at : at + AHEAD], one.made[at : at + AHEAD], strict=True):
            assert done(other, call) == made
    assert any(len(made) > 0 for made in one.made)


@pytest.mark.parametrize("name", STORIES)
def test_every_attribute_is_state_or_is_known_to_be_none(name: str):
    solver = told(name).solver
    check(solver_state(solver), solver, "solver")


def check(kind: Inside, target: Any, at: str) -> None:
    fields = target._fields if hasattr(target, "_fields") else vars(target)
    properties = {name for name in kind.kinds if isinstance(getattr(type(target), name, None), property)}
    assert set(fields) - {"__orig_class__"} == (kind.kinds.keys() | kind.kept) - properties - {"__orig_class__"}, at
    for name, part in kind.kinds.items():
        value, place = getattr(target, name), f"{at}.{name}"
        if isinstance(part, Inside):
            check(part, value, place)
        elif isinstance(part, Each):
            values = value.values() if isinstance(value, dict) else value
            for inner, one in zip(part.kinds, values, strict=True):
                check(inner, one, place)
        elif isinstance(part, Made):
            for one in value.values():
                check(part.kind, one, place)
        else:
            plain = isinstance(value, np.ndarray | torch.Tensor | tuple)
            assert plain or not hasattr(value, "__dict__"), place  # else there is state inside


def test_predictions_leave_no_trace():
    one = told("alone")
    solver = one.story.solver()
    for call, made in zip(one.story.calls[:40], one.made[:40], strict=True):
        records = [record for record in made if hasattr(record, "trace")]
        assert [*call(solver)] == records
        for performance in records:
            if hasattr(performance, "joints"):
                solver.vertices(performance.actor)


def test_a_state_is_small():
    sizes = [len(state) for state in told("alone").states]
    assert max(sizes) < 2 << 20


def test_deques_stay_bounded():
    one = told("helped")
    other = one.story.solver()
    Memento(other).restore(one.states[-1])

    def lengths(solver: Solver) -> list[int | None]:
        assert solver.faces is not None
        parts = solver.faces._parts["alice"]
        found = [part for part in vars(parts.timeline._states).values() if isinstance(part, deque)]
        return [part.maxlen for part in found]

    assert lengths(other) == lengths(one.solver)
    assert None not in lengths(other)


def paths(data: Any, here: tuple[int, ...] = ()) -> list[tuple[int, ...]]:
    found = [here]
    if isinstance(data, list):
        for index, item in enumerate(data):
            found += paths(item, (*here, index))
    return found


def changed(data: Any, path: tuple[int, ...], value: Any) -> Any:
    if len(path) == 0:
        return value
    copy = list(data)
    copy[path[0]] = changed(data[path[0]], path[1:], value)
    return copy


@functools.cache
def target(name: str) -> Memento:
    return Memento(told(name).story.solver())


WRONG = st.sampled_from(
    [None, -1, 1 << 62, 0.5, "x" * 300, b"abc", [], [[]], {}, True, [0, None, b""], [[1 << 40], None, b""]]
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["alone", "helped"]), st.data())
def test_a_state_with_something_else_in_it_is_refused_or_of_the_same_form(name: str, data: st.DataObject):
    one = told(name)
    state = msgspec.msgpack.decode(one.states[-1])
    path = data.draw(st.sampled_from(all_paths(name)))
    wrong = msgspec.msgpack.encode(changed(state, path, data.draw(WRONG)))
    memento = target(name)
    memento.restore(one.states[-1])
    try:
        memento.restore(wrong)
    except TakeError:
        return
    memento.state()  # what was let in is of the right form


@functools.cache
def all_paths(name: str) -> list[tuple[int, ...]]:
    return paths(msgspec.msgpack.decode(told(name).states[-1]))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes_are_refused(data: bytes):
    with pytest.raises(TakeError):
        target("two").restore(data)


def test_a_refused_state_leaves_the_solver_as_it_was():
    one = told("two")
    memento = target("two")
    memento.restore(one.states[10])
    state = msgspec.msgpack.decode(one.states[20])
    state[1][-1] = "faces"
    with pytest.raises(TakeError, match="does not fit"):
        memento.restore(msgspec.msgpack.encode(state))
    assert memento.state() == one.states[10]


def test_a_state_of_another_release_says_so():
    with pytest.raises(TakeError, match=f"version {STATE_VERSION + 1}"):
        target("two").restore(msgspec.msgpack.encode([STATE_VERSION + 1, []]))


def test_a_state_of_another_config_is_refused():
    with pytest.raises(TakeError, match="does not fit this config"):
        target("two").restore(told("alone").states[5])
