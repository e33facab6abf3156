"""Ground truth of a recording: what every bone did, in one .npz of plain arrays beside the videos.

The names are those of a `stage solve` result, so the two compare array by array. Vertices are not
stored; they follow exactly from rest body, pose and face (`truth_vertices`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from protocols.names import ARKIT_SHAPES, COCO_KEYPOINTS, RIG_BONES
from stage.bodies.body import RestBody, load_body
from stage.errors import ResultFileError
from stage.synthetic.face_motion import gaze_of
from stage.synthetic.kinematics import Poses, Skin, forward
from stage.synthetic.raster import Floats
from stage.synthetic.shot import Shot, frame_times_ns


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
    rest_vertices: np.ndarray
    """(V, 3) float32: the rest body, metres."""
    face_names: np.ndarray
    """(52,) facial actions, order of `protocols.names.ARKIT_SHAPES`."""
    face_ns: np.ndarray
    """(F,) int64: when each face was filmed, since the first frame; at the face camera's rate, where there is one."""
    face: np.ndarray
    """(F, 52) float32: facial actions in [0, 1]."""
    gaze: np.ndarray
    """(F, 2, 2) float32 radians: left eye, right eye; yaw to the performer's left, pitch up, relative to the head."""
    head_camera: np.ndarray
    """(F, 7) float32: T_head_camera of the face camera that rides on the head, slip and all: place in the axes of the
    head bone at rest, from its head, metres, and rotation xyzw; F is 0 without one."""

    @property
    def poses(self) -> Poses:
        """The pose of every frame."""
        return Poses(self.root.astype(np.float64), self.rotations.astype(np.float64))

    def rest_body(self) -> RestBody:
        """The performer's exact rest body."""
        return RestBody(self.rest_vertices, self.rest_joints)

    def face_at(self, times_ns: np.ndarray) -> Floats:
        """(T, 52) facial actions at times since the first frame, of the nearest filmed face."""
        return self.face[np.abs(self.face_ns[None] - times_ns[:, None]).argmin(axis=1)]

    def save(self, path: Path) -> None:
        """Write the file."""
        np.savez_compressed(path, **{field.name: getattr(self, field.name) for field in fields(self)})


def truth_of(shot: Shot) -> Truth:
    """The ground truth of a shot."""
    body, poses = load_body(), shot.frame_poses
    rounded = Poses(
        poses.root.astype(np.float32).astype(np.float64), poses.rotations.astype(np.float32).astype(np.float64)
    )
    _, joints = forward(shot.performer.rest.joints, rounded)
    picked = [body.coco_names.index(name) for name in COCO_KEYPOINTS]
    coco = np.stack([body.coco_weights[picked] @ shot.vertices(frame) for frame in range(shot.frame_count)])
    face_ns, face, mounts = _faces(shot)
    return Truth(
        names=np.array(RIG_BONES),
        capture_ns=shot.frame_ns,
        joints=joints.astype(np.float32),
        rotations=poses.rotations.astype(np.float32),
        root=poses.root.astype(np.float32),
        coco=coco.astype(np.float32),
        rest_joints=shot.performer.rest.joints,
        rest_vertices=shot.performer.rest.vertices,
        face_names=np.array(ARKIT_SHAPES),
        face_ns=face_ns,
        face=face,
        gaze=gaze_of(face),
        head_camera=mounts,
    )


def _faces(shot: Shot) -> tuple[np.ndarray, Floats, Floats]:
    """Times (F,), facial actions (F, 52) and mounts (F, 7) at the rate of the camera that rides on the head."""
    rider = next(iter(shot.head_cameras.values()), None)
    rate = rider.rate if rider is not None else shot.rate
    stride = shot.grid_hz // rate
    count = len(shot.poses) // stride
    face = np.zeros((len(shot.poses), len(ARKIT_SHAPES))) if shot.face is None else shot.face
    mounts = np.zeros((0, 7)) if rider is None else rider.mounts[: count * stride : stride]
    return frame_times_ns(count, rate), face[: count * stride : stride].astype(np.float32), mounts.astype(np.float32)


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
        BodyModelError: The body model is not prepared.
    """
    truth = load_truth(path)
    bare = Skin(load_body(), truth.rest_vertices)
    G, heads = forward(truth.rest_joints, truth.poses.at(frames))
    faces = truth.face_at(truth.capture_ns[frames])
    return np.stack([bare.vertices(truth.rest_joints, G[i], heads[i], faces[i]) for i in range(len(heads))])
