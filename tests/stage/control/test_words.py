from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import osc
from protocols.playback import SetPlayback
from protocols.show import MAX_NOTE, Calibrate, Command, Mark, SetOutput, SetSlate, StartRecording, StopRecording
from stage.control import words
from stage.control.words import Word, WordError


def said(address: str, tags: str, *arguments: osc.Argument) -> osc.Message:
    return osc.Message(address, tags, arguments)


def command(message: osc.Message) -> Command:
    make = words.read(message).make
    assert make is not None
    return make("key", "control")


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        (said("/stage/record/start", ""), StartRecording("key", "control")),
        (said("/stage/record/start", "s", "forest"), StartRecording("key", "control", "forest")),
        (said("/stage/record/start", "si", "forest", 7), StartRecording("key", "control", "forest", 7)),
        (said("/stage/record/start", "f", 1.0), StartRecording("key", "control")),
        (said("/stage/record/stop", ""), StopRecording("key", "control")),
        (said("/stage/record/stop", "T", True), StopRecording("key", "control")),
        (said("/stage/mark", ""), Mark("key", "control")),
        (said("/stage/play", ""), SetPlayback("key", "control", playing=True)),
        (said("/stage/pause", "i", 1), SetPlayback("key", "control", playing=False)),
        (said("/stage/seek", "f", 12.5), SetPlayback("key", "control", position_s=12.5)),
        (said("/stage/speed", "f", 0.5), SetPlayback("key", "control", speed=0.5)),
        (said("/stage/step", "i", -2), SetPlayback("key", "control", step=-2)),
        (said("/stage/loop", "i", 0), SetPlayback("key", "control", loop=False)),
        (said("/stage/in", "f", 1.5), SetPlayback("key", "control", begin_s=1.5)),
        (said("/stage/out", "i", 0), SetPlayback("key", "control", end_s=0.0)),
        (said("/stage/mark", "f", 1.0), Mark("key", "control")),
        (said("/stage/mark", "s", "he stumbles"), Mark("key", "control", "he stumbles")),
        (said("/stage/slate", "s", "forest"), SetSlate("key", "control", "forest")),
        (said("/stage/slate", "si", "forest", 3), SetSlate("key", "control", "forest", 3)),
        (said("/stage/output/vmc-1/enable", "i", 1), SetOutput("key", "control", "vmc-1", enabled=True)),
        (said("/stage/output/vmc-1/enable", "f", 0.0), SetOutput("key", "control", "vmc-1", enabled=False)),
        (said("/stage/output/vmc-1/enable", "F", False), SetOutput("key", "control", "vmc-1", enabled=False)),
        (said("/stage/output/vmc-1/rate", "i", 30), SetOutput("key", "control", "vmc-1", rate=30.0)),
        (said("/stage/output/vmc-1/rate", "f", 59.5), SetOutput("key", "control", "vmc-1", rate=59.5)),
        (said("/stage/output/vmc-1/actor", "s", "ada"), SetOutput("key", "control", "vmc-1", actor="ada")),
        (said("/stage/output/vmc-1/actor", "s", ""), SetOutput("key", "control", "vmc-1", actor="")),
        (said("/stage/actor/ada/calibrate", ""), Calibrate("key", "control", "ada")),
        (said("/stage/actor/ada/calibrate", "i", 1), Calibrate("key", "control", "ada")),
    ],
)
def test_what_words_ask_for(message: osc.Message, wanted: Command) -> None:
    assert command(message) == wanted


@pytest.mark.parametrize(
    "address", ["/stage/record/start", "/stage/record/stop", "/stage/mark", "/stage/actor/ada/calibrate"]
)
@pytest.mark.parametrize(("tag", "value"), [("f", 0.0), ("i", 0), ("F", False)])
def test_a_button_that_is_let_go_does_nothing(address: str, tag: str, value: osc.Argument) -> None:
    assert words.read(said(address, tag, value)) == Word()


def test_status_is_asked_for() -> None:
    assert words.read(said("/stage/status", "")).status
    assert not words.read(said("/stage/status", "f", 0.0)).status


@pytest.mark.parametrize(
    "message",
    [
        said("/stage/", ""),
        said("/stage/record", ""),
        said("/stage/record/start/now", ""),
        said("/stage/record/start", "ss", "a", "b"),
        said("/stage/record/start", "s", ""),
        said("/stage/record/start", "s", "a" * 65),
        said("/stage/record/start", "s", "a\nb"),
        said("/stage/record/start", "si", "a", -1),
        said("/stage/slate", ""),
        said("/stage/slate", "i", 1),
        said("/stage/mark", "s", "x" * (MAX_NOTE + 1)),
        said("/stage/mark", "s", "two\nlines"),
        said("/stage/mark", "si", "note", 1),
        said("/stage/output//enable", "i", 1),
        said("/stage/output/vmc-1/enable", ""),
        said("/stage/output/vmc-1/enable", "s", "on"),
        said("/stage/output/vmc-1/enable", "f", math.nan),
        said("/stage/output/vmc-1/enable", "I", math.inf),
        said("/stage/output/vmc-1/rate", "f", -1.0),
        said("/stage/output/vmc-1/rate", "f", math.inf),
        said("/stage/output/vmc-1/actor", "i", 1),
        said("/stage/output/vmc-1/host", "s", "8.8.8.8"),
        said(f"/stage/output/{'x' * 65}/enable", "i", 1),
        said("/stage/actor/ada/forget", ""),
        said("/stage/status", "s", "all"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(message: osc.Message) -> None:
    with pytest.raises(WordError) as caught:
        words.read(message)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


_parts = st.sampled_from(
    ["record", "start", "stop", "slate", "output", "actor", "enable", "rate", "calibrate", "", "x"]
)
_values = st.one_of(
    st.tuples(st.just("s"), st.text(max_size=80)),
    st.tuples(st.sampled_from("ih"), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.sampled_from("fd"), st.floats()),
    st.tuples(st.just("T"), st.just(True)),
    st.tuples(st.just("N"), st.none()),
    st.tuples(st.just("b"), st.binary(max_size=8)),
    st.tuples(st.just("[]"), st.just(())),
)


@given(parts=st.lists(_parts, max_size=5), values=st.lists(_values, max_size=3))
def test_nothing_else_than_a_refusal_escapes(parts: list[str], values: list[tuple[str, osc.Argument]]) -> None:
    message = osc.Message(
        words.PREFIX + "/".join(parts), "".join(tag for tag, _ in values), tuple(value for _, value in values)
    )
    try:
        word = words.read(message)
    except WordError:
        return
    if word.make is not None:
        assert word.make("key", "control").id == "key"


@pytest.mark.parametrize("address", ["/stage/reply", "/stage/recorder/state", "/stage/output/vmc-1/state"])
def test_answers_are_known(address: str) -> None:
    assert words.is_answer(address)


@pytest.mark.parametrize("address", ["/stage/status", "/state", "/stage/record/start"])
def test_words_are_no_answers(address: str) -> None:
    assert not words.is_answer(address)
