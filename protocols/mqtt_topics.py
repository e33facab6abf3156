"""MQTT: the topic tree of a stage, and what is published there. All payloads are JSON.

    <prefix>/$state                     retained, QoS 1  StateReport: init, ready, disconnected or lost
    <prefix>/rig                        retained, QoS 1  RigReport: names and parents of the bones
    <prefix>/actor/<actor>/state        retained, QoS 1  ActorReport, when it changes
    <prefix>/actor/<actor>/pose         QoS 0            PoseReport, at the output's rate
    <prefix>/actor/<actor>/face_state   retained, QoS 1  ActorReport, when it changes
    <prefix>/actor/<actor>/face         QoS 0            FaceReport, as often as the face's own camera, else the body's
    <prefix>/latency/<leg>              QoS 0            LatencyReport, once a second

<prefix> is "stage/<stage name>" unless configured. `$state` is the stage's life sign: "ready" is published after
every connect, "disconnected" before an orderly end, and the broker itself publishes "lost" (the last will) when the
connection breaks. All three carry the session: a late "lost" of an earlier session is no news about this one.

The names "+", "#" and "/" cannot be part of a topic level; ids of the configuration hold none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import numpy as np

from protocols.arrays import from_bytes
from protocols.errors import EncodeError
from protocols.histogram import Histogram
from protocols.messages import Face, FacePerformance, Performance
from protocols.names import ARKIT_SHAPES, RIG_BONES, RIG_PARENTS

PORT = 1883
_DECIMALS = 5
_FORBIDDEN = str.maketrans({"+": "_", "#": "_", "/": "_", "\0": "_"})
_COUNT = len(RIG_BONES)


class Report(msgspec.Struct, frozen=True):
    """Base of all payloads."""


class StateReport(Report, frozen=True):
    """Whether the stage is there."""

    state: str
    """"ready", "disconnected" (ended) or "lost" (the broker has lost the connection)."""
    session: str
    """Different for every start of the stage's MQTT output."""
    at_ns: int
    """Stage time; of a "lost", when the session began."""


class RigReport(Report, frozen=True):
    """The order of the bones in poses."""

    bones: tuple[str, ...] = RIG_BONES
    parents: tuple[int, ...] = RIG_PARENTS


class ActorReport(Report, frozen=True):
    """What the stage knows of an actor."""

    state: str
    """"tracking", "holding", "fading" or "absent"."""
    at_ns: int


class PoseReport(Report, frozen=True):
    """The pose of one actor: metres, right-handed, Z up, quaternions xyzw, see `Performance`."""

    number: int
    capture_ns: int
    sent_ns: int
    state: str
    root: list[float]
    """Position and rotation, 7 numbers."""
    joints: list[list[float]]
    """Per bone, its head in the world."""
    rotations: list[list[float]]
    """Per bone, its rotation from rest relative to its parent."""
    confidence: list[float]


class FaceReport(Report, frozen=True):
    """The face of one actor, see `protocols.messages.Face`."""

    number: int
    """Of the face's own stream, or of the performance that it came with."""
    capture_ns: int
    sent_ns: int
    state: str
    shapes: dict[str, float]
    """Coefficients of ARKit's 52 shapes by name, in [0, 1]."""
    confidence: dict[str, float]
    """How far each can be trusted, in [0, 1]."""
    head: list[float]
    """How the head is turned from looking straight ahead, xyzw, in the axes of the rest pose."""
    gaze: dict[str, list[float]]
    """By "left" and "right" eye: yaw to the performer's left and pitch up, radians, against the head."""


class LatencyReport(Report, frozen=True):
    """One leg of the way from camera to receiver, over the last second or so."""

    p50_ms: float
    p99_ms: float
    count: int


class Publication(NamedTuple):
    """One message to publish."""

    topic: str
    payload: Callable[[], bytes]
    """Makes the JSON text when it is about to be sent, away from the thread that must not wait."""
    qos: int = 0
    retain: bool = False


class Topics:
    """The topics below one prefix."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix.strip("/")

    def state(self, state: str, session: str, at_ns: int) -> Publication:
        """The stage's life sign."""
        return self._retained("$state", StateReport(state, session, at_ns))

    def rig(self) -> Publication:
        """Names and parents of the bones."""
        return self._retained("rig", RigReport())

    def actor(self, actor: str, state: str, at_ns: int) -> Publication:
        """An actor's state."""
        return self._retained(f"actor/{level(actor)}/state", ActorReport(state, at_ns))

    def pose(self, performance: Performance, sent_ns: int) -> Publication:
        """An actor's pose.

        Raises:
            EncodeError: A number that is not finite, which JSON cannot carry.
        """
        what = f"performance {performance.number} of {performance.actor}"
        _check_finite(performance, ("root", "joints", "rotations", "confidence"), what)
        topic = f"{self.prefix}/actor/{level(performance.actor)}/pose"
        return Publication(topic, lambda: msgspec.json.encode(_pose_report(performance, sent_ns)))

    def face_state(self, actor: str, state: str, at_ns: int) -> Publication:
        """The state of an actor's face."""
        return self._retained(f"actor/{level(actor)}/face_state", ActorReport(state, at_ns))

    def face(self, source: Performance | FacePerformance, sent_ns: int) -> Publication:
        """An actor's face; of a performance, the one that it holds.

        Raises:
            EncodeError: A number that is not finite, which JSON cannot carry.
        """
        face = source.face
        if face is None:
            raise EncodeError(f"performance {source.number} of {source.actor} has no face")
        _check_finite(face, ("shapes", "confidence", "head", "gaze"), f"face {source.number} of {source.actor}")
        topic = f"{self.prefix}/actor/{level(source.actor)}/face"
        return Publication(topic, lambda: msgspec.json.encode(_face_report(source, face, sent_ns)))

    def latency(self, leg: str, window: Histogram) -> Publication:
        """A leg's latency."""
        p50_ms, p99_ms = (round(window.percentile(percent) / 1e6, 3) for percent in (50, 99))
        report = LatencyReport(p50_ms, p99_ms, window.count)
        return Publication(f"{self.prefix}/latency/{level(leg)}", lambda: msgspec.json.encode(report))

    def _retained(self, path: str, report: Report) -> Publication:
        return Publication(f"{self.prefix}/{path}", lambda: msgspec.json.encode(report), qos=1, retain=True)


def level(name: str) -> str:
    """A name as one level of a topic."""
    return name.translate(_FORBIDDEN) or "_"


def _pose_report(performance: Performance, sent_ns: int) -> PoseReport:
    return PoseReport(
        number=performance.number,
        capture_ns=performance.capture_ns,
        sent_ns=sent_ns,
        state=performance.state,
        root=_numbers(performance.root, (7,)),
        joints=_numbers(performance.joints, (_COUNT, 3)),
        rotations=_numbers(performance.rotations, (_COUNT, 4)),
        confidence=_numbers(performance.confidence, (_COUNT,)),
    )


def _numbers(data: bytes, shape: tuple[int, ...]) -> list[Any]:
    return np.round(from_bytes(data, shape).astype(np.float64), _DECIMALS).tolist()


def _face_report(source: Performance | FacePerformance, face: Face, sent_ns: int) -> FaceReport:
    left, right = _numbers(face.gaze, (2, 2))
    return FaceReport(
        number=source.number,
        capture_ns=source.capture_ns,
        sent_ns=sent_ns,
        state=face.state,
        shapes=dict(zip(ARKIT_SHAPES, _numbers(face.shapes, (len(ARKIT_SHAPES),)), strict=True)),
        confidence=dict(zip(ARKIT_SHAPES, _numbers(face.confidence, (len(ARKIT_SHAPES),)), strict=True)),
        head=_numbers(face.head, (4,)),
        gaze={"left": left, "right": right},
    )


def _check_finite(record: Performance | Face, fields: tuple[str, ...], what: str) -> None:
    for field in fields:
        if not np.isfinite(np.frombuffer(getattr(record, field), "<f4")).all():
            raise EncodeError(f"{what}: {field} is not finite")
