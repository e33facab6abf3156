"""`stage probe mqtt` as a user runs it: a broker, a stage's output, a summary."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocols.clock import StageClock
from stage.config import ActorSection, Config
from stage.mqtt.output import MqttOutput
from stage.probing.mqtt_probe import run_mqtt_probe
from tests.mqtt_broker import BrokerForTests, Listener
from tests.ports import free_port
from tests.sections import output_section
from tests.stage.outputs.performers import random_pose


@pytest.fixture
def stage(broker: BrokerForTests) -> Iterator[None]:
    """A stage's output that publishes poses at about 100 Hz."""
    stop, clock = threading.Event(), StageClock.start()
    section = output_section("mqtt", id="house", port=broker.port, prefix="stage/demo", poses=True, actors=("anna",))
    output = MqttOutput(section, Config(actors=(ActorSection(id="anna"),)), clock, clock.now_ns())

    def run() -> None:
        while not stop.wait(0.01):
            now_ns = clock.now_ns()
            output.send(random_pose(1, actor="anna", capture_ns=now_ns - 40_000_000).performance, now_ns)

    thread = threading.Thread(target=run)
    thread.start()
    yield
    stop.set()
    thread.join()
    output.close()


def test_what_a_stage_says(
    broker: BrokerForTests, stage: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listener = Listener(broker.port)
    listener.wait_for("stage/demo/actor/anna/pose", count=5)
    listener.stop()
    assert run_mqtt_probe(port=broker.port, seconds=1.5, json_path=tmp_path / "probe.json") == 0
    printed = capsys.readouterr().out
    assert "nothing is wrong with it" in printed
    assert "ready, session" in printed.splitlines()[1]  # the line of the first second
    report = json.loads((tmp_path / "probe.json").read_text())
    assert report["kind"] == "mqtt" and report["sources"] == ["stage/demo"]
    assert report["timing"]["latency"]["p50_ms"] >= 40.0 * 0.95


def test_nothing_is_said(broker: BrokerForTests, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_mqtt_probe(port=broker.port, prefix="stage/none", seconds=0.3) == 1
    assert "nothing is said on stage/none/#" in capsys.readouterr().out


def test_no_broker(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_mqtt_probe(port=free_port(), seconds=0.3) == 1
    printed = capsys.readouterr().out
    assert "no connection to broker" in printed and "refused" in printed


def test_the_command_line(broker: BrokerForTests) -> None:
    listener = Listener(broker.port)
    listener.say("house/stage/$state", {"state": "lost", "session": "abc", "at_ns": time.time_ns()}, retain=True)
    listener.stop()
    command = [sys.executable, "-m", "stage.cli", "probe", "mqtt", "--port", str(broker.port)]
    done = subprocess.run(
        [*command, "--prefix", "house/stage", "--seconds", "0.5"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "$state is lost" in done.stdout
