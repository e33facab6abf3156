"""Compressed video on the bus, as its source delivered it.

    capture --VideoPacket on packet.<camera>--> recorder

A camera file or a network camera is compressed already; who records its packets keeps all of the picture at no cost.
Packets come in the order in which they are decoded, which is not that of their times where there are B frames. What
follows a loop, a jump or a lost connection begins with a keyframe. A packet without its predecessors cannot be
decoded, back to the keyframe: whoever misses one (see `protocols.sequences`) waits for the next keyframe.
"""

from __future__ import annotations

from protocols.messages import Record

PACKET_LIMIT = (16 << 20) - (64 << 10)
"""Bytes of a packet and its extradata; larger ones would not pass the bus (`protocols.codec.MAX_MESSAGE_BYTES`)."""


class VideoPacket(Record, frozen=True):
    """One compressed picture of a camera."""

    camera: str
    codec: str
    """FFmpeg's name: "h264", "hevc", "mjpeg" ..."""
    frame: int
    """The `FrameNote.frame` of the picture it becomes; -1 where the source cannot tell."""
    capture_ns: int
    """The `FrameNote.capture_ns` of the picture it becomes."""
    pts_ns: int
    """Time of the picture since the source's first one."""
    dts_ns: int
    """Its place in the order of decoding, on the same scale."""
    keyframe: bool
    """It can be decoded without those before it."""
    shown: bool
    """False: its picture is not part of the show, others need it to be decoded."""
    width: int
    """Pixels, as coded: before the picture is turned upright."""
    height: int
    rotation: int
    """Degrees, counterclockwise, by which the decoded picture has to be turned: 0, 90, 180 or 270."""
    data: bytes
    """As the source delivered it; at most `PACKET_LIMIT`."""
    extradata: bytes = b""
    """With a keyframe: the codec's global header, as the source has it; b"" for codecs without one."""
    colorspace: int = 2
    """What the container says of the colours, by FFmpeg's number; 2 where it says nothing."""
    color_range: int = 0
    """Likewise: 1 is 16 to 235, 2 is 0 to 255, 0 is not said."""
