"""Motions with a body alone, or with a face alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.names import RIG_BONES
from stage.synthetic.kinematics import Poses, forward
from stage.takes.motion import Motion

_BONES = len(RIG_BONES)
_ACTOR = "actor"


def without_body(
    face_ns: NDArray[np.int64],
    shapes: NDArray[np.floating[Any]],
    head: NDArray[np.floating[Any]],
    gaze: NDArray[np.floating[Any]],
) -> Motion:
    """F faces: times (F,), shapes (F, 52), head (F, 4), gaze (F, 2, 2)."""
    return Motion(
        actor=_ACTOR,
        capture_ns=np.zeros(0, np.int64),
        root=np.zeros((0, 7), np.float32),
        rotations=np.zeros((0, _BONES, 4), np.float32),
        joints=np.zeros((0, _BONES, 3), np.float32),
        rest_joints=np.zeros((_BONES, 3), np.float32),
        confidence=np.zeros((0, _BONES), np.float32),
        state=np.zeros(0, "<U8"),
        face_ns=face_ns,
        shapes=shapes.astype(np.float32),
        head=head.astype(np.float32),
        gaze=gaze.astype(np.float32),
    )


def of_poses(
    poses: Poses,
    rest_joints: NDArray[np.floating[Any]],
    times_ns: NDArray[np.int64],
    confidence: NDArray[np.floating[Any]] | None = None,
) -> Motion:
    """T poses on a body with rest joints (53, 3), at times (T,); confidence (T, 53) is 1 where it is not given."""
    _, joints = forward(rest_joints, poses)
    known = np.ones((len(poses), _BONES)) if confidence is None else confidence
    return Motion(
        actor=_ACTOR,
        capture_ns=times_ns,
        root=poses.root.astype(np.float32),
        rotations=poses.rotations.astype(np.float32),
        joints=joints.astype(np.float32),
        rest_joints=rest_joints.astype(np.float32),
        confidence=known.astype(np.float32),
        state=np.full(len(poses), "tracking", "<U8"),
    )
