"""Bones of an actor that other performers provide, merged into the stage's own pose.

Each chain of bones (an arm, a finger, the spine) is followed on its own: its samples of the last seconds, and how far
it counts (`stage.solving.presence`). A pose of time t takes the samples around t, interpolated; nothing is
extrapolated: after the newest sample that one holds until the timeout.

What comes is the local rotation L of a normalised humanoid, identity in the T-pose. With A the rotation of each bone
from the actor's rest pose to the T-pose, L_b = A_p D_b A_b^-1 (see `stage.outputs.humanoid`), so what the rig turns is

    D_b = A_p^-1 L_b A_b

Joints follow by forward kinematics: joints, rotations and mesh agree. An avatar may lack some bones; one that is
missing in a chain that is taken over does not turn against its parent (L is the identity).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from protocols.arrays import from_bytes
from protocols.axes import UNITY_FROM_WORLD
from protocols.external import ExternalBones
from protocols.names import RIG_BONES, RIG_PARENTS, UNITY_FROM_RIG
from stage.config import AnyInputSection, LiveLinkInputSection, Part
from stage.inputs.parts import CHAINS, OPTIONAL_BONES
from stage.outputs.quaternions import IDENTITY, conjugate, left_matrix, multiply, normalised, right_matrix, rotate
from stage.outputs.t_pose import t_pose_rotations
from stage.solving.presence import Presence

KEPT = 256
"""Samples remembered per chain: four seconds of 60 per second."""

_BACK_NS = 1_000_000_000
"""A sample this much older than the last one is of a clock that was set back; others are late, and left out."""

_RIG_FROM_UNITY = {unity: RIG_BONES.index(rig) for rig, unity in UNITY_FROM_RIG.items()}
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


class _Sample(NamedTuple):
    """What came of one chain."""

    given: tuple[bool, ...]
    rotations: np.ndarray
    """(n, 4) L in Unity's axes, the identity where not given."""
    hips: np.ndarray | None
    """(3,) Unity's axes, metres."""


class _Chain:
    """One chain of one input."""

    def __init__(self, bones: Sequence[str], timeout_ns: int) -> None:
        self.bones = tuple(bones)
        self.rig = np.array([_RIG_FROM_UNITY[bone] for bone in bones])
        self.presence = Presence(timeout_ns)
        self._optional = tuple(bone in OPTIONAL_BONES for bone in bones)
        self._times: deque[int] = deque(maxlen=KEPT)
        self._samples: deque[_Sample] = deque(maxlen=KEPT)

    def add(self, capture_ns: int, row_of: dict[str, int], rotations: np.ndarray, hips: np.ndarray | None) -> bool:
        """Take in what a frame has of this chain; false when it came late."""
        rows = [row_of.get(bone) for bone in self.bones]
        if all(row is None for row in rows):
            return True
        if self._times and capture_ns <= self._times[-1]:
            if self._times[-1] - capture_ns < _BACK_NS:
                return False
            self._times.clear()
            self._samples.clear()
            self.presence.forget()
        local = np.stack([IDENTITY if row is None else rotations[row] for row in rows])
        given = tuple(row is not None or optional for row, optional in zip(rows, self._optional, strict=True))
        self._times.append(capture_ns)
        self._samples.append(_Sample(given, local, hips if self.bones[0] == "Hips" else None))
        self.presence.heard(capture_ns)
        return True

    def at(self, capture_ns: int) -> _Sample | None:
        """The chain at a time; None before its first sample."""
        after = bisect_right(self._times, capture_ns)
        if after == 0:
            return None
        before = self._samples[after - 1]
        if after == len(self._times):
            return before
        later = self._samples[after]
        if before.given != later.given or (before.hips is None) != (later.hips is None):
            return before
        begin, end = self._times[after - 1], self._times[after]
        share = (capture_ns - begin) / (end - begin)
        hips = None
        if before.hips is not None and later.hips is not None:
            hips = before.hips + share * (later.hips - before.hips)
        return _Sample(before.given, _between(before.rotations, later.rotations, share), hips)

    def __len__(self) -> int:
        """Samples remembered."""
        return len(self._times)


class _Source:
    """The chains that one input may take over."""

    def __init__(self, section: AnyInputSection) -> None:
        timeout_ns = round(section.timeout_ms * 1e6)
        chains = (
            [] if isinstance(section, LiveLinkInputSection) else [c for p in section.take for c in CHAINS.get(p, ())]
        )
        self.chains = [_Chain(bones, timeout_ns) for bones in chains]
        self.late = 0

    @property
    def hips(self) -> _Chain | None:
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
                    quaternions[rows] = _between(quaternions[rows], normalised(D), share)
                confidence[chain.rig] += share * (1.0 - confidence[chain.rig])
        return BodyPose(place, quaternions, confidence)

    def _hips(
        self, quaternions: np.ndarray, place: np.ndarray, sample: _Sample, share: float, rest_joints: np.ndarray
    ) -> np.ndarray:
        """Turn the Root in place; where it then has to be (3,)."""
        arm = (rest_joints[_PELVIS] - rest_joints[0]).astype(np.float64)
        pelvis = place + rotate(quaternions[0], arm)
        D = normalised(self._maps[_PELVIS] @ sample.rotations[0])
        quaternions[0] = _between(multiply(quaternions[0], quaternions[_PELVIS]), D, share)
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
    quaternions[_HEAD] = _between(quaternions[_HEAD][None], wanted[None], share)[0]
    return pose._replace(quaternions=quaternions)


def _between(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    """Unit quaternions (..., 4) at a share in [0, 1] of the way from a to b, along the shortest arc."""
    cosine = np.einsum("...i,...i->...", a, b)[..., None]
    b = np.where(cosine < 0.0, -b, b)
    angle = np.arccos(np.clip(np.abs(cosine), 0.0, 1.0))
    sine = np.sin(angle)
    straight = sine < 1e-4
    safe = np.where(straight, 1.0, sine)
    first = np.where(straight, 1.0 - share, np.sin((1.0 - share) * angle) / safe)
    second = np.where(straight, share, np.sin(share * angle) / safe)
    return normalised(first * a + second * b)
