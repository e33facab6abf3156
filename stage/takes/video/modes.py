"""How a camera's pictures go into takes."""

from __future__ import annotations

from typing import Literal

from stage.config import CameraSection, Config

Mode = Literal["copy", "h264", "mjpeg", "lossless", "off"]

COMPRESSED_KINDS = ("file", "rtsp", "rtsps", "http", "https", "tcp", "udp")
"""Kinds of sources that deliver compressed video."""


def video_mode(section: CameraSection, config: Config) -> Mode:
    """What [record] and the camera ask for; "mjpeg" instead of a copy where there is nothing to be copied."""
    if not config.record.enabled:
        return "off"
    asked = section.video or config.record.video
    compressed = section.source.partition(":")[0] in COMPRESSED_KINDS
    if asked in ("auto", "copy"):
        return "copy" if compressed else "mjpeg"
    return asked


def copies_packets(section: CameraSection, config: Config) -> bool:
    """Whether takes need the packets of this camera as they came."""
    return video_mode(section, config) == "copy"
