"""The VMC stream of one actor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from protocols import vmc
from protocols.messages import FacePerformance, Performance
from protocols.vmc import VmcEncoder
from stage.config import VmcSection, wishes_of
from stage.outputs.avatar_face import AvatarFace
from stage.outputs.avatar_notes import avatar_notes
from stage.outputs.humanoid import Humanoid
from stage.outputs.wardrobe import Wardrobe

_STRICT = ("godot", "warudo")  # receivers that do not translate between the names of VRM 0 and VRM 1
_EYES = ("LeftEye", "RightEye")


class VmcStream:
    """VMC: the avatar's local poses and its expressions, in Unity's axes.

    Four kinds of frames, packed beforehand:

        body    all bones of the avatar, eyes and jaw as the last face left them         OK, T
        whole   all bones of the avatar, expressions                                     OK, T
        face    what a face moves (eyes, jaw), expressions   between frames of bodies    neither: they end the body's
        head    head, what a face moves, expressions         where nobody solves a body  OK, T
    """

    def __init__(self, output: VmcSection, wardrobe: Wardrobe | None = None) -> None:
        """Takes the avatar, if there is one, and packs the frames, see `VmcEncoder`.

        Args:
            output: Of one actor.
            wardrobe: Shared with other streams; None has one of its own.

        Raises:
            AvatarError: The avatar cannot be used.
        """
        wishes = wishes_of(output)
        wardrobe = wardrobe or Wardrobe()
        avatar = wardrobe.avatar(output)
        opens = output.jaw == "open"
        sets = wishes.blends
        if output.receiver == "warudo" and output.blends is None and avatar is not None and avatar.version == "1":
            sets = ("arkit", "vrm1")
        self.notes: tuple[str, ...] = ()
        """What the avatar cannot show of what is sent, for the operator."""
        if avatar is not None:
            self.notes = avatar_notes(
                avatar,
                sets,
                wishes.blend_case,
                strict=output.receiver in _STRICT,
                eyes=output.eyes,
                jaw=opens,
            )
        self._humanoid = humanoid = wardrobe.humanoid(output)
        unwanted = (*(() if output.eyes else _EYES), *(("Jaw",) if output.jaw == "none" else ()))
        self._sent, bones = _rows(humanoid, [bone for bone in humanoid.bones if bone not in unwanted])
        self._all = bones == humanoid.bones
        wanted = (*(_EYES if output.eyes else ()), *(("Jaw",) if opens else ()))
        self._moved, moved = _rows(humanoid, wanted)
        self._alone, alone = _rows(humanoid, ("Head", *wanted))
        self._face = AvatarFace(sets, wishes.blend_case)
        self._silent = not (moved or self._face.names)
        names, bundled = self._face.names, wishes.bundle
        trace, face_trace = (vmc.TRACE, vmc.FACE_TRACE) if output.trace else ("", "")
        self._body = VmcEncoder(bones, bundled=bundled, trace=trace)
        self._whole = VmcEncoder(bones, names, bundled=bundled, trace=trace)
        self._head = VmcEncoder(alone, names, bundled=bundled, trace=face_trace, rooted=False)
        self._part = self._head
        if not self._silent:
            self._part = VmcEncoder(moved, names, bundled=bundled, trace=face_trace, rooted=False, closed=False)
        self._start_ns = -1

    def frame(self, performance: Performance, now_ns: int) -> Sequence[memoryview]:
        """See `Stream`. The protocol's time starts at 0 with the first frame and follows the capture."""
        face, encoder, expressions = performance.face, self._body, None
        if face is not None:
            encoder, expressions = self._whole, self._face.expressions(face)
        poses = self._humanoid.pose(performance)
        return encoder.encode(
            self._humanoid.root,
            poses if self._all else poses.take(self._sent, 0),
            blends=expressions,
            time_s=self._time_s(performance.capture_ns),
            tracking=performance.state == "tracking",
            capture_ns=performance.capture_ns,
            sent_ns=now_ns,
        )

    def face(self, face: FacePerformance, now_ns: int, *, alone: bool) -> Sequence[memoryview]:
        """See `Stream`; nothing between frames of bodies, where neither bones nor expressions are wanted."""
        if self._silent and not alone:
            return ()
        expressions = self._face.expressions(face.face)
        self._humanoid.turn_face(face.face)
        if alone:
            poses = self._humanoid.face_alone(face.face, self._alone)
        else:
            poses = self._humanoid.face(self._moved)
        return (self._head if alone else self._part).encode(
            None,
            poses,
            blends=expressions,
            time_s=self._time_s(face.capture_ns) if alone else 0.0,
            tracking=face.face.state == "tracking",
            capture_ns=face.capture_ns,
            sent_ns=now_ns,
        )

    def _time_s(self, capture_ns: int) -> float:
        if self._start_ns < 0:
            self._start_ns = capture_ns
        return (capture_ns - self._start_ns) / 1e9


def _rows(humanoid: Humanoid, bones: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Rows and names of those of these bones that the humanoid has."""
    found = tuple(bone for bone in bones if bone in humanoid.bones)
    return np.array([humanoid.bones.index(bone) for bone in found], np.intp), found
