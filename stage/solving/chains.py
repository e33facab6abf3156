"""Chains of bones that another performer provides, each followed on its own: an arm, a finger, the spine.

A chain remembers its samples of the last seconds. A pose of time t takes the samples around t, interpolated; nothing is
extrapolated: after the newest sample that one holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from protocols.names import RIG_BONES, UNITY_FROM_RIG
from stage.inputs.parts import OPTIONAL_BONES
from stage.outputs.quaternions import IDENTITY, slerp
from stage.solving.presence import BACK_NS, KEPT, Presence
from stage.timeline import Timeline

_RIG_FROM_UNITY = {unity: RIG_BONES.index(rig) for rig, unity in UNITY_FROM_RIG.items()}


class ChainSample(NamedTuple):
    """What came of one chain."""

    given: tuple[bool, ...]
    rotations: np.ndarray
    """(n, 4) L in Unity's axes, the identity where not given."""
    hips: np.ndarray | None
    """(3,) Unity's axes, metres."""


class Chain:
    """One chain of one input."""

    def __init__(self, bones: Sequence[str], timeout_ns: int) -> None:
        self.bones = tuple(bones)
        self.rig = np.array([_RIG_FROM_UNITY[bone] for bone in bones])
        self.presence = Presence(timeout_ns)
        self._optional = tuple(bone in OPTIONAL_BONES for bone in bones)
        self._samples = Timeline[ChainSample](KEPT)

    def add(self, capture_ns: int, row_of: dict[str, int], rotations: np.ndarray, hips: np.ndarray | None) -> bool:
        """Take in what a frame has of this chain; false when it came late."""
        rows = [row_of.get(bone) for bone in self.bones]
        if all(row is None for row in rows):
            return True
        newest_ns = self._samples.newest_ns
        if newest_ns is not None and capture_ns <= newest_ns:
            if newest_ns - capture_ns < BACK_NS:
                return False
            self._samples.clear()
            self.presence.forget()
        local = np.stack([IDENTITY if row is None else rotations[row] for row in rows])
        given = tuple(row is not None or optional for row, optional in zip(rows, self._optional, strict=True))
        self._samples.add(capture_ns, ChainSample(given, local, hips if self.bones[0] == "Hips" else None))
        self.presence.heard(capture_ns)
        return True

    def at(self, capture_ns: int) -> ChainSample | None:
        """The chain at a time; None before its first sample."""
        found = self._samples.at(capture_ns)
        if found is None:
            return None
        before, after, share = found
        if before is after or before.given != after.given or (before.hips is None) != (after.hips is None):
            return before
        hips = None
        if before.hips is not None and after.hips is not None:
            hips = before.hips + share * (after.hips - before.hips)
        return ChainSample(before.given, slerp(before.rotations, after.rotations, share), hips)

    def __len__(self) -> int:
        """Samples remembered."""
        return len(self._samples)
