"""A first guess of what the 33 landmarks mean, from Anny's own keypoints and bones.

Good enough to know where to look in a render, and which part of the mesh a landmark can belong to.
"""

from __future__ import annotations

import numpy as np

from protocols.names import BODY_LANDMARKS
from stage.bodies.body import BodyModel

_KEYPOINTS = {
    "nose": "nose",
    "eye_inner": "eye",
    "eye": "eye",
    "eye_outer": "eye",
    "ear": "ear",
    "mouth": "nose",
    "shoulder": "shoulder",
    "elbow": "elbow",
    "wrist": "wrist",
    "hip": "hip",
    "knee": "knee",
    "ankle": "ankle",
    "heel": "heel",
    "foot_index": "big_toe",
}
_FINGERS = {"pinky": "pinky_02", "index": "index_02", "thumb": "thumb_02"}
_NEAREST = 8


def rough_meaning(body: BodyModel) -> np.ndarray:
    """(33, V): landmarks as combinations of vertices, rows summing to 1."""
    rows = np.zeros((len(BODY_LANDMARKS), len(body.mean_vertices)))
    for i, name in enumerate(BODY_LANDMARKS):
        side, part = _split(name)
        if part in _FINGERS:
            head = body.mean_joints[body.bones.index(f"{_FINGERS[part]}_{side[0]}")]
            nearest = np.argsort(np.linalg.norm(body.mean_vertices - head, axis=1))[:_NEAREST]
            rows[i, nearest] = 1.0 / _NEAREST
        else:
            keypoint = _KEYPOINTS[part]
            rows[i] = body.coco_weights[body.coco_names.index(keypoint if keypoint == "nose" else f"{side}_{keypoint}")]
    return rows


def _split(name: str) -> tuple[str, str]:
    """Side and part of a landmark's name."""
    if name.startswith("mouth_"):
        return name.removeprefix("mouth_"), "mouth"
    side, _, part = name.partition("_")
    return (side, part) if part else ("", name)
