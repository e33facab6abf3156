"""From a performance to an avatar: local poses of the bones that Unity, VRM and VMC name.

Let A_b turn bone b from our rest pose to the T-pose (`stage.outputs.t_pose`) and G_b be the bone's rotation from our
rest pose now. Then G'_b = G_b A_b^-1 turns it from the T-pose to where the performer is, and the avatar's bone, which
rests in the T-pose with the world rotation W_b, must stand at G'_b W_b. Its parent node rests at W_n and is carried by
the nearest bone above, p. So relative to that node the bone is at

    (G'_p W_n)^-1 G'_b W_b  =  W_n^-1 A_p D_b A_b^-1 W_b        D_b = G_p^-1 G_b

where D_b is what a performance holds, or a product of few such turns (`stage.outputs.drives`). No chain need be walked.
Together with the change of axes this is linear in D_b: one constant 4x4 matrix per bone, applied to all at once, and to
all actors in the same avatar at once whose performances have come together. A normalised avatar (VRM 0, the built-in
one) has W = 1; one of VRM 1 gets bones as it has them, not normalised.

Local positions are the avatar's own, but for the hips: they carry the performer's place (`stage.outputs.stance`). The
model's root stays at the origin: some receivers ignore the root, others scale or reset it.

Without an avatar the target is a humanoid of the actor's own build: a receiver that applies positions and rotations
rebuilds exactly the joints that were solved.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from protocols.arrays import from_bytes
from protocols.axes import UNITY_FROM_WORLD
from protocols.errors import EncodeError, ProtocolError
from protocols.messages import Face, Performance
from protocols.names import RIG_BONES
from stage.avatars import HEAD_FROM_NECK, Avatar, built_in
from stage.config import Positions
from stage.outputs.avatar_face import eye_turns, face_head, jaw_turn
from stage.outputs.drives import EYE_TURNS, JAW_TURN, TURN_BONES, Drives
from stage.outputs.quaternions import IDENTITY, Floats, conjugate, left_matrix, right_matrix
from stage.outputs.rig_rotations import rig_rotations
from stage.outputs.stance import stance
from stage.outputs.t_pose import t_pose

_COUNT = len(RIG_BONES)
_HEAD = RIG_BONES.index("head")
_ROOT_AT = np.array([0.0, 0.0, 0.0, *IDENTITY])


def _unmeasured() -> NDArray[np.float64]:
    """Joints of an actor of whom nothing is known but where a mean head is."""
    joints = np.zeros((_COUNT, 3))
    joints[_HEAD] = HEAD_FROM_NECK
    return joints


class Humanoid:
    """Retargets one actor to one avatar; keeps what depends on the rest poses of both only."""

    def __init__(
        self,
        avatar: Avatar | None = None,
        *,
        positions: Positions = "all",
        travels: bool = True,
        opens_jaw: bool = False,
    ) -> None:
        """Takes over an avatar.

        Args:
            avatar: At rest; None is the built-in humanoid.
            positions: Which local positions are the avatar's own; the others are 0.
            travels: The avatar goes as far as its legs carry it; False: as far as the performer.
            opens_jaw: The bone Jaw opens with JawOpen.
        """
        self.root: Floats = _ROOT_AT
        """(7,) position and rotation of the model's root: the origin of the world."""
        self._avatar = avatar
        self._options = positions, travels
        self._opens_jaw = opens_jaw
        target = avatar or built_in(_unmeasured())
        self.bones = target.bones
        """The bones of the avatar, in the order of the poses."""
        self._drives = Drives(target)
        self._turns = np.tile(IDENTITY, (len(TURN_BONES), 1))
        self._rest = b""
        self._posed: Performance | None = None
        self._turned: Face | None = None
        self._fault: ProtocolError | None = None
        self._announced: Group = []
        self._bones = np.zeros((len(self.bones), 7), np.float32)
        self._rotations = np.tile(IDENTITY[:, None], len(self.bones))  # (4, B), of the call before
        self._learn(target, np.tile(IDENTITY, (_COUNT, 1)), _unmeasured())
        self.wanted = False
        """Whether the newest pose has been asked for."""

    def announce(self, group: Group) -> None:
        """These performances have come together, for humanoids in the same avatar: who asks first has all posed."""
        self._announced = group

    def pose(self, performance: Performance) -> NDArray[np.float32]:
        """The avatar's local pose, Unity axes; eyes and jaw are where the last face put them.

        Args:
            performance: Of one and the same actor at every call.

        Returns:
            (bones, 7) local position [m] and rotation xyzw of `bones`; valid until the next call. The signs of
            quaternions follow those of the call before, so that their components run smoothly.

        Raises:
            DecodeError: An array of another size than `Performance` states.
            EncodeError: Rotations that are none, joints that are not finite.
        """
        if performance is not self._posed:  # no other output of this actor has asked already
            group = [*self._announced]
            self._announced.clear()
            self._pose_all(group if (self, performance) in group else [(self, performance)])
            if self._fault is not None:
                raise self._fault
        self.wanted = True
        return self._bones

    def turn_face(self, face: Face) -> None:
        """Eyes and jaw, from now on.

        Raises:
            ProtocolError: Numbers that must not be sent.
        """
        if face is self._turned:
            return
        self._posed = self._turned = None
        eyes = eye_turns(face)
        if self._opens_jaw:
            self._turns[JAW_TURN] = jaw_turn(face)
        self._turns[EYE_TURNS] = eyes
        self._turned = face

    def face(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Local poses (rows, 7) of bones that the face moves, all else being as it was."""
        self._rotate(rows)
        return self._bones[rows]

    def face_alone(self, face: Face, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Likewise, the head among them: it takes all of the face's turn, the body being at rest.

        Raises:
            EncodeError: The head has no rotation.
        """
        self._posed = None
        head = face_head(face)
        self._turns[:_COUNT] = IDENTITY
        self._turns[_HEAD] = head
        return self.face(rows)

    def _rotate(self, rows: NDArray[np.intp]) -> None:
        """Brings the local rotations of these bones up to date."""
        D = self._drives.turns(self._turns).take(rows, 0)
        rotations = _turned(self._maps.take(rows, 2), D.T, self._rotations.take(rows, 1))
        self._rotations[:, rows] = rotations
        self._bones[rows, 3:] = rotations.T

    @staticmethod
    def _pose_all(group: Group) -> None:
        """Poses humanoids in one and the same avatar; one that cannot be posed moves no other, and has a fault."""
        fit: Group = []
        for humanoid, performance in group:
            humanoid._posed = humanoid._fault = None
            humanoid.wanted = False
            try:
                humanoid._take(performance)
            except ProtocolError as error:
                humanoid._fault = error
            else:
                fit.append((humanoid, performance))
        if not fit:
            return
        first, posed = fit[0][0], [humanoid for humanoid, _ in fit]
        turns, maps, before = first._turns[None], first._maps[:, :, None], first._rotations[:, None]
        if len(fit) > 1:
            turns = np.stack([humanoid._turns for humanoid in posed])  # (actors, 56, 4)
            maps = np.stack([humanoid._maps for humanoid in posed], 2)  # (4, 4, actors, B)
            before = np.stack([humanoid._rotations for humanoid in posed], 1)
        D = first._drives.turns(turns)  # (actors, B, 4)
        rotations = _turned(maps, D.transpose(2, 0, 1), before)
        for number, (humanoid, performance) in enumerate(fit):
            humanoid._rotations = rotations[:, number]
            humanoid._bones[:, 3:] = rotations[:, number].T
            try:
                humanoid._place(performance, D[number, 0])
            except ProtocolError as error:
                humanoid._fault = error
            else:
                humanoid._posed = performance

    def _take(self, performance: Performance) -> None:
        """Takes over who the performer is, and how all is turned."""
        if performance.rest_joints != self._rest:
            pose = t_pose(performance.rest_joints)
            self._learn(self._avatar or built_in(pose.joints), pose.rotations, pose.joints)
            self._rest = performance.rest_joints
        self._turns[:_COUNT] = rig_rotations(performance)
        if performance.face is not None:
            self.turn_face(performance.face)

    def _place(self, performance: Performance, turn: Floats) -> None:
        """Puts the hips, which are so turned, where they belong."""
        if self._hips is None:
            return
        x, y, z = self._stance.hips(from_bytes(performance.joints, (_COUNT, 3)), turn.tolist())
        if not math.isfinite(x + y + z):
            who = f"performance {performance.number} of {performance.actor}"
            raise EncodeError(f"{who}: its joints are nowhere; not sent")
        (xx, xy, xz, xt), (yx, yy, yz, yt), (zx, zy, zz, zt) = self._hips
        self._bones[0, :3] = (
            xx * x + xy * y + xz * z + xt,
            yx * x + yy * y + yz * z + yt,
            zx * x + zy * y + zz * z + zt,
        )

    def _learn(self, avatar: Avatar, A: Floats, joints: Floats) -> None:
        """Takes over rest poses: local positions, and the matrix of each bone's W_n^-1 A_p D A_b^-1 W_b in Unity."""
        A = np.vstack([A, np.tile(IDENTITY, (len(TURN_BONES) - _COUNT, 1))])  # the head's own do not turn either
        to_unity = UNITY_FROM_WORLD.rotations(np.eye(4)).T  # (4, 4), its columns are the converted unit vectors
        turned = left_matrix(A[self._drives.above]) @ right_matrix(conjugate(A[self._drives.own]))
        placed = left_matrix(conjugate(avatar.node_rotations)) @ right_matrix(avatar.world_rotations)
        self._maps = np.ascontiguousarray((placed @ to_unity @ turned).transpose(1, 2, 0))  # (4, 4, B)
        positions, travels = self._options
        self._bones[:, :3] = avatar.offsets if positions == "all" else 0.0
        self._stance = stance(avatar, joints, travel=travels)
        self._hips = None if positions == "none" else _local_from_world(avatar.between[0]).tolist()


def _local_from_world(T_model_node: Floats) -> Floats:
    """(3, 4) from a place in the world to the local position of a bone below this node."""
    T_unity_world = np.eye(4)
    T_unity_world[:3, :3] = UNITY_FROM_WORLD.positions(np.eye(3)).T
    return np.linalg.solve(T_model_node, T_unity_world)[:3]


Group = list[tuple[Humanoid, Performance]]


def _turned(maps: Floats, D: Floats, before: Floats) -> Floats:
    """Local rotations (4, ...) of bones from their maps (4, 4, ...) and turns (4, ...), in the signs of `before`."""
    rotations = np.add.reduce(maps * D, 1)
    rotations *= np.copysign(1.0, np.add.reduce(rotations * before, 0))
    return rotations
