"""The demo recording with pictures of 1080p: enlarged, its calibration with it. Made anew wherever it is needed."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from av.video.stream import VideoStream

DEMO = Path(__file__).resolve().parents[1] / "recordings" / "demo"
CAMERAS = ("cam1", "cam2", "cam3", "cam4")
SCALE = 2.25
WIDTH, HEIGHT = 1080, 1920
"""480 x 720 enlarged by `SCALE`; the rest below is black."""
RATE = 30
FRAMES = 300
"""Of each file; then it begins again."""
_BITRATE = 8_000_000


def make(folder: Path, *, codec: str = "libx264", rest: str = "") -> Path:
    """Writes the stage.

    Args:
        folder: Made; must not be there.
        codec: Of its files: "libx264" or "mjpeg".
        rest: The stage.toml from behind the cameras and the actor on.

    Returns:
        Its stage.toml.
    """
    folder.mkdir(parents=True)
    for camera in CAMERAS:
        _enlarge(DEMO / f"{camera}.mp4", folder / f"{camera}.mkv", codec)
    (folder / "calibration.toml").write_text(_calibration())
    lines = ["[stage]", 'name = "large"', "rate = 30", 'calibration = "calibration.toml"']
    for camera in CAMERAS:
        lines += ["[[cameras]]", f'id = "{camera}"', f'source = "file:{camera}.mkv"', "loop = true"]
    lines += ["[body]", "views = 2", "[[actors]]", 'id = "performer"']
    path = folder / "stage.toml"
    path.write_text("\n".join([*lines, rest, ""]))
    return path


def _enlarge(source: Path, target: Path, codec: str) -> None:
    with av.open(str(target), "w") as container:
        stream = cast(VideoStream, container.add_stream(codec, rate=RATE))
        stream.width, stream.height, stream.time_base = WIDTH, HEIGHT, Fraction(1, RATE)
        if codec == "mjpeg":
            stream.pix_fmt, stream.options = "yuvj420p", {"qmin": "4", "qmax": "4"}
        else:
            stream.pix_fmt, stream.bit_rate = "yuv420p", _BITRATE
            stream.options = {"preset": "veryfast", "g": str(RATE), "bf": "0", "threads": "1"}
        for image in _pictures(source):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))


def _pictures(source: Path) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(0)
    grain = rng.integers(0, 12, (HEIGHT, WIDTH, 3), np.uint8)  # enlarged pictures are smoother than a camera's
    with av.open(str(source)) as container:
        for frame in itertools.islice(container.decode(video=0), FRAMES):
            large = cv2.resize(frame.to_ndarray(format="bgr24"), None, fx=SCALE, fy=SCALE)
            large = cv2.copyMakeBorder(
                large, 0, HEIGHT - large.shape[0], 0, WIDTH - large.shape[1], cv2.BORDER_CONSTANT
            )
            yield cv2.add(large, np.roll(grain, int(rng.integers(HEIGHT)), 0))


def _calibration() -> str:
    """The centre of the top-left pixel is at (0, 0), so an enlarged picture begins half a pixel further out."""
    cameras = tomllib.loads((DEMO / "calibration.toml").read_text())["cameras"]
    lines = ['format = "stage-calibration"', "version = 1"]
    for name, camera in cameras.items():
        if name not in CAMERAS:
            continue
        (fx, skew, cx), (_, fy, cy), _ = camera["matrix"]
        cx, cy = (SCALE * (centre + 0.5) - 0.5 for centre in (cx, cy))
        matrix = [[SCALE * fx, SCALE * skew, cx], [0.0, SCALE * fy, cy], [0.0, 0.0, 1.0]]
        lines += [f'[cameras."{name}"]', f"size = [{WIDTH}, {HEIGHT}]", f"matrix = {matrix}"]
        lines += [f"{key} = {camera[key]}" for key in ("distortion", "rotation", "translation")]
    return "\n".join([*lines, ""])
