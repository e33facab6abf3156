from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import psutil
import pytest

from protocols.bus import Publisher, Subscriber
from protocols.messages import Event, FrameNote, Heartbeat
from protocols.ring import RingWriter, ring_name
from protocols.show import CommandReply, SetOutput
from stage.bodies.body import mesh_faces
from stage.cameras.calibration import save_calibration
from stage.config import CameraSection, Config, ConsoleSection
from stage.errors import BodyModelError
from tests.ports import free_port
from tests.run_folder import prepare
from tests.sections import output_section
from tests.stage.console.browser import FakeBrowser, updates_of
from tests.stage.console.conftest import camera_at
from tests.stage.console.samples import heartbeat, mesh, performance

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 30.0

Start = Callable[[], "subprocess.Popen[str]"]


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    calibration = tmp_path / "calibration.toml"
    save_calibration(calibration, [camera_at("left", -2.0), camera_at("right", -1.0)])
    cameras = tuple(CameraSection(id=i, source="device:0", calibration=str(calibration)) for i in ("left", "right"))
    config = Config(cameras=cameras, console=ConsoleSection(port=free_port()))
    prepare(tmp_path, config)
    return tmp_path


@pytest.fixture
def start(run_dir: Path) -> Iterator[Start]:
    processes: list[subprocess.Popen[str]] = []

    def start_worker() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "workers.console", "--run-dir", str(run_dir), "--name", "console"],
            cwd=ROOT,
            env={**os.environ, "PYTHONWARNINGS": "error"},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        processes.append(process)
        return process

    yield start_worker
    for process in processes:
        process.kill()
        process.communicate()


class Stage:
    """The workers that the console listens to, played by one thread."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._play)

    def __enter__(self) -> Stage:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _play(self) -> None:
        name = ring_name(self._run_dir, "left")
        with (
            Publisher(self._run_dir, "capture.left") as capture,
            Publisher(self._run_dir, "solve") as solve,
            RingWriter(name, 4, 60, 80) as ring,
        ):
            number = 0
            while not self._stop.wait(1 / 60):
                slot, generation = ring.write(np.full((60, 80, 3), number % 200, np.uint8))
                capture.send("frame.left", FrameNote("left", number, 0, 0, name, slot, generation, 80, 60))
                solve.send("performance.ada", performance(np.full((53, 3), number, np.float32)))
                solve.send("mesh.ada", mesh(body_vertices(number)))
                capture.send("heartbeat.capture.left", heartbeat("capture.left", rate_hz=31.4))
                number += 1


def body_vertices(number: int) -> np.ndarray:
    return np.full((int(mesh_faces().max()) + 1, 3), number, np.float32)


def config_of(run_dir: Path) -> Config:
    return msgspec.json.decode((run_dir / "config.json").read_bytes(), type=Config)


def heard(run_dir: Path, wanted: Callable[[Heartbeat], bool]) -> tuple[Heartbeat, list[Event]]:
    """Listen to the console until a heartbeat is as wanted; keep the events on the way."""
    events: list[Event] = []
    deadline_s = time.monotonic() + WAIT_S
    with Subscriber(run_dir, {"console": ["heartbeat.", "event."]}) as subscriber:
        while time.monotonic() < deadline_s:
            message = subscriber.receive(100)
            if message is not None and isinstance(message.record, Event):
                events.append(message.record)
            if message is not None and isinstance(message.record, Heartbeat) and wanted(message.record):
                return message.record, events
    raise AssertionError(f"the console did not say so; events: {[event.text for event in events]}")


def test_what_the_bus_says_reaches_a_browser(run_dir: Path, start: Start) -> None:
    try:
        mesh_faces()
    except BodyModelError:
        pytest.skip("the body model is not prepared")
    start()
    url = heard(run_dir, lambda beat: "page" in beat.facts)[0].facts["page"]
    assert url == f"http://127.0.0.1:{config_of(run_dir).console.port}"
    with Stage(run_dir), FakeBrowser(url) as browser:
        wanted = {"vertices": False, "points": False, "_image_data": False, "content": False}
        for message in browser.messages(WAIT_S):
            if (vertices := updates_of(message, "/actors/0/mesh").get("vertices")) is not None:
                place = np.frombuffer(vertices, np.float32)
                assert place.size == 3 * 13_718 and (place == place[0]).all()
                wanted["vertices"] = True
            wanted["points"] |= "points" in updates_of(message, "/actors/0/bones")
            wanted["_image_data"] |= (
                bytes(updates_of(message, "/cameras/0").get("_image_data") or b"")[:2] == b"\xff\xd8"
            )
            wanted["content"] |= message["type"] == "GuiUpdateMessage" and "31.4" in str(message["updates"])
            if all(wanted.values()):
                break
        assert all(wanted.values()), wanted
        beat, _ = heard(run_dir, lambda beat: beat.counters.get("items", 0) > 20)
        assert beat.facts["browsers"] == "1"
        assert beat.counters["thumbnails"] > 0 and beat.counters["skipped"] > 0 and "gaps" not in beat.counters


def test_nobody_looking_means_nothing_is_read(run_dir: Path, start: Start) -> None:
    start()
    with Stage(run_dir):
        url = heard(run_dir, lambda beat: "page" in beat.facts)[0].facts["page"]
        with FakeBrowser(url):
            items = heard(run_dir, lambda beat: beat.counters.get("items", 0) > 5)[0].counters["items"]
        heard(run_dir, lambda beat: beat.facts["browsers"] == "0")
        before = heard(run_dir, lambda beat: True)[0].counters
        after = heard(run_dir, lambda beat: beat.rate_hz == 0.0)[0].counters
        assert before == after and before["items"] >= items


def test_a_taken_port_costs_the_page_but_not_the_worker(run_dir: Path, start: Start) -> None:
    port = config_of(run_dir).console.port
    with socket.create_server(("127.0.0.1", port)):
        process = start()
        told: list[Event] = []
        while not told:
            told = heard(run_dir, lambda beat: beat.state == "waiting")[1]
        assert process.poll() is None
        assert [event.kind for event in told] == ["error"] and str(port) in told[0].text
    beat, told = heard(run_dir, lambda beat: beat.state == "running")
    assert beat.facts["page"].endswith(str(port))


def test_it_stops_at_once_and_quietly(run_dir: Path, start: Start) -> None:
    process = start()
    url = heard(run_dir, lambda beat: "page" in beat.facts)[0].facts["page"]
    with FakeBrowser(url):
        heard(run_dir, lambda beat: beat.facts["browsers"] == "1")
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=5.0)
    assert (process.returncode, out, err) == (0, "", "")


def test_a_killed_console_comes_back_to_the_same_browsers(run_dir: Path, start: Start) -> None:
    first = start()
    url = heard(run_dir, lambda beat: "page" in beat.facts)[0].facts["page"]
    with FakeBrowser(url):
        first.kill()
        first.communicate()
    second = start()
    beat, _ = heard(run_dir, lambda beat: beat.pid == second.pid and "page" in beat.facts)
    assert beat.facts["page"] == url
    with FakeBrowser(url):
        heard(run_dir, lambda beat: beat.facts["browsers"] == "1")


def test_it_costs_next_to_nothing_while_nobody_looks(run_dir: Path, start: Start) -> None:
    process = start()
    heard(run_dir, lambda beat: "page" in beat.facts)
    with Stage(run_dir):
        used, began_s = psutil.Process(process.pid).cpu_times(), time.monotonic()
        beats = 0

        def counted(_: Heartbeat) -> bool:
            nonlocal beats
            beats += 1
            return beats > 12

        heard(run_dir, counted)
        now = psutil.Process(process.pid).cpu_times()
        seconds = now.user + now.system - used.user - used.system
        assert seconds / (time.monotonic() - began_s) < 0.08


def test_a_click_becomes_a_command_and_its_reply_an_event_on_the_page(run_dir: Path, start: Start) -> None:
    config = config_of(run_dir)
    config = msgspec.structs.replace(config, outputs=(output_section("vmc", id="vmc-1"),))
    (run_dir / "config.json").write_bytes(msgspec.json.encode(config))
    with (
        Publisher(run_dir, "broadcast") as broadcast,
        Subscriber(run_dir, {"console": ["command."]}) as commands,
    ):
        start()
        url = heard(run_dir, lambda beat: "page" in beat.facts)[0].facts["page"]
        with FakeBrowser(url) as browser:
            box = browser.until(lambda m: m["type"] == "GuiCheckboxMessage" and m["props"]["label"] == "vmc-1")
            click = {"type": "GuiUpdateMessage", "uuid": box["uuid"], "updates": {"value": False}}
            browser.send(msgspec.msgpack.encode(click))
            message = commands.receive(20_000)
            assert message is not None and message.topic == "command.console"
            command = message.record
            assert isinstance(command, SetOutput)
            assert command == SetOutput(command.id, "console", "vmc-1", enabled=False)
            reply = CommandReply(command.id, "console", "broadcast", True, "vmc-1 rests")
            broadcast.send("reply.broadcast", reply)
            browser.until(lambda m: m["type"] == "GuiUpdateMessage" and "vmc-1 rests" in str(m["updates"]))
