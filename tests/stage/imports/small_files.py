"""Small files of others."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from protocols.names import RIG_BONES
from stage.bodies.body import load_body
from stage.takes.face_table import HEADER

JOINTS = {
    "Hips": ("", (0, 95, 0)),
    "Spine": ("Hips", (0, 12, 0)),
    "Chest": ("Spine", (0, 20, 0)),
    "Neck": ("Chest", (0, 22, 0)),
    "Head": ("Neck", (0, 9, 2)),
    **{f"{side}Arm": ("Chest", (sign * 18, 16, 0)) for side, sign in (("Left", 1), ("Right", -1))},
    **{f"{side}ForeArm": (f"{side}Arm", (sign * 28, 0, 0)) for side, sign in (("Left", 1), ("Right", -1))},
    **{f"{side}Hand": (f"{side}ForeArm", (sign * 25, 0, 0)) for side, sign in (("Left", 1), ("Right", -1))},
    **{f"{side}UpLeg": ("Hips", (sign * 9, -4, 0)) for side, sign in (("Left", 1), ("Right", -1))},
    **{f"{side}Leg": (f"{side}UpLeg", (0, -42, 0)) for side in ("Left", "Right")},
    **{f"{side}Foot": (f"{side}Leg", (0, -42, 0)) for side in ("Left", "Right")},
}
"""A person in a T-pose, 1.7 m tall: joint to parent and offset in cm, Y up."""


def small_bvh(folder: Path, name: str = "walk.bvh", *, frames: int = 6, rate: float = 60.0, scale: float = 1.0) -> Path:
    """A BVH file: the left arm rises by 10 degrees per frame, and the hips go 2 cm forward."""
    order: list[str] = []
    lines = [
        "HIERARCHY",
        *_joint("Hips", 0, scale, order),
        "MOTION",
        f"Frames: {frames}",
        f"Frame Time: {1 / rate:.6f}",
    ]
    for frame in range(frames):
        values = []
        for joint in order:
            if joint == "Hips":
                values += [0.0, 95.0 * scale, 2.0 * scale * frame]
            values += [10.0 * frame if joint == "LeftArm" else 0.0, 0.0, 0.0]
        lines.append(" ".join(f"{value:.6f}" for value in values))
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def _joint(name: str, depth: int, scale: float, order: list[str]) -> list[str]:
    order.append(name)
    pad = "  " * depth
    position = "6 Xposition Yposition Zposition" if depth == 0 else "3"
    offset = " ".join(f"{scale * value:g}" for value in JOINTS[name][1])
    lines = [f"{pad}{'ROOT' if depth == 0 else 'JOINT'} {name}", f"{pad}{{", f"{pad}  OFFSET {offset}"]
    lines.append(f"{pad}  CHANNELS {position} Zrotation Xrotation Yrotation")
    children = [child for child, (parent, _) in JOINTS.items() if parent == name]
    for child in children:
        lines += _joint(child, depth + 1, scale, order)
    if not children:
        lines += [f"{pad}  End Site", f"{pad}  {{", f"{pad}    OFFSET 0 {5 * scale:g} 0", f"{pad}  }}"]
    return [*lines, f"{pad}}}"]


def small_csv(folder: Path, name: str = "face.csv", rows: int = 8, begin: str = "10:20:30") -> Path:
    """A table of the app: JawOpen and HeadYaw rise; the fourth moment has no face, and one comes late."""
    lines = [HEADER]
    for row in range(rows):
        frame = 2.0 * row + (4.0 if row > 5 else 0.0) + 0.123
        if row == 3:
            lines.append(f"{begin}:{frame:06.3f},0")
            continue
        values = ["0.0000000000"] * 61
        columns = HEADER.split(",")[2:]
        values[columns.index("JawOpen")] = f"{row / 10:.10f}"
        values[columns.index("JawRight")] = "0.2500000000"
        values[columns.index("HeadYaw")] = f"{row / 20:.10f}"
        lines.append(f"{begin}:{frame:06.3f},61," + ",".join(values))
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def small_trc(folder: Path, name: str = "joints.trc", frames: int = 4) -> Path:
    """Joints of the mean body at rest, going 1 cm forward per frame; OpenSim's axes, millimetres."""
    joints = load_body().mean_joints[1:]
    names = RIG_BONES[1:]
    head = [
        f"PathFileType\t4\t(X/Y/Z)\t{name}",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"100\t100\t{frames}\t{len(names)}\tmm\t100\t1\t{frames}",
        "Frame#\tTime\t" + "\t".join(f"{bone}\t\t" for bone in names),
        "\t\t" + "\t".join(f"X{i}\tY{i}\tZ{i}" for i in range(1, len(names) + 1)),
        "",
    ]
    for frame in range(frames):
        world = joints + np.array([0.0, -0.01 * frame, 0.0])
        opensim = 1000.0 * np.stack([-world[:, 1], world[:, 2], -world[:, 0]], 1)
        head.append(f"{frame + 1}\t{frame / 100:.4f}\t" + "\t".join(f"{value:.5f}" for value in opensim.reshape(-1)))
    path = folder / name
    path.write_text("\n".join(head) + "\n")
    return path
