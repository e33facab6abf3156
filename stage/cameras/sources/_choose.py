"""Which source a camera of stage.toml means."""

from __future__ import annotations

from protocols.clock import StageClock
from stage.cameras.sources.source import Source
from stage.config import CameraSection
from stage.errors import SourceError

STREAMS = ("rtsp", "rtsps", "http", "https", "tcp", "udp")
KINDS = ("file", "device", "images", "synthetic", "take", *STREAMS)
LIVE_KINDS = ("device", *STREAMS)


def source_kind(section: CameraSection) -> str:
    """The part of `source` before the colon.

    Raises:
        SourceError: It is none that the stage knows.
    """
    kind, colon, rest = section.source.partition(":")
    if kind not in KINDS or not colon or not rest:
        raise SourceError(
            f'camera {section.id!r}: source "{section.source}" is of no known kind; '
            'use "file:PATH", "device:INDEX", "rtsp://...", "images:FOLDER", "synthetic:NAME" or "take:PATH#CAMERA"'
        )
    return kind


def open_source(
    section: CameraSection, stage_rate: float = 30.0, clock: StageClock | None = None, threads: int = 1
) -> Source:
    """The source of one camera; its `open` then says size and rate.

    Args:
        section: The camera's part of stage.toml, with absolute paths.
        stage_rate: Hz, for image folders that state no rate of their own.
        clock: Stage time, in which live sources stamp; None starts one.
        threads: Decoder threads of a video file.

    Raises:
        SourceError: The source is of no known kind.
    """
    kind = source_kind(section)
    rest = section.source.partition(":")[2]
    # Each kind brings its own slow imports; a worker needs only one of them.
    if kind == "file":
        from stage.cameras.sources.file import FileSource

        return FileSource(rest, threads)
    if kind == "images":
        from stage.cameras.sources.images import ImageFolderSource

        return ImageFolderSource(rest, section.rate or stage_rate)
    if kind == "take":
        from stage.cameras.sources.take import TakeSource

        return TakeSource(rest)
    if kind == "synthetic":
        from stage.synthetic.source import SyntheticSource

        return SyntheticSource(rest)
    clock = clock or StageClock.start()
    if kind == "device":
        from stage.cameras.sources.device import device_source

        return device_source(rest, section.width, section.height, section.rate, clock)
    from stage.cameras.sources.stream import stream_source

    return stream_source(section.source, clock)
