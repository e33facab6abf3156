"""The rotations of a performance, checked: what an engine gets must at least be rotations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols.arrays import from_bytes
from protocols.errors import EncodeError
from protocols.messages import Performance
from protocols.names import RIG_BONES

_COUNT = len(RIG_BONES)
_TOLERANCE = 0.1


def rig_rotations(performance: Performance) -> NDArray[np.floating]:
    """Rotations from rest relative to the parent, (53, 4) xyzw of length 1; Root's is its rotation in the world.

    Raises:
        DecodeError: An array of another size than `Performance` states.
        EncodeError: A quaternion far from length 1, or not finite.
    """
    rotations = from_bytes(performance.rotations, (_COUNT, 4)).astype(np.float64)
    rotations[0] = from_bytes(performance.root, (7,))[3:]
    squares = np.einsum("ij,ij->i", rotations, rotations)  # (53,)
    if not np.abs(squares - 1.0).max() < _TOLERANCE:  # written so that what is not a number fails too
        worst = RIG_BONES[int(np.argmax(np.abs(np.nan_to_num(squares, nan=np.inf) - 1.0)))]
        raise EncodeError(f"performance {performance.number} of {performance.actor}: {worst} has no rotation; not sent")
    rotations /= np.sqrt(squares)[:, None]
    return rotations
