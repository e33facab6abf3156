"""An MQTT output: what a stage tells a broker, see `protocols.mqtt_topics`."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from protocols.clock import StageClock
from protocols.errors import ProtocolError
from protocols.histogram import Histogram
from protocols.messages import Performance
from protocols.mqtt_link import Broker, MqttLink
from protocols.mqtt_topics import Publication, Topics
from stage.config import OutputSection
from stage.outputs.rate_limit import RateLimit

_LATENCY_PERIOD_NS = 1_000_000_000


class MqttOutput:
    """Publishes life sign, actors, poses and latency to one broker."""

    def __init__(self, output: OutputSection, stage_rate_hz: float, clock: StageClock) -> None:
        """Starts connecting to the broker; returns at once."""
        self.id = output.id
        self.actor = output.actor
        self._clock = clock
        self._rates = (output.rate, stage_rate_hz)
        self._limits: dict[str, RateLimit] = {}
        self._states: dict[str, str] = {}
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
        """What the link counts, and performances refused because they are not fit to be sent."""
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

    def send(self, performance: Performance, now_ns: int) -> None:
        """Leaves a performance for the link if it is for this output; never blocks, never raises."""
        actor = performance.actor
        if self.actor not in ("", actor):
            return
        if self._states.get(actor) != performance.state:
            self._states[actor] = performance.state
            self._link.put(self._topics.actor(actor, performance.state, performance.capture_ns))
        if actor not in self._limits:
            self._limits[actor] = RateLimit(*self._rates)
        if not self._limits[actor].admits(performance.capture_ns):
            return
        try:
            self._link.put(self._topics.pose(performance, now_ns))
        except ProtocolError:
            self._refused += 1

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
