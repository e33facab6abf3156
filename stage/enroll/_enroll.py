"""`stage enroll`: a short clip or photos in, the actor's profile out.

    clip    recordings or cameras of the stage --> body shape, face identity, face at rest --> body.toml, face.npz
    photos  pictures of the face               --> face identity, face at rest             --> face.npz

The clip goes through the same networks and the same solver as the live stage, so what is kept here is what a show
would have found out in its first seconds, with more time and a look at how sure it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import takewhile
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from msgspec.structs import replace

from stage.bodies.body import BodyModel, load_body
from stage.bodies.profile import load_shape, save_shape
from stage.cameras.camera import Camera
from stage.cameras.configured import calibrated_camera
from stage.cameras.sources import LIVE_KINDS, source_kind
from stage.config import ActorSection, Config
from stage.correspondence.face_map import load_face_map
from stage.enroll._clip import Clip, watch
from stage.enroll._face import Anatomy, FaceMeasure, measure_clip, measure_photos
from stage.enroll._live import LiveCameras
from stage.enroll._photos import read_photos
from stage.enroll._report import (
    CLIP_INSTRUCTIONS,
    PHOTO_INSTRUCTIONS,
    BodyMeasure,
    body_advice,
    body_lines,
    face_advice,
    face_lines,
)
from stage.errors import EnrollError
from stage.faces.identity_map import IdentityMap
from stage.faces.model import FaceModel
from stage.faces.profile import save_face
from stage.faces.regressor import FaceRegressor
from stage.networks.load import load_reader
from stage.offline import Pictures, Recordings
from stage.solving.assembly import make_solver
from stage.solving.solver import Solver

DEFAULT_SECONDS = 12.0
_READY_S = 3.0
"""Live: time to get into place."""
_SHAPE_SHARE = 0.7
"""Of the clip, over which poses for the shape are gathered."""
_LEAST_KEYFRAMES = 6

Report = Callable[[str], None]


class _Footage(Protocol):
    """Recordings, or cameras that are there now."""

    @property
    def sizes(self) -> dict[str, tuple[int, int]]: ...

    @property
    def warnings(self) -> list[str]: ...

    def pictures(self) -> Iterator[Pictures]: ...


def enroll(
    config: Config,
    name: str,
    folder: Path,
    *,
    photos: Sequence[Path] = (),
    seconds: float | None = None,
    report: Report = print,
) -> None:
    """Measure an actor and keep the profile; an older one is moved aside.

    Args:
        config: The stage.
        name: The actor, who need not be in the stage.toml yet.
        folder: Of the stage.toml.
        photos: Pictures of the face; the cameras are then left alone.
        seconds: Length of the clip; None takes `DEFAULT_SECONDS`, or all of a shorter recording.
        report: Told what to do, what was measured, how sure it is, and what would make it better.

    Raises:
        EnrollError: Nobody or too little was seen.
        StageError: Anything that is wrong with sources, calibration, networks or the profile's folder.
    """
    torch.set_num_threads(config.body.solve_threads)
    stage, is_new = _stage_of(config, name, folder)
    body = load_body()
    if len(photos) > 0:
        kept = _from_photos(stage, body, photos, report)
    else:
        kept = _from_clip(stage, body, DEFAULT_SECONDS if seconds is None else seconds, report)
    for path in kept:
        report(f"kept: {path}")
    if is_new:
        report(f'next: add [[actors]] with id = "{name}" to the stage.toml')


def _stage_of(config: Config, name: str, folder: Path) -> tuple[Config, bool]:
    """The stage with this actor alone and the cameras that concern it; and whether the actor is new to it."""
    if not name or not all(letter.isalnum() or letter in "-_." for letter in name) or name.startswith("."):
        raise EnrollError(f'"{name}" is no name for an actor; use letters, digits, "-" and "_"')
    actor = next((actor for actor in config.actors if actor.id == name), None)
    is_new = actor is None
    actor = actor or ActorSection(id=name, profile=str(folder / "actors" / name))
    cameras = tuple(camera for camera in config.cameras if camera.face_of in ("", name))
    return replace(config, actors=(actor,), cameras=cameras), is_new


def _from_photos(stage: Config, body: BodyModel, photos: Sequence[Path], report: Report) -> list[Path]:
    report(PHOTO_INSTRUCTIONS)
    actor = stage.actors[0]
    faces = read_photos(photos, actor.id, stage, report)
    if len(faces) == 0:
        raise EnrollError(f"none of {len(photos)} photos shows a face that can be read")
    shape = load_shape(Path(actor.profile), body)
    face = measure_photos(faces, _anatomy(body, shape))
    _tell(report, face_lines(face), face_advice(face))
    return [save_face(Path(actor.profile), face.profile)]


def _from_clip(stage: Config, body: BodyModel, seconds: float, report: Report) -> list[Path]:
    if len(stage.cameras) == 0:
        raise EnrollError(f"no camera of this stage films {stage.actors[0].id}: all are bound to other actors' faces")
    report(CLIP_INSTRUCTIONS.format(rest_s=stage.face.neutral_seconds))
    actor = stage.actors[0]
    stage = replace(stage, body=replace(stage.body, shape_seconds=_SHAPE_SHARE * seconds))
    live = _is_live(stage)
    reader = load_reader(stage)
    with _opened(stage, live) as footage:
        solver = make_solver(stage, body, footage.sizes) if len(stage.body_cameras) > 0 else None
        clip = watch(actor.id, _limited(footage.pictures(), seconds, live, report), reader, solver)
        for warning in footage.warnings:
            report(f"warning: {warning}")
        cameras = _calibrated(stage, footage.sizes)
    kept, shape = [], load_shape(Path(actor.profile), body)
    if solver is not None and (measured := _body(solver, body, clip)) is not None:
        shape = measured.shape
        advice = body_advice(measured, clip, len(stage.body_cameras), actor.height_m > 0.0)
        _tell(report, body_lines(measured, clip), advice)
        kept.append(save_shape(Path(actor.profile), body, shape))
    if stage.face.enabled and (face := _face(stage, clip, cameras, body, shape, kept, report)) is not None:
        rides = any(camera.mount == "head" for camera in stage.face_cameras)
        _tell(report, face_lines(face), face_advice(face, rides=rides))
        kept.append(save_face(Path(actor.profile), face.profile))
    return kept


def _body(solver: Solver, body: BodyModel, clip: Clip) -> BodyMeasure | None:
    """The body shape that the solver arrived at.

    Raises:
        EnrollError: Nobody was in view for long enough, and no face either.
    """
    estimate = solver.estimate(clip.actor)
    if estimate.information is None or estimate.keyframes < _LEAST_KEYFRAMES:
        if len(clip.faces) > 0:
            return None
        raise EnrollError(
            f"nobody was in view for long enough ({clip.tracked} of {clip.framesets} framesets): stand where all "
            "cameras see you, and look at the calibration (`stage doctor`)"
        )
    shape = estimate.shape.cpu().numpy()
    rest = body.rest_body(shape)
    top = int(rest.vertices[:, 2].argmax())
    row = body.vertex_basis[:, top, 2].astype(np.float64)
    variance = row @ np.linalg.solve(estimate.information.cpu().numpy(), row)
    return BodyMeasure(shape, float(rest.vertices[top, 2]), float(np.sqrt(variance)), estimate.keyframes)


def _face(
    stage: Config,
    clip: Clip,
    cameras: dict[str, Camera],
    body: BodyModel,
    shape: np.ndarray | None,
    kept: Sequence[Path],
    report: Report,
) -> FaceMeasure | None:
    """The face; None, with a word, where it cannot be measured but something else was.

    Raises:
        EnrollError: It cannot, and there is nothing else to keep.
    """
    try:
        return measure_clip(clip.faces, cameras, _anatomy(body, shape), stage.face.neutral_seconds)
    except EnrollError as error:
        if len(kept) == 0:
            raise
        report(f"warning: {error}; the face is left as it was")
        return None


def _anatomy(body: BodyModel, shape: np.ndarray | None) -> Anatomy:
    model = FaceModel(body, load_face_map())
    known = np.zeros(body.shape_count) if shape is None else shape
    return Anatomy(model, IdentityMap(body, model), FaceRegressor.load(), known)


def _calibrated(stage: Config, sizes: dict[str, tuple[int, int]]) -> dict[str, Camera]:
    return {section.id: calibrated_camera(section, sizes.get(section.id)) for section in stage.body_cameras}


def _is_live(stage: Config) -> bool:
    live = [source_kind(camera) in LIVE_KINDS for camera in stage.cameras]
    if any(live) and not all(live):
        raise EnrollError("some cameras are live and some are recordings; enroll with one or the other")
    return any(live)


def _opened(stage: Config, live: bool) -> AbstractContextManager[_Footage]:
    return LiveCameras(stage) if live else Recordings(stage)


def _limited(pictures: Iterator[Pictures], seconds: float, live: bool, report: Report) -> Iterator[Pictures]:
    """The clip's part that counts: so many seconds, of live cameras after some to get into place."""
    ready_ns = round(_READY_S * 1e9) if live else 0
    if live:
        report(f"Measuring begins in {_READY_S:.0f} s and lasts {seconds:g} s.")
    end_ns = ready_ns + round(seconds * 1e9)
    for tick in takewhile(lambda tick: tick.time_ns < end_ns, pictures):
        if tick.time_ns >= ready_ns:
            yield tick


def _tell(report: Report, lines: Iterator[str], advice: Iterator[str]) -> None:
    for line in lines:
        report(line)
    for line in advice:
        report(f"better: {line}")
