"""The actors' profiles while a stage runs: read at the start, kept once measured, measured anew on request."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from stage.bodies.profile import load_shape, save_shape
from stage.config import ActorSection, Config
from stage.errors import BodyModelError
from stage.faces.profile import load_face, save_face
from stage.news import News
from stage.solving.solver import Solver


class Promise(NamedTuple):
    """What will become of a request."""

    ok: bool
    text: str


class ProfileKeeper:
    """Keeps body.toml and face.npz of all actors."""

    def __init__(self, config: Config, solver: Solver) -> None:
        """Give the solver what the profiles know.

        Raises:
            BodyModelError: A profile is damaged or of another body model.
        """
        self._config, self._solver = config, solver
        self._actors = {actor.id: actor for actor in config.actors}
        for actor in config.actors:
            shape = load_shape(Path(actor.profile), solver.body)
            if shape is not None:
                solver.wear(actor.id, shape)
            face = load_face(Path(actor.profile), solver.body)
            if face is not None and solver.faces is not None:
                solver.faces.wear(actor.id, face)
        self._shapes = set(solver.final_shapes())
        self._faces = set(solver.final_faces())

    @property
    def progress(self) -> str:
        """Whose shape is known, in words."""
        unknown = "being estimated" if len(self._config.body_cameras) > 0 else "unknown, nobody films it"
        return ", ".join(f"{actor} {'known' if actor in self._shapes else unknown}" for actor in self._actors)

    def keep(self) -> list[News]:
        """Write what has been measured since the last call; an older profile is moved aside."""
        news = []
        for actor, shape in self._solver.final_shapes().items():
            if actor not in self._shapes:
                self._shapes.add(actor)
                write = functools.partial(save_shape, self._folder(actor), self._solver.body, shape)
                news.append(_kept(write, f"{actor}: body shape estimated", "shape"))
        for actor, face in self._solver.final_faces().items():
            if actor not in self._faces:
                self._faces.add(actor)
                write = functools.partial(save_face, self._folder(actor), face)
                news.append(_kept(write, f"{actor}: face measured", "face"))
        return news

    def calibrate(self, actor: str) -> Promise:
        """Measure an actor anew; what is known is used until that is done."""
        if actor not in self._actors:
            near = difflib.get_close_matches(actor, self._actors, n=1, cutoff=0.0)
            return Promise(False, f'no actor "{actor[:64]}"; did you mean "{near[0] if near else "-"}"?')
        parts = self._parts(self._actors[actor])
        if len(parts) == 0:
            return Promise(False, f"no camera sees {actor}, so there is nothing to measure")
        self._solver.measure_again(actor)
        self._shapes.discard(actor)
        self._faces.discard(actor)
        return Promise(True, f"measuring {actor}: {' and '.join(parts)}; the profile is replaced when that is done")

    def _parts(self, actor: ActorSection) -> list[str]:
        """What can be measured of an actor, and how long that takes."""
        config, parts = self._config, []
        if len(config.body_cameras) > 0:
            parts.append(f"the body from {config.body.shape_seconds:g} s of movement")
        filmed = len(config.body_cameras) > 0 or any(camera.face_of == actor.id for camera in config.face_cameras)
        if filmed and config.face.enabled:
            parts.append(f"the face from {config.face.neutral_seconds:g} s of rest, please, with the eyes ahead")
        return parts

    def _folder(self, actor: str) -> Path:
        return Path(self._actors[actor].profile)


def _kept(write: Callable[[], Path], what: str, part: str) -> News:
    try:
        return News("info", f"{what}, kept in {write()}")
    except BodyModelError as error:
        return News("warning", f"{error}; the {part} holds for this run only")
