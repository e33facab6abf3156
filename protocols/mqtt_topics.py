"""MQTT: the topic tree of a stage. All payloads are JSON, see `protocols.mqtt_payloads` and docs/mqtt.md.

    <prefix>/$state                    retained  QoS 1  StateReport: ready, disconnected or lost
    <prefix>/stage                     retained  QoS 1  StageReport
    <prefix>/rig                       retained  QoS 1  RigReport: names and parents of the bones
    <prefix>/actor/<id>/state          retained  QoS 1  ActorReport, when it changes
    <prefix>/actor/<id>/face_state     retained  QoS 1  ActorReport, when it changes
    <prefix>/actor/<id>/pose                     QoS 0  PoseReport, at the output's rate
    <prefix>/actor/<id>/face                     QoS 0  FaceReport, as often as the face's own camera, else the body's
    <prefix>/camera/<id>               retained  QoS 1  CameraReport, at a change of state and once a second
    <prefix>/output/<id>               retained  QoS 1  OutputReport, at every change and once a second
    <prefix>/recorder                  retained  QoS 1  RecorderReport, likewise
    <prefix>/player                    retained  QoS 1  PlayerReport, likewise, in a replay
    <prefix>/timecode                            QoS 0  TimecodeReport, once a second
    <prefix>/latency/<leg>                       QoS 0  LatencyReport, once a second
    <prefix>/alarm/<worker>                      QoS 1  AlarmReport, when it happens
    <prefix>/alarms                    retained  QoS 1  AlarmsReport: what is wrong now, when it changes
    <prefix>/command/...               in               see `protocols.mqtt_commands`
    <prefix>/reply                               QoS 1  ReplyReport, for commands that name no topic of their own

<prefix> is "stage/<stage name>" unless configured. `$state` is the stage's life sign: "ready" is published after
every connect, "disconnected" before an orderly end, and the broker itself publishes "lost" (the last will) when the
connection breaks. All three carry the session: a late "lost" of an earlier session is no news about this one.

The names "+", "#" and "/" cannot be part of a topic level; ids of the configuration hold none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from protocols.messages import FacePerformance, Performance
from protocols.mqtt_payloads import (
    ActorReport,
    AlarmReport,
    AlarmsReport,
    CameraReport,
    LatencyReport,
    OutputReport,
    PlayerReport,
    RecorderReport,
    ReplyReport,
    Report,
    RigReport,
    StageReport,
    StateReport,
    TimecodeReport,
)
from protocols.mqtt_poses import check_face, check_pose, encode_face, encode_pose

PORT = 1883
_FORBIDDEN = str.maketrans({"+": "_", "#": "_", "/": "_", "\0": "_"})


class Publication(NamedTuple):
    """One message to publish."""

    topic: str
    payload: Callable[[], bytes]
    """Makes the JSON text when it is about to be sent, away from the thread that must not wait."""
    qos: int = 0
    retain: bool = False
    every: bool = False
    """Not to be replaced by a newer one of the same topic while it waits."""
    correlation: bytes = b""
    """MQTT 5: what the one who asked knows the answer by."""


class Topics:
    """The topics below one prefix."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix.strip("/")

    @property
    def life_sign(self) -> str:
        """Where the life sign stands."""
        return f"{self.prefix}/$state"

    @property
    def commands(self) -> str:
        """What all topics of commands begin with."""
        return f"{self.prefix}/command/"

    @property
    def replies(self) -> str:
        """Where replies go that nobody wants elsewhere."""
        return f"{self.prefix}/reply"

    def state(self, report: StateReport) -> Publication:
        """The stage's life sign."""
        return self._retained("$state", report)

    def stage(self, report: StageReport) -> Publication:
        """What stage this is."""
        return self._retained("stage", report)

    def rig(self) -> Publication:
        """Names and parents of the bones."""
        return self._retained("rig", RigReport())

    def actor(self, actor: str, report: ActorReport) -> Publication:
        """An actor's state."""
        return self._retained(f"actor/{level(actor)}/state", report)

    def face_state(self, actor: str, report: ActorReport) -> Publication:
        """The state of an actor's face."""
        return self._retained(f"actor/{level(actor)}/face_state", report)

    def pose(self, performance: Performance, sent_ns: int) -> Publication:
        """An actor's pose.

        Raises:
            EncodeError: A number that is not finite, which JSON cannot carry.
        """
        check_pose(performance)
        topic = f"{self.prefix}/actor/{level(performance.actor)}/pose"
        return Publication(topic, lambda: encode_pose(performance, sent_ns))

    def face(self, source: Performance | FacePerformance, sent_ns: int) -> Publication:
        """An actor's face; of a performance, the one that it holds.

        Raises:
            EncodeError: There is none, or a number that is not finite, which JSON cannot carry.
        """
        face = check_face(source)
        topic = f"{self.prefix}/actor/{level(source.actor)}/face"
        return Publication(topic, lambda: encode_face(source, face, sent_ns))

    def camera(self, camera: str, report: CameraReport) -> Publication:
        """A camera's state and figures."""
        return self._retained(f"camera/{level(camera)}", report)

    def output(self, output: str, report: OutputReport) -> Publication:
        """An output's state and figures."""
        return self._retained(f"output/{level(output)}", report)

    def recorder(self, report: RecorderReport) -> Publication:
        """What the recorder does."""
        return self._retained("recorder", report)

    def player(self, report: PlayerReport) -> Publication:
        """What the player of a replay does."""
        return self._retained("player", report)

    def timecode(self, report: TimecodeReport) -> Publication:
        """The timecode now."""
        return self._passing("timecode", report)

    def latency(self, leg: str, report: LatencyReport) -> Publication:
        """A leg's latency."""
        return self._passing(f"latency/{level(leg)}", report)

    def alarm(self, report: AlarmReport) -> Publication:
        """A warning or an error of a worker."""
        return self._passing(f"alarm/{level(report.worker)}", report)._replace(qos=1, every=True)

    def alarms(self, report: AlarmsReport) -> Publication:
        """What is wrong now."""
        return self._retained("alarms", report)

    def reply(self, report: ReplyReport, topic: str = "", correlation: bytes = b"") -> Publication:
        """The answer to a command, to where it is wanted."""
        payload = _payload(report)
        return Publication(topic or self.replies, payload, qos=1, every=True, correlation=correlation)

    def _retained(self, path: str, report: Report) -> Publication:
        return Publication(f"{self.prefix}/{path}", _payload(report), qos=1, retain=True)

    def _passing(self, path: str, report: Report) -> Publication:
        return Publication(f"{self.prefix}/{path}", _payload(report))


def level(name: str) -> str:
    """A name as one level of a topic."""
    return name.translate(_FORBIDDEN) or "_"


def erased(publication: Publication) -> Publication:
    """Deletes what is retained on a topic: an empty payload, as MQTT has it."""
    return publication._replace(payload=bytes)


def _payload(report: Report) -> Callable[[], bytes]:
    return lambda: msgspec.json.encode(report)
