"""`EncodeLane`: frames of one camera, from its ring through an encoder in a thread of its own."""

from __future__ import annotations

import os
import threading
from collections import deque
from contextlib import suppress
from typing import NamedTuple

import cv2
from av.error import FFmpegError

from protocols.errors import ProtocolError, RingError
from protocols.foxglove import Picture
from protocols.messages import FrameNote
from protocols.ring import RingReader
from protocols.video import VideoPacket
from stage.cameras.sources.source import Image
from stage.takes.video.encoders import Encoder, EncoderMaker
from stage.takes.video.frame_pool import FramePool
from stage.takes.video.message import VideoMessage, format_of, video_message
from stage.takes.video.rate import Rate

_MOST_READY_BYTES = 64 << 20
_NICE = 15
"""The show has the processors first, and the recorder itself, which must hear and answer."""
_CLOSE_S = 1.0


class _Job(NamedTuple):
    note: FrameNote
    image: Image
    begins: bool
    """To be a keyframe."""


class EncodeLane:
    """Frames are copied out of the ring at once, which has room for a few only, and encoded in their order.

    When all buffers are full, the newest frame is left out and counted.
    """

    def __init__(self, camera: str, make_encoder: EncoderMaker, waiting_bytes: int) -> None:
        """Begin with the first frame.

        Args:
            camera: The camera's id.
            make_encoder: Makes an encoder for a size.
            waiting_bytes: Room for frames that wait; for a few there always is.
        """
        self.dropped = 0
        self._camera = camera
        self._make_encoder = make_encoder
        self._pool = FramePool(waiting_bytes)
        self._reader: RingReader | None = None
        self._begins = True
        self._changed = threading.Condition()
        self._jobs: deque[_Job] = deque()
        self._unfinished = 0
        self._ready: list[VideoMessage] = []
        self._ready_bytes = 0
        self._thread: threading.Thread | None = None
        self._closing = False
        self._encoder: Encoder | None = None
        self._size = (0, 0)
        self._count = 0
        self._fault = ""
        self._rate = Rate()

    @property
    def waiting(self) -> int:
        """Frames taken and not encoded yet."""
        return self._unfinished

    def frame(self, note: FrameNote) -> None:
        """Take the frame out of the ring, if there is room for it."""
        image = self._pool.get(note.height, note.width)
        if image is None:
            self._drop()
            return
        try:
            if self._reader is None or self._reader.name != note.ring:
                self._reader = RingReader(note.ring)
            self._reader.copy(note.slot, note.generation, image)
        except RingError:  # overtaken, or gone with its camera
            self._pool.put(image)
            self._drop()
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"video {self._camera}", daemon=True)
            self._thread.start()
        with self._changed:
            self._jobs.append(_Job(note, image, self._begins))
            self._unfinished += 1
            self._changed.notify()
        self._begins = False

    def packet(self, packet: VideoPacket, sequence: int) -> None:
        """Of no interest: the pictures come by the ring."""

    def ready(self) -> list[VideoMessage]:
        """What has been encoded since the last call."""
        with self._changed:
            messages, self._ready, self._ready_bytes = self._ready, [], 0
        return messages

    def begin(self) -> None:
        """Make the next picture a keyframe."""
        self._begins = True

    def fact(self) -> str:
        """Encoder and rate."""
        encoder = self._encoder
        told = [encoder.told if encoder is not None else "nothing yet", self._rate.text, self._fault]
        return ", ".join(part for part in told if part)

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(_CLOSE_S)
        if self._reader is not None:
            self._reader.close()

    def _drop(self) -> None:
        with self._changed:
            self.dropped += 1

    def _run(self) -> None:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)  # Linux: of this thread alone
        key = False
        while (job := self._next_job()) is not None:
            key = key or job.begins
            message = self._encoded(job, key)
            with self._changed:
                self._unfinished -= 1
                fits = message is not None and self._ready_bytes + message.bytes <= _MOST_READY_BYTES
                if message is not None and fits:
                    self._ready.append(message)
                    self._ready_bytes += message.bytes
                else:
                    self.dropped += 1
            key = not fits
            self._pool.put(job.image)

    def _next_job(self) -> _Job | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closing or len(self._jobs) > 0)
            return None if self._closing else self._jobs.popleft()

    def _encoded(self, job: _Job, key: bool) -> VideoMessage | None:
        """The message of a frame; None, and a fault, where it could not be encoded."""
        note = job.note
        try:
            if self._encoder is None or self._size != job.image.shape[:2]:
                self._size = job.image.shape[0], job.image.shape[1]
                self._encoder = self._make_encoder(*self._size)
            encoder = self._encoder
            data, keyframe, extradata = encoder.encode(job.image, note.capture_ns, key)
            picture = Picture(
                note.capture_ns,
                self._camera,
                format_of(encoder.codec),
                data,
                extradata,
                keyframe,
                frame=note.frame,
                width=note.width,
                height=note.height,
            )
            message = video_message(picture, self._count)
        except (FFmpegError, cv2.error, ValueError, ProtocolError) as error:
            self._fault, self._encoder = f"{note.width}x{note.height}: {error}", None
            return None
        self._count += 1
        self._rate.count(message.bytes)
        return message
