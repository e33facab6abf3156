"""LTC: a signal made by the standard's rules is read by the library, and reaches a stage's socket."""

from __future__ import annotations

import ctypes.util
import subprocess
import sys

import numpy as np
import pytest

from protocols.timecode import FrameRate, Timecode
from protocols.timecode_packet import read_timecode
from protocols.udp import UdpReceiver
from stage.ltc import LtcDecoder, label_of

HERTZ = 48_000
SYNC = 0b1011111111111100
needs_libltc = pytest.mark.skipif(ctypes.util.find_library("ltc") is None, reason="libltc is not on this machine")


def frame_bits(moment: Timecode) -> int:
    """The 80 bits of SMPTE 12M, user bits zero."""
    text = moment.text
    bits = SYNC << 64
    for first, digits in ((0, text[9:11]), (16, text[6:8]), (32, text[3:5]), (48, text[0:2])):
        bits |= int(digits[1]) << first | int(digits[0]) << first + 8
    return bits | (moment.rate.drop << 10)


def signal(first: Timecode, frames: int) -> bytes:
    """Biphase mark: the level turns at every bit's begin, and in the middle of a one."""
    rate, level, halves = first.rate, 1, []
    for number in range(frames):
        bits = frame_bits(first.plus(number))
        bits |= (bits.bit_count() & 1) << (59 if rate.nominal == 25 else 27)  # as many turns up as down
        for index in range(80):
            level = -level
            halves.append(level)
            level = -level if bits >> index & 1 else level
            halves.append(level)
    edges = np.arange(int(frames * HERTZ * rate.denominator / rate.numerator))
    which = (edges * rate.numerator * 160 // (HERTZ * rate.denominator)).astype(int)
    return (np.array(halves)[which] * 16_000).astype("<i2").tobytes()


@pytest.mark.parametrize("text", ["00:00:00:00", "12:34:56:23", "23:59:59:24", "19:07:45:10"])
def test_labels_of_frames(text: str) -> None:
    assert label_of(frame_bits(Timecode.parse(text, FrameRate.parse("25"))).to_bytes(10, "little")) == text


def test_drop_frame_is_told_by_its_bit() -> None:
    moment = Timecode.parse("01:02:03;04", FrameRate.parse("29.97df"))
    assert label_of(frame_bits(moment).to_bytes(10, "little")) == "01:02:03;04"


@needs_libltc
@pytest.mark.parametrize("rate", ["23.976", "25", "29.97df", "30"])
def test_a_signal_is_read(rate: str) -> None:
    first = Timecode.parse("09:59:58:10", FrameRate.parse(rate))
    decoder, labels = LtcDecoder(HERTZ, first.rate), []
    samples = signal(first, 60)
    for begin in range(0, len(samples), 1021):
        labels += decoder.take(samples[begin : begin + 1021])
    decoder.close()
    frames = [Timecode.parse(label, first.rate).frame for label in labels]
    assert len(frames) >= 57  # the first are needed to find the speed
    assert frames == list(range(frames[0], frames[0] + len(frames)))
    assert first.frame <= frames[0] <= first.frame + 2


@needs_libltc
def test_it_reaches_the_socket_as_the_next_frame() -> None:
    first = Timecode.parse("10:00:00:00", FrameRate.parse("25"))
    with UdpReceiver("127.0.0.1", 0, 5.0) as receiver:
        command = [sys.executable, "-m", "stage.cli", "ltc", "--port", str(receiver.port), "--rate", "25"]
        done = subprocess.run(command, input=signal(first, 50), capture_output=True, check=True)
        received = []
        while len(received) < 47 and (heard := receiver.receive()) is not None:
            received.append(Timecode.parse(read_timecode(heard[0]), first.rate).frame)
    assert b"frames sent, 0 not at 25" in done.stdout
    assert received == list(range(received[0], received[0] + len(received)))
    assert first.frame < received[0] <= first.frame + 3
