"""`stage solve`: recordings to an .npz per actor.

The tracker and the solver are those of the live stage, frameset by frameset. Where an actor's shape is not known
from a profile, the first seconds are solved once to estimate it, and everything is solved again with that shape,
so that bones have one length throughout. The same holds for the actor's own face and its face at rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from protocols.messages import FacePerformance, Performance
from stage.bodies.body import BodyModel, load_body
from stage.bodies.profile import load_shape, save_shape
from stage.config import Config
from stage.errors import BodyModelError, SourceError
from stage.faces.profile import FaceProfile, load_face, save_face
from stage.networks.load import load_reader
from stage.networks.reader import LandmarkReader
from stage.offline._pictures import Pictures, Recordings
from stage.offline._result import Result
from stage.offline._views import read_views
from stage.solving.assembly import make_solver
from stage.solving.framesets import Frameset
from stage.solving.solver import Solver

COCO_COUNT = 17
_SHAPE_PASS_FACTOR = 1.5
"""The shape pass reads this much more than the shape needs: time for actors to be found."""


class SolvedFrameset(NamedTuple):
    """One frameset, solved."""

    frameset: Frameset
    performances: list[Performance]
    coco: list[np.ndarray]
    """(17, 3) per performance."""


class _Known(NamedTuple):
    """What is known of the actors, by their ids."""

    shapes: dict[str, np.ndarray]
    faces: dict[str, FaceProfile]

    def tell(self, solver: Solver) -> None:
        """Solve with these faces; the shapes a solver is made with."""
        if solver.faces is not None:
            for actor, profile in self.faces.items():
                solver.faces.wear(actor, profile)


class Summary(NamedTuple):
    """How fast it went."""

    framesets: int
    seconds: float
    """Decoding, landmarks and solve; without the loading of models and the shape pass."""


def solve(config: Config, out: Path, report: Callable[[str], None] = print) -> Summary:
    """Solve all recordings of a stage; of several actors, each gets a file of its own, `NAME.ACTOR.npz`.

    Raises:
        StageError: Anything that is wrong with recordings, calibration, networks or profiles.
    """
    torch.set_num_threads(config.body.solve_threads)
    body = load_body()
    reader = load_reader(config)
    known = _known(config, body)
    if len(known.shapes if config.body_cameras else known.faces) < len(config.actors):
        known = _estimated(config, body, reader, known, report)
        reader = load_reader(config)
    gathered: dict[str, tuple[list[Performance], list[np.ndarray]]] = {actor.id: ([], []) for actor in config.actors}
    faces: list[FacePerformance] = []
    begin, count = time.perf_counter(), 0
    with Recordings(config) as recordings:
        solver = make_solver(config, body, recordings.sizes, known.shapes)
        known.tell(solver)
        for solved in solved_framesets(recordings.pictures(), reader, solver, faces.append):
            count += 1
            for performance, coco in zip(solved.performances, solved.coco, strict=True):
                gathered[performance.actor][0].append(performance)
                gathered[performance.actor][1].append(coco)
        for warning in recordings.warnings:
            report(f"warning: {warning}")
    seconds = time.perf_counter() - begin
    seen = {actor for actor, rows in gathered.items() if len(rows[0]) > 0} | {face.actor for face in faces}
    if len(seen) == 0:
        raise SourceError(f"nobody was found in {count} framesets; look at the calibration and at the pictures")
    for actor in config.actors:
        if actor.id in seen:
            path = out if len(config.actors) == 1 else out.with_name(f"{out.stem}.{actor.id}.npz")
            own = [face for face in faces if face.actor == actor.id]
            _result(solver, actor.id, *gathered[actor.id], own).save(path)
            bodies = f"{len(gathered[actor.id][0])} of {count} framesets" if config.body_cameras else ""
            close = f"{len(own)} faces of its own camera" if own else ""
            report(f"{path}: {actor.id}, {', '.join(filter(None, (bodies, close)))}")
    count = count if config.body_cameras else len(faces)
    rate = count / max(seconds, 1e-9)
    units = "framesets" if config.body_cameras else "faces"
    lag_ms = solver.lag_s * 1e3
    report(f"{count} {units} in {seconds:.1f} s, {rate:.1f} per second; lag at 1 Hz {lag_ms:.0f} ms")
    return Summary(count, seconds)


def _result(
    solver: Solver, actor: str, performances: list[Performance], coco: list[np.ndarray], faces: list[FacePerformance]
) -> Result:
    return Result.of(
        solver.body.bones,
        performances,
        coco,
        solver.shapes()[actor],
        actor=actor,
        faces=faces,
        face_identity=solver.faces.identity(actor) if solver.faces is not None else None,
    )


def solved_framesets(
    pictures: Iterator[Pictures],
    reader: LandmarkReader,
    solver: Solver,
    on_face: Callable[[FacePerformance], None] = lambda _: None,
) -> Iterator[SolvedFrameset]:
    """Pictures to landmarks to performances; each frameset's prediction guides the next one's landmarks.

    Args:
        pictures: Of all cameras.
        reader: The networks.
        solver: Solves bodies, and faces where it does.
        on_face: Gets what face cameras show, each before the frameset of its time.
    """
    interval_ns, last_ns = 0, -1
    predictions = []
    regressor = torch.from_numpy(solver.body.coco_weights[:COCO_COUNT])
    for tick in pictures:
        views = read_views(reader, tick, tick.time_ns, predictions)
        for camera in views.keys() & reader.face_camera_ids:
            if (face := solver.step_face(views[camera])) is not None:
                on_face(face)
        bodies = {camera: view for camera, view in views.items() if camera not in reader.face_camera_ids}
        if len(bodies) == 0:
            continue
        frameset = Frameset(tick.time_ns, bodies)
        performances = solver.step(frameset)
        interval_ns = tick.time_ns - last_ns if last_ns >= 0 else interval_ns
        last_ns = tick.time_ns
        predictions = solver.predictions(tick.time_ns + interval_ns)
        coco = [(regressor @ solver.vertices(p.actor).cpu()).numpy() for p in performances]
        yield SolvedFrameset(frameset, performances, coco)


def _known(config: Config, body: BodyModel) -> _Known:
    """What the profiles say."""
    shapes, faces = {}, {}
    for actor in config.actors:
        if (shape := load_shape(Path(actor.profile), body)) is not None:
            shapes[actor.id] = shape
        if (face := load_face(Path(actor.profile), body)) is not None:
            faces[actor.id] = face
    return _Known(shapes, faces)


def _estimated(
    config: Config, body: BodyModel, reader: LandmarkReader, known: _Known, report: Callable[[str], None]
) -> _Known:
    """Solve the first seconds for shapes and faces of actors without a profile, and keep what became final."""
    seconds = max(config.body.shape_seconds, config.face.neutral_seconds)
    end_ns = round(_SHAPE_PASS_FACTOR * seconds * 1e9)
    with Recordings(config) as recordings:
        solver = make_solver(config, body, recordings.sizes, known.shapes)
        known.tell(solver)
        beginning = takewhile(lambda tick: tick.time_ns <= end_ns, recordings.pictures())
        for _ in solved_framesets(beginning, reader, solver):
            if _is_measured(solver, len(config.actors)):
                break
    shapes, faces = solver.final_shapes(), solver.final_faces()
    for actor in config.actors:
        folder = Path(actor.profile)
        try:
            if actor.id in shapes and actor.id not in known.shapes:
                report(f"{actor.id}: body shape estimated, kept in {save_shape(folder, body, shapes[actor.id])}")
            if actor.id in faces and actor.id not in known.faces:
                report(f"{actor.id}: face measured, kept in {save_face(folder, faces[actor.id])}")
        except BodyModelError as error:
            report(f"warning: {error}; what was measured holds for this run only")
    return _Known(known.shapes | solver.shapes(), known.faces | faces)


def _is_measured(solver: Solver, actors: int) -> bool:
    faces = actors if solver.faces is None else len(solver.final_faces())
    return len(solver.final_shapes()) == faces == actors
