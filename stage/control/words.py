"""Our own words of control, as OSC addresses; see docs/control.md for their table.

    /stage/record/start [slate s] [take i]      /stage/output/<id>/enable  on f|i|T|F
    /stage/record/stop                          /stage/output/<id>/rate    Hz f|i
    /stage/slate        slate s [take i]        /stage/output/<id>/actor   id s
    /stage/mark         [note s]                /stage/actor/<id>/calibrate
    /stage/status

    In a replay:
    /stage/play                                 /stage/speed           factor f|i
    /stage/pause                                /stage/step            pictures i|f, back below 0
    /stage/seek         seconds f|i             /stage/loop            on f|i|T|F
    /stage/in           seconds f|i             /stage/out             seconds f|i, 0 is the end

A button of a touch surface sends 1 when it is pressed and 0 when it is let go. So words that need no value also take
a single number, and do nothing when it is 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from protocols import osc
from protocols.errors import DecodeError
from protocols.playback import SetPlayback
from protocols.show import (
    MAX_NOTE,
    MAX_SLATE,
    MAX_TAKE,
    Calibrate,
    Command,
    Mark,
    SetOutput,
    SetSlate,
    StartRecording,
    StopRecording,
)

PREFIX = "/stage/"
REPLY = "/stage/reply"

MAX_NAME = 64
"""Characters of an output's or an actor's name."""

_NUMBERS = frozenset("ifhdTF")
_MOST_STEPS = 100_000

Make = Callable[[str, str], Command]
"""Makes the command of an id and a surface."""


class WordError(DecodeError):
    """A word of ours that says nothing, or nothing that can be."""


class Word(NamedTuple):
    """What one of our words asks for."""

    status: bool = False
    """To be told how things are."""
    make: Make | None = None
    """The command; None: nothing is to be done, a button was let go."""


def read(said: osc.Message) -> Word:
    """What a message whose address begins with `PREFIX` asks for.

    Raises:
        WordError: Nothing that we know, or with arguments that it cannot have.
    """
    match said.address.removeprefix(PREFIX).split("/"):
        case ["status"]:
            return Word(status=_pressed(said))
        case ["record", "start"]:
            return _start(said)
        case ["record", "stop"]:
            return Word(make=StopRecording) if _pressed(said) else Word()
        case ["slate"]:
            slate, take = _slate(said)
            return Word(make=lambda key, surface: SetSlate(key, surface, slate, take))
        case ["mark"]:
            return _mark(said)
        case ["play" | "pause" | "seek" | "speed" | "step" | "loop" | "in" | "out" as word]:
            return _playback(said, word)
        case ["output", name, option]:
            return Word(make=_output(said, _name(name), option))
        case ["actor", name, "calibrate"]:
            actor = _name(name)
            return Word(make=lambda key, surface: Calibrate(key, surface, actor)) if _pressed(said) else Word()
    raise WordError(f"{said.address[:60]} is none of the stage's words; they are in docs/control.md")


def is_answer(address: str) -> bool:
    """Whether an address is one of those by which a stage answers."""
    return address == REPLY or (address.startswith(PREFIX) and address.endswith("/state"))


def take_number(value: osc.Argument) -> int:
    """The number of a take from a message; 0 is the next one.

    Raises:
        WordError: It is none.
    """
    if not isinstance(value, int) or not 0 <= value <= MAX_TAKE:
        raise WordError(f"take {value!r:.20} is no number from 1 to {MAX_TAKE}, or 0 for the next")
    return value


def slate_name(value: osc.Argument) -> str:
    """A slate from a message.

    Raises:
        WordError: It is too long, empty, or has what cannot be shown.
    """
    if not isinstance(value, str) or not 0 < len(value) <= MAX_SLATE or not value.isprintable():
        raise WordError(f"slate {value!r:.60} is no name of 1 to {MAX_SLATE} characters")
    return value


def _start(said: osc.Message) -> Word:
    if said.tags == "" or (len(said.tags) == 1 and said.tags in _NUMBERS):
        return Word(make=StartRecording) if _pressed(said) else Word()
    slate, take = _slate(said)
    return Word(make=lambda key, surface: StartRecording(key, surface, slate, take))


def _mark(said: osc.Message) -> Word:
    if said.tags != "s":
        return Word(make=Mark) if _pressed(said) else Word()
    note = said.arguments[0]
    if not isinstance(note, str) or len(note) > MAX_NOTE or not note.isprintable():
        raise WordError(f"{said.address} takes a note of up to {MAX_NOTE} printable characters, s, or nothing")
    return Word(make=lambda key, surface: Mark(key, surface, note))


def _slate(said: osc.Message) -> tuple[str, int]:
    if said.tags not in ("s", "si"):
        raise WordError(f"{said.address} takes a slate and perhaps a take number, s or si, not ,{said.tags[:20]}")
    return slate_name(said.arguments[0]), take_number(said.arguments[1]) if len(said.arguments) > 1 else 0


def _playback(said: osc.Message, word: str) -> Word:
    wishes: dict[str, Any]
    if word in ("play", "pause"):
        if not _pressed(said):
            return Word()
        wishes = {"playing": word == "play"}
    else:
        number = _number(said)
        if word == "step" and not (number == round(number) and abs(number) <= _MOST_STEPS):
            raise WordError(f"{said.address} takes a number of pictures, back below 0, not {number:g}")
        wishes = {
            "seek": {"position_s": number},
            "speed": {"speed": number},
            "step": {"step": round(number)},
            "loop": {"loop": number != 0.0},
            "in": {"begin_s": number},
            "out": {"end_s": number},
        }[word]
        if word == "step" and number == 0.0:  # a button was let go
            return Word()
    return Word(make=lambda key, surface: SetPlayback(key, surface, **wishes))


def _output(said: osc.Message, name: str, option: str) -> Make:
    if option == "enable":
        enabled = _number(said) != 0.0
        return lambda key, surface: SetOutput(key, surface, name, enabled=enabled)
    if option == "rate":
        rate = _number(said)
        if rate < 0.0:
            raise WordError(f"{said.address}: a rate of {rate:g} Hz cannot be; 0 sends all")
        return lambda key, surface: SetOutput(key, surface, name, rate=rate)
    if option == "actor":
        actor = said.arguments[0] if said.tags == "s" else None
        if not isinstance(actor, str) or len(actor) > MAX_NAME:
            raise WordError(f'{said.address} takes the id of an actor, s; "" is all of them')
        return lambda key, surface: SetOutput(key, surface, name, actor=actor)
    raise WordError(f"{said.address[:60]}: an output has enable, rate and actor")


def _name(part: str) -> str:
    if not 0 < len(part) <= MAX_NAME:
        raise WordError(f"{part[:20]!r} cannot name an output or an actor")
    return part


def _pressed(said: osc.Message) -> bool:
    return said.tags == "" or _number(said) != 0.0


def _number(said: osc.Message) -> float:
    """The only argument, as a finite number; True is 1."""
    value = said.arguments[0] if len(said.tags) == 1 and said.tags in _NUMBERS else None
    if not isinstance(value, (int, float)):
        raise WordError(f"{said.address[:60]} takes one number, not ,{said.tags[:20]}")
    if not math.isfinite(value):
        raise WordError(f"{said.address[:60]} takes a number, not {value}")
    return float(value)
