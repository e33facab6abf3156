"""The Live Link Face stream of one actor: every face is one packet."""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from protocols.arrays import from_bytes
from protocols.errors import EncodeError
from protocols.livelink import LiveLinkEncoder
from protocols.livelink_face import write_face
from protocols.messages import Face, FacePerformance, Performance
from protocols.names import RIG_BONES
from protocols.timecode import FrameRate
from stage.config import LiveLinkSection
from stage.outputs.avatar_face import face_head, face_shapes
from stage.outputs.quaternions import IDENTITY, multiply
from stage.outputs.rig_rotations import rig_rotations
from stage.timecode import TimecodeClock

_NECK, _HEAD = RIG_BONES.index("neck_01"), RIG_BONES.index("head")
_NAMESPACE = uuid.UUID("8f2d6a50-6c1c-4e0c-9a53-0d2c8b1f7e44")
_STILL = 1.0 - 1e-9


def device_id(seed: str, actor: str) -> str:
    """The id of an actor's phone, if it had one: the same for this seed and actor at any time and on any machine."""
    return str(uuid.uuid5(_NAMESPACE, f"{seed}/{actor}")).upper()


class LiveLinkStream:
    """Live Link Face: what a phone before the actor's face would send.

    A camera on the actor's head does not know how the head turns; then it is the body that tells, where there is one.
    Performances without a face say nothing else here.
    """

    def __init__(self, output: LiveLinkSection, actor: str = "", timecode: TimecodeClock | None = None) -> None:
        """Packs the packet.

        Args:
            output: With the names, where they are not to be made.
            actor: Whose; default: the one that the output names.
            timecode: Of the stage; None, or one that does not know it yet, sends 00:00:00:00.

        Raises:
            EncodeError: A name that receivers do not take.
        """
        actor = actor or output.actor
        name = output.device_id or device_id(output.device_seed, actor)
        rate = timecode.rate if timecode is not None else FrameRate.parse("60")
        self._encoder = LiveLinkEncoder(name, output.subject or actor, rate)
        self._timecode = timecode
        self._body: NDArray[np.floating] = np.tile(IDENTITY, (len(RIG_BONES), 1))

    def frame(self, performance: Performance, now_ns: int) -> Sequence[memoryview]:
        """See `Stream`; nothing for a performance without a face."""
        del now_ns
        self._body = rig_rotations(performance)
        return () if performance.face is None else self._packet(performance.face, performance.capture_ns)

    def face(self, face: FacePerformance, now_ns: int, *, alone: bool) -> Sequence[memoryview]:
        """See `Stream`."""
        del now_ns
        return self._packet(face.face, face.capture_ns, None if alone else self._body)

    def _packet(self, face: Face, capture_ns: int, body: NDArray[np.floating] | None = None) -> Sequence[memoryview]:
        moment = self._timecode.at(capture_ns) if self._timecode is not None else None
        frame, subframe = (moment.frame, moment.subframe) if moment is not None else (0, 0.0)
        if face.state == "absent":
            return self._encoder.encode(frame, subframe)
        gaze = from_bytes(face.gaze, (2, 2))
        if not math.isfinite(sum(gaze.ravel().tolist())):
            raise EncodeError("face with a gaze that is not finite; not sent")
        head = face_head(face)
        if body is not None and abs(float(head[3])) > _STILL:
            head = multiply(body[_NECK], body[_HEAD])
        return self._encoder.encode(frame, subframe, write_face(face_shapes(face), head, gaze))
