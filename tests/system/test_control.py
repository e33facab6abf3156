"""A show without cameras: recorder, outputs and control as processes, driven by OSC; the solver is played."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocols import osc, phone_app
from protocols.bus import Publisher
from stage.config import ActorSection, Config, ControlSection, RecordSection
from tests.ports import free_udp_port
from tests.run_folder import prepare
from tests.sections import output_section
from tests.stage.console.samples import performance

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 60.0


class Show:
    """The processes, and a remote control."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self.solve = Publisher(folder, "solve")
        self.processes = [
            subprocess.Popen(
                [sys.executable, "-m", f"workers.{name}", "--run-dir", str(folder), "--name", name],
                cwd=ROOT,
                env={**os.environ, "PYTHONWARNINGS": "error"},
            )
            for name in ("broadcast", "record", "control")
        ]
        self.remote = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.remote.bind(("127.0.0.1", 0))
        self.remote.settimeout(0.1)

    def say(self, data: bytes) -> None:
        self.remote.sendto(data, ("127.0.0.1", self.port))

    def hear(self, address: str, *begin: osc.Argument, say: bytes = b"") -> tuple[osc.Argument, ...]:
        """The arguments of the next message of an address that begin like this; `say` is said every second."""
        deadline_s, next_s = time.monotonic() + WAIT_S, 0.0
        while (now_s := time.monotonic()) < deadline_s:
            self.solve.send("performance.ada", performance(actor="ada"))
            if say and now_s >= next_s:
                next_s = now_s + 1.0
                self.say(say)
            try:
                message = osc.parse(self.remote.recv(1 << 16))
            except TimeoutError:
                continue
            assert isinstance(message, osc.Message)
            if message.address == address and message.arguments[: len(begin)] == begin:
                return message.arguments
        raise AssertionError(f"no {address} {begin} came")

    def close(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(20.0)
        self.remote.close()
        self.solve.close()


@pytest.fixture
def show(tmp_path: Path) -> Iterator[Show]:
    port = free_udp_port()
    config = Config(
        actors=(ActorSection(id="ada"),),
        outputs=(output_section("osc", id="engine", actor="ada", port=9),),
        control=ControlSection(enabled=True, port=port, rate=1000.0),
        record=RecordSection(folder=str(tmp_path / "takes")),
    )
    prepare(tmp_path, config)
    opened = Show(tmp_path, port)
    yield opened
    opened.close()


def test_a_show_is_run_from_a_remote_control(show: Show, tmp_path: Path) -> None:
    status = osc.message("/stage/status", "")
    show.hear("/stage/recorder/state", say=status)
    assert show.hear("/stage/output/engine/state", 1, "osc", "ada", say=status)[5] == ""
    show.hear("/stage/reply", "/stage/output/engine/enable", 1, say=osc.message("/stage/output/engine/enable", "i", 0))
    show.hear("/stage/output/engine/state", 0, say=status)
    show.hear("/stage/reply", "/stage/output/engine/rate", 1, say=osc.message("/stage/output/engine/rate", "f", 30.0))
    refused = show.hear(
        "/stage/reply", "/stage/output/nobody/enable", 0, say=osc.message("/stage/output/nobody/enable", "i", 1)
    )
    assert "nobody" in str(refused[2])
    refused = show.hear(
        "/stage/reply", "/stage/output/engine/actor", 0, say=osc.message("/stage/output/engine/actor", "s", "eve")
    )
    assert "eve" in str(refused[2])

    show.hear("/OSCSetSendTargetConfirm", say=phone_app.message("/OSCSetSendTarget", *show.remote.getsockname()))
    show.say(phone_app.message("/RecordStart", "forest", 3))
    (timecode,) = show.hear("/RecordStartConfirm")
    assert len(str(timecode)) == len("00:00:00:00")
    assert show.hear("/stage/recorder/state", "forest", 3, 1, say=status)[4]
    ended = show.hear("/stage/reply", "/stage/record/stop", 1, say=osc.message("/stage/record/stop", ""))
    take = next(str(name) for name in ended[3:] if str(name).endswith(".mcap"))
    path = tmp_path / "takes" / take
    with socket.create_server(("127.0.0.1", 0)) as receiver:
        receiver.settimeout(WAIT_S)
        show.say(phone_app.message("/Transport", f"127.0.0.1:{receiver.getsockname()[1]}", take))
        with receiver.accept()[0] as connection:
            data = b""
            while chunk := connection.recv(1 << 16):
                data += chunk
    assert data == path.stat().st_size.to_bytes(4, "big") + path.read_bytes()
    assert data[4:9] == b"\x89MCAP"
