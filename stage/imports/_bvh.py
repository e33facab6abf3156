"""BVH motion onto the stage's rig.

A file of the rig itself (its 53 bones, at rest as the stage writes them) is taken over as it is. Any other skeleton
is recognised by the names of its joints and retargeted (`stage.synthetic.retarget`) onto a body of its own limbs'
lengths. Units follow from its height: people are between 1.1 and 2.2 m tall.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from protocols.names import RIG_BONES, RIG_PARENTS
from stage.bodies.body import load_body
from stage.errors import ForeignFileError, SourceError
from stage.imports._fit import PointFitter, body_skeleton
from stage.imports._imported import Imported, frame_times, read_text, usual_rate
from stage.imports._joint_points import joint_points
from stage.imports._motions import of_poses
from stage.synthetic.bvh import BvhClip, parse_bvh
from stage.synthetic.joint_names import matched_joints
from stage.synthetic.kinematics import from_global
from stage.synthetic.retarget import retarget, upright

Units = Literal["guess", "m", "cm", "mm", "inch"]
Floats = NDArray[np.floating]

METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001, "inch": 0.0254}
_HEIGHTS_M = (1.1, 2.3)
_USUAL_HEIGHT_M = 1.7
_LIMBS = (
    "thigh_l", "calf_l", "foot_l", "thigh_r", "calf_r", "foot_r", "upperarm_l", "lowerarm_l", "hand_l", "upperarm_r",
    "lowerarm_r", "hand_r", "neck_01",
)  # fmt: skip
_LIMB_SIGMA_M = 0.01
_LOOSE_SIGMA_M = 0.04
"""Of what skeletons place differently: hips, neck."""
_HEAD_ABOVE_M = 0.16
"""The top of the head above its joint, about."""


def read_bvh(path: Path, units: Units = "guess", shape: Floats | None = None) -> Imported:
    """Reads a BVH file.

    Args:
        path: The file.
        units: Of its lengths.
        shape: (S,) of the actor's body, where it is known; None: a body of the file's own lengths.

    Raises:
        ForeignFileError: It is no BVH file, or its skeleton is not recognised.
    """
    try:
        clip = parse_bvh(read_text(path))
        own = _rig_itself(clip)
        rate = usual_rate(1.0 / clip.frame_s)
        joint_of = None if own else matched_joints(clip.names)
        axes, rest = _rig_axes(clip) if joint_of is None else upright(clip, joint_of)
        metres, told = _metres(rest, units)
        if joint_of is None:
            if shape is not None:
                told = (*told, "its skeleton is the rig itself, so the actor's profile was not needed")
            return _taken_over(path, clip, rate, axes, metres, told)
        if shape is None:
            shape = _shape(metres * rest, joint_of)
        body = load_body().rest_body(shape)
        poses = retarget(clip, body, centred=False)
    except SourceError as error:
        raise ForeignFileError(f"{path}: {error}") from error
    found = f"{len(clip.names)} joints, {len(joint_of)} of them known"
    motion = of_poses(poses, body.joints, frame_times(len(poses), rate))
    return Imported(path, "bvh", rate, motion, shape, told=(found, *told))


def _rig_itself(clip: BvhClip) -> bool:
    """The stage's rig: its bones, and at rest as it is."""
    if not set(RIG_BONES) <= set(clip.names) or len(clip.names) > 2 * len(RIG_BONES):
        return False
    index = [clip.names.index(bone) for bone in RIG_BONES]
    if any(clip.parents[index[b]] != index[p] for b, p in enumerate(RIG_PARENTS) if p >= 0):
        return False
    _, rest = _rig_axes(clip)
    mean = load_body().mean_joints
    for bone, parent in enumerate(RIG_PARENTS):
        own, usual = rest[index[bone]] - rest[index[max(parent, 0)]], mean[bone] - mean[max(parent, 0)]
        lengths = np.linalg.norm(own) * np.linalg.norm(usual)
        if parent > 0 and lengths > 0 and own @ usual < 0.7 * lengths:
            return False
    return True


def _rig_axes(clip: BvhClip) -> tuple[Floats, Floats]:
    found = {bone: clip.names.index(bone) for bone in RIG_BONES}
    return upright(clip, found)


def _taken_over(path: Path, clip: BvhClip, rate: float, axes: Floats, metres: float, told: tuple[str, ...]) -> Imported:
    index = [clip.names.index(bone) for bone in RIG_BONES]
    R, places = clip.forward()
    G = (axes @ R @ axes.T)[:, index]
    root = metres * places[:, index[0]] @ axes.T
    rest = metres * (clip.rest_places() @ axes.T)[index]
    rest -= rest[0]
    motion = of_poses(from_global(G, root), rest, frame_times(len(G), rate))
    return Imported(path, "bvh", rate, motion, told=("the rig itself, taken over as it is", *told))


def _metres(rest: Floats, units: Units) -> tuple[float, tuple[str, ...]]:
    """Metres per unit of the file, whose rest places (J, 3) are given Z up."""
    height = float(np.ptp(rest[:, 2]))
    if height <= 0.0:
        raise SourceError("the skeleton has no height")
    if units != "guess":
        return METRES[units], ()
    for unit, metres in METRES.items():
        if _HEIGHTS_M[0] <= height * metres + _HEAD_ABOVE_M <= _HEIGHTS_M[1]:
            return metres, (f"units taken for {unit}: {height * metres + _HEAD_ABOVE_M:.2f} m tall (--units)",)
    metres = (_USUAL_HEIGHT_M - _HEAD_ABOVE_M) / height
    return metres, (f"in no usual unit the skeleton is of human height: scaled to {_USUAL_HEIGHT_M} m (--units)",)


def _shape(rest_m: Floats, joint_of: dict[str, int]) -> Floats:
    """The body (S,) whose limbs are as long as those at rest, places (J, 3) in metres."""
    bones = tuple(bone for bone in _LIMBS if bone in joint_of)
    skeleton = body_skeleton()
    sigma = [_LIMB_SIGMA_M if bone[:-2] in ("calf", "foot", "lowerarm", "hand") else _LOOSE_SIGMA_M for bone in bones]
    fitter = PointFitter(skeleton, joint_points(skeleton, bones), np.array(sigma))
    targets = rest_m[[joint_of[bone] for bone in bones]][None]
    return fitter.fit(targets, np.ones(targets.shape[:2], bool)).shape
