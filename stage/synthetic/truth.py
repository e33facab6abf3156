"""Ground truth of a recording: what every bone did, in one .npz of plain arrays beside the videos.

The names are those of a `stage solve` result, so the two compare array by array. Vertices are not
stored; they follow exactly from phenotype and pose (`truth_vertices`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from protocols.names import COCO_KEYPOINTS, RIG_BONES
from stage.bodies.body import RestBody, load_body
from stage.errors import ResultFileError
from stage.synthetic.kinematics import Poses, Skin, forward
from stage.synthetic.performer import phenotype_body
from stage.synthetic.raster import Floats
from stage.synthetic.shot import Shot


@dataclass(frozen=True, eq=False)
class Truth:
    """T frames of J bones."""

    names: np.ndarray
    """(J,) bones."""
    capture_ns: np.ndarray
    """(T,) int64: when each frame was taken, since the first one."""
    joints: np.ndarray
    """(T, J, 3) float32: bone heads in the world, metres."""
    rotations: np.ndarray
    """(T, J, 4) float32 xyzw: from rest, relative to the parent, in the axes of the rest pose; the Root's is its
    rotation in the world."""
    root: np.ndarray
    """(T, 7) float32: T_world_root, position in metres and rotation xyzw."""
    coco: np.ndarray
    """(T, 17, 3) float32: Anny's COCO keypoints, metres."""
    rest_joints: np.ndarray
    """(J, 3) float32: bone heads of the rest body, metres."""
    phenotype_names: np.ndarray
    """(P,) which of Anny's phenotypes the performer has; others are 0.5."""
    phenotype_values: np.ndarray
    """(P,) float64 in [0, 1]."""

    @property
    def poses(self) -> Poses:
        """The pose of every frame."""
        return Poses(self.root.astype(np.float64), self.rotations.astype(np.float64))

    def rest_body(self) -> RestBody:
        """The performer's exact rest body."""
        names = [str(name) for name in self.phenotype_names]
        return phenotype_body(dict(zip(names, self.phenotype_values.tolist(), strict=True)))

    def save(self, path: Path) -> None:
        """Write the file."""
        np.savez_compressed(path, **{field.name: getattr(self, field.name) for field in fields(self)})


def truth_of(shot: Shot, phenotype: dict[str, float]) -> Truth:
    """The ground truth of a shot whose performer has this phenotype."""
    body, poses = load_body(), shot.frame_poses
    rounded = Poses(
        poses.root.astype(np.float32).astype(np.float64), poses.rotations.astype(np.float32).astype(np.float64)
    )
    _, joints = forward(shot.performer.rest.joints, rounded)
    picked = [body.coco_names.index(name) for name in COCO_KEYPOINTS]
    coco = np.stack([body.coco_weights[picked] @ shot.vertices(frame) for frame in range(shot.frame_count)])
    return Truth(
        names=np.array(RIG_BONES),
        capture_ns=shot.frame_ns,
        joints=joints.astype(np.float32),
        rotations=poses.rotations.astype(np.float32),
        root=poses.root.astype(np.float32),
        coco=coco.astype(np.float32),
        rest_joints=shot.performer.rest.joints,
        phenotype_names=np.array(list(phenotype)),
        phenotype_values=np.array(list(phenotype.values())),
    )


def load_truth(path: Path | str) -> Truth:
    """The ground truth in a file.

    Raises:
        ResultFileError: Missing, damaged or not such a file.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return Truth(**{field.name: arrays[field.name] for field in fields(Truth)})
    except FileNotFoundError:
        raise ResultFileError(f"{path}: no such ground truth file") from None
    except (OSError, ValueError, EOFError, KeyError) as error:
        raise ResultFileError(f"{path} is no ground truth file ({error})") from error


def truth_vertices(path: Path | str, frames: slice = slice(None)) -> Floats:
    """The true vertices (T, V, 3) float32 in metres of some frames of a ground truth file.

    Raises:
        ResultFileError: As `load_truth`.
        BodyModelError: The performer's body cannot be computed.
    """
    truth = load_truth(path)
    bare = Skin(load_body(), truth.rest_body().vertices)
    G, heads = forward(truth.rest_joints, truth.poses.at(frames))
    return np.stack([bare.vertices(truth.rest_joints, G[i], heads[i]) for i in range(len(heads))])
