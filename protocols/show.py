"""Records of running a show: commands, their replies, and the state of outputs, recorder and timecode.

    a surface (control, mqtt, console) --Command on command.<surface>--> whoever can carry it out
    the one who did --CommandReply on reply.<worker>--> the surface, which answers who asked

A surface is a worker that takes commands from people and programs. Commands are told apart by their class; each
class is carried out by one worker, which replies exactly once:

    StartRecording, StopRecording, SetSlate, Mark   record
    SetPlayback (see `protocols.playback`)          replay
    SetOutput                                 the worker that owns the output (broadcast, mqtt)
    Calibrate                                 solve
"""

from __future__ import annotations

import msgspec

from protocols.messages import Record

MAX_SLATE = 64
"""Characters of a slate."""
MAX_TAKE = 999_999
"""The highest number of a take."""
MAX_NOTE = 500
"""Characters of a mark's note."""


class Command(Record, frozen=True):
    """Base of all commands."""

    id: str
    """Unique at its surface; the reply carries it."""
    surface: str
    """Name of the worker that took it."""


class StartRecording(Command, frozen=True):
    """Start a take."""

    slate: str = ""
    """Empty keeps the slate as it is."""
    take: int = 0
    """0 is the next one of the slate."""


class StopRecording(Command, frozen=True):
    """End the take; it is an error when none is being recorded."""


class SetSlate(Command, frozen=True):
    """Set slate and number of the next take."""

    slate: str = ""
    """Empty keeps it."""
    take: int = 0
    """0 is the next one of the slate."""


class Mark(Command, frozen=True):
    """Put a mark with a note at this moment of the take; it is an error when none is being recorded."""

    text: str = ""


class SetOutput(Command, frozen=True):
    """Change an output live."""

    output: str
    enabled: bool | None = None
    """None leaves it, here and below."""
    actor: str | None = None
    """An actor's id, "" for all (not VMC)."""
    rate: float | None = None
    """Upper bound in Hz; 0 is none."""


class Calibrate(Command, frozen=True):
    """Measure an actor's body shape and face at rest anew; the profile on disk is replaced when that is done."""

    actor: str


class CommandReply(Record, frozen=True):
    """What became of a command."""

    id: str
    surface: str
    worker: str
    """Who replies."""
    ok: bool
    text: str
    """For people: what was done, or why not and what to do."""
    facts: dict[str, str] = msgspec.field(default_factory=dict)
    """For programs, such as a take's files."""


class RecorderState(Record, frozen=True):
    """What the recorder does; published at every change and once a second, on "recorder"."""

    at_ns: int
    recording: bool
    slate: str
    take: int
    """The take being recorded, else the next one."""
    began_ns: int
    """Stage time at which the take began; 0 when none is recorded."""
    name: str
    """The take's name; the last one's after its end; "" before the first."""
    records: int
    """Records written into the take."""
    lost: int
    """Records that could not be written."""
    free_bytes: int
    """Free space where takes go; -1 unknown."""
    fault: str = ""
    """What is wrong, and what to do; "" when all is well."""
    minutes_left: float = -1.0
    """How long the free space lasts at the rate of this take, else of the last one; -1 unknown."""
    frames: int = 0
    """Pictures written into the take, of all cameras."""
    dropped_frames: int = 0
    """Pictures that were given up because the disk or an encoder was too slow; those of a take are in its facts too."""
    pre_roll_s: float = 0.0
    """How much of the past a take that began now would have."""
    marks: int = 0
    """Marks in the take."""


class OutputState(Record, frozen=True):
    """What an output does; published at every change and once a second, on "output.<id>"."""

    id: str
    kind: str
    worker: str
    """Its owner."""
    at_ns: int
    enabled: bool
    actor: str
    """Empty is all."""
    rate: float
    """Upper bound in Hz; 0 is none."""
    target: str
    """Receiver or broker, and how it is reached."""
    rate_hz: float
    """Frames, bodies and faces, sent per second, over the last second."""
    frames: int
    """Frames sent since the start."""
    lost: int
    """Frames that could not be sent: refused, receiver full or away."""
    fault: str
    """What is wrong now; "" when all is well."""


class TimecodeSync(Record, frozen=True):
    """What a timecode machine said, on "timecode"."""

    at_ns: int
    """Stage time at which the frame began, as well as it is known."""
    text: str
    """HH:MM:SS:FF, or HH:MM:SS;FF for drop-frame."""
    source: str
    """Who said so."""
    speed: float | None = None
    """None: a machine's word, to be followed in small steps. A number sets the timecode, from the next record on: it
    runs so many times as fast as the clock, 0 stands still."""
    into_ns: int = 0
    """How far the frame was at `at_ns`, where a timecode is set within one."""
