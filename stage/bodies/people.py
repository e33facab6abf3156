"""People nobody has measured: exact Anny bodies with faces of their own, drawn at random.

A person is a random phenotype (gender, age, muscle, weight, height, proportions), a random mixture of Anny's three
origins, and random local changes of head and face (nose, eyes, lips, chin, cheeks, ears, forehead), nearly the same
left and right. Training renders and held-out truth come from here, and so does the linear face space of the
body model (`face_directions`), which none of these people lies in exactly.
"""

from __future__ import annotations

import contextlib
import functools
import io
from typing import Any, NamedTuple

import numpy as np

from protocols.names import RIG_BONES
from stage.bodies.body import RestBody
from stage.errors import BodyModelError

PHENOTYPES = ("gender", "age", "muscle", "weight", "height", "proportions")
ADULT_AGE_RANGE = (0.5, 1.0)
"""Anny's age parameter: 1/3 is a child, 2/3 a young adult, 1 an old one."""
FACE_COUNT = 60
"""Coefficients of a face identity."""

_ORIGINS = ("african", "asian", "caucasian")
_FACE_PREFIXES = ("chin-", "eyebrows-", "forehead-", "mouth-", "nose-", "cheek-", "ear-", "eye-")
_HEAD_CHANGES = (
    "head-age-incr", "head-angle-out", "head-back-scale-depth-incr", "head-fat-incr", "head-scale-depth-incr",
    "head-scale-horiz-incr", "head-scale-vert-incr", "neck-double-incr",
)  # fmt: skip
_CHANGE_SD, _HEAD_SD, _ASYMMETRY_SD = 0.2, 0.1, 0.04
"""Spread of local changes, of which 1 is a caricature; head breadth and face height then vary as in adults."""
_SAMPLES = 800
_JOINT_NOISE_M = 0.01


class Head(NamedTuple):
    """Which vertices a face identity moves, and how much of it each takes."""

    vertices: np.ndarray
    """(H,) int64."""
    share: np.ndarray
    """(H,) float64 in (0, 1]: the weight of the head bone, which fades along the neck."""


def load_anny(local_changes: str = "none", phenotypes: str = "default", blendshapes: str = "compact") -> Any:
    """Anny with the game_engine rig and all facial actions.

    Raises:
        BodyModelError: Anny is not installed or its rig is not the expected one.
    """
    import warnings

    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warp announces that there is no GPU
            import anny

            options: dict[str, Any] = {"phenotypes": phenotypes, "phenotype_blendshapes": blendshapes}
            model = anny.Anny(
                rig="game_engine",
                facial_actions="all",
                local_changes=local_changes,  # pyright: ignore[reportArgumentType]
                skinning_method="lbs",
                **options,
            )
    except ImportError as error:
        raise BodyModelError(f"the body model needs the package anny: {error}; install Stage's dependencies") from error
    if tuple(model.bone_labels) != RIG_BONES:
        raise BodyModelError("anny's game_engine rig has other bones than expected; install the pinned version")
    return model


def random_person(seed: int) -> RestBody:
    """An adult with a face of its own; the same seed is the same person."""
    people = _people()
    coefficients = people.coefficients(np.random.default_rng([2024, seed]))
    used = np.flatnonzero(coefficients)
    rest = people.template + np.tensordot(coefficients[used], people.blendshapes[used], 1)
    heads = people.joint_template + np.tensordot(coefficients, people.joint_blendshapes, 1)
    return RestBody((rest - heads[0]).astype(np.float32), (heads - heads[0]).astype(np.float32))


def face_directions(
    head: Head, mean_joints: np.ndarray, joint_basis: np.ndarray, mean_head: np.ndarray, head_basis: np.ndarray
) -> np.ndarray:
    """(FACE_COUNT, H, 3) usual deviations of heads from what body shapes say of them, metres per unit.

    A body shape is learned from joints, which tell little of a face, or not at all where only the face is filmed.
    So the space is that of what is left when every second person's shape is fitted to noisy joints, and all others'
    is the mean; seen from the head bone, whose place belongs to the body.

    Args:
        head: The vertices of the head.
        mean_joints: (J, 3) of the body model.
        joint_basis: (S, J, 3).
        mean_head: (H, 3) the head's vertices of the mean body.
        head_basis: (S, H, 3).
    """
    people, random = _people(), np.random.default_rng(2019)
    bone = RIG_BONES.index("head")
    rows = np.stack([people.coefficients(random) for _ in range(_SAMPLES)])
    joints = people.joint_template + np.tensordot(rows, people.joint_blendshapes, 1)
    joints -= joints[:, :1].copy()
    shapes = _shapes_of(joints + random.normal(0.0, _JOINT_NOISE_M, joints.shape), mean_joints, joint_basis)
    shapes[::2] = 0.0
    blendshapes = people.blendshapes[:, head.vertices].reshape(len(people.blendshapes), -1)
    exact = people.template[head.vertices] + (rows @ blendshapes).reshape(_SAMPLES, -1, 3)
    exact -= people.joint_template[bone] + np.tensordot(rows, people.joint_blendshapes[:, bone], 1)[:, None]
    usual = mean_head - mean_joints[bone] + np.tensordot(shapes, head_basis - joint_basis[:, bone, None], 1)
    left = ((exact - usual) * head.share[:, None]).reshape(_SAMPLES, -1)
    # Not centred: a face whose coefficients are all zero is that of the body shape alone.
    _, vectors = np.linalg.eigh(left @ left.T)
    combos = vectors[:, ::-1][:, :FACE_COUNT] / np.sqrt(_SAMPLES)
    directions = combos.T @ left
    largest = np.take_along_axis(directions, np.abs(directions).argmax(1)[:, None], 1)
    return (directions * np.sign(largest)).reshape(FACE_COUNT, -1, 3)  # a sign of its own on every machine


def _shapes_of(joints: np.ndarray, mean: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """(B, S) shape coefficients of noisy joints (B, J, 3), standard normal before they are seen."""
    rows = basis.reshape(len(basis), -1).T / _JOINT_NOISE_M
    seen = (joints - mean).reshape(len(joints), -1) / _JOINT_NOISE_M
    return np.linalg.solve(rows.T @ rows + np.eye(len(basis)), rows.T @ seen.T).T


class _People:
    """Anny with all its phenotypes and local changes, as arrays, loaded once."""

    def __init__(self) -> None:
        self._model = load_anny("all", "all", "original")
        self.template: np.ndarray = self._model.template_vertices.numpy()
        self.joint_template: np.ndarray = self._model.template_bone_heads.numpy()
        self.blendshapes: np.ndarray = self._model.blendshapes.numpy()
        self.joint_blendshapes: np.ndarray = self._model.bone_heads_blendshapes.numpy()

    def coefficients(self, random: np.random.Generator) -> np.ndarray:
        """(K,) blend shape coefficients of a random person."""
        import torch

        phenotype = {name: float(random.beta(2.0, 2.0)) for name in PHENOTYPES}
        phenotype["age"] = float(random.uniform(*ADULT_AGE_RANGE))
        phenotype["gender"] = float(random.uniform())
        origins = random.dirichlet(np.full(len(_ORIGINS), 0.6))
        phenotype |= {name: float(share) for name, share in zip(_ORIGINS, origins, strict=True)}
        inputs = self._model.get_tensor_inputs(None, phenotype, self._face_changes(random), {})
        with torch.inference_mode():
            return self._model._get_phenotype_blendshape_coefficients(*inputs[1:])[0].numpy()

    def _face_changes(self, random: np.random.Generator) -> dict[str, float]:
        changes: dict[str, float] = {}
        for label in self._model.local_change_labels:
            name = label[2:] if label[:2] in ("l-", "r-") else label
            if not name.startswith(_FACE_PREFIXES) and label not in _HEAD_CHANGES:
                continue
            if label.startswith("r-"):  # follows its left twin in the list
                value = changes[f"l-{name}"] + random.normal(0.0, _ASYMMETRY_SD)
            else:
                value = random.normal(0.0, _HEAD_SD if label in _HEAD_CHANGES else _CHANGE_SD)
            changes[label] = float(np.clip(value, -1.0, 1.0))
        return changes


@functools.cache
def _people() -> _People:
    return _People()
