"""Bones of an actor that other performers provide, merged into the stage's own pose.

Each chain of bones (an arm, a finger, the spine) is followed on its own (`stage.solving.chains`), and so is how far it
counts (`stage.solving.presence`).

What comes is the local rotation L of a normalised humanoid, identity in the T-pose. With A the rotation of each bone
from the actor's rest pose to the T-pose, L_b = A_p D_b A_b^-1 (see `stage.outputs.humanoid`), so what the rig turns is

    D_b = A_p^-1 L_b A_b

Joints follow by forward kinematics: joints, rotations and mesh agree. An avatar may lack some bones; one that is
missing in a chain that is taken over does not turn against its parent (L is the identity).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from protocols.arrays import from_bytes
from protocols.axes import UNITY_FROM_WORLD
from protocols.external import ExternalBones
from protocols.names import RIG_BONES, RIG_PARENTS
from stage.config import AnyInputSection, LiveLinkInputSection, Part
from stage.inputs.parts import CHAINS
from stage.outputs.quaternions import (
    IDENTITY,
    conjugate,
    left_matrix,
    multiply,
    normalised,
    right_matrix,
    rotate,
    slerp,
)
from stage.outputs.t_pose import t_pose_rotations
from stage.solving.chains import Chain, ChainSample

_PELVIS = RIG_BONES.index("pelvis")
_NECK, _HEAD = RIG_BONES.index("neck_01"), RIG_BONES.index("head")


class BodyPose(NamedTuple):
    """A pose of the whole rig."""

    place: np.ndarray
    """(3,) of the Root bone in the world, metres."""
    quaternions: np.ndarray
    """(53, 4) as `Performance.rotations`; the Root's is its rotation in the world."""
    confidence: np.ndarray
    """(53,) in [0, 1]."""


class _Source:
    """The chains that one input may take over."""

    def __init__(self, section: AnyInputSection) -> None:
        timeout_ns = round(section.timeout_ms * 1e6)
        chains = (
            [] if isinstance(section, LiveLinkInputSection) else [c for p in section.take for c in CHAINS.get(p, ())]
        )
        self.chains = [Chain(bones, timeout_ns) for bones in chains]
        self.late = 0

    @property
    def hips(self) -> Chain | None:
        """The chain that places the body."""
        return next((chain for chain in self.chains if chain.bones[0] == "Hips"), None)

    def add(self, record: ExternalBones) -> None:
        row_of = {bone: row for row, bone in enumerate(record.bones)}
        rotations = from_bytes(record.rotations, (len(record.bones), 4)).astype(np.float64)
        hips = from_bytes(record.hips, (3,)).astype(np.float64) if record.hips else None
        taken = [chain.add(record.capture_ns, row_of, rotations, hips) for chain in self.chains]
        self.late += not all(taken)


class ExternalBody:
    """What the inputs of one actor provide of its body; of two that provide the same, the later one counts."""

    def __init__(self, sections: Sequence[AnyInputSection]) -> None:
        self._sources = {section.id: _Source(section) for section in sections}
        self._rest: np.ndarray | None = None
        self._maps = np.zeros((len(RIG_BONES), 4, 4))

    @property
    def late(self) -> int:
        """Frames that came after a newer one, and were left out."""
        return sum(source.late for source in self._sources.values())

    def take(self, record: ExternalBones) -> None:
        """Take in a frame; one of an input that is not this actor's is left alone."""
        source = self._sources.get(record.input)
        if source is not None:
            source.add(record)

    def forget_rest(self) -> None:
        """Learn the rest pose anew when it is next needed."""
        self._rest = None

    def places(self, input_id: str) -> bool:
        """Whether an input provides the hips, and so can place a body that no camera sees."""
        source = self._sources.get(input_id)
        return source is not None and source.hips is not None

    @property
    def last_placed_ns(self) -> int | None:
        """Time of the newest frame with hips; None before the first."""
        chains = (source.hips for source in self._sources.values())
        times = [chain.presence.last_ns for chain in chains if chain is not None]
        return max((time for time in times if time is not None), default=None)

    def placed(self, capture_ns: int) -> bool:
        """Whether other performers place the body at a time."""
        hips = [source.hips for source in self._sources.values()]
        return any(chain is not None and chain.presence.fresh(capture_ns) for chain in hips)

    def provides(self, part: Part, capture_ns: int) -> bool:
        """Whether bones of a part are merged at a time."""
        chains = CHAINS[part]
        return any(
            chain.bones in chains and chain.presence.share(capture_ns) > 0.0
            for source in self._sources.values()
            for chain in source.chains
        )

    def counts(self, capture_ns: int) -> bool:
        """Whether anything is merged at a time."""
        return any(c.presence.share(capture_ns) > 0.0 for source in self._sources.values() for c in source.chains)

    def merged(self, own: BodyPose, rest_joints: np.ndarray, capture_ns: int, *, alone: bool = False) -> BodyPose:
        """The pose with everything that is provided at a time.

        Args:
            own: What the stage solved.
            rest_joints: (53, 3) of the actor, metres.
            capture_ns: Of the pose.
            alone: The stage solved nothing: what comes counts at once, without a blend.
        """
        self._learn(rest_joints)
        quaternions, confidence = own.quaternions.copy(), own.confidence.copy()
        place = own.place
        for source in self._sources.values():
            for chain in source.chains:
                share = chain.presence.share(capture_ns)
                if alone and chain.presence.fresh(capture_ns):
                    share = 1.0
                sample = chain.at(capture_ns) if share > 0.0 else None
                if sample is None:
                    continue
                if chain.bones[0] == "Hips":
                    place = self._hips(quaternions, place, sample, share, rest_joints)
                else:
                    rows = chain.rig[list(sample.given)]
                    D = (self._maps[rows] @ sample.rotations[list(sample.given), :, None])[..., 0]
                    quaternions[rows] = slerp(quaternions[rows], normalised(D), share)
                confidence[chain.rig] += share * (1.0 - confidence[chain.rig])
        return BodyPose(place, quaternions, confidence)

    def _hips(
        self, quaternions: np.ndarray, place: np.ndarray, sample: ChainSample, share: float, rest_joints: np.ndarray
    ) -> np.ndarray:
        """Turn the Root in place; where it then has to be (3,)."""
        arm = (rest_joints[_PELVIS] - rest_joints[0]).astype(np.float64)
        pelvis = place + rotate(quaternions[0], arm)
        D = normalised(self._maps[_PELVIS] @ sample.rotations[0])
        quaternions[0] = slerp(multiply(quaternions[0], quaternions[_PELVIS]), D, share)
        quaternions[_PELVIS] = IDENTITY
        if sample.hips is not None:
            pelvis = pelvis + share * (UNITY_FROM_WORLD.inverse.positions(sample.hips) - pelvis)
        return pelvis - rotate(quaternions[0], arm)

    def _learn(self, rest_joints: np.ndarray) -> None:
        """The matrix of each bone's A_p^-1 L A_b, L in Unity's axes."""
        if self._rest is not None and np.array_equal(rest_joints, self._rest):
            return
        A = t_pose_rotations(rest_joints.astype(np.float64))
        parents = np.maximum(np.array(RIG_PARENTS), 0)
        from_unity = UNITY_FROM_WORLD.inverse.rotations(np.eye(4)).T
        self._maps = left_matrix(conjugate(A[parents])) @ right_matrix(A) @ from_unity
        self._rest = np.array(rest_joints)


def with_head(pose: BodyPose, head: np.ndarray, share: float) -> BodyPose:
    """The pose with the head turned by (4,) xyzw against the uppermost spine bone, as `Face.head` says it."""
    quaternions = pose.quaternions.copy()
    wanted = multiply(conjugate(quaternions[_NECK]), head)
    quaternions[_HEAD] = slerp(quaternions[_HEAD], wanted, share)
    return pose._replace(quaternions=quaternions)
