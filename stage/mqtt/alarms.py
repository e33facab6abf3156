"""What is wrong now, and since when: told by heartbeats, outputs, recorder, timecode and latency budgets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from protocols.mqtt_payloads import Alarm, AlarmsReport, LatencyReport
from protocols.show import OutputState, RecorderState

SILENCE_S = 2.0
"""Workers send four heartbeats a second; one that sends none for so long hangs or is dead."""

START_S = 60.0
"""A worker may need so long to come up before somebody should look."""

_OPTIONAL = frozenset({"console"})
"""Workers that a stage may be started without."""


class AlarmBook:
    """Remembers since when each thing has been wrong."""

    def __init__(self) -> None:
        """Nothing is wrong, and nobody has been told."""
        self._alarms: dict[str, Alarm] | None = None

    def update(self, wrong: Iterable[tuple[str, str]], now_ns: int) -> AlarmsReport | None:
        """Takes all that is wrong now, as (about, text); returns the report to publish if anything has changed."""
        before = self._alarms or {}
        alarms = {
            about: Alarm(about, text, before[about].since_ns if about in before else now_ns) for about, text in wrong
        }
        if alarms == self._alarms:
            return None
        self._alarms = alarms
        return AlarmsReport(list(alarms.values()), now_ns)


def silent_workers(silences_s: Mapping[str, float | None], running_s: float) -> Iterator[tuple[str, str]]:
    """Workers that should speak and do not.

    Args:
        silences_s: Per worker, seconds since its last heartbeat; None when there was none yet.
        running_s: How long they have been listened to.
    """
    for worker, silence_s in silences_s.items():
        if silence_s is None:
            if running_s > START_S and worker not in _OPTIONAL:
                yield f"worker/{worker}", f"it has not come up in {START_S:.0f} s; see the stage's own events"
        elif silence_s > SILENCE_S:
            yield f"worker/{worker}", "it says nothing; the stage starts it again if it is dead"


def waiting_cameras(states: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Cameras without pictures."""
    for camera, state in states.items():
        if state == "waiting":
            yield f"camera/{camera}", "it waits for its source; is it plugged in and reachable?"


def failing_outputs(outputs: Iterable[OutputState]) -> Iterator[tuple[str, str]]:
    """Outputs with a fault, those that are switched off aside."""
    for output in outputs:
        if output.fault and output.enabled:
            yield f"output/{output.id}", output.fault


def late_legs(latencies: Mapping[str, LatencyReport]) -> Iterator[tuple[str, str]]:
    """Legs over their budget."""
    for leg, latency in latencies.items():
        if latency.over:
            yield f"latency/{leg}", f"p99 is {latency.p99_ms:.0f} ms, its budget {latency.budget_ms:g} ms"


def failing_recorder(recorder: RecorderState | None) -> Iterator[tuple[str, str]]:
    """The recorder's fault, if it has one."""
    if recorder is not None and recorder.fault:
        yield "recorder", recorder.fault
