"""Framesets of pictures from recordings, decoded ahead in one thread per camera."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from stage.cameras.sources import LIVE_KINDS, Frame, SourceInfo, TruncatedError, open_source, source_kind
from stage.config import CameraSection, Config
from stage.errors import SourceError

_AHEAD = 3
_OF_INTERVAL = 0.45


class Pictures(NamedTuple):
    """The frames of one tick."""

    time_ns: int
    """Of the earliest of them, since the start of the recordings."""
    frames: dict[str, Frame]
    """By camera."""


class _Decoder:
    """Reads one source ahead of the solver."""

    def __init__(self, section: CameraSection, rate: float) -> None:
        if source_kind(section) in LIVE_KINDS:
            raise SourceError(
                f'camera {section.id!r}: "{section.source}" is live; only recordings can be solved offline'
            )
        self.id = section.id
        self.films_face = section.face_of != ""
        self.offset_ns = round(section.offset_ms * 1e6)
        self.warning = ""
        self._source = open_source(section, rate)
        self.info: SourceInfo = self._source.open()
        # One buffer for each frame that may wait, the one being read, the one in use: fresh memory costs page faults.
        size = (self.info.height, self.info.width, 3)
        self._buffers = itertools.cycle([np.empty(size, np.uint8) for _ in range(_AHEAD + 3)])
        self._frames: queue.Queue[Frame | Exception | None] = queue.Queue(_AHEAD)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._decode, name=f"decode.{section.id}", daemon=True)
        self._thread.start()
        self._head: Frame | None = None
        self.advance()

    @property
    def head(self) -> Frame | None:
        """The next frame; None at the end."""
        return self._head

    @property
    def head_ns(self) -> int:
        """Time of the next frame."""
        assert self._head is not None
        return self._head.pts_ns + self.offset_ns

    def advance(self) -> None:
        """Go on to the next frame.

        Raises:
            SourceError: The recording cannot be read.
        """
        item = self._frames.get()
        if isinstance(item, TruncatedError):
            self.warning, item = str(item), None
        if isinstance(item, Exception):
            raise item
        self._head = item

    def close(self) -> None:
        """Stop decoding."""
        self._stopping.set()
        while self._thread.is_alive():
            try:
                self._frames.get_nowait()
            except queue.Empty:
                self._thread.join(0.01)
        self._source.close()

    def _decode(self) -> None:
        item: Frame | Exception | None
        while not self._stopping.is_set():
            try:
                item = self._source.read(next(self._buffers))
            except SourceError as error:
                item = error
            self._put(item)
            if not isinstance(item, Frame):
                return

    def _put(self, item: Frame | Exception | None) -> None:
        while not self._stopping.is_set():
            try:
                self._frames.put(item, timeout=0.1)
            except queue.Full:
                continue
            return


class Recordings:
    """All cameras of a stage in step by their time stamps.

    Use as a context manager; iterate `pictures()`.

    Raises:
        SourceError: A recording cannot be opened.
    """

    def __init__(self, config: Config) -> None:
        self._decoders: list[_Decoder] = []
        try:
            for section in config.cameras:
                self._decoders.append(_Decoder(section, config.stage.rate))
        except Exception:
            self.close()
            raise
        tolerance_ns = round(config.stage.tolerance_ms * 1e6)
        rates = [decoder.info.rate_achieved or config.stage.rate for decoder in self._decoders]
        self._least_ns = round(_OF_INTERVAL * 1e9 / max(rates))
        self._tolerance_ns = tolerance_ns or self._least_ns

    @property
    def sizes(self) -> dict[str, tuple[int, int]]:
        """Width and height of each camera's pictures."""
        return {decoder.id: (decoder.info.width, decoder.info.height) for decoder in self._decoders}

    @property
    def warnings(self) -> list[str]:
        """Recordings that ended early."""
        return [decoder.warning for decoder in self._decoders if decoder.warning]

    def pictures(self) -> Iterator[Pictures]:
        """Framesets in the order of time; a camera with no frame near enough is left out of one."""
        while len(waiting := [decoder for decoder in self._decoders if decoder.head is not None]) > 0:
            first = min(waiting, key=lambda decoder: decoder.head_ns)
            members = [decoder for decoder in waiting if self._belongs(decoder, first)]
            frames = {decoder.id: decoder.head for decoder in members if decoder.head is not None}
            yield Pictures(first.head_ns, frames)
            for decoder in members:
                decoder.advance()

    def _belongs(self, decoder: _Decoder, first: _Decoder) -> bool:
        """Within the tolerance, frames of like cameras are of one tick; a face camera runs at a rate of its own."""
        alike = decoder.films_face == first.films_face
        return decoder.head_ns - first.head_ns <= (self._tolerance_ns if alike else self._least_ns)

    def __enter__(self) -> Recordings:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close all."""
        self.close()

    def close(self) -> None:
        """Stop decoding and close the sources."""
        for decoder in self._decoders:
            decoder.close()
