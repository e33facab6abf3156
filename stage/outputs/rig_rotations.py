"""The rotations of a performance, checked: what an engine gets must at least be rotations.

Every output of an actor asks for them, so those of the newest performances are kept.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from protocols.arrays import from_bytes
from protocols.errors import EncodeError
from protocols.messages import Performance
from protocols.names import RIG_BONES

_COUNT = len(RIG_BONES)
_TOLERANCE = 0.1
_KEPT = 16


def rig_rotations(performance: Performance) -> NDArray[np.floating]:
    """Rotations from rest relative to the parent, (53, 4) xyzw of length 1; Root's is its rotation in the world.

    Returns:
        An array that others see too and that cannot be written to.

    Raises:
        DecodeError: An array of another size than `Performance` states.
        EncodeError: A quaternion far from length 1, or not finite.
    """
    try:
        return _rotations(performance.rotations, performance.root)
    except _NoRotationError as error:
        who = f"performance {performance.number} of {performance.actor}"
        raise EncodeError(f"{who}: {RIG_BONES[error.bone]} has no rotation; not sent") from None


class _NoRotationError(ValueError):
    def __init__(self, bone: int) -> None:
        super().__init__(bone)
        self.bone = bone


@lru_cache(_KEPT)
def _rotations(against_parents: bytes, root: bytes) -> NDArray[np.floating]:
    rotations = from_bytes(against_parents, (_COUNT, 4)).astype(np.float64)
    rotations[0] = from_bytes(root, (7,))[3:]
    squares = np.einsum("ij,ij->i", rotations, rotations)  # (53,)
    if not np.abs(squares - 1.0).max() < _TOLERANCE:  # written so that what is not a number fails too
        raise _NoRotationError(int(np.argmax(np.abs(np.nan_to_num(squares, nan=np.inf) - 1.0))))
    rotations /= np.sqrt(squares)[:, None]
    rotations.flags.writeable = False
    return rotations
