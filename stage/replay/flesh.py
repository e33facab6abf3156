"""The meshes of a take's actors: a take has poses, and profiles; meshes follow from both and are not in it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from protocols.arrays import from_bytes
from protocols.messages import Face, FacePerformance, Performance
from protocols.names import ARKIT_SHAPES, RIG_BONES
from protocols.takefile import TakeReader
from stage.bodies.skinning import Skinner
from stage.outputs.face_source import FaceSource
from stage.takes.motion import Motion
from stage.takes.posing import world_pose
from stage.takes.worn_body import worn_body

_BONES, _SHAPES = len(RIG_BONES), len(ARKIT_SHAPES)
_OTHER_M = 0.01
"""Rest joints so far from those that a body was made for belong to another measurement of it."""


class _Worn(NamedTuple):
    rest_joints: NDArray[np.floating]
    skinner: Skinner


class Flesh:
    """Skins the actors of a take. A body takes a second to be made; it is then kept."""

    def __init__(self, take: TakeReader) -> None:
        """Of a take, with the profiles that are in it."""
        self.notes: list[str] = []
        """What of the bodies is not known, for the operator; whoever tells it takes it out."""
        self._take = take
        self._worn: dict[str, _Worn] = {}
        self._faces: dict[str, Face] = {}
        self._sources: dict[str, FaceSource] = {}

    def face(self, record: FacePerformance, now_ns: int) -> None:
        """Takes in a face of a face camera."""
        self._sources.setdefault(record.actor, FaceSource()).heard_face(now_ns)
        self._faces[record.actor] = record.face

    def vertices(self, performance: Performance, now_ns: int) -> NDArray[np.float32]:
        """(V, 3) float32 metres, in the world.

        Raises:
            BodyModelError: The body model is not prepared.
        """
        actor = performance.actor
        face = self._sources.setdefault(actor, FaceSource()).heard_body(performance, now_ns).face
        if face is not None:
            self._faces[actor] = face
        rest = from_bytes(performance.rest_joints, (_BONES, 3)).astype(np.float64)
        root, rotations = from_bytes(performance.root, (1, 7)), from_bytes(performance.rotations, (1, _BONES, 4))
        turned, joints = world_pose(rest, root, rotations)
        G = Rotation.from_quat(turned[0]).as_matrix()
        translation = joints[0] - np.einsum("jab,jb->ja", G, rest)
        transforms = torch.from_numpy(np.concatenate([G, translation[..., None]], -1).astype(np.float32))
        shown = self._faces.get(actor)
        coefficients = None if shown is None else from_bytes(shown.shapes, (_SHAPES,)).astype(np.float32)
        return self._skinner(performance, rest).vertices(transforms, None, coefficients).numpy()

    def _skinner(self, performance: Performance, rest: NDArray[np.floating]) -> Skinner:
        worn = self._worn.get(performance.actor)
        if worn is None or float(np.abs(worn.rest_joints - rest).max()) > _OTHER_M:
            body = worn_body(_still(performance), [self._take])
            if body.warning and worn is None:
                self.notes.append(f"{performance.actor}: {body.warning}")
            worn = self._worn[performance.actor] = _Worn(rest, Skinner(body.model, body.vertices))
        return worn.skinner


def _still(performance: Performance) -> Motion:
    return Motion(
        actor=performance.actor,
        capture_ns=np.array([performance.capture_ns], np.int64),
        root=from_bytes(performance.root, (1, 7)),
        rotations=from_bytes(performance.rotations, (1, _BONES, 4)),
        joints=from_bytes(performance.joints, (1, _BONES, 3)),
        rest_joints=from_bytes(performance.rest_joints, (_BONES, 3)),
        confidence=from_bytes(performance.confidence, (1, _BONES)),
        state=np.array([performance.state], "<U8"),
    )
