"""The records that cross a process boundary, in the order in which a performance comes to be.

    capture --FrameNote--> landmarks --CameraLandmarks--> solve --Performance, MeshNote, Prediction--> ...
    every worker --Heartbeat--> supervisor

Arrays travel as raw little-endian bytes; the docstring under each field gives dtype and shape.
Times end in `_ns` and are stage time (see `protocols.clock`). Quaternions are xyzw. The world is
right-handed with Z up, in metres; pixels have the centre of the top-left pixel at (0, 0).
"""

from __future__ import annotations

import msgspec

SCHEMA_VERSION = 1
"""Raised whenever a record changes its meaning; a decoder refuses other versions."""

LANDMARK_COUNT = 33
"""Body landmarks per person, in the order of `protocols.names.BODY_LANDMARKS`."""


class Record(msgspec.Struct, frozen=True, tag=True):
    """Base of all records: immutable, tagged with its class name on the wire."""


class FrameNote(Record, frozen=True):
    """Says that one frame lies in the ring of its camera."""

    camera: str
    frame: int
    """The camera's own frame number, from 0, without gaps at the source."""
    capture_ns: int
    published_ns: int
    ring: str
    """Name of the frame ring (a file in /dev/shm), or "" when the pixels follow as JPEG."""
    slot: int
    generation: int
    """The ring's write number of this slot; a reader that finds another has been overtaken."""
    width: int
    height: int


class PersonLandmarks(msgspec.Struct, frozen=True):
    """The body landmarks of one person in one frame."""

    track: int
    """Stable while this camera follows this person; unique within the camera."""
    points: bytes
    """float32 (33, 3): x_px, y_px in the frame, confidence in [0, 1]."""
    world: bytes
    """float32 (33, 3): the network's own 3D guess, metres, hip centre at the origin, camera axes
    (x right, y down, z forward); b"" when the network has none."""
    score: float
    """Presence of a person, in [0, 1]."""
    actor: str = ""
    """The actor whose prediction guided this track, "" for a person found by the detector."""


class CameraLandmarks(Record, frozen=True):
    """Everybody seen in one frame of one camera."""

    camera: str
    frame: int
    capture_ns: int
    captured_ns: int
    """When the capture worker published the frame."""
    begin_ns: int
    end_ns: int
    width: int
    height: int
    persons: tuple[PersonLandmarks, ...]


class Trace(msgspec.Struct, frozen=True):
    """When each leg of a performance's way began and ended, in stage time; 0 where not reached.

    Where several cameras contribute, each entry is that of the camera that came last.
    """

    capture_ns: int
    published_ns: int
    landmarks_begin_ns: int
    landmarks_end_ns: int
    solve_begin_ns: int
    solve_end_ns: int = 0
    sent_ns: int = 0


class Performance(Record, frozen=True):
    """Pose of one actor at one instant."""

    actor: str
    number: int
    """Counts the framesets solved for this actor, from 0."""
    capture_ns: int
    state: str
    """"tracking", "holding" (lost, last pose kept), "fading" (on the way to rest) or "absent"."""
    root: bytes
    """float32 (7,): T_world_root, position of the Root bone in metres and its rotation xyzw."""
    rotations: bytes
    """float32 (53, 4): per bone, the rotation from rest relative to its parent, in the axes of the
    rest pose (so all identity is the rest pose), xyzw; order of `protocols.names.RIG_BONES`."""
    joints: bytes
    """float32 (53, 3): bone heads in the world, metres."""
    rest_joints: bytes
    """float32 (53, 3): bone heads of this actor in the rest pose, metres, Root at its rest place."""
    confidence: bytes
    """float32 (53,): in [0, 1], how well the views of this instant determine each bone."""
    cameras: tuple[str, ...]
    """The cameras that contributed."""
    trace: Trace


class MeshNote(Record, frozen=True):
    """The full-body mesh of one performance."""

    actor: str
    number: int
    capture_ns: int
    vertices: bytes
    """float32 (13718, 3): world, metres."""


class Prediction(Record, frozen=True):
    """Where the solver expects an actor's landmarks in each camera's next frame."""

    actor: str
    capture_ns: int
    cameras: dict[str, bytes]
    """Per camera, float32 (33, 2): x_px, y_px. A camera that does not see the actor is absent."""


class Solved(Record, frozen=True):
    """Credit for sources that play as fast as they are solved: this frameset is done."""

    capture_ns: int
    number: int


class Event(Record, frozen=True):
    """Something an operator should know: a camera lost, a file ended, a receiver refused."""

    worker: str
    at_ns: int
    kind: str
    """"info", "warning" or "error"."""
    text: str


class Heartbeat(Record, frozen=True):
    """A worker is alive; what it has done since it started."""

    worker: str
    pid: int
    at_ns: int
    state: str
    """"starting", "standby", "running", "waiting" (for its source) or "finished"."""
    rate_hz: float
    """Items finished per second, over the last second or so."""
    age_ms: float
    """Age of the newest item when this worker took it up; -1 when none yet."""
    resident_bytes: int
    counters: dict[str, int]
    """Counts since start: items, gaps, drops, errors by kind."""
    legs: dict[str, bytes]
    """Histogram per latency leg, int64 (256,), see `protocols.histogram`; since start."""
    facts: dict[str, str]
    """What an operator may ask: engine, precision, threads, achieved rate, smoothing lag ..."""
