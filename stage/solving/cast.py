"""The cast: the actors of a stage, each with what follows it and what others provide for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from stage.bodies.body import BodyModel
from stage.config import ActorSection, AnyInputSection, BodySection
from stage.solving.actor import ActorModel, ActorTrack, Shown
from stage.solving.external_bones import ExternalBody
from stage.solving.head import HeadCorrection
from stage.solving.shape import ShapeFitter
from stage.solving.shape_estimate import ShapeEstimate


class Member(NamedTuple):
    """One actor."""

    section: ActorSection
    track: ActorTrack
    head: HeadCorrection
    external: ExternalBody

    @property
    def shown(self) -> Shown | None:
        """What the actor shows, the head turned as the face says."""
        shown = self.track.shown()
        return None if shown is None else self.head.applied(shown)


class Casting:
    """Makes members, of actors whose shape is known and of others.

    Args:
        body: The body model.
        model: What all tracks share.
        settings: The [body] section.
        inputs: The [[inputs]].
    """

    def __init__(
        self, body: BodyModel, model: ActorModel, settings: BodySection, inputs: Sequence[AnyInputSection]
    ) -> None:
        self._body = body
        self._model = model
        self._settings = settings
        self._inputs = tuple(inputs)

    def member(self, actor: ActorSection, shape: np.ndarray | None) -> Member:
        """An actor nobody follows yet; a shape (S,) is known, None is to be estimated."""
        inputs = [section for section in self._inputs if section.actor == actor.id]
        return Member(actor, self.track(actor, shape), HeadCorrection(), ExternalBody(inputs))

    def track(self, actor: ActorSection, shape: np.ndarray | None) -> ActorTrack:
        """What follows an actor, likewise."""
        skeleton, points, anatomy = self._model.skeleton, self._model.points, self._model.anatomy
        start = np.zeros(self._body.shape_count) if shape is None else np.asarray(shape, np.float64)
        fitter = ShapeFitter(skeleton, points, anatomy, actor.height_m)
        if shape is None and actor.height_m > 0.0:
            start = fitter.of_height(actor.height_m)
        estimate = ShapeEstimate(
            fitter,
            torch.from_numpy(start).to(skeleton.device),
            seconds=self._settings.shape_seconds,
            frozen=shape is not None,
        )
        return ActorTrack(self._model, estimate, smoothing=self._settings.smoothing, floor=self._settings.floor)
