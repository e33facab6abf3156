"""The rotations of a performance, checked: what an engine gets must at least be rotations.

Against the parent as a performance holds them, or in the world. World rotations are products along the chains, and a
chain has up to twelve bones. Instead of walking down bone by bone, every bone multiplies itself by an ancestor and
doubles the distance to the next one: after round k it holds the product of its last 2^k ancestors, and four rounds of
one product each serve any rig of up to 16 levels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from protocols.arrays import stacked
from protocols.errors import EncodeError
from protocols.messages import Performance
from protocols.names import RIG_BONES, RIG_PARENTS
from stage.outputs.kept import Kept, Reckoned
from stage.outputs.quaternions import IDENTITY, Floats, product

_COUNT = len(RIG_BONES)
_TOLERANCE = 0.1

Turns = tuple[bytes, bytes]
"""`rotations` and `root` of a performance."""


def rig_rotations(performance: Performance) -> NDArray[np.floating]:
    """Rotations from rest relative to the parent, (53, 4) xyzw of length 1; Root's is its rotation in the world.

    Returns:
        An array that others see too and that cannot be written to.

    Raises:
        DecodeError: An array of another size than `Performance` states.
        EncodeError: A quaternion far from length 1, or not finite.
    """
    return _found(_ROTATIONS, performance)


def world_rotations(performance: Performance) -> NDArray[np.floating]:
    """Rotations from rest in the world, (53, 4), likewise."""
    return _found(_WORLD, performance)


def announce_bodies(performances: Iterable[Performance]) -> None:
    """The rotations of all these are about to be asked for."""
    turns = [(performance.rotations, performance.root) for performance in performances]
    _ROTATIONS.announce(turns)
    _WORLD.announce(turns)


def _found(kept: Kept[Turns], performance: Performance) -> NDArray[np.floating]:
    turns = (performance.rotations, performance.root)
    if (rotations := kept(turns)) is None:
        who = f"performance {performance.number} of {performance.actor}"
        raise EncodeError(f"{who}: {RIG_BONES[_worst(turns)]} has no rotation; not sent")
    return rotations


def _read(turns: Sequence[Turns]) -> tuple[Floats, Floats]:
    """Rotations (n, 53, 4) as they came, and the squares of their lengths (n, 53)."""
    rotations = stacked([rotations for rotations, _ in turns], (_COUNT, 4)).astype(np.float64)
    rotations[:, 0] = stacked([root for _, root in turns], (7,))[:, 3:]
    return rotations, np.einsum("nij,nij->ni", rotations, rotations)


def _rotations(turns: Sequence[Turns]) -> Reckoned:
    rotations, squares = _read(turns)
    fit = np.maximum.reduce(np.abs(squares - 1.0), 1) < _TOLERANCE  # so that what is not a number fails too
    if not all(fit.tolist()):
        squares[~fit] = 1.0
    rotations /= np.sqrt(squares)[..., None]
    return rotations, fit


def _worst(turns: Turns) -> int:
    _, squares = _read([turns])
    return int(np.argmax(np.abs(np.nan_to_num(squares[0], nan=np.inf) - 1.0)))


def _world(turns: Sequence[Turns]) -> Reckoned:
    found = [_ROTATIONS(each) for each in turns]
    G = np.empty((4, len(turns), _COUNT + 1))  # components first; the last bone stays the identity
    G[...] = IDENTITY[:, None, None]
    for number, rotations in enumerate(found):
        if rotations is not None:
            G[:, number, :_COUNT] = rotations.T
    for ancestors in _ROUNDS:
        G = product(G.take(ancestors, 2), G)
    fit = np.array([rotations is not None for rotations in found])
    return np.ascontiguousarray(G[:, :, :_COUNT].transpose(1, 2, 0)), fit


def _ancestors() -> list[NDArray[np.intp]]:
    """Per round, the ancestor of each bone that lies 1, 2, 4, ... levels up; _COUNT stands for none."""
    ancestors = np.array([parent if parent >= 0 else _COUNT for parent in RIG_PARENTS] + [_COUNT], np.intp)
    rounds = []
    while bool(np.any(ancestors < _COUNT)):
        rounds.append(ancestors)
        ancestors = ancestors[ancestors]
    return rounds


_ROUNDS = _ancestors()
_ROTATIONS = Kept(_rotations)
_WORLD = Kept(_world)
