"""Mends what a crash has left in the folder of takes, in a thread of its own that leaves the machine to the show."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from contextlib import suppress
from pathlib import Path

from protocols.errors import TakeError
from stage.news import News
from stage.takes.folder import unfinished_takes
from stage.takes.recover import recover

SETTLED_S = 2.0
"""A take that does not change for so long, and is not locked, is nobody's: network disks may know no locks."""
SHARE = 0.25
"""Of a core, at most."""
_LOWEST_PRIORITY = 19


class Mending(threading.Thread):
    """Mends all takes without an end that are there at the start; tells of each."""

    def __init__(self, folder: Path, news: deque[News], settled_s: float = SETTLED_S) -> None:
        """Starts to look.

        Args:
            folder: Where takes are.
            news: What is to be told goes in there.
            settled_s: How long a take must not have changed.
        """
        super().__init__(name="takes-mending", daemon=True)
        self._folder, self._news, self._settled_s = folder, news, settled_s
        self._stopping = threading.Event()
        self._worked_s = time.monotonic()
        self.start()

    def stop(self) -> None:
        """Ends it; what is being mended stays as it was, for the next start. Does not wait."""
        self._stopping.set()

    def run(self) -> None:
        """Mend, in its own thread."""
        with suppress(AttributeError, OSError):  # of this thread alone, where the system knows how
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST_PRIORITY)
        found = {path: _state(path) for path in unfinished_takes(self._folder)}
        if not found or self._stopping.wait(self._settled_s):
            return
        self._worked_s = time.monotonic()
        for path in unfinished_takes(self._folder):
            if path in found and _state(path) == found[path]:
                try:
                    self._mend(path)
                except _StoppedError:
                    return

    def _mend(self, path: Path) -> None:
        self._news.append(News("info", f"{path.name} has no end, a crash has cut it; it is being mended"))
        try:
            mended = recover(path, self._pause)
        except (TakeError, OSError) as error:
            self._news.append(News("warning", f"{path.name} has no end and could not be mended: {error}"))
            return
        if mended is not None:
            self._news.append(News("warning", mended.text))

    def _pause(self) -> None:
        worked_s = time.monotonic() - self._worked_s
        if self._stopping.wait(worked_s * (1 / SHARE - 1)):
            raise _StoppedError
        self._worked_s = time.monotonic()


class _StoppedError(Exception):
    """The stage ends."""


def _state(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return (-1, -1)
    return status.st_size, status.st_mtime_ns
