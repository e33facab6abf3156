"""A stage's topics as a client of the broker sees them: what it says of itself, how evenly, and what is wrong with it.

Every payload is held against its record, which is also what its JSON Schema is made of. What is wrong at this moment
(a lost stage, left-overs of an earlier configuration) is judged when the report is asked for; what was wrong with
single messages is counted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import msgspec

from protocols.mqtt_payloads import (
    ActorReport,
    AlarmReport,
    AlarmsReport,
    CameraReport,
    FaceReport,
    LatencyReport,
    OutputReport,
    PoseReport,
    RecorderReport,
    ReplyReport,
    StageReport,
    StateReport,
    TimecodeReport,
)
from protocols.mqtt_schemas import SCHEMAS, schema_of_topic
from stage.probing.findings import Finding, Findings
from stage.probing.inspector import InspectionReport
from stage.probing.timing import Timing, told

_PASSING = frozenset({"pose", "face", "timecode", "latency", "alarm", "reply"})
"""Schemas of payloads that must not be retained."""
_MOST_TOPICS = 2000
_MOST_TOLD = 12
_CLOCKS_NS = 2_000_000_000
_SILENCE_NS = 5_000_000_000
_NOBODY = "no $state below the prefix: is a stage with an MQTT output connected to this broker, and is this its prefix?"
_CLOCKS = (
    "the clocks of stage and probe differ: latencies that a client works out are wrong; keep both in step by PTP or NTP"
)
_STALE_POSE = (
    "retained on the broker: every newcomer gets this old message first; delete it (publish it empty, retained)"
)
_STALE_COMMAND = (
    "command retained on the broker: the stage refuses it at each reconnect, and whoever sent it believes it was "
    "obeyed; publish commands without retain"
)
_LEFT_OVER = (
    "retained, but the stage has no such camera, output or actor: left over from an earlier configuration; delete it "
    "(publish it empty, retained)"
)


class MqttInspector:
    """Takes messages below one prefix."""

    def __init__(self, prefix: str) -> None:
        """Has heard nothing.

        Args:
            prefix: The stage's; "" is that of the first stage that is heard below "stage".
        """
        self.prefix = prefix.strip("/")
        self.findings = Findings()
        self.messages = 0
        self._bytes = 0
        self._began_ns = self._live_ns = 0
        self._decoders = {name: msgspec.json.Decoder(record) for name, record in SCHEMAS.items()}
        self._newest: dict[str, Any] = {}
        """The newest payload of each topic that is no pose."""
        self._session = ""
        self._poses = defaultdict[str, Timing](lambda: Timing(self.findings))
        self._faces = defaultdict[str, Timing](lambda: Timing(self.findings))
        self._commands: Counter[str] = Counter()
        self._others: set[str] = set()

    def take(self, topic: str, payload: bytes, retained: bool, arrival_ns: int) -> None:
        """Inspects one message; never raises, whatever it holds.

        Args:
            topic: Whole.
            payload: As received.
            retained: Whether the broker had kept it.
            arrival_ns: Unix time now.
        """
        path = self._path(topic)
        if path is None:
            return
        self.messages += 1
        self._bytes += len(payload)
        self._began_ns = self._began_ns or arrival_ns
        if path.startswith("command/"):
            self._command(path, retained)
            return
        if not retained:
            self._live_ns = arrival_ns
        if len(payload) == 0:
            self._newest.pop(path, None)
            return
        report = self._read(path, payload)
        if report is None:
            return
        if retained and schema_of_topic(path) in _PASSING:
            self.findings.add(_STALE_POSE, path)
        elif isinstance(report, PoseReport | FaceReport):
            self._frame(path, report, arrival_ns)
        else:
            self._keep(path, report, retained, arrival_ns)

    def report(self, now_ns: int) -> InspectionReport:
        """All that was found.

        Args:
            now_ns: Unix time.
        """
        timings = [*self._poses.values(), *self._faces.values()]
        return InspectionReport(
            kind="mqtt",
            datagrams=self.messages,
            bytes=self._bytes,
            sources=[self.prefix] if self.prefix else [],
            timing=(timings[0] if timings else Timing(self.findings)).report(),
            facts=dict(self._facts()),
            findings=[*self.findings, *self._wrong_now(now_ns)],
        )

    def _path(self, topic: str) -> str | None:
        """The topic from behind the prefix; None for one of another stage."""
        if not self.prefix:
            first, *rest = topic.split("/")
            if first != "stage" or len(rest) < 2:
                return None
            self.prefix = f"stage/{rest[0]}"
        if topic.startswith(f"{self.prefix}/"):
            return topic.removeprefix(f"{self.prefix}/")
        if topic.endswith("/$state") and len(self._others) < _MOST_TOLD:
            self._others.add(topic.removesuffix("/$state"))
        return None

    def _command(self, path: str, retained: bool) -> None:
        if retained:
            self.findings.add(_STALE_COMMAND, path)
        elif path in self._commands or len(self._commands) < _MOST_TOPICS:
            self._commands[path] += 1

    def _read(self, path: str, payload: bytes) -> Any:
        name = schema_of_topic(path)
        if not name:
            self.findings.add("topic that no stage publishes: does something else use this prefix?", path)
            return None
        try:
            return self._decoders[name].decode(payload)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            self.findings.add(f"payload that does not fit protocols/schemas/{name}.json", f"{path}: {error}")
            return None

    def _frame(self, path: str, report: PoseReport | FaceReport, arrival_ns: int) -> None:
        actor = path.split("/")[1]
        timings = self._poses if isinstance(report, PoseReport) else self._faces
        if actor not in timings and len(timings) >= _MOST_TOLD:
            return
        timings[actor].frame(arrival_ns, report.capture_ns / 1e9)
        timings[actor].latency(arrival_ns - report.capture_ns, arrival_ns - report.sent_ns)

    def _keep(self, path: str, report: Any, retained: bool, arrival_ns: int) -> None:
        if isinstance(report, StateReport):
            if self._session not in ("", report.session) and report.state == "ready":
                text = "another session says ready: the stage was started again, or two stages share this prefix"
                self.findings.add(text, report.session)
            self._session = report.session
        at_ns = getattr(report, "at_ns", 0)
        if not retained and isinstance(report, TimecodeReport | CameraReport) and abs(arrival_ns - at_ns) > _CLOCKS_NS:
            self.findings.add(_CLOCKS, f"{(arrival_ns - at_ns) / 1e9:.1f} s")
        if isinstance(report, AlarmReport):
            self.findings.add(f"alarm of {report.worker}: {report.text}")
        if isinstance(report, ReplyReport) and not report.ok:
            self.findings.add("command that was refused", f"{report.command}: {report.text}")
        if path in self._newest or len(self._newest) < _MOST_TOPICS:
            self._newest[path] = report

    def _of(self, kind: type[Any]) -> dict[str, Any]:
        """The newest payloads of one kind, by the topic's second level."""
        return {path.split("/")[1]: one for path, one in self._newest.items() if isinstance(one, kind) and "/" in path}

    def _facts(self) -> Iterator[tuple[str, str]]:
        state, stage = self._newest.get("$state"), self._newest.get("stage")
        if state is not None:
            yield "$state", f"{state.state}, session {state.session}"
        if isinstance(stage, StageReport):
            yield (
                "stage",
                f"{stage.name}, {stage.software}, {stage.rate:g} Hz, commands {'on' if stage.commands else 'off'}",
            )
        states = {actor: report.state for actor, report in self._of(ActorReport).items()}
        for actor in sorted({*states, *self._poses, *self._faces})[:_MOST_TOLD]:
            words = [states.get(actor, "no state")]
            words += [f"poses {told(self._poses[actor].report())}"] if actor in self._poses else []
            words += [f"faces {told(self._faces[actor].report())}"] if actor in self._faces else []
            yield f"actor {actor}", "; ".join(words)
        cameras: dict[str, CameraReport] = self._of(CameraReport)
        if cameras:
            yield "cameras", ", ".join(f"{name} {one.state} {one.rate_hz:g} Hz" for name, one in cameras.items())
        outputs: dict[str, OutputReport] = self._of(OutputReport)
        if outputs:
            yield (
                "outputs",
                ", ".join(
                    f"{name} {'on' if one.enabled else 'off'} {one.rate_hz:g} Hz" for name, one in outputs.items()
                ),
            )
        if isinstance(recorder := self._newest.get("recorder"), RecorderReport):
            doing = f"recording {recorder.name}" if recorder.recording else "ready for"
            yield "recorder", f"{doing} {recorder.slate} take {recorder.take}"
        if isinstance(timecode := self._newest.get("timecode"), TimecodeReport):
            yield "timecode", f"{timecode.text} at {timecode.rate}"
        legs: dict[str, LatencyReport] = self._of(LatencyReport)
        for leg, one in legs.items():
            budget = f" of {one.budget_ms:g}" if one.budget_ms is not None else ""
            yield f"leg {leg}", f"p50 {one.p50_ms:.1f} ms, p99 {one.p99_ms:.1f}{budget} ms"
        if self._commands:
            yield "commands", ", ".join(f"{count} x {path}" for path, count in self._commands.most_common(_MOST_TOLD))

    def _wrong_now(self, now_ns: int) -> Iterator[Finding]:
        state, stage = self._newest.get("$state"), self._newest.get("stage")
        if self.messages == 0:
            return
        if not isinstance(state, StateReport):
            yield Finding(_NOBODY, 1, self.prefix)
        elif state.state == "lost":
            yield Finding("$state is lost: the broker has lost the connection to the stage", 1, state.session)
        elif state.state == "disconnected":
            yield Finding("$state is disconnected: the stage has ended", 1, state.session)
        elif now_ns - max(self._live_ns, self._began_ns) > _SILENCE_NS:
            text = "$state is ready, and yet nothing new comes: the broker has not noticed that the stage is gone"
            yield Finding(text, 1, state.session)
        if isinstance(state, StateReport) and isinstance(stage, StageReport) and stage.session != state.session:
            text = "`stage` and `$state` are of two sessions: one of them is old, or two stages share this prefix"
            yield Finding(text, 1, f"{stage.session}, {state.session}")
        if isinstance(stage, StageReport):
            for path in self._left_over(stage):
                yield Finding(_LEFT_OVER, 1, path)
        if self._others:
            text = "other stages speak here too; --prefix chooses one"
            yield Finding(text, len(self._others), ", ".join(sorted(self._others)))
        alarms = self._newest.get("alarms")
        for alarm in alarms.alarms if isinstance(alarms, AlarmsReport) else ():
            yield Finding(f"the stage says: {alarm.about}: {alarm.text}", 1, "")

    def _left_over(self, stage: StageReport) -> Iterator[str]:
        known = {"camera": stage.cameras, "output": stage.outputs, "actor": stage.actors}
        for path in self._newest:
            kind, _, rest = path.partition("/")
            if kind in known and rest.partition("/")[0] not in known[kind]:
                yield path
