"""Which rotations of the performer move a bone of an avatar.

A performance says how each bone of the rig is turned against its parent. An avatar may have fewer bones: between one of
its bones and the next one above, several of the rig may lie, and the product of all of them is the turn

    D_bone = D_first ... D_last        the rig's bones below the one above, down to the bone's own

So a bone turns in the world as the performer's own does, whatever is missing above it. One rule moves more than names:
the uppermost bone of the trunk that an avatar has is the performer's uppermost, spine_03. Shoulders and neck hang from
it, and would be elsewhere if the chest did not bend all the way.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.names import RIG_BONES, RIG_PARENTS, UNITY_FROM_RIG
from stage.avatars import Avatar
from stage.outputs.quaternions import Floats, multiply

TURN_BONES = (*RIG_BONES, "left_eye", "right_eye", "jaw")
"""What has a turn: the rig's bones, then those that the face moves against the head."""

EYE_TURNS, JAW_TURN = slice(len(RIG_BONES), len(RIG_BONES) + 2), len(RIG_BONES) + 2
"""Eyes and jaw within `TURN_BONES`."""

_PARENTS = (*RIG_PARENTS, *[RIG_BONES.index("head")] * 3)
_FROM_UNITY = {unity: RIG_BONES.index(rig) for rig, unity in UNITY_FROM_RIG.items()} | {
    name: TURN_BONES.index(turn) for name, turn in (("LeftEye", "left_eye"), ("RightEye", "right_eye"), ("Jaw", "jaw"))
}
_TRUNK = ("Spine", "Chest", "UpperChest")
_ROOT = 0


class Level(NamedTuple):
    """One more factor for those bones that have so many."""

    rows: NDArray[np.intp]
    """Of the avatar's bones."""
    turns: NDArray[np.intp]
    """Of `TURN_BONES`."""


class Drives:
    """The chains of one avatar's bones."""

    def __init__(self, avatar: Avatar) -> None:
        """Finds them."""
        own = dict(_FROM_UNITY)
        if trunk := [bone for bone in _TRUNK if bone in avatar.bones]:
            own[trunk[-1]] = RIG_BONES.index("spine_03")
        self.own = np.array([own[bone] for bone in avatar.bones])
        """(B,) the turn that each bone follows in the world, of `TURN_BONES`."""
        self.above = np.array([self.own[index] if index >= 0 else _ROOT for index in avatar.ancestors])
        """(B,) likewise, of the bone above; Root above Hips, which never turns against the rest pose of the model."""
        chains = [
            _chain(int(self.own[row]), int(self.own[index]) if index >= 0 else -1)
            for row, index in enumerate(avatar.ancestors)
        ]
        self._first = np.array([chain[0] for chain in chains])
        longest = max(map(len, chains))
        self._levels = [_level(chains, depth) for depth in range(1, longest)]

    def turns(self, turns: Floats) -> Floats:
        """The turn of each bone against the one above, (..., B, 4), of those of `TURN_BONES`, (..., 56, 4)."""
        result = turns.take(self._first, -2)  # a quarter of the time of turns[...]
        for rows, factors in self._levels:
            result[..., rows, :] = multiply(result.take(rows, -2), turns.take(factors, -2))
        return result


def _chain(own: int, above: int) -> list[int]:
    """From below `above` down to `own`."""
    chain = []
    while own not in (above, -1):
        chain.append(own)
        own = _PARENTS[own]
    return chain[::-1]


def _level(chains: list[list[int]], depth: int) -> Level:
    rows = [row for row, chain in enumerate(chains) if len(chain) > depth]
    return Level(np.array(rows), np.array([chains[row][depth] for row in rows]))
