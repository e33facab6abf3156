"""A tool made for the Live Link Face app records a take of the stage and fetches its table, over real processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from protocols import osc, phone_app
from protocols.bus import Publisher
from protocols.takefile import TakeReader
from stage.config import ActorSection, Config, ControlSection, RecordSection
from stage.takes.face_table import HEADER
from tests.ports import free_udp_port
from tests.run_folder import prepare
from tests.stage.outputs.faces import any_face, face_performance

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 30.0


class Tool:
    """Speaks to the stage as it would to the phone; a solver of ours performs meanwhile."""

    def __init__(self, run_dir: Path) -> None:
        self.port = free_udp_port()
        config = Config(
            actors=(ActorSection(id="ada"),),
            control=ControlSection(enabled=True, port=self.port),
            record=RecordSection(folder=str(run_dir / "takes")),
        )
        self.clock, self.faces = prepare(run_dir, config), 0
        self.solve = Publisher(run_dir, "solve", self.clock)
        self.workers = [
            subprocess.Popen(
                [sys.executable, "-m", f"workers.{name}", "--run-dir", str(run_dir), "--name", name],
                cwd=ROOT,
                env=dict(os.environ),
            )
            for name in ("record", "control")
        ]
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.02)

    def say(self, word: str, *arguments: str | int) -> None:
        self.socket.sendto(phone_app.message(word, *arguments), ("127.0.0.1", self.port))

    def told(self, word: str, again: Callable[[], object] | None = None) -> osc.Message:
        """The next message of this address; the solver performs until then."""
        deadline_s = time.monotonic() + WAIT_S
        next_s = 0.0
        while time.monotonic() < deadline_s:
            if again is not None and time.monotonic() >= next_s:
                again()
                next_s = time.monotonic() + 0.5
            self.perform()
            try:
                message = osc.parse(self.socket.recv(1 << 16))
            except TimeoutError:
                continue
            if isinstance(message, osc.Message) and message.address == word:
                return message
        raise AssertionError(f"the stage did not say {word}")

    def perform(self) -> None:
        self.solve.send(
            "face.ada", face_performance(any_face(1), self.faces, actor="ada", capture_ns=self.clock.now_ns())
        )
        self.faces += 1

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.wait()
        self.solve.close()
        self.socket.close()


@pytest.fixture
def tool(tmp_path: Path) -> Iterator[Tool]:
    opened = Tool(tmp_path)
    yield opened
    opened.close()


def test_record_and_fetch(tool: Tool, tmp_path: Path) -> None:
    target = ("127.0.0.1", tool.socket.getsockname()[1])
    tool.told("/OSCSetSendTargetConfirm", lambda: tool.say("/OSCSetSendTarget", *target))
    # A second start while it records is refused, so that asking again is safe until the recorder is up.
    begun = tool.told("/RecordStartConfirm", lambda: tool.say("/RecordStart", "forest", 3))
    begin_faces = tool.faces
    while tool.faces < begin_faces + 30:
        tool.perform()
        time.sleep(0.005)  # a camera's pace
    tool.say("/RecordStop")
    ended = tool.told("/RecordStopConfirm")
    assert begun.arguments[0] != "" and ended.arguments[0] != ""
    name = str(ended.arguments[1])
    assert name == "forest_003_ada.csv"
    with socket.create_server(("127.0.0.1", 0)) as receiver:
        receiver.settimeout(WAIT_S)
        tool.say("/Transport", f"127.0.0.1:{receiver.getsockname()[1]}", name)
        with receiver.accept()[0] as connection:
            data = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    size, table = int.from_bytes(data[:4], "big"), data[4:]
    assert size == len(table) and table == (tmp_path / "takes" / name).read_bytes()
    rows = table.decode().splitlines()
    take = TakeReader(tmp_path / "takes" / "forest_003.mcap")
    faces = sum(entry.topic == "face.ada" for entry in take.records())
    assert rows[0] == HEADER and len(rows) == 1 + faces and faces >= 25 and take.finished
