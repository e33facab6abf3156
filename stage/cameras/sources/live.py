"""What cameras and streams have in common: they come and go, and only their newest frame matters.

A thread of its own connects, takes frames and connects again after a loss, waiting longer after
each failure. It leaves the newest frame where `read` finds it; a frame that nobody fetched in time
is replaced and counted. So a camera that hangs for seconds never holds up its worker, and what is
read is never older than necessary.
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, Protocol

from stage.cameras.sources.packets import Demuxed, Packet, PacketTap
from stage.cameras.sources.source import LIVE_WAIT_S, Frame, Image, SourceInfo
from stage.errors import SourceError

FIRST_WAIT_S = 0.25
LONGEST_WAIT_S = 5.0
"""Between attempts to connect: doubled after each failure, up to this."""

_CLOSE_S = 2.0


class Sample(NamedTuple):
    """A frame as it came, not yet converted."""

    write: Callable[[Image | None], Image]
    """Writes the pixels to the given array, or to a new one; valid until the next sample but one."""
    pts_ns: int
    """On the camera's own clock, from an arbitrary start."""
    capture_ns: int
    """Stage time."""


class Connection(Protocol):
    """One period in which the camera is there."""

    info: SourceInfo

    def next_sample(self) -> Sample:
        """Wait for a frame.

        Raises:
            SourceError: The camera is lost.
        """
        ...

    def close(self) -> None:
        """Let go of the camera."""
        ...


class LiveSource:
    """A live source that survives the loss of its camera."""

    def __init__(
        self,
        name: str,
        connect: Callable[[], Connection],
        first_wait_s: float = FIRST_WAIT_S,
        longest_wait_s: float = LONGEST_WAIT_S,
    ) -> None:
        """Describe the source; `start` or `open` begins.

        Args:
            name: For messages.
            connect: Reaches the camera, or raises SourceError; it may take seconds.
            first_wait_s: Wait after the first failure.
            longest_wait_s: Upper bound of the waits.
        """
        self.name = name
        self.info: SourceInfo | None = None
        """Of the present connection; None while the camera is away."""
        self.trouble = ""
        """Why the camera is away; "" while it is there or has not been tried."""
        self.faults: Counter[str] = Counter()
        """`losses`, `refused` attempts to connect, `reconnects`, and `overwritten_drops`, frames nobody fetched."""
        self._connect = connect
        self._tap: PacketTap | None = None
        self._waits_s = (first_wait_s, longest_wait_s)
        self._changed = threading.Condition()
        self._sample: Sample | None = None
        self._number = -1
        self._first_pts_ns = 0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def keeps_packets(self) -> bool:
        """Whether connections have to deliver their packets."""
        return self._tap is not None

    def keep_packets(self) -> None:
        """Set the packets of a stream aside from now on; called before `start`."""
        self._tap = PacketTap(self.faults)

    def packets(self) -> list[Packet]:
        """The packets that have come since the last call, in the order of decoding; of devices there are none."""
        return [] if self._tap is None else self._tap.take()

    def start(self) -> None:
        """Begin to connect, without waiting."""
        if self._thread is None:
            self._stopping = threading.Event()
            self._thread = threading.Thread(
                target=self._run, args=(self._stopping,), name=f"live {self.name}", daemon=True
            )
            self._thread.start()

    def open(self) -> SourceInfo:
        """Connect, and wait for how the first attempt ends.

        Raises:
            SourceError: The camera was not reached; the source is closed again.
        """
        self.start()
        with self._changed:
            self._changed.wait_for(lambda: self.info is not None or self.trouble != "")
            info, trouble = self.info, self.trouble
        if info is None:
            self.close()
            raise SourceError(trouble)
        return info

    def read(self, out: Image | None = None) -> Frame | None:
        """Fetch the newest frame; None when none came within `LIVE_WAIT_S`.

        Raises:
            SourceError: `out` has the wrong shape.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._sample is not None, LIVE_WAIT_S):
                return None
            sample, self._sample = self._sample, None
            assert sample is not None  # that is what was waited for
            # Within the lock: the camera's thread must not reuse the buffer meanwhile.
            image = sample.write(out)
            return Frame(image, sample.pts_ns - self._first_pts_ns, sample.capture_ns, self._number)

    def close(self) -> None:
        """Stop the thread; a second call does nothing."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(_CLOSE_S)  # a driver that hangs is left to the end of the process
            self._thread = None

    def _run(self, stopping: threading.Event) -> None:
        wait_s = self._waits_s[0]
        while not stopping.is_set():
            before = self._number
            try:
                self._stay_connected(stopping)
            except SourceError as error:
                self._lose(str(error))
            except Exception as error:  # a driver's surprise must not end the thread unseen
                self._lose(f"{self.name}: lost ({type(error).__name__}: {error})")
            if self._number > before:  # it worked for a while, so the next attempt may come soon
                wait_s = self._waits_s[0]
            stopping.wait(wait_s)
            wait_s = min(2 * wait_s, self._waits_s[1])

    def _stay_connected(self, stopping: threading.Event) -> None:
        with contextlib.closing(self._connect()) as connection:
            with self._changed:
                self.faults["reconnects"] += self._number >= 0
                self.info, self.trouble = connection.info, ""
                self._changed.notify_all()
            if self._tap is not None:
                self._tap.begin()
            while not stopping.is_set():
                sample = connection.next_sample()
                self._leave(sample)
                if self._tap is not None and isinstance(connection, Demuxed):
                    for packet in connection.packets():
                        self._tap.put(self._numbered(packet, sample))

    def _leave(self, sample: Sample) -> None:
        with self._changed:
            if self._number < 0:
                self._first_pts_ns = sample.pts_ns
            self.faults["overwritten_drops"] += self._sample is not None
            self._sample = sample
            self._number += 1
            self._changed.notify_all()

    def _numbered(self, packet: Packet, sample: Sample) -> Packet:
        """A packet as part of this source; its number is known where it became the newest frame."""
        return packet._replace(
            pts_ns=packet.pts_ns - self._first_pts_ns,
            dts_ns=packet.dts_ns - self._first_pts_ns,
            number=self._number if packet.capture_ns == sample.capture_ns else -1,
        )

    def _lose(self, trouble: str) -> None:
        with self._changed:
            self.faults["losses" if self.info is not None else "refused"] += 1
            self.info, self.trouble = None, trouble
            self._sample = None
            self._changed.notify_all()
