"""The demo take: some seconds of the demo stage, recorded by a real stage.

    python -m stage.synthetic.demo_take      # records recordings/demo-take anew; a minute on a machine with time for it

It has all that a take has: pictures as they are in the demo's files, landmarks, performances, the solver's steps. So it
can be replayed, solved again and handed over.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from protocols import osc
from protocols.errors import DecodeError
from protocols.takefile import TakeReader
from stage.errors import RecordError
from stage.synthetic.demo import DEMO_FOLDER

DEMO_TAKE = DEMO_FOLDER.with_name("demo-take") / "demo_001.mcap"
WARM_S, SECONDS = 14.0, 4.5
"""Time for the actor's shape to be found, and length of the take after its pre-roll."""
MAX_BYTES = 6_000_000
_START_S = 300.0
_SOLVED_SHARE = 0.97
_RATE = 30.0
_STAGE = """
[control]
enabled = true
port = {port}

[metrics]
enabled = false

[record]
slate = "demo"
pre_roll_seconds = 0.5
"""


def record_demo_take(target: Path = DEMO_TAKE) -> Path:
    """Runs the demo stage, records a take and puts it in its place.

    Raises:
        RecordError: The machine was too busy for a good take, the stage did not come up, or the take is too large.
    """
    with tempfile.TemporaryDirectory(prefix="stage-demo-") as scratch:
        folder = Path(scratch) / "demo"
        shutil.copytree(DEMO_FOLDER, folder, ignore=shutil.ignore_patterns("actors", "takes"))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as surface:
            surface.bind(("127.0.0.1", 0))
            port = _free_port()
            with (folder / "stage.toml").open("a", encoding="utf-8") as config:
                config.write(_STAGE.format(port=port))
            stage = subprocess.Popen(
                [sys.executable, "-m", "stage.cli", "live", str(folder / "stage.toml"), "--no-console"],
                stdin=subprocess.DEVNULL,
            )
            try:
                _record(surface, port)
            finally:
                stage.terminate()
                stage.wait()
        (path,) = (folder / "takes").glob("*.mcap")
        _check(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        new = target.with_suffix(".new")
        shutil.copyfile(path, new)
        os.replace(new, target)
    return target


def _record(surface: socket.socket, port: int) -> None:
    deadline_s = time.monotonic() + _START_S
    while not _sends(surface, port):
        if time.monotonic() > deadline_s:
            raise RecordError("the demo stage sends nothing; run `stage doctor`")
        time.sleep(1.0)
    time.sleep(WARM_S)
    _say(surface, port, "/stage/record/start")
    time.sleep(SECONDS / 2)
    _say(surface, port, "/stage/mark", "half of it")
    time.sleep(SECONDS / 2)
    _say(surface, port, "/stage/record/stop")


def _sends(surface: socket.socket, port: int) -> bool:
    """Whether performances leave the stage."""
    states = _answers(surface, port, "/stage/status")
    return any(said.address.endswith("/state") and said.tags == "issfss" and said.arguments[3] for said in states)


def _say(surface: socket.socket, port: int, word: str, *arguments: str) -> None:
    answers = _answers(surface, port, word, *arguments)
    if not answers or answers[-1].arguments[1] != 1:
        raise RecordError(f"{word}: {answers[-1].arguments[2] if answers else 'no answer'}")


def _answers(surface: socket.socket, port: int, word: str, *arguments: str) -> list[osc.Message]:
    surface.settimeout(5.0)
    surface.sendto(osc.message(word, "s" * len(arguments), *arguments), ("127.0.0.1", port))
    answers: list[osc.Message] = []
    try:
        while not answers or answers[-1].address != "/stage/reply":
            answers += osc.messages(osc.parse(surface.recv(65536)))
    except (OSError, DecodeError):  # nobody listens yet
        return []
    return answers


def _check(path: Path) -> None:
    take = TakeReader(path)
    bodies = sum(1 for _ in take.records("performance."))
    wanted = _SOLVED_SHARE * _RATE * SECONDS
    if take.facts["end"]["lost"] != "0" or bodies < wanted:
        raise RecordError(f"{bodies} bodies where {wanted:.0f} were expected: this machine has too much else to do")
    if path.stat().st_size > MAX_BYTES:
        raise RecordError(f"the take has {path.stat().st_size / 1e6:.1f} MB, {MAX_BYTES / 1e6:.0f} MB are allowed")


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    try:
        print(record_demo_take())
    except RecordError as error:
        sys.exit(f"stage: error: {error}")
