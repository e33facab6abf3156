"""Looks after the folder of takes, in a thread of its own: a disk that does not answer holds up nobody."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from stage.errors import RecordError
from stage.news import News
from stage.takes.folder import check_space, free_bytes, last_number, unfinished_takes

PERIOD_S = 1.0
_NAMED = 5


class FolderWatch(threading.Thread):
    """Free space, last number of a slate, and what a crash has left; each as of the last look."""

    def __init__(self, folder: Path, slate: str) -> None:
        """Starts to look, once a second."""
        super().__init__(name="takes-folder", daemon=True)
        self.slate = slate
        """Set it to look after another slate."""
        self.free_bytes = -1
        self.news: deque[News] = deque(maxlen=1)
        """Takes without an end that were there at the start; whoever tells it takes it out."""
        self._folder = folder
        self._last = (slate, 0)
        self._wake = threading.Event()
        self._stopping = False
        self.start()

    @property
    def fault(self) -> str:
        """What would be refused for want of space, told before somebody asks for it; "" when there is enough."""
        try:
            check_space(self.free_bytes, self._folder)
        except RecordError as error:
            return str(error)
        return ""

    def last_number(self, slate: str) -> int:
        """The highest number of the slate's takes as of the last look; 0 when there is none, or no look yet."""
        if slate != self.slate:
            self.slate = slate
            self._wake.set()
        seen, number = self._last
        return number if seen == slate else 0

    def look(self) -> None:
        """Looks at once: a take has begun or ended."""
        self._wake.set()

    def stop(self) -> None:
        """Ends the thread; does not wait for it."""
        self._stopping = True
        self._wake.set()

    def run(self) -> None:
        """Look, in its own thread."""
        if report := crash_report(unfinished_takes(self._folder)):
            self.news.append(News("warning", report))
        while not self._stopping:
            slate = self.slate
            self._last = (slate, last_number(self._folder, slate))
            self.free_bytes = free_bytes(self._folder)
            self._wake.wait(PERIOD_S)
            self._wake.clear()


def crash_report(unfinished: Sequence[Path]) -> str:
    """What to tell of takes that a crash has left; "" when there are none."""
    if len(unfinished) == 0:
        return ""
    names = ", ".join(path.name for path in unfinished[:_NAMED])
    more = f" and {len(unfinished) - _NAMED} more" if len(unfinished) > _NAMED else ""
    return (
        f"takes without an end in {unfinished[0].parent}: {names}{more}; whole up to about a second before the crash, "
        "and left as they are"
    )
