"""Where the solver expects the hands of actors."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from protocols.arrays import from_bytes
from protocols.errors import DecodeError
from protocols.messages import HAND_LANDMARK_COUNT, Prediction
from stage.networks.expectations import FRESH_NS


class HandExpectations:
    """The newest prediction of each actor's hands."""

    def __init__(self) -> None:
        """Nothing is expected."""
        self._places: dict[str, tuple[int, dict[str, npt.NDArray[np.float32]]]] = {}

    def note(self, prediction: Prediction) -> bool:
        """Take up a prediction; the answer is whether it is bad (broken arrays)."""
        try:
            places = {
                camera: from_bytes(data, (2, HAND_LANDMARK_COUNT, 2)) for camera, data in prediction.hands.items()
            }
        except DecodeError:
            return True
        if not all(np.isfinite(points).all() for points in places.values()):
            return True
        self._places[prediction.actor] = (prediction.capture_ns, places)
        return False

    def places(self, actor: str, camera: str, capture_ns: int) -> npt.NDArray[np.float32] | None:
        """Where the points (2, 21, 2) of left and right hand should be in a frame; None without a fresh prediction."""
        predicted_ns, places = self._places.get(actor, (0, {}))
        return places.get(camera) if abs(capture_ns - predicted_ns) <= FRESH_NS else None
