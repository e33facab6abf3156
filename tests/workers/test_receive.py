"""The receive worker in a process of its own, on real sockets."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from protocols.bus import Message, Subscriber
from protocols.clock import ClockFile, StageClock, write_clock
from protocols.external import ExternalBones, ExternalFace
from protocols.messages import Event, Heartbeat
from protocols.show import TimecodeSync
from stage.config import ActorSection, AnyInputSection, Config, TimecodeSection
from stage.outputs.vmc_stream import VmcStream
from tests.sections import output_section
from tests.stage.inputs.sections import input_section
from tests.stage.inputs.test_livelink_reader import packet
from tests.stage.outputs.performers import pose

PATIENCE_S = 20.0


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Bench:
    """A run dir with a receive worker, and a socket to send to it."""

    def __init__(self, folder: Path, inputs: tuple[AnyInputSection, ...], timecode: TimecodeSection | None = None):
        self.clock = StageClock.start()
        config = Config(actors=(ActorSection(id="anna"),), inputs=inputs, timecode=timecode or TimecodeSection())
        (folder / "config.json").write_bytes(msgspec.json.encode(config))
        write_clock(folder, ClockFile(offset_ns=self.clock.offset_ns, epoch_ns=0))
        self.bus = Subscriber(folder, {"receive": [""]})
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "workers.receive", "--run-dir", folder, "--name", "receive"],
            stderr=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        self.process.terminate()
        self.process.communicate(timeout=20)
        self.bus.close()
        self.socket.close()

    def send(self, port: int, *datagrams: bytes | memoryview) -> None:
        for datagram in datagrams:
            self.socket.sendto(datagram, ("127.0.0.1", port))

    def until(self, wanted: Callable[[Message], bool], between: Callable[[], object] = lambda: None) -> Message:
        """The first message that is wanted; `between` is done again and again meanwhile."""
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            between()
            message = self.bus.receive(50)
            if message is not None and wanted(message):
                return message
        raise AssertionError("the receive worker does not say what is expected")


def test_packets_become_records_and_silence_is_told(tmp_path):
    ports = [free_port() for _ in range(3)]
    inputs = (
        input_section("livelink", id="phone", port=ports[0], timeout_ms=300.0),
        input_section("vmc", id="gloves", port=ports[1], take=("fingers", "arms")),
    )
    bench = Bench(tmp_path, inputs, TimecodeSection(source="network", port=ports[2]))
    try:
        frames = iter(range(1_000_000))
        heard = bench.until(
            lambda m: isinstance(m.record, ExternalFace), lambda: bench.send(ports[0], packet(float(next(frames))))
        )
        assert heard.topic == "external.anna"
        assert isinstance(heard.record, ExternalFace) and heard.record.input == "phone"
        assert 0 <= heard.sent_ns - heard.record.capture_ns < 1_000_000_000
        news = bench.until(lambda m: isinstance(m.record, Event) and "silent" in m.record.text)
        assert isinstance(news.record, Event)
        assert news.record.text.startswith("input phone has fallen silent") and news.record.kind == "warning"
        bench.send(ports[0], packet(float(next(frames))))
        bench.until(lambda m: isinstance(m.record, Event) and "input phone is heard again" in m.record.text)

        stream = VmcStream(output_section("vmc", actor="anna"))
        frame = [bytes(d) for d in stream.frame(pose().performance, 0)]
        bones = bench.until(lambda m: isinstance(m.record, ExternalBones), lambda: bench.send(ports[1], *frame))
        assert isinstance(bones.record, ExternalBones)
        assert len(bones.record.bones) == 38 and bones.record.hips == b""

        bench.send(ports[2], b"10:11:12:13")
        sync = bench.until(lambda m: isinstance(m.record, TimecodeSync))
        assert sync.topic == "timecode"
        bench.send(ports[2], b"hello")
        beat = bench.until(
            lambda m: isinstance(m.record, Heartbeat) and m.record.counters.get("timecode.no timecode") == 1
        ).record
        assert isinstance(beat, Heartbeat)
        assert "iPhone at 60 Hz" in beat.facts["phone"]
        assert beat.counters["phone.faces"] >= 2
    finally:
        bench.close()


def fact(message: Message, listener: str) -> str:
    return message.record.facts.get(listener, "") if isinstance(message.record, Heartbeat) else ""


def test_a_port_that_is_taken_is_told_and_tried_again_while_the_others_are_heard(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        taken, free = other.getsockname()[1], free_port()
        bench = Bench(
            tmp_path, (input_section("vmc", id="taken", port=taken), input_section("livelink", id="free", port=free))
        )
        try:
            bench.until(lambda m: f"port {taken}: " in fact(m, "taken"))
            bench.until(lambda m: isinstance(m.record, ExternalFace), between=lambda: bench.send(free, packet(1)))
            other.close()
            bench.until(lambda m: fact(m, "taken").startswith(f"port {taken}, silent"))
        finally:
            bench.close()


@pytest.mark.parametrize("kind", ["vmc", "livelink"])
def test_garbage_ends_nothing(tmp_path, kind):
    port = free_port()
    bench = Bench(tmp_path, (input_section(kind, id="in", port=port),))
    try:
        bench.until(lambda m: isinstance(m.record, Heartbeat))
        for size in (0, 1, 3, 4, 100, 1400, 60_000):
            bench.send(port, bytes(size), b"\xff" * size)
        name = "in.no OSC" if kind == "vmc" else "in.no Live Link"
        bench.until(lambda m: isinstance(m.record, Heartbeat) and m.record.counters.get(name) == 14)
    finally:
        bench.close()
