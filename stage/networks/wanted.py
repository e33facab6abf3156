"""Whose face and hands are looked at, of all people in the pictures.

Actors' only. Before any is known, in the first moments of a stage or where nothing solves, strangers'
are read as well, all of them sharing the views of one, so that a crowd costs no more than an actor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from protocols.arrays import from_bytes
from protocols.messages import PersonLandmarks
from stage.networks.landmarks import POINTS

KNOWN_NS = 1_000_000_000
"""After the last sight of an actor, strangers are left alone for so long."""


class Someone(NamedTuple):
    """A person in a camera whose face and hands are wanted."""

    camera: str
    track: int
    actor: str
    """"" for a stranger."""
    points: npt.NDArray[np.float32]
    """(33, 3): body landmarks, x, y in pixels, confidence."""
    capture_ns: int

    @property
    def view(self) -> str:
        """Names this sight of the person among all sights of the same."""
        return self.camera if self.actor else f"{self.camera}/{self.track}"


class Wanted:
    """Chooses whose face and hands are looked at."""

    def __init__(self) -> None:
        """Nobody is known."""
        self._known_ns: int | None = None

    def of(self, people: Mapping[str, tuple[Sequence[PersonLandmarks], int]]) -> list[Someone]:
        """The people to be looked at, from everybody per camera and the capture time there."""
        everybody = [
            Someone(camera, person.track, person.actor, from_bytes(person.points, (POINTS, 3)), capture_ns)
            for camera, (persons, capture_ns) in people.items()
            for person in persons
        ]
        actors = [someone for someone in everybody if someone.actor]
        if len(actors) > 0:
            self._known_ns = max(someone.capture_ns for someone in actors)
            return actors
        if len(everybody) > 0 and self._known_ns is not None:
            if abs(everybody[0].capture_ns - self._known_ns) < KNOWN_NS:
                return []
        return everybody
