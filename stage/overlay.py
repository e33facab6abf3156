"""`stage overlay`: a solved body drawn over the video it was solved from.

Every frame of every camera gets the body of the nearest solved instant, through the camera's own lens:

    frame --time--> instant --pose, shape--> vertices or bones --camera--> pixels --> over the picture

A mesh is shaded as if lit from the camera and lets the picture shine through; its colour says whether the
actor was tracked or held. A skeleton shows each bone in the colour of its confidence, green to red.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from protocols.names import RIG_BONES, RIG_PARENTS
from stage.bodies.body import load_body
from stage.cameras.camera import Camera
from stage.cameras.configured import calibrated_camera
from stage.cameras.geometry import lens_radius, to_camera, to_pixels
from stage.cameras.sources import open_source
from stage.cameras.sources.source import Frame, Image, TruncatedError
from stage.config import CameraSection, Config
from stage.errors import ResultFileError
from stage.offline import Result, load_result
from stage.synthetic.garments import vertex_normals
from stage.synthetic.kinematics import Poses, Skin, forward
from stage.synthetic.raster import Floats
from stage.synthetic.recording import VideoWriter
from stage.synthetic.scene import SUPERSAMPLE, composite, fragments

Style = Literal["mesh", "skeleton"]

OPACITY = 0.7
"""Of the mesh."""

STATE_COLOURS = {"tracking": (214, 156, 74), "holding": (60, 170, 240), "fading": (120, 120, 200)}
"""Blue green red; an absent actor is not drawn."""

_CELL_WIDTH = 640
"""Of one camera in a video of all cameras."""
_PIECES = 8
"""A bone is drawn as this many pieces, so that it bends with the lens."""
_DRAWN_BONES = tuple(
    (bone, parent) for bone, parent in enumerate(RIG_PARENTS) if parent >= 0 and RIG_BONES[parent] != "Root"
)


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
        style: Mesh or skeleton.
        every: Draw only every n-th frame.
        as_video: Write one MP4 per camera into the folder instead of pictures.
        progress: Told what was written.

    Returns:
        Number of pictures drawn.

    Raises:
        ResultFileError: The result cannot be read, or `out` cannot be written.
        SourceError: A video cannot be read.
        CalibrationError: A camera has no usable calibration.
    """
    body = _Body(load_result(result), style, 0.75e9 / config.stage.rate)
    try:
        if out.suffix.lower() == ".mp4":
            out.parent.mkdir(parents=True, exist_ok=True)
            count = _one_video(config, body, out, every)
            progress(f"{out}: {count} frames of {len(config.cameras)} cameras")
            return count * len(config.cameras)
        total = 0
        for section in config.cameras:
            target = out / f"{section.id}.mp4" if as_video else out / section.id
            target.parent.mkdir(parents=True, exist_ok=True)
            rate, pictures = _drawn(section, config.stage.rate, body, every)
            count = _video(pictures, target, rate / every) if as_video else _images(pictures, target)
            progress(f"{target}: {count} frames")
            total += count
        return total
    except OSError as error:
        raise ResultFileError(f"{out} cannot be written: {error.strerror}") from error


class _Body:
    """The solved body, ready to be drawn at any time."""

    def __init__(self, result: Result, style: Style, tolerance_ns: float) -> None:
        self._result = result
        self._style = style
        self._tolerance_ns = tolerance_ns
        poses = Poses(result.root.astype(np.float64), result.rotations.astype(np.float64))
        self._G, self._heads = forward(result.rest_joints, poses)

    @cached_property
    def _skin(self) -> Skin:
        body = load_body()
        return Skin(body, body.rest_body(self._result.shape).vertices)

    def draw(self, image: Image, camera: Camera, at_ns: int) -> Image:
        """The picture with what was solved at this time; as it is where nothing was."""
        index = int(np.abs(self._result.capture_ns - at_ns).argmin())
        state = str(self._result.state[index])
        solved = abs(int(self._result.capture_ns[index]) - at_ns) <= self._tolerance_ns
        if not solved or state not in STATE_COLOURS:
            return image
        if self._style == "mesh":
            return self._mesh(image, camera, index, STATE_COLOURS[state])
        return self._skeleton(image, camera, index)

    def _mesh(self, image: Image, camera: Camera, index: int, colour: tuple[int, int, int]) -> Image:
        faces = load_body().faces
        vertices = self._skin.vertices(self._result.rest_joints, self._G[index], self._heads[index])
        found = fragments(vertices, faces, camera, SUPERSAMPLE)
        if len(found.x) == 0:
            return image
        towards = camera.center_world - vertices
        towards /= np.linalg.norm(towards, axis=1, keepdims=True)
        facing = (vertex_normals(vertices, faces) * towards).sum(axis=1, keepdims=True)
        light = (0.35 + 0.65 * np.clip(facing, 0.0, 1.0)).astype(np.float32)
        canvas = image.astype(np.float32)
        composite(canvas, found, found.interpolate(light, faces) * np.array(colour, np.float32), OPACITY)
        return np.rint(canvas).astype(np.uint8)

    def _skeleton(self, image: Image, camera: Camera, index: int) -> Image:
        image = image.copy()
        joints, confidence = self._heads[index], self._result.confidence[index]
        share = np.linspace(0.0, 1.0, _PIECES + 1)[:, None]
        for bone, parent in _DRAWN_BONES:
            along = joints[parent] + share * (joints[bone] - joints[parent])
            pixels, shown = _seen(camera, along)
            line = np.rint(pixels[shown] * 16.0).astype(np.int32)  # cv2 takes sixteenths of a pixel
            sure = float(np.clip(confidence[bone], 0.0, 1.0))
            colour = (40.0, 60.0 + 180.0 * sure, 240.0 - 180.0 * sure)
            finger = RIG_BONES[bone][-4:-2] in ("01", "02", "03")
            cv2.polylines(image, [line], False, colour, 1 if finger else 2, cv2.LINE_AA, shift=4)
        return image


def _seen(camera: Camera, points: Floats) -> tuple[Floats, np.ndarray]:
    """Pixels (N, 2) of points, and which of them (N,) lie before the camera and within its lens."""
    X = to_camera(camera, points)
    before = X[:, 2] > 0.05
    xy = X[:, :2] / np.where(before, X[:, 2], 1.0)[:, None]
    return to_pixels(camera, xy), before & (np.hypot(xy[:, 0], xy[:, 1]) < min(lens_radius(camera.distortion), 20.0))


def _drawn(section: CameraSection, stage_rate: float, body: _Body, every: int) -> tuple[float, Iterator[Frame]]:
    """Rate and frames of one camera, the body drawn over every n-th of them; closes the source at its end."""
    source = open_source(section, stage_rate)
    info = source.open()
    camera = calibrated_camera(section, (info.width, info.height))
    offset_ns = round(section.offset_ms * 1e6)

    def frames() -> Iterator[Frame]:
        try:
            while (frame := source.read()) is not None:
                if frame.number % every == 0:
                    yield frame._replace(image=body.draw(frame.image, camera, frame.pts_ns + offset_ns))
        except TruncatedError:
            pass  # everything before the end has been drawn
        finally:
            source.close()

    return info.rate_achieved or stage_rate, frames()


def _images(frames: Iterator[Frame], folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for frame in frames:
        path = folder / f"{frame.number:06d}.png"
        if not cv2.imwrite(str(path), frame.image):
            raise ResultFileError(f"{path} cannot be written")
        count += 1
    return count


def _video(frames: Iterator[Frame], path: Path, rate: float) -> int:
    count = 0
    first = next(frames, None)
    if first is None:
        return 0
    height, width = (side - side % 2 for side in first.image.shape[:2])  # H.264 wants even sides
    with VideoWriter(path, width, height, max(1, round(rate))) as video:
        for frame in itertools.chain((first,), frames):
            video.write(np.ascontiguousarray(frame.image[:height, :width]))
            count += 1
    return count


def _one_video(config: Config, body: _Body, path: Path, every: int) -> int:
    """All cameras in one video, as many columns as rows; ends with the shortest."""
    cameras = [_drawn(section, config.stage.rate, body, every) for section in config.cameras]
    rate = min(rate for rate, _ in cameras)
    columns = int(np.ceil(np.sqrt(len(cameras))))
    framesets = zip(*(frames for _, frames in cameras), strict=False)
    tiles = (Frame(_tiled([frame.image for frame in frames], columns), 0, None, 0) for frames in framesets)
    return _video(tiles, path, rate / every)


def _tiled(images: list[Image], columns: int) -> Image:
    """Images side by side in cells of one size."""
    height = max(round(image.shape[0] * _CELL_WIDTH / image.shape[1]) for image in images)
    rows = -(-len(images) // columns)
    canvas = np.zeros((rows * height, columns * _CELL_WIDTH, 3), np.uint8)
    for number, image in enumerate(images):
        scale = min(_CELL_WIDTH / image.shape[1], height / image.shape[0])
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        top, left = number // columns * height, number % columns * _CELL_WIDTH
        canvas[top : top + small.shape[0], left : left + small.shape[1]] = small
    return canvas
