from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import termios
import time
from pathlib import Path

from stage.supervision.keys import typed_keys

ROOT = Path(__file__).resolve().parents[3]
CHILD = """
import asyncio, fcntl, sys, termios
from stage.supervision.keys import typed_keys
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
async def main():
    typed, done = [], asyncio.Event()
    def on_key(key):
        typed.append(key)
        if key == "q":
            done.set()
    with typed_keys(on_key) as listening:
        print("listening", listening, flush=True)
        await done.wait()
    print("".join(typed), flush=True)
asyncio.run(main())
"""


def test_keys_come_one_by_one_and_the_terminal_is_left_as_it_was() -> None:
    controller, terminal = os.openpty()
    try:
        before = termios.tcgetattr(terminal)
        process = subprocess.Popen(
            [sys.executable, "-c", CHILD],
            stdin=terminal,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            start_new_session=True,
        )
        assert process.stdout is not None and process.stdout.readline() == "listening True\n"
        during = termios.tcgetattr(terminal)
        assert not during[3] & (termios.ICANON | termios.ECHO) and during[3] & termios.ISIG
        for key in (b"r", b"\xff", b"mq"):
            os.write(controller, key)
            time.sleep(0.01)
        said, _ = process.communicate(timeout=20)
        assert said == "r\ufffdmq\n" and process.returncode == 0
        assert termios.tcgetattr(terminal) == before
    finally:
        os.close(controller)
        os.close(terminal)


def test_nobody_listens_to_what_is_no_terminal_of_ours() -> None:
    async def listening(descriptor: int) -> bool:
        with typed_keys(lambda _: None, descriptor) as listens:
            return listens

    controller, terminal = os.openpty()
    reader, writer = os.pipe()
    try:
        for descriptor in (-1, reader, terminal):  # the last is a terminal, but not the one that controls us
            assert not asyncio.run(listening(descriptor))
    finally:
        for descriptor in (controller, terminal, reader, writer):
            os.close(descriptor)
