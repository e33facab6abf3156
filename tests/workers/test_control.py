from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from protocols import osc, phone_app
from protocols.bus import Publisher, Subscriber
from protocols.messages import Event, Heartbeat
from protocols.show import Command, CommandReply, StartRecording, StopRecording
from stage.config import ActorSection, Config, ControlSection, RecordSection
from tests.ports import free_udp_port
from tests.run_folder import prepare
from tests.sections import output_section

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 20.0


class Show:
    """The control worker in a process, and those who carry out commands, in this one."""

    def __init__(self, run_dir: Path, port: int) -> None:
        self.run_dir, self.port = run_dir, port
        self.process = subprocess.Popen(
            [sys.executable, "-m", "workers.control", "--run-dir", str(run_dir), "--name", "control"],
            cwd=ROOT,
            env={**os.environ, "PYTHONWARNINGS": "error"},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.recorder = Publisher(run_dir, "record")
        self.bus = Subscriber(run_dir, {"control": ["command.", "heartbeat.", "event."]})
        self.remote = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.remote.bind(("127.0.0.1", 0))
        self.remote.settimeout(WAIT_S)
        self.events: list[Event] = []
        self.heard(Heartbeat, lambda beat: beat.state == "running")

    def heard(self, kind: type, wanted: Callable[..., bool] = lambda _: True) -> object:
        """The next record of a class that is as wanted; events on the way are kept."""
        deadline_s = time.monotonic() + WAIT_S
        while time.monotonic() < deadline_s:
            message = self.bus.receive(100)
            if message is not None and isinstance(message.record, Event):
                self.events.append(message.record)
            if message is not None and isinstance(message.record, kind) and wanted(message.record):
                return message.record
        raise AssertionError(f"the control worker did not say so; events: {[event.text for event in self.events]}")

    def say(self, data: bytes) -> None:
        self.remote.sendto(data, ("127.0.0.1", self.port))

    def answer(self) -> osc.Message:
        data, source = self.remote.recvfrom(1 << 16)
        assert source == ("127.0.0.1", self.port)
        message = osc.parse(data)
        assert isinstance(message, osc.Message)
        return message

    def ask(self, data: bytes) -> osc.Message:
        """Says again and again until there is an answer: for the first word of a test."""
        self.remote.settimeout(0.2)
        for _ in range(100):
            self.say(data)
            try:
                return self.answer()
            except TimeoutError:
                continue
            finally:
                self.remote.settimeout(WAIT_S)
        raise AssertionError("no answer")

    def commanded(self) -> Command:
        command = self.heard(Command)
        assert isinstance(command, Command)
        return command

    def carry_out(self, command: Command, **facts: str) -> None:
        self.recorder.send("reply.record", CommandReply(command.id, command.surface, "record", True, "done", facts))

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        self.recorder.close()
        self.bus.close()
        self.remote.close()


@pytest.fixture
def show(tmp_path: Path) -> Iterator[Show]:
    port = free_udp_port()
    config = Config(
        actors=(ActorSection(id="ada"),),
        outputs=(output_section("vmc", id="vmc-1", actors=("ada",)),),
        control=ControlSection(enabled=True, port=port),
        record=RecordSection(folder=str(tmp_path / "takes")),
    )
    prepare(tmp_path, config)
    opened = Show(tmp_path, port)
    yield opened
    opened.close()


def test_a_take_by_the_words_of_the_app(show: Show, tmp_path: Path) -> None:
    csv = tmp_path / "takes" / "forest_003" / "face.csv"
    csv.parent.mkdir(parents=True)
    csv.write_bytes(b"a,b\n" * 100_000)
    target = show.remote.getsockname()
    assert show.ask(phone_app.message("/OSCSetSendTarget", *target)).address == "/OSCSetSendTargetConfirm"
    show.say(phone_app.message("/RecordStart", "forest", 3))
    start = show.commanded()
    assert start == StartRecording(start.id, "control", "forest", 3)
    show.carry_out(start, timecode="10:00:00:00")
    assert show.answer() == osc.Message("/RecordStartConfirm", "s", ("10:00:00:00",))
    show.say(phone_app.message("/RecordStop"))
    stop = show.commanded()
    assert isinstance(stop, StopRecording)
    show.carry_out(stop, timecode="10:00:05:00", csv=str(csv), files=str(csv))
    stopped = show.answer()
    assert stopped == osc.Message("/RecordStopConfirm", "sss", ("10:00:05:00", "forest_003/face.csv", ""))
    with socket.create_server(("127.0.0.1", 0)) as receiver:
        receiver.settimeout(WAIT_S)
        where = f"127.0.0.1:{receiver.getsockname()[1]}"
        show.say(phone_app.message("/Transport", where, "../config.json"))
        show.say(phone_app.message("/Transport", where, "forest_003/face.csv"))
        with receiver.accept()[0] as connection:
            data = b""
            while chunk := connection.recv(1 << 16):
                data += chunk
        assert data == len(csv.read_bytes()).to_bytes(4, "big") + csv.read_bytes()
        receiver.settimeout(0.0)
        with pytest.raises(BlockingIOError):
            receiver.accept()
    beat = show.heard(Heartbeat, lambda beat: beat.counters.get("refused") == 1)
    assert isinstance(beat, Heartbeat) and beat.counters["items"] == 2
    assert any("config.json" in event.text for event in show.events)


def test_our_own_words_are_answered(show: Show) -> None:
    assert show.ask(osc.message("/stage/status", "")).arguments[:2] == ("/stage/status", 1)
    show.say(osc.message("/stage/record/start", "s", "forest"))
    show.carry_out(show.commanded())
    assert show.answer().arguments == ("/stage/record/start", 1, "done")
    show.say(osc.message("/stage/actor/ada/calibrate", ""))
    show.commanded()
    reply = show.answer()  # nobody plays the solver
    assert reply.arguments[:2] == ("/stage/actor/ada/calibrate", 0)


def test_a_flood_of_nonsense_is_survived_counted_and_told_once(show: Show) -> None:
    show.ask(osc.message("/stage/status", ""))
    for number in range(3000):
        show.say(b"/stage/record/start\0" + number.to_bytes(4, "big"))
    beat = show.heard(Heartbeat, lambda beat: beat.counters.get("flooded", 0) > 100)
    assert isinstance(beat, Heartbeat) and 1 <= beat.counters["malformed"] <= 200
    assert len(show.events) <= 6
    while show.ask(osc.message("/stage/status", "")).address != "/stage/reply":
        pass


def test_it_says_goodbye_and_stops_quietly(show: Show) -> None:
    show.ask(phone_app.message("/OSCSetSendTarget", *show.remote.getsockname()))
    show.process.send_signal(signal.SIGTERM)
    out, err = show.process.communicate(timeout=5.0)
    while (said := show.answer().address) == "/OSCSetSendTargetConfirm":
        pass
    assert said == "/AppDeactivated"
    assert (show.process.returncode, out, err) == (0, "", "")


def test_a_port_in_use_is_told_in_a_line(show: Show) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "workers.control", "--run-dir", str(show.run_dir), "--name", "control-2"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_S,
    )
    assert second.returncode == 2 and second.stderr.startswith("stage: error: cannot listen on 127.0.0.1 port")


def test_who_waits_for_a_reply_is_told_when_the_stage_ends(show: Show) -> None:
    assert show.ask(osc.message("/stage/status", "")).address == "/stage/reply"  # nobody has told of himself
    show.say(osc.message("/stage/record/start", ""))
    show.commanded()
    show.process.terminate()
    assert show.answer().arguments[:2] == ("/stage/record/start", 0)
