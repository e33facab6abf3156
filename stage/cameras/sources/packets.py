"""`PacketTap`: the compressed packets that a source decodes, set aside for whoever records them.

A tap is filled where packets are demuxed, by the source's own thread if it has one, and emptied by the worker. It is
bounded: what nobody fetches is dropped, and counted, up to the next keyframe.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import NamedTuple, Protocol, runtime_checkable

import av

from protocols.video import PACKET_LIMIT

TAP_BYTES = 64 << 20
NS = 1_000_000_000
COPIED_CODECS = frozenset(
    ("av1", "ffv1", "h264", "hevc", "magicyuv", "mjpeg", "mpeg1video", "mpeg2video", "mpeg4", "vp8", "vp9")
)
"""Those whose packets, with their extradata, say all that a decoder needs; for others a container tells the rest."""


class Coding(NamedTuple):
    """How the packets of a source are compressed."""

    codec: str
    """FFmpeg's name."""
    extradata: bytes
    width: int
    """Pixels, before the picture is turned upright."""
    height: int
    rotation: int = 0
    """Degrees by which the decoded picture has to be turned."""
    colorspace: int = 2
    """As `VideoPacket.colorspace`."""
    color_range: int = 0


class Packet(NamedTuple):
    """One compressed picture; times and number as those of the `Frame` it becomes."""

    data: bytes
    keyframe: bool
    shown: bool
    """False: the picture is not delivered, others need it to be decoded."""
    pts_ns: int
    dts_ns: int
    capture_ns: int | None
    number: int
    """-1 where the source cannot tell."""
    coding: Coding


@runtime_checkable
class Demuxed(Protocol):
    """What has packets beside its frames."""

    def packets(self) -> list[Packet]:
        """The packets read since the last call, in the order of decoding."""
        ...


@runtime_checkable
class Packeted(Demuxed, Protocol):
    """A source that keeps its packets when it is told to."""

    def keep_packets(self) -> None:
        """Set packets aside from now on; called before `open`."""
        ...


class PacketTap:
    """Packets in their order, each run of them from a keyframe on."""

    def __init__(self, faults: Counter[str], limit_bytes: int = TAP_BYTES) -> None:
        """Counts in `faults`: `packets_dropped`, for want of space or size."""
        self._faults = faults
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._packets: list[Packet] = []
        self._bytes = 0
        self._await_keyframe = True

    def begin(self) -> None:
        """What comes next does not continue what came before."""
        self._await_keyframe = True

    def put(self, packet: Packet) -> None:
        """Set one aside."""
        if self._await_keyframe and not packet.keyframe:
            return
        size = len(packet.data)
        with self._lock:
            fits = self._bytes + size <= self._limit_bytes and size + len(packet.coding.extradata) <= PACKET_LIMIT
            if fits:
                self._packets.append(packet)
                self._bytes += size
        self._await_keyframe = not fits
        self._faults["packets_dropped"] += not fits

    def take(self) -> list[Packet]:
        """What is there, in its order."""
        with self._lock:
            packets, self._packets, self._bytes = self._packets, [], 0
        return packets


def coding_of(context: av.VideoCodecContext, rotation: int = 0) -> Coding:
    """How a stream is compressed, as its decoder knows it."""
    name = context.codec.canonical_name
    extradata, colours = bytes(context.extradata or b""), (context.colorspace, context.color_range)
    return Coding(name, extradata, context.width, context.height, rotation % 360, *colours)


def raw_packet(packet: av.Packet, coding: Coding) -> Packet | None:
    """A packet with the times of its stream; None where it has no time, or is the mark of the end."""
    pts, dts = packet.pts, packet.dts
    pts = dts if pts is None else pts
    if pts is None or packet.time_base is None or packet.size == 0:
        return None
    pts_ns, dts_ns = (int(time * packet.time_base * NS) for time in (pts, pts if dts is None else dts))
    return Packet(bytes(packet), bool(packet.is_keyframe), not packet.is_discard, pts_ns, dts_ns, None, -1, coding)
