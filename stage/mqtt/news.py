"""What there is to publish about the stage at one moment; every MQTT output publishes the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from protocols.mqtt_payloads import (
    AlarmReport,
    AlarmsReport,
    CameraReport,
    LatencyReport,
    OutputReport,
    PlayerReport,
    RecorderReport,
    TimecodeReport,
)
from protocols.mqtt_topics import Publication, Topics


@dataclass(frozen=True)
class News:
    """Only what is due; the rest is empty or None."""

    cameras: Mapping[str, CameraReport] = field(default_factory=dict)
    outputs: Mapping[str, OutputReport] = field(default_factory=dict)
    latencies: Mapping[str, LatencyReport] = field(default_factory=dict)
    recorder: RecorderReport | None = None
    player: PlayerReport | None = None
    timecode: TimecodeReport | None = None
    alarms: AlarmsReport | None = None
    events: Sequence[AlarmReport] = ()

    def publications(self, topics: Topics) -> Iterator[Publication]:
        """What to publish below one prefix."""
        for camera, report in self.cameras.items():
            yield topics.camera(camera, report)
        for output, report in self.outputs.items():
            yield topics.output(output, report)
        for leg, report in self.latencies.items():
            yield topics.latency(leg, report)
        if self.recorder is not None:
            yield topics.recorder(self.recorder)
        if self.player is not None:
            yield topics.player(self.player)
        if self.timecode is not None:
            yield topics.timecode(self.timecode)
        for event in self.events:
            yield topics.alarm(event)
        if self.alarms is not None:
            yield topics.alarms(self.alarms)
