"""The records that cross a process boundary, in the order in which a performance comes to be.

Those of running the show are in `protocols.show`, those from other performers in `protocols.external`.

    capture --FrameNote--> landmarks --CameraLandmarks--> solve --Performance, FacePerformance, ...--> broadcast
    every worker --Heartbeat--> supervisor

Arrays travel as raw little-endian bytes; the docstring under each field gives dtype and shape.
Times end in `_ns` and are stage time (see `protocols.clock`). Quaternions are xyzw. The world is
right-handed with Z up, in metres; pixels have the centre of the top-left pixel at (0, 0).
"""

from __future__ import annotations

import msgspec

SCHEMA_VERSION = 3
"""Raised whenever a record changes its meaning; a decoder refuses other versions."""

LANDMARK_COUNT = 33
"""Body landmarks per person, in the order of `protocols.names.BODY_LANDMARKS`."""

HAND_LANDMARK_COUNT = 21
"""Landmarks per hand, in the order of `protocols.names.HAND_LANDMARKS`."""

FACE_LANDMARK_COUNT = 468
"""Landmarks per face, in MediaPipe's order."""

EYE_LANDMARK_COUNT = 76
"""Landmarks per eye: 71 of lids and brow, then 5 of the iris, its centre first."""


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


class HandLandmarks(msgspec.Struct, frozen=True):
    """One hand in one frame."""

    track: int
    """The person's `PersonLandmarks.track` in this frame."""
    actor: str
    """As of the person; "" for somebody who is no actor yet."""
    side: str
    """"left" or "right", the performer's own."""
    points: bytes
    """float32 (21, 4): x_px, y_px in the frame, z_px (the network's depth relative to the wrist, in pixels, larger is
    farther), confidence in [0, 1]."""
    world: bytes
    """float32 (21, 3): the network's own 3D guess, metres, centred on the hand, camera axes; b"" when it has none."""
    score: float
    """Presence of a hand, in [0, 1]."""


class FaceLandmarks(msgspec.Struct, frozen=True):
    """One face in one frame."""

    track: int
    """The person's `PersonLandmarks.track` in this frame; -1 in a camera bound to an actor's face."""
    actor: str
    """As of the person, or the actor the camera is bound to; "" for somebody who is no actor yet."""
    points: bytes
    """float32 (468, 3): x_px, y_px in the frame, z_px (the network's relative depth, in pixels, larger is farther)."""
    eyes: bytes
    """float32 (2, 76, 2): x_px, y_px; the performer's left eye, then the right one; b"" when they were not read."""
    score: float
    """Presence of a face, in [0, 1]."""


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
    hands: tuple[HandLandmarks, ...] = ()
    """Of some persons; not every hand is read in every frame."""
    faces: tuple[FaceLandmarks, ...] = ()


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


class Face(msgspec.Struct, frozen=True):
    """The face of one actor at one instant."""

    state: str
    """"tracking", "holding" (lost, last face kept), "fading" (on the way to rest) or "absent"."""
    shapes: bytes
    """float32 (52,): ARKit coefficients in [0, 1], order of `protocols.names.ARKIT_SHAPES`."""
    confidence: bytes
    """float32 (52,): in [0, 1], how far each coefficient can be trusted."""
    head: bytes
    """float32 (4,) xyzw: how the head is turned from looking straight ahead, in the axes of the rest pose. With a body,
    against its uppermost spine bone; without, against the actor's neutral in the camera; identity from a head-mounted
    camera, whose own movement on the head (slip) is removed."""
    gaze: bytes
    """float32 (2, 2) radians: left eye, right eye; yaw (positive to the performer's left) and pitch (positive up),
    relative to the head."""
    cameras: tuple[str, ...]
    """The cameras it was read in."""


class Performance(Record, frozen=True):
    """Pose of one actor at one instant, with the face of the same instant."""

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
    face: Face | None = None
    """None while no face is solved for this actor."""


class FacePerformance(Record, frozen=True):
    """The face of one actor, at the rate of the camera that is bound to it.

    Only such cameras make this stream; a face read in the body's own views comes with `Performance` alone.
    """

    actor: str
    number: int
    """Counts the frames solved for this face, from 0."""
    capture_ns: int
    face: Face
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
    hands: dict[str, bytes] = {}
    """Per camera, float32 (2, 21, 2): x_px, y_px of the left and the right hand's landmarks."""


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
