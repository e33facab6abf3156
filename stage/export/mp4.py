"""MP4: what was solved, drawn over the take's own video, with the timecode in the picture and in the file.

All cameras of the take stand side by side: over those that film the volume lie body, hands and face, in their places;
those that film a face show its shapes as bars. Each picture shows the bodies at the moment it was taken. A take without
video is seen from one camera that does not exist, on plain ground. H.264, at the frames of the export, without sound.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from av.video.stream import VideoStream

from protocols.errors import TakeError
from protocols.names import ARKIT_SHAPES, RIG_BONES
from stage.cameras.sources.source import Image
from stage.config import CameraSection
from stage.errors import ExportError
from stage.export._files import placed
from stage.export._pose import poses
from stage.export._source import ExportOptions, ExportSource
from stage.export._views import PlainView, TakeView, views
from stage.offline import Result
from stage.overlay import Style
from stage.overlay._bars import draw_bars
from stage.overlay._body import SolvedBody
from stage.overlay._pictures import tiled
from stage.synthetic.recording import ENCODER
from stage.takes.contents import CONFIG, unpack

_QUALITY = "20"
_TOLERANCE_NS = 1


def write_mp4(sources: Sequence[ExportSource], path: Path, options: ExportOptions) -> list[Path]:
    """Draws all actors into one video.

    Args:
        sources: One for each actor, all with the same frames.
        path: A file that is not there.
        options: The style "mesh" or "skeleton", and whether the file may replace one.

    Returns:
        The file.

    Raises:
        ExportError: The file is there or cannot be written, or there is no encoder.
        SourceError: A video of the take cannot be decoded.
        CalibrationError: A camera of the take has no usable calibration.
        BodyModelError: The body model is not prepared.
    """
    if ENCODER not in av.codecs_available:
        raise ExportError(f"this FFmpeg has no {ENCODER}; install the PyAV wheel of PyPI")
    with tempfile.TemporaryDirectory(prefix="stage-export-") as folder:
        chosen = views(list(sources), _cameras(sources[0], Path(folder)))
        style: Style = "skeleton" if options.style == "skeleton" else "mesh"
        pictures = [_drawn(view, sources, style) for view in chosen]
        with placed(path, overwrite=options.overwrite) as unfinished:
            _encode(_frames(pictures, sources[0]), unfinished, sources[0])
    return [path]


def _cameras(source: ExportSource, folder: Path) -> tuple[CameraSection, ...]:
    """The cameras of the take, their calibrations in a folder."""
    if CONFIG not in source.take.attachments:
        return ()
    try:
        return unpack(source.take, folder).cameras
    except TakeError:
        return ()


def _drawn(view: TakeView | PlainView, sources: Sequence[ExportSource], style: Style) -> Iterator[Image]:
    """What one camera shows, frame by frame."""
    camera = view.camera
    # Nobody knows where a face without a body stands in the room.
    placed_there = [source for source in sources if isinstance(view, PlainView) or len(source.motion.capture_ns)]
    bodies = [] if camera is None else [_body(source, view, style) for source in placed_there]
    faces = [source for source in sources if source.actor == view.face_of and len(source.motion.face_ns)]
    for frame, picture in enumerate(view.pictures()):
        image = picture
        if camera is not None:
            for body in bodies:
                image = body.draw(image, camera, frame)
        for source in faces[:1]:
            image = np.ascontiguousarray(image)
            draw_bars(image, source.motion.shapes[frame], np.ones(len(ARKIT_SHAPES), np.float32))
        yield image


def _body(source: ExportSource, view: TakeView | PlainView, style: Style) -> SolvedBody:
    """An actor at the moments of a camera's pictures; frame numbers are its times."""
    motion = source.motion.resampled(view.times_ns)
    count = len(view.times_ns)
    shown = poses(source)
    solved = len(motion.capture_ns) > 0
    face = len(motion.face_ns) > 0
    root = motion.root if solved else shown.root
    rotations = motion.rotations if solved else shown.rotations
    state = np.where(source.present, motion.state, "absent") if solved else np.full(count, "tracking")
    numbers = np.arange(count, dtype=np.int64)
    identity = source.worn.face_identity
    result = Result(
        names=np.array(RIG_BONES),
        capture_ns=numbers,
        joints=motion.joints if solved else np.tile(source.rest_joints.astype(np.float32), (count, 1, 1)),
        rotations=rotations,
        root=root,
        coco=np.zeros((count, 17, 3), np.float32),
        confidence=motion.confidence if solved else np.ones((count, len(RIG_BONES)), np.float32),
        rest_joints=source.rest_joints.astype(np.float32),
        shape=source.worn.shape.astype(np.float32),
        state=state,
        actor=np.array(source.actor),
        face_capture_ns=numbers if face else np.zeros(0, np.int64),
        face_shapes=motion.shapes,
        face_confidence=np.ones_like(motion.shapes),
        face_head=motion.head,
        face_gaze=motion.gaze,
        face_state=np.where(source.face_present, "tracking", "absent") if face else np.zeros(0, "<U8"),
        face_identity=np.zeros(0, np.float32) if identity is None else identity.astype(np.float32),
    )
    return SolvedBody(result, style, _TOLERANCE_NS)


def _frames(pictures: Sequence[Iterator[Image]], source: ExportSource) -> Iterator[Image]:
    """All cameras in one picture, with its timecode."""
    columns = int(np.ceil(np.sqrt(len(pictures))))
    for frame, images in enumerate(zip(*pictures, strict=False)):
        image = images[0] if len(images) == 1 else tiled(list(images), columns)
        height, width = (side - side % 2 for side in image.shape[:2])  # H.264 wants even sides
        image = np.ascontiguousarray(image[:height, :width])
        moment = source.timecode_at(frame)
        _write_text(image, f"{source.seconds[frame]:8.3f} s" if moment is None else moment.text, source.name)
        yield image


def _write_text(image: Image, text: str, name: str) -> None:
    scale = max(0.5, image.shape[0] / 1000.0)
    for line, at in ((text, "right"), (name, "left")):
        (width, height), below = cv2.getTextSize(line, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
        left = 8 if at == "left" else image.shape[1] - width - 8
        top = 8
        box = image[top - 4 : top + height + below + 4, max(0, left - 4) : left + width + 4]
        box //= 3
        place = (left, top + height)
        cv2.putText(image, line, place, cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), 1, cv2.LINE_AA)


def _encode(frames: Iterator[Image], path: Path, source: ExportSource) -> None:
    rate = Fraction(source.rate.numerator, source.rate.denominator)
    first = next(frames, None)
    if first is None:
        raise ExportError(f"{source.take.path}: no picture in this range can be decoded")
    with av.open(str(path), "w") as container:
        stream = cast(VideoStream, container.add_stream(ENCODER, rate=rate))
        stream.width, stream.height, stream.pix_fmt = first.shape[1], first.shape[0], "yuv420p"
        stream.options = {"crf": _QUALITY, "preset": "fast", "g": str(max(1, round(rate)))}
        timecode = source.timecode_at(0)
        if timecode is not None and timecode.rate[:2] == source.rate[:2]:
            stream.metadata["timecode"] = timecode.text  # FFmpeg makes a timecode track of it
        container.metadata["comment"] = f"take {source.name}, first frame {source.start_timecode or 'without timecode'}"
        image: Image | None = first
        while image is not None:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
            image = next(frames, None)
        container.mux(stream.encode(None))
