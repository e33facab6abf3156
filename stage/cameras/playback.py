"""Recordings on the stage's clock.

All recordings of a stage begin at one common moment, the epoch, and those that loop begin again
together, one loop period later. The frame with time `pts` in lap n is due, and is stamped, at

    capture = epoch + n * period + pts + offset

so several files stay in step by their own times however fast each is decoded, and a capture worker
that is restarted finds where the stage is now by the same formula read backwards. A file shorter
than the period waits for the others; one that is longer is cut.
"""

from __future__ import annotations

import math

from stage.cameras.sources import Frame, Seekable, Source, SourceInfo
from stage.cameras.sources.packets import Packet, Packeted
from stage.cameras.sources.source import Image

NS = 1_000_000_000


class Playback:
    """One opened recording, frame by frame with its stage time."""

    def __init__(
        self, source: Source, info: SourceInfo, epoch_ns: int, loop_period_ns: int = 0, offset_ns: int = 0
    ) -> None:
        """Begin at the first frame of the first lap.

        Args:
            source: The recording, opened.
            info: What opening it gave.
            epoch_ns: Stage time of the first frame.
            loop_period_ns: Length of a lap; 0 plays once.
            offset_ns: Added to every time.
        """
        self._source = source
        self.info = info
        self._start_ns = epoch_ns + offset_ns
        self._period_ns = loop_period_ns
        self._lap = 0
        self._pending: Frame | None = None
        self._packets: list[Packet] = []
        lap_ns = min(loop_period_ns, info.duration_ns or loop_period_ns)
        self._lap_frames = math.ceil(lap_ns * info.rate_achieved / NS - 1e-3)

    def go_to(self, stage_ns: int, out: Image | None = None) -> None:
        """Make the first frame that is due at this stage time or later the next one.

        Args:
            stage_ns: Stage time; before the epoch it is the first frame.
            out: Where to put frames that are skipped by a recording that cannot seek.
        """
        elapsed_ns = max(0, stage_ns - self._start_ns)
        self._lap, position_ns = divmod(elapsed_ns, self._period_ns) if self._period_ns > 0 else (0, elapsed_ns)
        self._seek(position_ns, out)

    def next(self, out: Image | None = None) -> Frame | None:
        """Read the next frame, `capture_ns` set to when it is due; None after the last.

        Frame numbers go on from lap to lap.

        Raises:
            SourceError: The recording cannot be read on.
        """
        frame = self._read(out)
        self._collect_packets()
        if frame is None and self._period_ns > 0:
            self._lap += 1
            self._seek(0, out)
            frame = self._read(out)
            self._collect_packets()
        if frame is None:
            return None
        due_ns = self._start_ns + self._lap * self._period_ns + frame.pts_ns
        return frame._replace(capture_ns=due_ns, number=frame.number + self._lap * self._lap_frames)

    def packets(self) -> list[Packet]:
        """What the recording's packets were since the last call, if it keeps them; times as those of their frames."""
        packets, self._packets = self._packets, []
        return packets

    def close(self) -> None:
        """Close the recording."""
        self._source.close()

    def _collect_packets(self) -> None:
        """Fetch the packets of this lap, before the next begins."""
        if not isinstance(self._source, Packeted):
            return
        begin_ns, first = self._start_ns + self._lap * self._period_ns, self._lap * self._lap_frames
        for packet in self._source.packets():
            cut = 0 < self._period_ns <= packet.pts_ns
            self._packets.append(
                packet._replace(
                    capture_ns=begin_ns + packet.pts_ns, number=first + packet.number, shown=packet.shown and not cut
                )
            )

    def _read(self, out: Image | None) -> Frame | None:
        """The next frame of this lap."""
        frame = self._pending or self._source.read(out)
        self._pending = None
        if frame is not None and 0 < self._period_ns <= frame.pts_ns:
            return None
        return frame

    def _seek(self, position_ns: int, out: Image | None) -> None:
        self._pending = None
        if isinstance(self._source, Seekable):
            self._source.seek(position_ns)
            return
        self._source.close()
        self._source.open()
        while (frame := self._source.read(out)) is not None:
            if frame.pts_ns >= position_ns:
                self._pending = frame
                return
