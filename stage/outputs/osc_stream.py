"""The plain OSC stream of one actor."""

from __future__ import annotations

from collections.abc import Sequence

from protocols.arrays import from_bytes
from protocols.axes import UNITY_FROM_WORLD, UNREAL_FROM_WORLD, AxisChange
from protocols.messages import FacePerformance, Performance
from protocols.plain_osc import PlainOscEncoder
from protocols.plain_osc_face import PlainOscFaceEncoder
from protocols.timecode import Timecode
from stage.config import OscSection
from stage.outputs.avatar_face import eye_turns, face_head, face_shapes
from stage.outputs.manny import MANNY_BONES, Manny
from stage.outputs.world_pose import WORLD_BONES, WorldPose
from stage.timecode import TimecodeClock

_AXES: dict[str, AxisChange | None] = {"stage": None, "unreal": UNREAL_FROM_WORLD, "unity": UNITY_FROM_WORLD}


class PlainOscStream:
    """Plain OSC: the poses of the bones in the world, and the face as it was solved, in the axes that are asked for."""

    def __init__(self, output: OscSection, actor: str, timecode: TimecodeClock | None = None) -> None:
        """Packs the frames, see `PlainOscEncoder`.

        Args:
            output: Axes, names, bundles.
            actor: Whose stream this is.
            timecode: None sends none.
        """
        self._axes = _AXES[output.axes]
        self._pose = WorldPose(t_pose=output.rest == "t-pose")
        self._manny = Manny() if output.names == "manny" else None
        bones = MANNY_BONES if output.names == "manny" else WORLD_BONES
        self._body = PlainOscEncoder(actor, bones, bundled=output.bundle)
        self._face = PlainOscFaceEncoder(actor, bundled=output.bundle)
        self._whole: tuple[memoryview, ...] = ()
        self._clock = timecode

    def frame(self, performance: Performance, now_ns: int) -> Sequence[memoryview]:
        """See `Stream`; the face follows the body, with its own end."""
        rig = self._pose.bones(performance)
        if self._axes is not None:
            rig[:, :3] = self._axes.positions(rig[:, :3])
            rig[:, 3:7] = self._axes.rotations(rig[:, 3:7])
        datagrams = self._body.encode(
            rig[0, :7],
            rig[1:] if self._manny is None else self._manny.bones(rig),
            state=performance.state,
            capture_ns=performance.capture_ns,
            sent_ns=now_ns,
            timecode=self._timecode(performance.capture_ns),
        )
        if performance.face is None:
            return datagrams
        face = self._encoded_face(performance, now_ns)
        if len(self._whole) == 0:  # the same views in every frame
            self._whole = (*datagrams, *face)
        return self._whole

    def face(self, face: FacePerformance, now_ns: int, *, alone: bool) -> Sequence[memoryview]:
        """See `Stream`; a face is the same with and without a body."""
        del alone
        return self._encoded_face(face, now_ns)

    def _encoded_face(self, source: Performance | FacePerformance, now_ns: int) -> Sequence[memoryview]:
        face = source.face
        assert face is not None
        gaze = from_bytes(face.gaze, (2, 2))
        head, eyes = face_head(face), eye_turns(face)
        if self._axes is not None:
            head, eyes = self._axes.rotations(head), self._axes.rotations(eyes)
        return self._face.encode(
            face_shapes(face),
            from_bytes(face.confidence, (-1,)),
            head=head,
            eyes=eyes,
            gaze=gaze,
            state=face.state,
            capture_ns=source.capture_ns,
            sent_ns=now_ns,
            timecode=self._timecode(source.capture_ns),
        )

    def _timecode(self, capture_ns: int) -> Timecode | None:
        return None if self._clock is None else self._clock.at(capture_ns)
