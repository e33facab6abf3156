"""`stage ltc`: linear timecode from an audio signal to a stage.

    arecord -t raw -f S16_LE -c 1 -r 48000 | stage ltc --rate 25

Audio comes by standard input, so any recorder will do. The decoder is libltc (Debian: libltc11), found at run time;
what it has read goes to the stage's timecode source as text, see `protocols.timecode_packet`. A frame of LTC is known
when it ends. At that moment the next one begins, so that is the label that is sent.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys
from collections.abc import Iterator

from protocols.timecode import FrameRate, Timecode, TimecodeError
from protocols.udp import UdpSender
from stage.errors import StageError

_LIBRARY = "libltc.so.11"
_QUEUE = 32
_CHUNK_BYTES = 1024
_FRAME_BYTES = 2048
"""More than libltc's record of a frame has; the first 10 bytes are the frame as SMPTE 12M lays it out."""
_DROP = 1 << 10


class LtcDecoder:
    """Reads labels from samples."""

    def __init__(self, samples_per_second: int, rate: FrameRate) -> None:
        """Loads the library.

        Raises:
            StageError: It is not on this machine.
        """
        try:
            self._library = ctypes.CDLL(ctypes.util.find_library("ltc") or _LIBRARY)
        except OSError as error:
            raise StageError("no libltc on this machine; on Debian and Ubuntu: apt install libltc11") from error
        self._library.ltc_decoder_create.restype = ctypes.c_void_p
        self._library.ltc_decoder_write_s16.argtypes = [
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_longlong,
        ]
        self._library.ltc_decoder_read.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
        per_frame = samples_per_second * rate.denominator // rate.numerator
        self._decoder = self._library.ltc_decoder_create(per_frame, _QUEUE)
        self._frame = ctypes.create_string_buffer(_FRAME_BYTES)
        self._samples = 0
        self._odd = b""

    def take(self, samples: bytes) -> Iterator[str]:
        """The labels that end within these samples, 16 bit each, in this machine's order of bytes."""
        samples = self._odd + samples
        count = len(samples) // 2
        self._odd = samples[2 * count :]  # a pipe may end within a sample
        self._library.ltc_decoder_write_s16(self._decoder, samples, count, self._samples)
        self._samples += count
        while self._library.ltc_decoder_read(self._decoder, self._frame) > 0:
            yield label_of(self._frame.raw[:10])

    def close(self) -> None:
        """Frees it."""
        self._library.ltc_decoder_free(ctypes.c_void_p(self._decoder))


def label_of(frame: bytes) -> str:
    """The label in the 80 bits of an LTC frame, least significant first."""
    bits = int.from_bytes(frame, "little")
    frames, seconds, minutes, hours = (
        (bits >> first & 15) + 10 * (bits >> first + 8 & tens) for first, tens in ((0, 3), (16, 7), (32, 7), (48, 3))
    )
    return f"{hours:02}:{minutes:02}:{seconds:02}{';' if bits & _DROP else ':'}{frames:02}"


def run_ltc(host: str, port: int, rate: str, samples_per_second: int) -> int:
    """Sends the labels of the audio on standard input, until that ends; prints one a second.

    Returns:
        0, or 1 when nothing was read.

    Raises:
        StageError: There is no decoder, or no such rate.
    """
    try:
        frame_rate = FrameRate.parse(rate)
    except TimecodeError as error:
        raise StageError(str(error)) from None
    decoder, sender, count, refused = LtcDecoder(samples_per_second, frame_rate), UdpSender(host, port), 0, 0
    sender.resolved.wait(5.0)
    try:
        while samples := os.read(sys.stdin.fileno(), _CHUNK_BYTES):
            for label in decoder.take(samples):
                try:
                    begins = Timecode.parse(label, frame_rate).plus(1).text
                except TimecodeError as error:
                    refused += 1
                    if refused == 1:
                        print(f"stage: {error}", file=sys.stderr, flush=True)
                    continue
                sender.send([begins.encode()])
                count += 1
                if count % frame_rate.nominal == 1:
                    print(begins, flush=True)
    except KeyboardInterrupt:
        pass
    finally:
        decoder.close()
        sender.close()
    print(f"{count} frames sent, {refused} not at {frame_rate.text}", flush=True)
    return 0 if count > 0 else 1
