"""`stage probe` as a user runs it: a sender, a port, a summary."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from protocols.errors import ProtocolError
from protocols.osc_framing import Framing
from protocols.tcp import TcpSender
from protocols.udp import UdpError, UdpReceiver, UdpSender
from stage.config import TimecodeSection
from stage.outputs.open_stream import open_stream
from stage.probe import ProbeKind, run_probe
from stage.timecode import TimecodeClock
from tests.ports import free_port
from tests.sections import output_section
from tests.stage.outputs.faces import any_face
from tests.stage.outputs.performers import random_pose

Send = Callable[..., int]


@pytest.fixture
def send() -> Iterator[Send]:
    """Starts a stage's output at 100 Hz; returns the port."""
    stop, threads = threading.Event(), []

    def start(kind: str, **options: Any) -> int:
        port = free_port()

        def run() -> None:
            sender = UdpSender("127.0.0.1", port)
            timecode = TimecodeClock(TimecodeSection(rate="60"), 0) if kind == "livelink" else None
            stream = open_stream(output_section(kind, actor="anna", **options), "anna", timecode)
            while not stop.wait(0.01):
                now_ns = time.time_ns()
                performance = random_pose(1, capture_ns=now_ns - 40_000_000).performance
                if kind == "livelink":
                    performance = replace(performance, face=any_face())
                sender.send(stream.frame(performance, now_ns))
            sender.close()

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        return port

    yield start
    stop.set()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize(("kind", "options"), [("vmc", {"trace": True}), ("osc", {})])
def test_what_a_stage_sends(
    send: Send, kind: ProbeKind, options: dict[str, object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = send(kind, **options)
    status = run_probe(kind, port=port, seconds=1.3, json_path=tmp_path / "probe.json")
    printed = capsys.readouterr().out
    assert status == 0
    assert "nothing is wrong with it" in printed
    assert "Hz" in printed.splitlines()[1]  # the line of the first second
    report = json.loads((tmp_path / "probe.json").read_text())
    assert report["kind"] == kind
    assert report["timing"]["frames"] > 10
    assert report["timing"]["latency"]["p50_ms"] >= 40.0 * 0.95
    assert report["findings"] == []


@pytest.mark.parametrize("framing", ["slip", "length"])
def test_plain_osc_over_tcp(framing: Framing, capsys: pytest.CaptureFixture[str]) -> None:
    port, stop = free_port(), threading.Event()

    def run() -> None:
        sender = TcpSender("127.0.0.1", port, framing)
        stream = open_stream(output_section("osc", actor="anna", transport="tcp", framing=framing))
        while not stop.wait(0.01):
            now_ns = time.time_ns()
            sender.send(stream.frame(random_pose(1, capture_ns=now_ns - 40_000_000).performance, now_ns))
        sender.close()

    thread = threading.Thread(target=run)
    thread.start()
    status = run_probe("osc", port=port, seconds=1.3, transport="tcp", framing=framing)
    stop.set()
    thread.join()
    assert status == 0
    assert "nothing is wrong with it" in capsys.readouterr().out


def test_a_kind_without_tcp() -> None:
    with pytest.raises(ProtocolError, match="UDP only"):
        run_probe("vmc", transport="tcp", seconds=0.1)


def test_live_link_has_faces_and_no_latency(send: Send, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_probe("livelink", port=send("livelink"), seconds=0.5) == 0
    printed = capsys.readouterr().out
    assert "nothing is wrong with it" in printed
    assert re.search("latency +not told by this stream", printed)
    assert "anna (" in printed


def test_silence(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_probe("vmc", port=free_port(), seconds=0.1) == 1
    assert "nothing has arrived" in capsys.readouterr().out


def test_faults_are_printed_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    port, stop = free_port(), threading.Event()

    def run() -> None:
        sender = UdpSender("127.0.0.1", port)
        while not stop.wait(0.01):
            sender.send([b"nonsense"])
        sender.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert run_probe("osc", port=port, seconds=0.3) == 0
    stop.set()
    thread.join()
    assert "not well-formed OSC" in capsys.readouterr().out


def test_port_in_use() -> None:
    with UdpReceiver("127.0.0.1", 0, 0.1) as engine, pytest.raises(UdpError, match="close the program"):
        run_probe("vmc", port=engine.port, seconds=0.1)
