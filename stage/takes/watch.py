"""Looks after the folder of takes, in threads of its own: a disk that does not answer holds up nobody."""

from __future__ import annotations

import threading
from collections import deque
from pathlib import Path

from stage.errors import RecordError
from stage.news import News
from stage.takes.folder import check_space, free_bytes, last_number
from stage.takes.mending import SETTLED_S, Mending

PERIOD_S = 1.0
_NEWS = 64


class FolderWatch(threading.Thread):
    """Free space and last number of a slate, each as of the last look; what a crash has left is mended."""

    def __init__(self, folder: Path, slate: str, settled_s: float = SETTLED_S) -> None:
        """Starts to look, once a second.

        Args:
            folder: Where takes go.
            slate: Whose last number is wanted.
            settled_s: How long a take without an end must not have changed before it is mended.
        """
        super().__init__(name="takes-folder", daemon=True)
        self.slate = slate
        """Set it to look after another slate."""
        self.free_bytes = -1
        self.news: deque[News] = deque(maxlen=_NEWS)
        """Of takes that had no end; whoever tells it takes it out."""
        self._folder = folder
        self._last = (slate, 0)
        self._wake = threading.Event()
        self._stopping = False
        self._mending = Mending(folder, self.news, settled_s)
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
        """Ends the threads; does not wait for them."""
        self._mending.stop()
        self._stopping = True
        self._wake.set()

    def run(self) -> None:
        """Look, in its own thread."""
        while not self._stopping:
            slate = self.slate
            self._last = (slate, last_number(self._folder, slate))
            self.free_bytes = free_bytes(self._folder)
            self._wake.wait(PERIOD_S)
            self._wake.clear()
