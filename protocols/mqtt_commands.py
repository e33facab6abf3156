"""Commands that come in by MQTT: topic and JSON payload -> one of `protocols.show`.

    <prefix>/command/record/start          {"slate": "scene-12", "take": 3}    both may be left out
    <prefix>/command/record/stop
    <prefix>/command/slate                 {"slate": "scene-12", "take": 1}
    <prefix>/command/mark                  {"text": "he stumbles"}             may be left out
    <prefix>/command/output/<id>/set       {"enabled": false, "actor": "anna", "rate": 30}   any of them
    <prefix>/command/output/<id>/enable    {"enabled": true}                   true when left out
    <prefix>/command/actor/<id>/calibrate
    <prefix>/command/playback              {"playing": true, "position_s": 12.5, "step": 0, "speed": 1, "loop": false,
                                            "begin_s": 0, "end_s": 0}          any of them; in a replay

Every payload may carry an "id", which the reply repeats; one that says nothing may be empty. Whatever does not fit is
refused as a whole, unknown keys too: a misspelt key must not turn into another command.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from protocols.errors import DecodeError
from protocols.playback import MAX_SPEED, SetPlayback
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

MOST_BYTES = 8192
"""Longer payloads are refused unread."""

_Id = Annotated[str, Meta(max_length=64)]
_Slate = Annotated[str, Meta(max_length=MAX_SLATE, pattern=r"^(?![\s\S]*[\x00-\x1f\x7f])")]
"""No control characters; written so that Python and JavaScript read the expression alike."""
_Note = Annotated[str, Meta(max_length=MAX_NOTE, pattern=r"^(?![\s\S]*[\x00-\x1f\x7f])")]
_Take = Annotated[int, Meta(ge=0, le=MAX_TAKE)]
_Rate = Annotated[float, Meta(ge=0, le=1000)]
_Seconds = Annotated[float, Meta(ge=0)]
_Speed = Annotated[float, Meta(gt=0, le=MAX_SPEED)]
_Step = Annotated[int, Meta(ge=-100_000, le=100_000)]
_SHOWN = 80
_MOST_NAME = 64


class CommandError(DecodeError):
    """A command that is refused; the text says why and what would be right.

    Attributes:
        id: The id in its payload, for the reply; "" where none could be read.
    """

    def __init__(self, text: str, command_id: str = "") -> None:
        self.id = command_id
        super().__init__(text)


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all commands' payloads."""

    id: _Id = ""
    """The sender's own; the reply repeats it."""


class RecordStart(Request, frozen=True):
    """Start a take."""

    slate: _Slate = ""
    """Empty keeps the slate as it is."""
    take: _Take = 0
    """0 is the next one of the slate."""


class RecordStop(Request, frozen=True):
    """End the take."""


class Slate(Request, frozen=True):
    """Set slate and number of the next take."""

    slate: _Slate = ""
    """Empty keeps it."""
    take: _Take = 0
    """0 is the next one of the slate."""


class MarkNow(Request, frozen=True):
    """Put a mark at this moment of the take."""

    text: _Note = ""
    """A note."""


class OutputSet(Request, frozen=True):
    """Change an output live."""

    enabled: bool | None = None
    """null, or left out, leaves it; here and below."""
    actor: _Id | None = None
    """An actor's id, "" for all."""
    rate: _Rate | None = None
    """Upper bound in Hz; 0 is none."""


class OutputEnable(Request, frozen=True):
    """Switch an output on or off."""

    enabled: bool = True


class ActorCalibrate(Request, frozen=True):
    """Measure an actor anew."""


class Playback(Request, frozen=True):
    """Move the player of a replay."""

    playing: bool | None = None
    """null, or left out, leaves it; here and below."""
    position_s: _Seconds | None = None
    """Jump there; seconds since the beginning of the take."""
    step: _Step = 0
    """So many pictures on, or back below 0, and stand there."""
    speed: _Speed | None = None
    loop: bool | None = None
    begin_s: _Seconds | None = None
    """In point."""
    end_s: _Seconds | None = None
    """Out point; 0 is the end of the take."""


class Order(NamedTuple):
    """A command that was understood."""

    command: Command
    id: str
    """The sender's own id."""


Make = Callable[[Any, str, str, str], Command]
"""Request, what it is about (an output, an actor), our id, surface -> the command."""


class _Kind(NamedTuple):
    request: type[Request]
    make: Make


_KINDS: dict[tuple[str, ...], _Kind] = {
    ("record", "start"): _Kind(
        RecordStart, lambda request, _, key, surface: StartRecording(key, surface, request.slate, request.take)
    ),
    ("record", "stop"): _Kind(RecordStop, lambda _request, _, key, surface: StopRecording(key, surface)),
    ("slate",): _Kind(Slate, lambda request, _, key, surface: SetSlate(key, surface, request.slate, request.take)),
    ("mark",): _Kind(MarkNow, lambda request, _, key, surface: Mark(key, surface, request.text)),
    ("output", "*", "set"): _Kind(
        OutputSet,
        lambda request, output, key, surface: SetOutput(
            key, surface, output, request.enabled, request.actor, request.rate
        ),
    ),
    ("output", "*", "enable"): _Kind(
        OutputEnable, lambda request, output, key, surface: SetOutput(key, surface, output, request.enabled)
    ),
    ("playback",): _Kind(
        Playback,
        lambda request, _, key, surface: SetPlayback(
            key,
            surface,
            request.playing,
            request.position_s,
            request.step,
            request.speed,
            request.loop,
            request.begin_s,
            request.end_s,
        ),
    ),
    ("actor", "*", "calibrate"): _Kind(
        ActorCalibrate, lambda _request, actor, key, surface: Calibrate(key, surface, actor)
    ),
}
_THREE_LEVELS = 3
_FORMS = ", ".join("/".join(levels).replace("*", "<id>") for levels in _KINDS)
_decoders: dict[type[Request], msgspec.json.Decoder[Any]] = {
    kind.request: msgspec.json.Decoder(kind.request) for kind in _KINDS.values()
}
_id_decoder = msgspec.json.Decoder(dict[str, Any])


def read_command(path: str, payload: bytes, key: str, surface: str) -> Order:
    """The command in a message.

    Args:
        path: The topic from behind "<prefix>/command/".
        payload: As received.
        key: The id that the command gets on the bus.
        surface: Who takes it.

    Raises:
        CommandError: It is refused.
    """
    if len(payload) > MOST_BYTES:
        raise CommandError(f"payload of {len(payload)} bytes; more than {MOST_BYTES} are refused")
    kind, about = _kind_of(path)
    try:
        request = _decoders[kind.request].decode(payload) if payload.strip() else kind.request()
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise CommandError(f"payload is refused: {error}", _id_in(payload)) from None
    if isinstance(request, OutputSet) and request.enabled is request.actor is request.rate is None:
        raise CommandError("nothing to set: give enabled, actor or rate", request.id)
    if request == Playback(id=request.id):
        raise CommandError("nothing to do: give playing, position_s, step, speed, loop, begin_s or end_s", request.id)
    return Order(kind.make(request, about, key, surface), request.id)


def _kind_of(path: str) -> tuple[_Kind, str]:
    levels = tuple(path.split("/"))
    about = levels[1] if len(levels) == _THREE_LEVELS else ""
    form = (levels[0], "*", levels[2]) if len(levels) == _THREE_LEVELS else levels
    if form not in _KINDS or "*" in levels or (len(levels) == _THREE_LEVELS and not about):
        raise CommandError(f'no command "{path[:_SHOWN]}"; there are {_FORMS}')
    if len(about) > _MOST_NAME:
        raise CommandError(f'"{about[:_SHOWN]}..." has {len(about)} characters; an id has {_MOST_NAME} at most')
    return _KINDS[form], about


def _id_in(payload: bytes) -> str:
    """The id of a payload that is refused for something else, as far as it can be read."""
    try:
        found = _id_decoder.decode(payload).get("id", "")
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ""
    return found if isinstance(found, str) and len(found) <= 64 else ""
