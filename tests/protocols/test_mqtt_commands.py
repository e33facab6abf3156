from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from protocols.mqtt_commands import MOST_BYTES, CommandError, read_command
from protocols.mqtt_schemas import schema_text
from protocols.playback import SetPlayback
from protocols.show import Calibrate, Command, Mark, SetOutput, SetSlate, StartRecording, StopRecording


def command(path: str, payload: object = None) -> Command:
    data = b"" if payload is None else payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return read_command(path, data, "key", "mqtt").command


@pytest.mark.parametrize(
    ("path", "payload", "expected"),
    [
        ("record/start", None, StartRecording("key", "mqtt")),
        ("record/start", {"slate": "scene 12é", "take": 3}, StartRecording("key", "mqtt", "scene 12é", 3)),
        ("record/stop", None, StopRecording("key", "mqtt")),
        ("mark", {"text": "he stumbles"}, Mark("key", "mqtt", "he stumbles")),
        ("mark", {}, Mark("key", "mqtt")),
        ("playback", {"playing": False, "step": -1}, SetPlayback("key", "mqtt", playing=False, step=-1)),
        ("playback", {"position_s": 2.5, "speed": 2, "loop": True}, SetPlayback("key", "mqtt", None, 2.5, 0, 2, True)),
        ("slate", {"slate": "b"}, SetSlate("key", "mqtt", "b", 0)),
        ("output/engine/set", {"rate": 30}, SetOutput("key", "mqtt", "engine", None, None, 30.0)),
        ("output/engine/set", {"actor": "", "enabled": False}, SetOutput("key", "mqtt", "engine", False, "", None)),
        ("output/engine/enable", None, SetOutput("key", "mqtt", "engine", True)),
        ("output/engine/enable", {"enabled": False}, SetOutput("key", "mqtt", "engine", False)),
        ("actor/anna/calibrate", b"  ", Calibrate("key", "mqtt", "anna")),
    ],
)
def test_commands(path: str, payload: object, expected: Command) -> None:
    assert command(path, payload) == expected


@pytest.mark.parametrize(
    ("path", "payload", "why"),
    [
        ("record", None, "no command"),
        ("record/start/now", None, "no command"),
        ("output//set", {"rate": 1}, "no command"),
        ("output/*/set", {"rate": 1}, "no command"),
        ("output/*", None, "no command"),
        ("*", None, "no command"),
        ("", None, "no command"),
        ("output/engine/set", None, "nothing to set"),
        ("playback", None, "nothing to do"),
        ("playback", b'{"speed": 0}', "speed"),
        ("output/engine/set", {"rte": 1}, "unknown field `rte`"),
        ("output/engine/set", {"rate": "30"}, "Expected `float | null`"),
        ("output/engine/set", {"rate": -1}, ">= 0"),
        ("output/engine/enable", {"enabled": 1}, "Expected `bool`"),
        ("record/start", {"take": 1.5}, "Expected `int`"),
        ("record/start", {"take": -1}, ">= 0"),
        ("record/start", {"slate": "a" * 65}, "length <= 64"),
        ("record/start", {"slate": "a\n"}, "matching regex"),
        ("mark", {"text": "a\n"}, "matching regex"),
        ("record/start", {"id": 1}, "Expected `str`"),
        ("record/start", [], "Expected `object`"),
        ("record/start", b"true", "Expected `object`"),
        ("record/start", b"{", "refused"),
        ("record/start", b"\xff", "refused"),
        ("record/start", b"[" * 8000, "refused"),
        ("record/start", b" " * (MOST_BYTES + 1), "8193 bytes"),
    ],
)
def test_what_does_not_fit_is_refused(path: str, payload: object, why: str) -> None:
    with pytest.raises(CommandError, match=r"(?s).+") as refused:
        command(path, payload)
    assert why in str(refused.value)


def test_a_name_that_no_output_can_have_is_refused_and_cut() -> None:
    with pytest.raises(CommandError, match="5000 characters") as refused:
        command("output/" + "q" * 5000 + "/enable")
    assert len(str(refused.value)) < 200


def test_a_refusal_keeps_the_id_for_the_reply() -> None:
    for payload in ({"id": "a7", "take": "x"}, {"id": "a7", "what": 1}):
        with pytest.raises(CommandError) as refused:
            command("record/start", payload)
        assert refused.value.id == "a7"
    with pytest.raises(CommandError) as refused:
        command("record/start", {"id": "x" * 1000})
    assert refused.value.id == ""


_FIELDS = st.sampled_from(["id", "slate", "take", "enabled", "actor", "rate", "other"])
_VALUES = st.none() | st.booleans() | st.integers(-5, 2_000_000) | st.floats(-1, 2000) | st.text(max_size=70)
_PATHS = {
    "record/start": "command-record-start",
    "record/stop": "command-record-stop",
    "slate": "command-slate",
    "mark": "command-mark",
    "output/a/set": "command-output-set",
    "output/a/enable": "command-output-enable",
    "actor/a/calibrate": "command-actor-calibrate",
}


@settings(deadline=None)
@given(st.sampled_from(sorted(_PATHS)), st.dictionaries(_FIELDS, _VALUES, max_size=3))
def test_the_schema_says_what_is_understood(path: str, payload: dict[str, Any]) -> None:
    fits = Draft202012Validator(json.loads(schema_text(_PATHS[path]))).is_valid(payload)
    try:
        command(path, payload)
    except CommandError as error:
        assert not fits or "nothing to set" in str(error)
    else:
        assert fits


@settings(deadline=None)
@given(st.text(max_size=60), st.binary(max_size=200))
def test_no_other_exception_escapes(path: str, payload: bytes) -> None:
    for topic in (path, *_PATHS):
        try:
            read_command(topic, payload, "key", "mqtt")
        except CommandError as error:
            assert len(error.id) <= 64
