"""What a stage listens to, and what time it keeps: [[inputs]], [control], [timecode], [record].

Every address is a loopback address unless it is set; one that other hosts can reach needs `allow`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from protocols.show import MAX_SLATE
from stage.config._section import NotNegative, Port, Positive, Section

Part = Literal["face", "eyes", "head", "spine", "arms", "fingers", "legs", "hips"]
"""What an input may take over of an actor."""

Rate = Literal["", "23.976", "24", "25", "29.97", "29.97df", "30", "50", "59.94", "59.94df", "60"]


class InputSection(Section, frozen=True, tag_field="kind"):
    """[[inputs]]: another performer's data, merged into an actor."""

    id: str = ""
    """Default: the kind and its number."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Port = 0
    """0 is the kind's usual port: VMC 39540, Live Link Face 11111."""
    allow: tuple[str, ...] = ()
    """Senders that are heard: addresses or networks ("192.168.1.20", "10.0.0.0/24"); empty: this machine only."""
    actor: str = ""
    """Default: the first actor."""
    timeout_ms: Positive = 500.0
    """Silence after which the stage's own solve takes over again."""
    latency_ms: NotNegative = 0.0
    """How old the data is when it arrives; its time of capture is that much before."""


class VmcInputSection(InputSection, frozen=True, tag="vmc"):
    """A VMC performer or assistant that sends to us (a face tracker, gloves, another solver)."""

    take: tuple[Part, ...] = ("face",)
    """What of the actor it provides."""


class LiveLinkInputSection(InputSection, frozen=True, tag="livelink"):
    """Live Link Face packets: a phone on the actor's helmet."""

    subject: str = ""
    """Only packets of this subject; "" takes the first that comes and stays with it."""
    take: tuple[Literal["face", "eyes", "head"], ...] = ("face", "eyes")
    """A phone on a helmet does not know how the head turns; one on a stand does."""


AnyInputSection = VmcInputSection | LiveLinkInputSection


class ControlSection(Section, frozen=True):
    """[control]: commands by OSC, in the words of the Live Link Face app and our own (docs/control.md)."""

    enabled: bool = False
    host: str = "127.0.0.1"
    port: Port = 8100
    allow: tuple[str, ...] = ()
    """Senders that are obeyed: addresses or networks; empty: this machine only."""
    rate: Positive = 20.0
    """Commands per second of one sender that are obeyed; the rest is counted and refused."""


class TimecodeSection(Section, frozen=True):
    """[timecode]: SMPTE timecode of the stage."""

    rate: Rate = ""
    """Frames per second; "df" is drop-frame. Default: the stage's rate where it is one of these, else 30."""
    source: Literal["day", "start", "network"] = "day"
    """Time of day; counted from `start` when the stage starts; or told by a timecode machine (docs/timecode.md)."""
    zone: Literal["local", "utc"] = "local"
    offset: str = "00:00:00:00"
    """Added to the time of day, or the value at the stage's start."""
    host: str = "127.0.0.1"
    port: Port = 8200
    """Where a timecode machine is heard, with source "network"."""
    allow: tuple[str, ...] = ()


Video = Literal["auto", "copy", "h264", "mjpeg", "lossless", "off"]
"""How a camera's pictures go into a take: "auto" is "copy" where the source delivers compressed video, else "mjpeg"."""


class RecordSection(Section, frozen=True):
    """[record]: takes."""

    enabled: bool = True
    """Keep a recorder ready; it records when it is told to."""
    folder: str = "takes"
    slate: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_SLATE)] = "scene"
    """The first slate of a session."""
    video: Video = "auto"
    """Of all cameras that say nothing else."""
    pre_roll_seconds: Annotated[float, msgspec.Meta(ge=0, le=60)] = 2.0
    """So much of what was before the start of a take is in it; 0 listens to nothing between takes."""
    jpeg_quality: Annotated[int, msgspec.Meta(ge=1, le=100)] = 85
    h264_quality: Annotated[int, msgspec.Meta(ge=0, le=51)] = 20
    """Constant rate factor: 0 loses nothing, 18 to 23 is usual, 51 is worst."""
    memory_mb: Annotated[int, msgspec.Meta(ge=16, le=65536)] = 256
    """Pre-roll and what waits for a slow disk; beyond it video frames are dropped first."""
    transforms: bool = True
    """Write performances as coordinate frames too, topic "tf", so that other programs show them."""


class ReplaySection(Section, frozen=True):
    """What `stage replay` plays; it makes this section itself, a stage.toml has none."""

    take: str = ""
    """The take file; empty is a live stage."""
    track: str = ""
    """The solve of it that is played; empty is the one that was recorded live."""
    source: Literal["performances", "landmarks"] = "performances"
    """Play performances, or solve landmarks again."""
    speed: float = 1.0
    loop: bool = False
    begin_s: float = 0.0
    """In point, seconds since the beginning of the take."""
    end_s: float = 0.0
    """Out point; 0 is the end of the take."""
    paused: bool = False
    """Show the first picture and wait."""
