"""Keys that are typed in the terminal of `stage live`, one by one and not shown; Ctrl-C stays what it is."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import termios
import tty
from collections.abc import Callable, Iterator

_MOST = 64


@contextlib.contextmanager
def typed_keys(on_key: Callable[[str], None], descriptor: int | None = None) -> Iterator[bool]:
    """Hands over keys while the context lasts; afterwards the terminal is as it was.

    Args:
        on_key: Told every key, in the running loop.
        descriptor: Of the terminal; None is standard input.

    Yields:
        Whether there is a terminal that listens to us: not behind a pipe, nor in the background of a shell.
    """
    if descriptor is None:
        descriptor = _standard_input()
    if not _is_ours(descriptor):
        yield False
        return

    def read() -> None:
        if _is_ours(descriptor):  # to read in the background would stop the whole process
            data = os.read(descriptor, _MOST)
            if not data:  # the terminal has gone
                loop.remove_reader(descriptor)
            for key in data.decode("ascii", "replace"):
                on_key(key)

    before = termios.tcgetattr(descriptor)
    loop = asyncio.get_running_loop()
    tty.setcbreak(descriptor, termios.TCSADRAIN)
    loop.add_reader(descriptor, read)
    try:
        yield True
    finally:
        loop.remove_reader(descriptor)
        with contextlib.suppress(termios.error):  # it has gone
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _standard_input() -> int:
    try:
        return sys.stdin.fileno()
    except (AttributeError, OSError, ValueError):  # closed, or not a file
        return -1


def _is_ours(descriptor: int) -> bool:
    try:
        return os.isatty(descriptor) and os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        return False
