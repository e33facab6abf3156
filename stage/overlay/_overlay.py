"""`stage overlay`: every picture of every camera gets what was solved at its time.

body cameras   the body, hands and face in their place, through the camera's own lens
face cameras   the landmarks read in them, and the strongest shapes
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from stage.cameras.configured import calibrated_camera
from stage.cameras.sources import open_source
from stage.cameras.sources.source import Frame, Image, TruncatedError
from stage.config import CameraSection, Config
from stage.errors import ResultFileError
from stage.offline import Result, load_result
from stage.overlay._body import SolvedBody, Style
from stage.overlay._face_camera import FaceCameraPainter
from stage.overlay._pictures import write_images, write_tiles, write_video

Painter = Callable[[Image, int], Image]
"""From a picture and its time to the picture with what was solved."""


def overlay(
    config: Config,
    result: Path,
    out: Path,
    *,
    style: Style = "mesh",
    every: int = 1,
    as_video: bool = False,
    progress: Callable[[str], None] = print,
) -> int:
    """Draw a result over the cameras' pictures.

    Args:
        config: The stage, loaded.
        result: What `stage solve` wrote.
        out: A folder for pictures, `<camera>/<frame>.png`; a name ending in .mp4 makes one video with all cameras
            side by side.
        style: Mesh or skeleton, of body cameras.
        every: Draw only every n-th frame.
        as_video: Write one MP4 per camera into the folder instead of pictures.
        progress: Told what was written.

    Returns:
        Number of pictures drawn.

    Raises:
        ResultFileError: The result cannot be read, or `out` cannot be written.
        SourceError: A video cannot be read.
        CalibrationError: A body camera has no usable calibration.
        NetworkError: The networks for face cameras cannot be had.
    """
    solved = load_result(result)
    body = SolvedBody(solved, style, 0.75e9 / config.stage.rate)
    try:
        if out.suffix.lower() == ".mp4":
            out.parent.mkdir(parents=True, exist_ok=True)
            count = _one_video(config, solved, body, out, every)
            progress(f"{out}: {count} frames of {len(config.cameras)} cameras")
            return count * len(config.cameras)
        total = 0
        for section in config.cameras:
            target = out / f"{section.id}.mp4" if as_video else out / section.id
            target.parent.mkdir(parents=True, exist_ok=True)
            rate, pictures = _drawn(config, section, solved, body, every)
            count = write_video(pictures, target, rate / every) if as_video else write_images(pictures, target)
            progress(f"{target}: {count} frames")
            total += count
        return total
    except OSError as error:
        raise ResultFileError(f"{out} cannot be written: {error.strerror}") from error


def _drawn(
    config: Config, section: CameraSection, solved: Result, body: SolvedBody, every: int
) -> tuple[float, Iterator[Frame]]:
    """Rate and frames of one camera, painted, every n-th of them; closes the source at its end."""
    source = open_source(section, config.stage.rate)
    info = source.open()
    offset_ns = round(section.offset_ms * 1e6)
    painter = _painter(config, section, solved, body, (info.width, info.height))

    def frames() -> Iterator[Frame]:
        try:
            while (frame := source.read()) is not None:
                wanted = frame.number % every == 0
                if not wanted and not section.face_of:
                    continue
                painted = painter(frame.image, frame.pts_ns + offset_ns)  # of faces all: their reader follows them
                if wanted:
                    yield frame._replace(image=painted)
        except TruncatedError:
            pass  # everything before the end has been drawn
        finally:
            source.close()

    return info.rate_achieved or config.stage.rate, frames()


def _painter(
    config: Config, section: CameraSection, solved: Result, body: SolvedBody, size: tuple[int, int]
) -> Painter:
    if section.face_of:
        return FaceCameraPainter(config, section, solved).draw
    camera = calibrated_camera(section, size)
    return lambda image, at_ns: body.draw(image, camera, at_ns)


def _one_video(config: Config, solved: Result, body: SolvedBody, path: Path, every: int) -> int:
    """All cameras in one video; ends with the shortest."""
    cameras = [_drawn(config, section, solved, body, every) for section in config.cameras]
    rate = min(rate for rate, _ in cameras)
    return write_tiles([frames for _, frames in cameras], path, rate / every)
