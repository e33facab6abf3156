"""The bones of a performance as coordinate frames, for programs that know nothing of Stage.

    world -> <actor>/Root -> <actor>/pelvis -> ...      topic "tf", foxglove.FrameTransforms

One message per performance, of the moment it was captured. All follows from the performance; it is in a take so that
it can be looked at without Stage.
"""

from __future__ import annotations

import numpy as np

from protocols.arrays import from_bytes
from protocols.errors import DecodeError, EncodeError
from protocols.foxglove_transforms import TransformsEncoder
from protocols.messages import Performance
from protocols.names import RIG_BONES, RIG_PARENTS

TOPIC = "tf"
WORLD = "world"

_BONES = len(RIG_BONES)
_PARENTS = np.array([max(parent, 0) for parent in RIG_PARENTS], np.intp)


class Transforms:
    """Turns performances into messages."""

    def __init__(self) -> None:
        """Knows no actor yet."""
        self._encoders: dict[str, TransformsEncoder] = {}

    def of(self, performance: Performance) -> bytes:
        """The message of one performance; b"" while nobody is there."""
        if performance.state == "absent":
            return b""
        encoder = self._encoders.get(performance.actor)
        if encoder is None:
            encoder = self._encoders[performance.actor] = TransformsEncoder(frames(performance.actor))
        try:
            root = from_bytes(performance.root, (7,))
            rest = from_bytes(performance.rest_joints, (_BONES, 3))
            rotations = np.array(from_bytes(performance.rotations, (_BONES, 4)))
            translations = rest - rest[_PARENTS]
            translations[0], rotations[0] = root[:3], root[3:]
            return encoder.encode(performance.capture_ns, translations, rotations)
        except (DecodeError, EncodeError):  # a time before 1970
            return b""


def frames(actor: str) -> list[tuple[str, str]]:
    """Parent and child of every transform of an actor."""
    names = [f"{actor}/{bone}" for bone in RIG_BONES]
    parents = [WORLD if parent < 0 else names[parent] for parent in RIG_PARENTS]
    return list(zip(parents, names, strict=True))
