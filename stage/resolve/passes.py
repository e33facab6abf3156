"""Passes over a take, each kept in a take file of its own that lives as long as the work: memory stays small."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np

from protocols.codec import encode
from protocols.messages import Performance, Record
from protocols.takefile import TakeReader, TakeWriter
from stage.bodies.body import BodyModel
from stage.bodies.profile import load_shape, save_shape
from stage.config import Config
from stage.errors import StageError
from stage.faces.profile import load_face, save_face
from stage.resolve._backward import mirror_ns, solved_backward
from stage.resolve._resolve import Resolved, resolve
from stage.takes.motion import Motion, load_motions


def measure(take: TakeReader, config: Config, body: BodyModel, report: Callable[[str], None]) -> None:
    """Measures bodies and faces that no profile knows, and keeps them in the profiles' folders.

    So all of the take is solved with one body, and the same one backwards. Of a take that is too short to know a body
    for good, what it says of it counts.
    """
    bodies, faces = _unknown(config, body)
    if len(bodies) + len(faces) == 0:
        return
    resolved = resolve(take, config, as_live=False, body=body)
    solver = resolved.solver
    for _ in resolved:
        if bodies <= solver.final_shapes().keys() and faces <= solver.final_faces().keys():
            break
    for actor in config.actors:
        folder, face = Path(actor.profile), solver.final_faces().get(actor.id)
        if actor.id in bodies and solver.estimate(actor.id).keyframes > 0:
            save_shape(folder, body, solver.shapes()[actor.id])
            report(f"{actor.id}: body shape measured")
        if actor.id in faces and face is not None:
            save_face(folder, face)
            report(f"{actor.id}: face measured")


def forward_pass(
    take: TakeReader, config: Config, body: BodyModel, path: Path, span_ns: tuple[int, int]
) -> dict[str, Motion]:
    """Solves in the order of time, into a file.

    Raises:
        TakeError: The take is damaged, or nobody was found.
        StageError: The config cannot be used.
    """
    resolved = resolve(take, config, as_live=False, begin_ns=span_ns[0], end_ns=span_ns[1], body=body)
    return load_motions(_kept(resolved, path))


def backward_pass(
    take: TakeReader, config: Config, body: BodyModel, path: Path, span_ns: tuple[int, int]
) -> dict[str, Motion]:
    """Solves against the order of time, into a file whose times are mirrored; the motions are not.

    Raises:
        TakeError: The take is damaged, or nobody was found.
        StageError: The config cannot be used.
    """
    resolved = Resolved(take, config, as_live=False, body=body)
    motions = load_motions(_kept(solved_backward(resolved, *span_ns), path))
    return {actor: mirrored(motion, mirror_ns(take)) for actor, motion in motions.items()}


def mirrored(motion: Motion, mirror: int) -> Motion:
    """A motion whose times have been mirrored, as it was."""
    rows = [entry.name for entry in fields(Motion) if entry.name not in ("actor", "rest_joints")]
    turned = {name: np.ascontiguousarray(getattr(motion, name)[::-1]) for name in rows}
    turned["capture_ns"], turned["face_ns"] = mirror - turned["capture_ns"], mirror - turned["face_ns"]
    return replace(motion, **turned)


def topic_of(record: Record) -> str:
    """The topic on which a solver would have published it."""
    kind = "performance" if isinstance(record, Performance) else "face"
    return f"{kind}.{getattr(record, 'actor', '')}"


def _kept(records: Iterable[Performance | Record], path: Path) -> TakeReader:
    writer = TakeWriter(path)
    try:
        latest_ns = 0
        for number, record in enumerate(records):
            capture_ns = getattr(record, "capture_ns", 0)
            latest_ns = max(latest_ns, capture_ns)
            data = encode(record, number, latest_ns)
            writer.write(topic_of(record), type(record).__name__, data, capture_ns, latest_ns, number)
        writer.finish({})
    finally:
        writer.close()
    return TakeReader(path)


def _unknown(config: Config, body: BodyModel) -> tuple[set[str], set[str]]:
    """Actors of whom no profile knows the body, and the face."""
    bodies, faces = set(), set()
    for actor in config.actors:
        try:
            if len(config.body_cameras) > 0 and load_shape(Path(actor.profile), body) is None:
                bodies.add(actor.id)
            if config.face.enabled and load_face(Path(actor.profile), body) is None:
                faces.add(actor.id)
        except StageError:  # a profile that cannot be used; making the solver says what is wrong with it
            continue
    return bodies, faces
