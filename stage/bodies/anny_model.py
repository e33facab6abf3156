"""Anny (NAVER, Apache-2.0 code, CC0 data) distilled into the one file that Stage works with.

Anny describes a rest body by a template and linear blend shapes whose coefficients are non-linear
functions of phenotypes (age, height, muscle ...). Tracking needs a *linear* space, so that shape can be
estimated by least squares together with pose. It is built once, here:

1. sample many adults from Anny's phenotypes and take the principal components of their rest bodies,
   scaled to unit standard deviation: what adults look like;
2. append Anny's own measures of limb proportions (upper leg, neck, hip width ...), scaled so that one
   unit is a usual deviation: what one person's skeleton adds to that;
3. beside them, a face identity: what heads and faces have of their own beyond the body's shape (see
   `stage.bodies.people`), zero below the neck.

This is the only module that imports `anny`, and only when the file is built or when a synthetic
performer asks for an exact phenotype; a running stage reads the file (see `stage.bodies.body`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from protocols.names import ARKIT_SHAPES, RIG_BONES
from stage.bodies.body import CACHE_VERSION, COMPONENT_COUNT, RestBody, body_cache_path
from stage.bodies.people import ADULT_AGE_RANGE, FACE_COUNT, PHENOTYPES, Head, face_directions, load_anny
from stage.bodies.people import random_person as random_person  # noqa: PLC0414 - its public place
from stage.errors import BodyModelError

PROPORTIONS: Mapping[str, float] = {
    "measure-upperleg-height": 0.25,
    "measure-lowerleg-height": 0.25,
    "measure-upperarm-length": 0.25,
    "measure-lowerarm-length": 0.25,
    "measure-napetowaist-dist": 0.35,
    "measure-waisttohip-dist": 0.25,
    "measure-neck-height": 0.4,
    "measure-shoulder-dist": 0.5,
    "hip-scale-horiz": 0.5,
    "head-scale-vert": 0.5,
}
"""Anny's local changes and the amount that is one usual deviation (about 10 to 25 mm)."""

_SAMPLES = 1500


def build_cache(progress: Callable[[str], None] = print) -> Path:
    """Build the body model file if it is not there yet; takes about a minute, once.

    Raises:
        BodyModelError: Anny is not installed or its rig is not the expected one.
    """
    path = body_cache_path()
    if path.exists():
        return path
    progress("body model: preparing Anny (about a minute, only once) ...")
    arrays = _distill(progress)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    with unfinished.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    unfinished.replace(path)
    progress(f"body model: {path.stat().st_size / 1e6:.0f} MB in {path}")
    return path


def rest_body_of_phenotype(
    phenotype: Mapping[str, float],
    facial_actions: Mapping[str, float] | None = None,
    face_changes: Mapping[str, float] | None = None,
) -> RestBody:
    """The exact rest body of a phenotype; for synthetic performers.

    Args:
        phenotype: Values in [0, 1], missing ones 0.5.
        facial_actions: Values in [0, 1].
        face_changes: Anny's local changes that make a face somebody's own, values in [-1, 1].

    Raises:
        BodyModelError: An unknown name, or Anny is missing.
    """
    unknown = set(phenotype) - set(PHENOTYPES)
    if unknown:
        raise BodyModelError(f"unknown phenotype {sorted(unknown)}; known: {', '.join(PHENOTYPES)}")
    model = load_anny("all" if face_changes else "none")
    unknown = set(face_changes or {}) - set(model.local_change_labels)
    if unknown:
        raise BodyModelError(f"unknown local changes {sorted(unknown)}; anny's local_change_labels lists them")
    output = model(
        phenotype_kwargs=dict(phenotype),
        local_changes_kwargs=dict(face_changes or {}),
        facial_actions=dict(facial_actions or {}),
    )
    return _rest_body(output)


def _rest_body(output: Mapping[str, Any]) -> RestBody:
    """Rest vertices and joints with the Root bone at the origin, so that the floor is near z = 0."""
    joints = output["rest_bone_heads"][0].numpy()
    vertices = output["rest_vertices"][0].numpy()
    return RestBody(vertices=(vertices - joints[0]).astype(np.float32), joints=(joints - joints[0]).astype(np.float32))


def _distill(progress: Callable[[str], None]) -> dict[str, np.ndarray]:
    import anny
    import torch

    model = load_anny(local_changes="all")
    vertices_count = model.template_vertices.shape[0]
    progress("body model: sampling adults ...")

    def stacked(coefficients: Any) -> np.ndarray:
        """(B, V + J, 3) rest bodies, Root at the origin."""
        vertices = model.template_vertices + torch.einsum("bk,kvd->bvd", coefficients, model.blendshapes)
        joints = model.template_bone_heads + torch.einsum("bk,kjd->bjd", coefficients, model.bone_heads_blendshapes)
        return (torch.cat([vertices, joints], 1) - joints[:, :1]).numpy()

    def coefficients_of(
        phenotypes: Any, changes: Mapping[str, float] | None = None, actions: Mapping[str, float] | None = None
    ) -> Any:
        inputs = model.get_tensor_inputs(None, phenotypes, dict(changes or {}), dict(actions or {}))
        return model._get_phenotype_blendshape_coefficients(*inputs[1:])

    random = np.random.default_rng(2018)
    samples = {name: torch.from_numpy(random.beta(2.0, 2.0, _SAMPLES)) for name in PHENOTYPES}
    samples["age"] = torch.from_numpy(random.uniform(*ADULT_AGE_RANGE, _SAMPLES))
    samples["gender"] = torch.from_numpy(random.uniform(0.0, 1.0, _SAMPLES))
    coefficients = torch.cat([coefficients_of({k: v[i : i + 1] for k, v in samples.items()}) for i in range(_SAMPLES)])
    mean_coefficients = coefficients.mean(0, keepdim=True)
    mean = stacked(mean_coefficients)[0]
    components = _principal_components(stacked, coefficients, mean_coefficients, mean)

    neutral = {name: torch.tensor([0.5], dtype=torch.float64) for name in PHENOTYPES}
    plain = stacked(coefficients_of(neutral))[0]
    proportions = np.stack(
        [
            0.5
            * amount
            * (
                stacked(coefficients_of(neutral, {f"{name}-incr": 1.0}))[0]
                - stacked(coefficients_of(neutral, {f"{name}-incr": -1.0}))[0]
            )
            for name, amount in PROPORTIONS.items()
        ]
    )
    basis = np.concatenate([components, proportions])
    facial = np.stack(
        [stacked(coefficients_of(neutral, None, {_lower_camel(name): 1.0}))[0] - plain for name in ARKIT_SHAPES]
    )[:, :vertices_count]
    progress("body model: sampling faces ...")
    head = _head(model)
    joint_basis, mean_joints = basis[:, vertices_count:], mean[vertices_count:]
    faces = np.zeros((FACE_COUNT, vertices_count, 3), np.float16)
    faces[:, head.vertices] = face_directions(
        head, mean_joints, joint_basis, mean[head.vertices], basis[:, head.vertices]
    )
    regressor = anny.KeypointsRegressor.coco(model)
    return {
        "version": np.array(CACHE_VERSION),
        "bones": np.array(RIG_BONES),
        "parents": np.array(model.bone_parents, np.int64),
        "faces": model.get_triangular_faces().numpy().astype(np.int32),
        "mean_vertices": mean[:vertices_count].astype(np.float32),
        "mean_joints": mean_joints.astype(np.float32),
        "vertex_basis": basis[:, :vertices_count].astype(np.float32),
        "joint_basis": joint_basis.astype(np.float32),
        "face_basis": faces,
        "facial_basis": facial.astype(np.float16),
        "skin_weights": model.vertex_bone_weights.numpy().astype(np.float32),
        "skin_bones": model.vertex_bone_indices.numpy().astype(np.int32),
        "coco_weights": regressor.regression_weights.numpy().astype(np.float32),
        "coco_names": np.array(regressor.labels),
    }


def _head(model: Any) -> Head:
    """The vertices that the head bone moves."""
    bone = RIG_BONES.index("head")
    share = ((model.vertex_bone_indices == bone) * model.vertex_bone_weights).sum(1).numpy()
    return Head(np.flatnonzero(share > 0), share[share > 0])


def _principal_components(
    stacked: Callable[[Any], np.ndarray], coefficients: Any, mean_coefficients: Any, mean: np.ndarray
) -> np.ndarray:
    """(K, V + J, 3) directions of unit standard deviation; joints count as much as all vertices."""
    import torch

    vertices_and_joints = mean.shape[0]
    joint_count = len(RIG_BONES)
    picked = np.r_[0 : vertices_and_joints - joint_count : 27, vertices_and_joints - joint_count : vertices_and_joints]
    weight = np.ones(len(picked))
    weight[-joint_count:] = np.sqrt((len(picked) - joint_count) / joint_count)
    rows = np.concatenate([stacked(chunk)[:, picked] for chunk in torch.split(coefficients, 50)])
    centred = ((rows - mean[picked]) * weight[:, None]).reshape(len(rows), -1)
    left, _, _ = np.linalg.svd(centred, full_matrices=False)
    # A direction of unit deviation is this combination of samples, hence of blend shape coefficients.
    combos = left[:, :COMPONENT_COUNT] / np.sqrt(len(rows))
    directions = torch.from_numpy(combos.T) @ (coefficients - mean_coefficients)
    return np.concatenate([stacked(mean_coefficients + row[None]) - mean for row in directions])


def _lower_camel(name: str) -> str:
    return name[0].lower() + name[1:]
