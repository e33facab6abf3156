"""BVH: a skeleton's rest pose as offsets, then the angles of every joint in every frame.

Y-up, facing +Z, left hand at +X, centimetres and degrees. The first joint has a place, which stands in its offset's
stead: at rest the skeleton stands on the floor, in motion places count from the origin. All joints have rotations about
Z, X and Y, in this order: R = Rz Rx Ry. Angles run on without flips, since programs that resample BVH mix them as
numbers.

BVH knows no timecode and no confidence; `stage export` prints the timecode of the first frame.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TextIO

import numpy as np
from scipy.spatial.transform import Rotation

from protocols.axes import GLTF_FROM_WORLD, AxisChange
from stage.export._bvh_skeletons import Skeleton, skeleton
from stage.export._files import placed
from stage.export._pose import check_body
from stage.export._source import ExportOptions, ExportSource
from stage.outputs.quaternions import IDENTITY, Floats, conjugate, multiply
from stage.takes.posing import world_pose

BVH_FROM_WORLD = AxisChange((0, 1, 2), (1, 1, 1), 100.0) @ GLTF_FROM_WORLD
ORDER = "ZXY"

_BLOCK = 2048


def write_bvh(source: ExportSource, path: Path, options: ExportOptions) -> list[Path]:
    """Writes one actor.

    Args:
        source: The actor.
        path: A file that is not there.
        options: `style` chooses names and rest pose.

    Returns:
        The file.

    Raises:
        ExportError: The actor has no body, or the file is there or cannot be written.
    """
    check_body(source, "bvh")
    form = skeleton(options.style or "rig", source.rest_joints)
    with placed(path, overwrite=options.overwrite) as unfinished, unfinished.open("x", newline="\n") as file:
        file.write("HIERARCHY\n")
        _write_joint(file, form, 0, 0)
        file.write(f"MOTION\nFrames: {len(source)}\nFrame Time: {1.0 / source.hertz:.10f}\n")
        last = np.zeros((len(form.names), 3))
        for begin in range(0, len(source), _BLOCK):
            places, turns = joint_motion(source, form, slice(begin, begin + _BLOCK))
            angles = _angles(turns, last)
            last = angles[-1]
            rows = np.concatenate([BVH_FROM_WORLD.positions(places), angles.reshape(len(angles), -1)], 1)
            np.savetxt(file, rows, "%.6f")
    return [path]


def joint_motion(source: ExportSource, form: Skeleton, frames: slice) -> tuple[Floats, Floats]:
    """Places (T, 3) of the first joint in the world, metres, and rotations (T, J, 4) of all against their parents."""
    motion = source.motion
    G, joints = world_pose(source.rest_joints, motion.root[frames], motion.rotations[frames])
    bones = np.array(form.bones)
    turned = multiply(G[:, bones], conjugate(form.turns[bones]))
    turned[:, bones < 0] = IDENTITY
    parents = np.array(form.parents)
    local = multiply(conjugate(turned[:, parents]), turned)
    local[:, 0] = turned[:, 0]
    return joints[:, form.lead] - form.lead_offset, local


def _write_joint(file: TextIO, form: Skeleton, joint: int, depth: int) -> None:
    pad = "\t" * depth
    offset = BVH_FROM_WORLD.positions(form.offsets[joint])
    file.write(f"{pad}{'JOINT' if joint else 'ROOT'} {form.names[joint]}\n{pad}{{\n{pad}\tOFFSET {_numbers(offset)}\n")
    rotations = " ".join(f"{axis}rotation" for axis in ORDER)
    place = "" if joint else "Xposition Yposition Zposition "
    file.write(f"{pad}\tCHANNELS {3 if joint else 6} {place}{rotations}\n")
    for child, parent in enumerate(form.parents):
        if parent == joint:
            _write_joint(file, form, child, depth + 1)
    if joint in form.ends:
        end = BVH_FROM_WORLD.positions(form.ends[joint])
        file.write(f"{pad}\tEnd Site\n{pad}\t{{\n{pad}\t\tOFFSET {_numbers(end)}\n{pad}\t}}\n")
    file.write(f"{pad}}}\n")


def _numbers(values: Floats) -> str:
    return " ".join(f"{value:.6f}" for value in np.round(values, 6) + 0.0)


def _angles(turns: Floats, last: Floats) -> Floats:
    """(T, J, 3) degrees about the axes of `ORDER`, each frame as near to the one before as can be.

    Args:
        turns: (T, J, 4) in the world's axes.
        last: (J, 3) angles before the first frame.
    """
    frames, joints = turns.shape[:2]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # at a gimbal lock one of many right answers comes, which is enough
        rotations = Rotation.from_quat(BVH_FROM_WORLD.rotations(turns).reshape(-1, 4))
        first = rotations.as_euler(ORDER, degrees=True).reshape(frames, joints, 3)
    # The same rotation, the other way round: z + 180, 180 - x, y + 180.
    second = first * (1.0, -1.0, 1.0) + 180.0
    out = np.empty_like(first)
    for frame in range(frames):
        near = [one + 360.0 * np.round((last - one) / 360.0) for one in (first[frame], second[frame])]
        far = [np.abs(one - last).sum(1, keepdims=True) for one in near]
        last = out[frame] = np.where(far[1] < far[0] - 1e-9, near[1], near[0])
    return out
