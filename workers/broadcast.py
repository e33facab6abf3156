"""The broadcast worker: performances and faces from the bus -> engines, by VMC, plain OSC and MQTT.

Each goes out the moment it arrives; if several of one actor wait, only the newest. Outputs cannot delay each other:
datagrams are sent without blocking, and MQTT has a thread of its own. Here the way of a performance ends, so here its
trace is completed and the legs of its way are counted; those of faces from face cameras on their own.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from msgspec.structs import replace

from protocols.bus import Subscriber
from protocols.messages import FacePerformance, Performance
from stage.config import MqttSection, OscSection, VmcSection
from stage.outputs.legs import FACE_PREFIX, leg_durations
from stage.outputs.udp_output import UdpOutput
from workers.worker import Worker, run

if TYPE_CHECKING:
    from stage.outputs.mqtt_output import MqttOutput

_WAIT_MS = 100
_SWITCH_INTERVAL_S = 0.0005
"""How long the MQTT thread may keep the interpreter while a performance waits."""


class BroadcastWorker(Worker):
    """Sends performances to all outputs."""

    kind = "broadcast"

    def setup(self) -> None:
        """Open the outputs, then the subscription."""
        self._opened = ExitStack()
        rate = self.config.stage.rate
        self._udp = [
            UdpOutput(output, rate) for output in self.config.outputs if isinstance(output, VmcSection | OscSection)
        ]
        self._mqtt = self._open_mqtt()
        self._failing: set[str] = set()
        for output in (*self._udp, *self._mqtt):
            self._opened.callback(output.close)
        self._subscriber = Subscriber(self.run_dir, {"solve": ["performance.", "face."]})
        self._opened.callback(self._subscriber.close)

    def step(self) -> None:
        """Send what arrives."""
        if not self._subscriber.socket.poll(_WAIT_MS):
            return
        for message in self._subscriber.drain():
            if isinstance(message.record, Performance | FacePerformance):
                self._send(message.record)

    def report(self) -> None:
        """Counts of every output by its id, and news of outputs that fail or work again."""
        for name, count in self._subscriber.counters.items():
            self.counters[name] = count
        for output in (*self._udp, *self._mqtt):
            for name, count in output.counters.items():
                self.counters[f"{output.id}.{name}"] = count
            self.facts[output.id] = output.fact
            self._tell(output.id, output.fault)
        for output in self._mqtt:
            output.send_latency(self.legs, self.clock.now_ns())

    def teardown(self) -> None:
        """Close what was opened."""
        if hasattr(self, "_opened"):
            self._opened.close()

    def _send(self, record: Performance | FacePerformance) -> None:
        self.mark(self.clock.now_ns() - record.capture_ns)
        for output in self._udp:
            output.send(record, self.clock.now_ns())
        sent = replace(record, trace=replace(record.trace, sent_ns=self.clock.now_ns()))
        prefix = FACE_PREFIX if isinstance(record, FacePerformance) else ""
        for leg, duration_ns in leg_durations(sent.trace, prefix).items():
            self.time_leg(leg, duration_ns)
        for output in self._mqtt:
            output.send(sent, sent.trace.sent_ns)

    def _open_mqtt(self) -> list[MqttOutput]:
        sections = [output for output in self.config.outputs if isinstance(output, MqttSection)]
        if not sections:
            return []
        from stage.outputs.mqtt_output import MqttOutput

        sys.setswitchinterval(_SWITCH_INTERVAL_S)
        return [MqttOutput(section, self.config.stage.rate, self.clock) for section in sections]

    def _tell(self, output: str, fault: str) -> None:
        if bool(fault) == (output in self._failing):
            return
        self._failing ^= {output}
        self.event("warning" if fault else "info", f"output {output}: {fault or 'works again'}")


if __name__ == "__main__":
    run(BroadcastWorker)
