"""An MQTT output: what a stage tells a broker, see `protocols.mqtt_topics`."""

from __future__ import annotations

import math
import uuid
from collections import defaultdict
from collections.abc import Mapping

from protocols.clock import StageClock
from protocols.errors import ProtocolError
from protocols.histogram import Histogram
from protocols.messages import FacePerformance, Performance
from protocols.mqtt_link import Broker, MqttLink
from protocols.mqtt_topics import Publication, Topics
from stage.config import MqttSection
from stage.outputs.face_source import FaceSource
from stage.outputs.rate_limit import RateLimit

_LATENCY_PERIOD_NS = 1_000_000_000


class MqttOutput:
    """Publishes life sign, actors, poses, faces and latency to one broker."""

    def __init__(self, output: MqttSection, stage_rate_hz: float, clock: StageClock) -> None:
        """Starts connecting to the broker; returns at once."""
        self.id = output.id
        self.actor = output.actor
        self._clock = clock
        self._limits = defaultdict[str, RateLimit](lambda: RateLimit(output.rate, stage_rate_hz))
        self._face_limits = defaultdict[str, RateLimit](lambda: RateLimit(output.rate, math.inf))
        self._faces = defaultdict[str, FaceSource](FaceSource)
        self._states: dict[tuple[str, str], str] = {}
        self._reported: dict[str, Histogram] = {}
        self._reported_ns = 0
        self._refused = 0
        self._topics = Topics(output.prefix)
        self._session = uuid.uuid4().hex[:12]
        broker = Broker(
            output.host,
            output.port,
            identifier=f"stage-{self._session}",
            username=output.username,
            password=output.password,
            tls=output.tls,
        )
        self._where = f"{output.host}:{output.port}"
        self._link = MqttLink(broker, self._life_sign)
        self._link.put(self._topics.rig())

    @property
    def counters(self) -> dict[str, int]:
        """What the link counts, and poses and faces refused because they are not fit to be sent."""
        return {"refused": self._refused} | self._link.counters

    @property
    def fact(self) -> str:
        """Broker, topic prefix and whether it is connected."""
        return f"mqtt to {self._where} below {self._topics.prefix}: {self._link.state}"

    @property
    def fault(self) -> str:
        """What is wrong now, for the operator; "" when all is well."""
        if self._link.state != "away":
            return ""
        return f"broker {self._where} is away ({self._link.reason}); trying again"

    def send(self, record: Performance | FacePerformance, now_ns: int) -> None:
        """Leaves a record for the link if it is for this output; never blocks, never raises."""
        if self.actor not in ("", record.actor):
            return
        try:
            if isinstance(record, FacePerformance):
                self._faces[record.actor].heard_face(now_ns)
                self._send_face(record, self._face_limits[record.actor].admits(record.capture_ns), now_ns)
            else:
                self._send_body(self._faces[record.actor].heard_body(record, now_ns), now_ns)
        except ProtocolError:
            self._refused += 1

    def _send_body(self, performance: Performance, now_ns: int) -> None:
        actor = performance.actor
        if self._changed("body", actor, performance.state):
            self._link.put(self._topics.actor(actor, performance.state, performance.capture_ns))
        admitted = self._limits[actor].admits(performance.capture_ns)
        if admitted:
            self._link.put(self._topics.pose(performance, now_ns))
        self._send_face(performance, admitted, now_ns)

    def _send_face(self, source: Performance | FacePerformance, admitted: bool, now_ns: int) -> None:
        face = source.face
        if face is None:
            return
        if self._changed("face", source.actor, face.state):
            self._link.put(self._topics.face_state(source.actor, face.state, source.capture_ns))
        if admitted:
            self._link.put(self._topics.face(source, now_ns))

    def _changed(self, part: str, actor: str, state: str) -> bool:
        before = self._states.get((part, actor))
        self._states[part, actor] = state
        return before != state

    def send_latency(self, legs: Mapping[str, Histogram], now_ns: int) -> None:
        """Publishes what the histograms have gained since the last time, at most once a second."""
        if now_ns - self._reported_ns < _LATENCY_PERIOD_NS:
            return
        self._reported_ns = now_ns
        for leg, histogram in legs.items():
            window = histogram.since(self._reported.get(leg, Histogram()))
            self._reported[leg] = histogram + Histogram()
            if window.count > 0:
                self._link.put(self._topics.latency(leg, window))

    def close(self) -> None:
        """Takes leave of the broker."""
        self._link.close()

    def _life_sign(self, state: str) -> Publication:
        return self._topics.state(state, self._session, self._clock.now_ns())
