"""Expectations: where the solver says that the actors are, and whether cameras confirm it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from protocols.arrays import from_bytes
from protocols.errors import DecodeError
from protocols.messages import Prediction
from stage.networks.landmarks import POINTS

FRESH_NS = 120_000_000
"""A prediction that is further than this from a frame, in time, says nothing about it ..."""

FRESH_FRAMES = 2.5
"""... unless that is less than so many frames of a slow camera."""

CONFIRMED_NS = 500_000_000
"""How long a confirmation by a camera counts."""

ENOUGH_CAMERAS = 2
"""Cameras that have to confirm an actor, or as many as should see it."""


class Expectations:
    """The newest prediction of each actor, and which cameras have lately found it true."""

    def __init__(self, actors: Sequence[str]) -> None:
        """Expect these actors, nowhere yet."""
        self.actors = tuple(actors)
        self._places: dict[str, dict[str, npt.NDArray[np.float32]]] = {actor: {} for actor in actors}
        self._capture_ns: dict[str, int | None] = dict.fromkeys(actors)
        self._confirmed_ns: dict[str, dict[str, int]] = {actor: {} for actor in actors}

    def note(self, prediction: Prediction) -> bool:
        """Take up a prediction; the answer is whether it is bad (an unknown actor, broken arrays)."""
        if prediction.actor not in self._places:
            return True
        try:
            places = {camera: from_bytes(data, (POINTS, 2)) for camera, data in prediction.cameras.items()}
        except DecodeError:
            return True
        if not all(np.isfinite(points).all() for points in places.values()):
            return True
        self._places[prediction.actor] = places
        self._capture_ns[prediction.actor] = prediction.capture_ns
        return False

    def places(self, actor: str, camera: str, capture_ns: int, interval_ns: int) -> npt.NDArray[np.float32] | None:
        """Where the actor's landmarks should be in a frame, (33, 2) pixels.

        Args:
            actor: Who.
            camera: Where.
            capture_ns: Time of the frame.
            interval_ns: Time between frames of this camera.

        Returns:
            None when nothing is expected: no fresh prediction, or not in this camera.
        """
        return self._places[actor].get(camera) if self._is_fresh(actor, capture_ns, interval_ns) else None

    def confirm(self, actor: str, camera: str, capture_ns: int) -> None:
        """The camera has seen the actor where it was expected."""
        self._confirmed_ns[actor][camera] = capture_ns

    def all_covered(self, capture_ns: int, interval_ns: int) -> bool:
        """Whether every actor is predicted and enough cameras confirm it, so that nobody need be searched."""
        return len(self.actors) > 0 and all(
            self._is_fresh(actor, capture_ns, interval_ns) and self._is_confirmed(actor, capture_ns)
            for actor in self.actors
        )

    def _is_fresh(self, actor: str, capture_ns: int, interval_ns: int) -> bool:
        predicted_ns = self._capture_ns[actor]
        return predicted_ns is not None and abs(capture_ns - predicted_ns) <= max(FRESH_NS, FRESH_FRAMES * interval_ns)

    def _is_confirmed(self, actor: str, capture_ns: int) -> bool:
        expected, confirmed_ns = self._places[actor], self._confirmed_ns[actor]
        recent = sum(
            abs(capture_ns - confirmed_ns[camera]) < CONFIRMED_NS for camera in expected if camera in confirmed_ns
        )
        return 0 < min(ENOUGH_CAMERAS, len(expected)) <= recent
