"""Motions of which everything is known, for tests of smoothing."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from protocols.names import RIG_BONES
from stage.takes.motion import Motion
from stage.takes.posing import world_joints

BEGAN_NS = 1_700_000_000_000_000_000
REST = np.random.default_rng(3).normal(size=(len(RIG_BONES), 3)).astype(np.float32) * 0.2


def motion_of(
    place: np.ndarray,
    vectors: np.ndarray,
    rate: float = 30.0,
    confidence: np.ndarray | None = None,
    state: np.ndarray | None = None,
) -> Motion:
    """Poses from places of the pelvis (T, 3) and rotation vectors (T, 53, 3); those of bone 0 turn Root."""
    count = len(place)
    quaternions = Rotation.from_rotvec(vectors.reshape(-1, 3)).as_quat(canonical=True).reshape(count, len(RIG_BONES), 4)
    arm = REST[1] - REST[0]
    root_place = place - Rotation.from_quat(quaternions[:, 0]).apply(arm)
    root = np.concatenate([root_place, quaternions[:, 0]], 1).astype(np.float32)
    rotations = quaternions.astype(np.float32)
    return Motion(
        actor="anna",
        capture_ns=BEGAN_NS + np.round(np.arange(count) * 1e9 / rate).astype(np.int64),
        root=root,
        rotations=rotations,
        joints=world_joints(REST, root, rotations),
        rest_joints=REST,
        confidence=np.ones((count, len(RIG_BONES)), np.float32) if confidence is None else confidence,
        state=np.full(count, "tracking", "<U8") if state is None else state,
    )


def waving(frames: int = 120, hertz: float = 1.0, rate: float = 30.0, size: float = 0.4) -> Motion:
    """Every bone swings about an axis of its own, the pelvis goes up and down."""
    axes = np.random.default_rng(4).normal(size=(len(RIG_BONES), 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    swing = size * np.sin(2.0 * np.pi * hertz * np.arange(frames) / rate)
    place = np.stack([np.zeros(frames), np.zeros(frames), 1.0 + 0.2 * swing], 1)
    return motion_of(place, swing[:, None, None] * axes, rate)


def noisy(motion: Motion, rad: float = 0.03, metres: float = 0.01, seed: int = 5) -> Motion:
    """With white noise in every rotation and in the pelvis' place."""
    rng = np.random.default_rng(seed)
    quaternions = np.concatenate([motion.root[:, None, 3:], motion.rotations[:, 1:]], 1).reshape(-1, 4)
    turned = Rotation.from_rotvec(rng.normal(size=(len(quaternions), 3)) * rad) * Rotation.from_quat(quaternions)
    vectors = turned.as_rotvec().reshape(len(motion.capture_ns), -1, 3)
    place = motion.joints[:, 1] + rng.normal(size=(len(vectors), 3)) * metres
    rate = 1e9 / float(np.median(np.diff(motion.capture_ns)))
    return motion_of(place, vectors, rate, motion.confidence, motion.state)
