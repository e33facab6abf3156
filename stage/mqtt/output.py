"""An MQTT output: one broker, and what it is told, see `protocols.mqtt_topics`.

Switched off, it is silent about actors and speaks on about the stage; otherwise nobody could switch it on again through
its own broker. What is retained of an actor that it no longer speaks of is deleted at the broker.
"""

from __future__ import annotations

import math
import uuid
from collections import defaultdict
from collections.abc import Sequence
from importlib import metadata

import msgspec
from msgspec.structs import replace

from protocols.clock import StageClock
from protocols.errors import ProtocolError
from protocols.messages import FacePerformance, Performance
from protocols.mqtt_link import MqttLink, Received
from protocols.mqtt_payloads import ActorReport, ReplyReport, StageReport, StageState, StateReport, actor_state
from protocols.mqtt_topics import Publication, Topics, erased
from protocols.show import OutputState, SetOutput
from stage.config import Config, MqttSection
from stage.discretion import Discretion
from stage.mqtt.brokers import broker_of
from stage.mqtt.news import News
from stage.outputs.face_source import FaceSource
from stage.outputs.live_state import LiveState
from stage.outputs.rate_limit import RateLimit

_state_decoder = msgspec.json.Decoder(StateReport)


class MqttOutput:
    """Tells one broker about the stage, and takes up the commands that come through it."""

    def __init__(self, output: MqttSection, config: Config, clock: StageClock, began_ns: int) -> None:
        """Starts connecting to the broker; returns at once.

        Args:
            output: The output's section.
            config: The stage.
            clock: Stage time.
            began_ns: When the stage began.
        """
        self.id = output.id
        self.topics = Topics(output.prefix)
        self.commands = output.commands
        """Whether commands are obeyed that come through this broker."""
        self._live = LiveState(output, [actor.id for actor in config.actors])
        self._poses = output.poses
        self._stage_rate_hz = config.stage.rate
        self._clock = clock
        self._discretion = Discretion(config)
        self._set_limits()
        self._faces = defaultdict[str, FaceSource](FaceSource)
        self._told: dict[tuple[str, str], Publication] = {}
        self._states: dict[tuple[str, str], str] = {}
        self._frames = self._lost = self._refused = 0
        self._rival = ""
        self._session = uuid.uuid4().hex[:12]
        self._broker = broker_of(output, f"stage-{self._session}")
        heard = [self.topics.life_sign] + ([f"{self.topics.commands}#"] if output.commands else [])
        self._link = MqttLink(self._broker, self._life_sign, heard)
        self._link.put(self.topics.rig())
        self._link.put(self.topics.stage(self._stage_report(config, began_ns)))

    @property
    def counters(self) -> dict[str, int]:
        """What the link counts, and poses and faces: sent, lost, and refused because they are not fit to be sent."""
        counts = {"frames": self._frames, "lost": self._lost, "unfit": self._refused}
        return counts | self._link.counters

    @property
    def target(self) -> str:
        """Broker, topic prefix and whether it is connected."""
        tls = " with TLS" if self._broker.tls else ""
        return (
            f"MQTT {self._broker.version} to {self._broker.place}{tls} below {self.topics.prefix}: {self._link.state}"
        )

    @property
    def fault(self) -> str:
        """What is wrong now, for the operator; "" when all is well."""
        if self._link.state == "away":
            return f"broker {self._broker.place} is away ({self._link.reason}); trying again"
        if self._rival:
            return (
                f"somebody else publishes below {self.topics.prefix} (session {self._rival}); give each stage a prefix "
                f"of its own"
            )
        return ""

    @property
    def text(self) -> str:
        """What is so now, in words."""
        return self._live.text

    @property
    def facts(self) -> dict[str, str]:
        """The same for programs."""
        return self._live.facts

    def change(self, wish: SetOutput) -> None:
        """Takes over what a command asks for, or nothing of it.

        Raises:
            OutputError: It asks for what cannot be.
        """
        self._live.change(wish)
        if wish.rate is not None:
            self._set_limits()
        for (part, actor), publication in list(self._told.items()):
            if not self._speaks_of(actor):
                self._link.put(erased(publication))
                del self._told[part, actor], self._states[part, actor]

    def news(self, now_ns: int) -> OutputState | None:
        """The state to publish on the bus, if it has changed or a second has passed."""
        fault = self.fault
        if not self._live.due(now_ns, fault):
            return None
        lost = self._lost + self._refused + self._link.counters["replaced"]
        return self._live.state(now_ns, self._frames, lost, self.target, fault)

    def send(self, record: Performance | FacePerformance, now_ns: int) -> None:
        """Leaves a record for the link if it is for this output; never blocks, never raises."""
        if not self._speaks_of(record.actor):
            return
        try:
            if isinstance(record, FacePerformance):
                self._faces[record.actor].heard_face(now_ns)
                self._send_face(record, self._face_limits[record.actor].admits(record.capture_ns), now_ns)
            else:
                self._send_body(self._faces[record.actor].heard_body(record, now_ns), now_ns)
        except ProtocolError:
            self._refused += 1

    def tell(self, news: News) -> None:
        """Leaves news of the stage for the link."""
        for publication in news.publications(self.topics):
            self._link.put(publication)

    def received(self) -> Sequence[Received]:
        """The commands that have come in; what concerns the life sign is dealt with here."""
        commands = []
        for message in self._link.received():
            if message.topic == self.topics.life_sign:
                self._see_life_sign(message)
            else:
                commands.append(message)
        return commands

    def answer(self, report: ReplyReport, topic: str, correlation: bytes) -> None:
        """Leaves a reply for the link; it names files without the folders of this machine."""
        told = replace(report, text=self._discretion.of(report.text), facts=self._discretion.of_facts(report.facts))
        self._link.put(self.topics.reply(told, topic, correlation))

    def leave(self) -> None:
        """Begins to take leave of the broker; returns at once."""
        self._link.leave()

    def close(self) -> None:
        """Takes leave of the broker, within two seconds."""
        self._link.close()

    def _speaks_of(self, actor: str) -> bool:
        return self._live.enabled and self._live.actor in ("", actor)

    def _set_limits(self) -> None:
        rate = self._live.rate
        self._limits = defaultdict[str, RateLimit](lambda: RateLimit(rate, self._stage_rate_hz))
        self._face_limits = defaultdict[str, RateLimit](lambda: RateLimit(rate, math.inf))

    def _send_body(self, performance: Performance, now_ns: int) -> None:
        actor = performance.actor
        if self._changed("body", actor, performance.state):
            report = ActorReport(actor_state(performance.state), performance.capture_ns)
            self._tell_state("body", actor, self.topics.actor(actor, report))
        admitted = self._limits[actor].admits(performance.capture_ns)
        if admitted and self._poses:
            self._put_frame(self.topics.pose(performance, now_ns))
        self._send_face(performance, admitted, now_ns)

    def _send_face(self, source: Performance | FacePerformance, admitted: bool, now_ns: int) -> None:
        face = source.face
        if face is None:
            return
        if self._changed("face", source.actor, face.state):
            report = ActorReport(actor_state(face.state), source.capture_ns)
            self._tell_state("face", source.actor, self.topics.face_state(source.actor, report))
        if admitted and self._poses:
            self._put_frame(self.topics.face(source, now_ns))

    def _put_frame(self, publication: Publication) -> None:
        taken = self._link.put(publication)
        self._frames += taken
        self._lost += not taken

    def _changed(self, part: str, actor: str, state: str) -> bool:
        before = self._states.get((part, actor))
        self._states[part, actor] = state
        return before != state

    def _tell_state(self, part: str, actor: str, publication: Publication) -> None:
        self._told[part, actor] = publication
        self._link.put(publication)

    def _see_life_sign(self, message: Received) -> None:
        """Somebody has said something on the life sign's topic; what was there before us says nothing."""
        try:
            report = _state_decoder.decode(message.payload)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            report = None
        if message.retained:
            return
        if report is None or report.state != "ready":
            self._rival = ""
            self._link.greet()  # a late last will of an earlier session, say
        elif report.session != self._session:
            self._rival = report.session[:12]

    def _life_sign(self, state: StageState) -> Publication:
        return self.topics.state(StateReport(state, self._session, self._clock.now_ns()))

    def _stage_report(self, config: Config, began_ns: int) -> StageReport:
        return StageReport(
            name=config.stage.name,
            software=f"stage {_version()}",
            rate=config.stage.rate,
            session=self._session,
            began_ns=began_ns,
            actors=[actor.id for actor in config.actors],
            cameras=[camera.id for camera in config.cameras],
            outputs=[output.id for output in config.outputs],
            commands=self.commands,
        )


def _version() -> str:
    try:
        return metadata.version("stage")
    except metadata.PackageNotFoundError:  # run from a source tree that nobody has installed
        return "unknown"
