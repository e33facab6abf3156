"""What a stage publishes by MQTT: one record per kind of payload, JSON on the wire.

The topics are in `protocols.mqtt_topics`, the commands in `protocols.mqtt_commands`, the JSON Schemas of all of them in
`protocols.schemas`. Times end in `_ns` and are stage time, which reads as Unix time in nanoseconds: beyond what a
JavaScript number holds exactly, so read them as integers where it matters. A receiver should pass over keys that it
does not know; later releases may add some.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

from protocols.errors import EncodeError
from protocols.names import ARKIT_SHAPES, RIG_BONES, RIG_PARENTS

StageState = Literal["ready", "disconnected", "lost"]
ActorState = Literal["tracking", "holding", "fading", "absent"]
Count = Annotated[int, Meta(ge=0)]
Vector = Annotated[list[float], Meta(min_length=3, max_length=3)]
Quaternion = Annotated[list[float], Meta(min_length=4, max_length=4)]
_BONES = len(RIG_BONES)
_SHAPES = len(ARKIT_SHAPES)


def actor_state(text: str) -> ActorState:
    """The state of a performance or a face as one of those that are published.

    Raises:
        EncodeError: It is none of them.
    """
    for state in get_args(ActorState):
        if state == text:
            return state
    raise EncodeError(f'"{text}" is no state of an actor')


class Report(msgspec.Struct, frozen=True):
    """Base of all payloads."""


class StateReport(Report, frozen=True):
    """Whether the stage is there."""

    state: StageState
    """"ready", "disconnected" (ended) or "lost" (the broker has lost the connection)."""
    session: str
    """Different for every start of the stage's MQTT output."""
    at_ns: int
    """Of a "lost", when the session began."""


class StageReport(Report, frozen=True):
    """What stage this is."""

    name: str
    software: str
    """Name and version of the program."""
    rate: float
    """Framesets per second that it is set to."""
    session: str
    """As in `$state`; another one there means that this report is an earlier session's."""
    began_ns: int
    actors: list[str]
    cameras: list[str]
    outputs: list[str]
    commands: bool
    """Whether it obeys commands that come through this broker."""


class RigReport(Report, frozen=True):
    """The order of the bones in poses."""

    bones: tuple[str, ...] = RIG_BONES
    parents: tuple[int, ...] = RIG_PARENTS
    """Index of each bone's parent; -1 of the first."""


class ActorReport(Report, frozen=True):
    """What the stage knows of an actor's body, or of its face."""

    state: ActorState
    at_ns: int


class PoseReport(Report, frozen=True):
    """The pose of one actor: metres, right-handed, Z up, quaternions xyzw, see `Performance`."""

    number: int
    capture_ns: int
    sent_ns: int
    state: ActorState
    root: Annotated[list[float], Meta(min_length=7, max_length=7)]
    """Position and rotation."""
    joints: Annotated[list[Vector], Meta(min_length=_BONES, max_length=_BONES)]
    """Per bone, its head in the world."""
    rotations: Annotated[list[Quaternion], Meta(min_length=_BONES, max_length=_BONES)]
    """Per bone, its rotation from rest relative to its parent."""
    confidence: Annotated[list[float], Meta(min_length=_BONES, max_length=_BONES)]


class GazeReport(Report, frozen=True):
    """Where the eyes look, against the head: yaw to the performer's left and pitch up, radians."""

    left: Annotated[list[float], Meta(min_length=2, max_length=2)]
    right: Annotated[list[float], Meta(min_length=2, max_length=2)]


class FaceReport(Report, frozen=True):
    """The face of one actor, see `protocols.messages.Face`."""

    number: int
    """Of the face's own stream, or of the performance that it came with."""
    capture_ns: int
    sent_ns: int
    state: ActorState
    shapes: Annotated[dict[str, float], Meta(min_length=_SHAPES, max_length=_SHAPES)]
    """Coefficients of ARKit's 52 shapes by name, in [0, 1]."""
    confidence: Annotated[dict[str, float], Meta(min_length=_SHAPES, max_length=_SHAPES)]
    """How far each can be trusted, in [0, 1]."""
    head: Quaternion
    """How the head is turned from looking straight ahead, in the axes of the rest pose."""
    gaze: GazeReport


class CameraReport(Report, frozen=True):
    """One camera."""

    state: str
    """"starting", "running", "waiting" (for its source), "finished", or "silent" (its worker says nothing)."""
    rate_hz: float
    age_ms: float
    """Age of its newest frame when it was taken up; -1 when none has come yet."""
    frames: Count
    drops: Count
    """Frames that were lost on the way."""
    at_ns: int


class OutputReport(Report, frozen=True):
    """One output, of whatever kind; see `protocols.show.OutputState`."""

    kind: str
    enabled: bool
    actor: str
    """Empty is all."""
    rate: float
    """Upper bound in Hz; 0 is none."""
    target: str
    rate_hz: float
    """Frames sent per second, over the last second."""
    frames: Count
    lost: Count
    fault: str
    """What is wrong now; "" when all is well."""
    at_ns: int


class RecorderReport(Report, frozen=True):
    """The recorder; see `protocols.show.RecorderState`."""

    recording: bool
    slate: str
    take: Count
    """The take being recorded, else the next one."""
    began_ns: int
    """When the take began; 0 when none is recorded."""
    name: str
    """The take's name; the last one's after its end; "" before the first."""
    records: Count
    lost: Count
    free_bytes: int
    """Free space where takes go; -1 unknown."""
    fault: str
    at_ns: int
    minutes_left: float = -1.0
    """How long the free space lasts at the rate of this take, else of the last one; -1 unknown."""
    frames: Count = 0
    """Pictures in the take, of all cameras."""
    dropped_frames: Count = 0
    """Pictures that were given up because disk or encoder were too slow."""
    pre_roll_s: float = 0.0
    """How much of the past a take that began now would have."""
    marks: Count = 0
    """Marks in the take."""


class PlayerReport(Report, frozen=True):
    """The player of a replay; see `protocols.playback.PlayerState`."""

    take: str
    track: str
    """Which solve of it is played; "" is what was recorded live."""
    source: str
    """"performances", or what is solved again: "landmarks" or "frames"."""
    playing: bool
    position_s: float
    seconds: float
    """Length of the take."""
    begin_s: float
    """In point."""
    end_s: float
    """Out point."""
    speed: float
    loop: bool
    timecode: str
    """Of the position, as it was recorded; "" when the take has none."""
    fault: str
    at_ns: int


class TimecodeReport(Report, frozen=True):
    """The timecode of an instant."""

    text: str
    """HH:MM:SS:FF, or HH:MM:SS;FF for drop-frame."""
    rate: str
    """Frames per second, "df" behind it for drop-frame."""
    at_ns: int


class LatencyReport(Report, frozen=True):
    """One leg of the way from camera to receiver, over the last ten seconds."""

    p50_ms: float
    p99_ms: float
    count: Count
    budget_ms: float | None
    """What the configuration allows the 99th percentile; null where it says nothing."""
    over: bool
    """Whether the 99th percentile is above it."""


class AlarmReport(Report, frozen=True):
    """Something went wrong at one moment."""

    worker: str
    kind: Literal["warning", "error"]
    text: str
    at_ns: int


class Alarm(Report, frozen=True):
    """Something that is wrong now."""

    about: str
    """What it concerns: "worker/<name>", "camera/<id>", "output/<id>", "latency/<leg>", "recorder" or "timecode"."""
    text: str
    since_ns: int


class AlarmsReport(Report, frozen=True):
    """All that is wrong now; an empty list when nothing is."""

    alarms: list[Alarm]
    at_ns: int


class ReplyReport(Report, frozen=True):
    """What became of a command."""

    id: str
    """The command's own; "" where it had none."""
    command: str
    """Its topic, from behind "command/"."""
    ok: bool
    text: str
    """For people: what was done, or why not and what to do."""
    facts: dict[str, str] = {}
    """For programs, such as a take's files."""
