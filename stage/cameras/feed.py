"""What a capture worker asks for frames, again and again, whatever kind of source it has.

    LiveFeed    a camera: the newest frame, when one comes
    PacedFeed   a recording at its own frame times, like a camera that was there
    FastFeed    a recording as fast as it is solved (`stage.cameras.fast_feed`)

`poll` returns within about `POLL_S`, with a frame that is due now or with None; `state` says what
the feed is doing, `news` what an operator should know, `facts` what an operator may ask.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable

from protocols.clock import StageClock
from stage.cameras.playback import Playback
from stage.cameras.sources import Frame, SourceInfo
from stage.cameras.sources.live import LiveSource
from stage.cameras.sources.packets import Packet
from stage.cameras.sources.source import LIVE_WAIT_S, Image, TruncatedError
from stage.errors import SourceError

POLL_S = LIVE_WAIT_S
LATE_INTERVALS = 2
"""A recording's frame that is ready this many intervals late is dropped: it is of no use any more ..."""
HOPELESS_DROPS = 4
"""... unless so many before it were dropped: a machine that is always late still shows something."""
RESYNC_NS = 1_000_000_000
"""A recording that is later than this goes on from where it should be."""

NS = 1_000_000_000
_DECODE_MARGIN_NS = 4_000_000
_RATE_FRAMES = 90

BufferFor = Callable[[SourceInfo], Image]
"""Gives the array (height, width, 3) that the next frame is to be written to."""


class Feed:
    """Base of all feeds."""

    state: str
    """"running", "waiting" for a camera, or "finished"."""
    info: SourceInfo | None
    """None as long as a camera has not been there."""
    faults: Counter[str]
    """What went wrong, by kind, since the start."""

    def __init__(self, state: str, info: SourceInfo | None, faults: Counter[str]) -> None:
        self.state = state
        self.info = info
        self.faults = faults
        self._news: list[tuple[str, str]] = []
        self._delivered_s: deque[float] = deque(maxlen=_RATE_FRAMES)

    def poll(self, buffer_for: BufferFor) -> Frame | None:
        """A frame with its `capture_ns`, or None when none is due within `POLL_S`."""
        frame = self._poll(buffer_for)
        if frame is not None:
            self._delivered_s.append(time.monotonic())
        return frame

    def news(self) -> list[tuple[str, str]]:
        """What happened since the last call: kind ("info", "warning", "error") and text."""
        news, self._news = self._news, []
        return news

    def facts(self) -> dict[str, str]:
        """The source, its size, and its rates: requested, stated by file or driver, and achieved."""
        if self.info is None:
            return {}
        facts = {"source": self.info.description, "size": f"{self.info.width}x{self.info.height}"}
        if self.info.rate_requested > 0:
            facts["requested rate"] = f"{self.info.rate_requested:.4g} Hz"
        if self.info.rate_achieved > 0:
            facts["stated rate"] = f"{self.info.rate_achieved:.4g} Hz"
        if len(self._delivered_s) == _RATE_FRAMES:
            elapsed_s = self._delivered_s[-1] - self._delivered_s[0]
            facts["achieved rate"] = f"{(_RATE_FRAMES - 1) / elapsed_s:.4g} Hz"
        return facts

    def packets(self) -> list[Packet]:
        """The compressed packets that were read since the last call, where the source was told to keep them."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the source."""
        raise NotImplementedError

    def _poll(self, buffer_for: BufferFor) -> Frame | None:
        raise NotImplementedError


class LiveFeed(Feed):
    """Frames of a camera that may come and go."""

    def __init__(self, source: LiveSource, offset_ns: int = 0) -> None:
        """Begin to connect; `offset_ns` is added to every capture time."""
        super().__init__("waiting", None, source.faults)
        self._source = source
        self._offset_ns = offset_ns
        self._trouble = ""
        source.start()

    def packets(self) -> list[Packet]:
        """The packets that have come since the last call."""
        packets = self._source.packets()
        return [packet._replace(capture_ns=(packet.capture_ns or 0) + self._offset_ns) for packet in packets]

    def close(self) -> None:
        """Hang up."""
        self._source.close()

    def _poll(self, buffer_for: BufferFor) -> Frame | None:
        info = self._source.info
        self._notice(info, self._source.trouble)
        if info is None:
            time.sleep(POLL_S)
            return None
        try:
            frame = self._source.read(buffer_for(info))
        except SourceError:  # the camera came back with another size in this very moment
            self.faults["resized"] += 1
            return None
        if frame is None or frame.capture_ns is None:
            return None
        return frame._replace(capture_ns=frame.capture_ns + self._offset_ns)

    def _notice(self, info: SourceInfo | None, trouble: str) -> None:
        if info is not None and self.state == "waiting":
            self.state = "running"
            self._news.append(("info", f"{self._source.name}: {info.width}x{info.height}, {info.description}"))
        if info is None:
            self.state = "waiting"
        if trouble and trouble != self._trouble:
            self._news.append(("warning", trouble))
        self._trouble = trouble
        self.info = info or self.info


class RecordingFeed(Feed):
    """What both ways to play a recording share."""

    def __init__(self, playback: Playback, faults: Counter[str]) -> None:
        """Play this; `faults` may be shared with the recording, which counts damage."""
        super().__init__("running", playback.info, faults)
        self._playback = playback
        self._interval_ns = round(NS / (playback.info.rate_achieved or 30.0))
        self._ready: Frame | None = None

    def packets(self) -> list[Packet]:
        """The packets read since the last call, those of frames that are not due yet among them."""
        return self._playback.packets()

    def close(self) -> None:
        """Close the recording."""
        self._playback.close()

    def _next(self, buffer_for: BufferFor) -> Frame | None:
        """The next frame; None, and state "finished", after the last."""
        buffer = buffer_for(self._playback.info)
        try:
            frame = self._playback.next(buffer)
        except TruncatedError as error:
            self.faults["truncated"] += 1
            self._news.append(("warning", str(error)))
            frame = self._playback.next(buffer)
        except SourceError as error:
            self.faults["unreadable"] += 1
            self._news.append(("error", str(error)))
            frame = None
        if frame is None:
            self.state = "finished"
        return frame


class PacedFeed(RecordingFeed):
    """A recording at its own frame times.

    The next frame is decoded shortly before it is due, not right after the last one: in between the
    processors belong to those who work on the last one.
    """

    def __init__(self, playback: Playback, clock: StageClock, faults: Counter[str] | None = None) -> None:
        """Begin where the stage is now."""
        super().__init__(playback, Counter() if faults is None else faults)
        self._clock = clock
        self._decode_at_ns = 0
        self._decode_ns = 0
        self._drops = 0
        self._seek_ns = 0
        self._go_to_now()

    def _poll(self, buffer_for: BufferFor) -> Frame | None:
        if self._ready is None:
            if not self._wait_until(self._decode_at_ns):
                return None
            self._decode(buffer_for)
        frame = self._ready
        if frame is None or frame.capture_ns is None or not self._wait_until(frame.capture_ns):
            return None
        self._ready = None
        late_ns = self._clock.now_ns() - frame.capture_ns
        if late_ns > RESYNC_NS:
            self.faults["resyncs"] += 1
            self._go_to_now()
            return None
        if late_ns > LATE_INTERVALS * self._interval_ns and self._drops < HOPELESS_DROPS:
            self._drops += 1
            self.faults["late_drops"] += 1
            return None
        self._drops = 0
        return frame

    def _go_to_now(self) -> None:
        """Find the frame that will be due when it has been found, if that takes as long as last time."""
        begin_ns = self._clock.now_ns()
        self._playback.go_to(begin_ns + self._seek_ns)
        self._seek_ns = self._clock.now_ns() - begin_ns
        self._decode_at_ns = 0

    def _decode(self, buffer_for: BufferFor) -> None:
        begin_ns = self._clock.now_ns()
        self._ready = self._next(buffer_for)
        took_ns = self._clock.now_ns() - begin_ns
        self._decode_ns = max(took_ns, self._decode_ns - self._decode_ns // 8)
        if self._ready is not None and self._ready.capture_ns is not None:
            next_ns = self._ready.capture_ns + self._interval_ns
            self._decode_at_ns = next_ns - 2 * self._decode_ns - _DECODE_MARGIN_NS

    def _wait_until(self, stage_ns: int) -> bool:
        """Sleep towards this stage time, at most `POLL_S`; whether it has come."""
        wait_s = (stage_ns - self._clock.now_ns()) / NS
        if wait_s > 0:
            time.sleep(min(wait_s, POLL_S))
        return wait_s <= POLL_S
