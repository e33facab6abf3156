"""The plain OSC stream of one actor."""

from __future__ import annotations

from collections.abc import Sequence

from protocols.arrays import from_bytes
from protocols.messages import FacePerformance, Performance
from protocols.plain_osc import PlainOscEncoder
from protocols.plain_osc_face import PlainOscFaceEncoder
from stage.config import OscSection
from stage.outputs.avatar_face import face_head, face_shapes
from stage.outputs.world_pose import WORLD_BONES, WorldPose


class PlainOscStream:
    """Plain OSC: the rig's poses in the world, and the face as it was solved."""

    def __init__(self, output: OscSection) -> None:
        """Packs the frames, see `PlainOscEncoder`."""
        self._pose = WorldPose()
        self._body = PlainOscEncoder(output.actor, WORLD_BONES, bundled=output.bundle)
        self._face = PlainOscFaceEncoder(output.actor, bundled=output.bundle)

    def frame(self, performance: Performance, now_ns: int) -> Sequence[memoryview]:
        """See `Stream`; the face follows the body, with its own end."""
        datagrams = self._body.encode(
            self._pose.root(performance),
            self._pose.bones(performance),
            state=performance.state,
            capture_ns=performance.capture_ns,
            sent_ns=now_ns,
        )
        if performance.face is None:
            return datagrams
        return (*datagrams, *self._encoded_face(performance, now_ns))

    def face(self, face: FacePerformance, now_ns: int, *, alone: bool) -> Sequence[memoryview]:
        """See `Stream`; a face is the same with and without a body."""
        del alone
        return self._encoded_face(face, now_ns)

    def _encoded_face(self, source: Performance | FacePerformance, now_ns: int) -> Sequence[memoryview]:
        face = source.face
        assert face is not None
        return self._face.encode(
            face_shapes(face),
            from_bytes(face.confidence, (-1,)),
            head=face_head(face),
            gaze=from_bytes(face.gaze, (2, 2)),
            state=face.state,
            capture_ns=source.capture_ns,
            sent_ns=now_ns,
        )
