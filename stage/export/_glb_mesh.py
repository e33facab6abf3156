"""The mesh of an actor in a GLB: the rest body, what it hangs on, what its face can do."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.axes import GLTF_FROM_WORLD
from protocols.names import ARKIT_SHAPES
from stage.bodies.body import BodyModel
from stage.bodies.regions import PARTS, load_regions
from stage.errors import BodyModelError
from stage.export._glb_file import ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER, GlbFile
from stage.export._source import ExportSource

_LEAST_MOVE_M = 1e-6


def _material(name: str, colour: tuple[float, float, float], roughness: float) -> dict[str, Any]:
    surface = {"baseColorFactor": [*colour, 1.0], "metallicFactor": 0.0, "roughnessFactor": roughness}
    return {"name": name, "pbrMetallicRoughness": surface}


MATERIALS = [
    _material("skin", (0.56, 0.34, 0.25), 0.6),
    _material("eyes", (0.85, 0.84, 0.82), 0.15),
    _material("mouth", (0.35, 0.10, 0.10), 0.5),
    _material("iris", (0.03, 0.015, 0.01), 0.1),
]
"""Colours that tell the parts apart; linear, as glTF has them."""

_PARTS = {
    "eyes": ("eye_back.L", "eye_front.L", "eye_back.R", "eye_front.R"),
    "mouth": ("mouth_cavity", "tongue"),
}
_FRONTS = ("eye_front.L", "eye_front.R")
_IRIS_VERTICES = 16
"""Of each eye, the foremost: a ring of eight around the pupil and one around the iris."""


def shape_names() -> list[str]:
    """The face shapes as ARKit writes them, "eyeBlinkLeft"; what face rigs look for."""
    return [name[0].lower() + name[1:] for name in ARKIT_SHAPES]


def add_mesh(glb: GlbFile, source: ExportSource) -> dict[str, Any]:
    """Adds the arrays of a mesh; returns what the JSON says of it."""
    worn = source.worn
    model, vertices = worn.model, np.asarray(worn.vertices, np.float32)
    attributes = {
        "POSITION": glb.accessor(GLTF_FROM_WORLD.positions(vertices), target=ARRAY_BUFFER, bounds=True),
        "NORMAL": glb.accessor(GLTF_FROM_WORLD.positions(normals(vertices, model.faces)), target=ARRAY_BUFFER),
    }
    bones, weights = influences(model)
    for number in range(bones.shape[1] // 4):
        four = slice(4 * number, 4 * number + 4)
        attributes[f"JOINTS_{number}"] = glb.accessor(np.ascontiguousarray(bones[:, four]), target=ARRAY_BUFFER)
        attributes[f"WEIGHTS_{number}"] = glb.accessor(np.ascontiguousarray(weights[:, four]), target=ARRAY_BUFFER)
    targets = [{"POSITION": _target(glb, action, len(vertices))} for action in model.facial_basis]
    primitives = [
        {
            "attributes": attributes,
            "indices": glb.accessor(faces.reshape(-1).astype(np.uint16), target=ELEMENT_ARRAY_BUFFER),
            "material": material,
            "targets": targets,
        }
        for material, faces in by_material(model)
    ]
    return {
        "name": f"{source.actor}_body",
        "primitives": primitives,
        "weights": [0.0] * len(targets),
        "extras": {"targetNames": shape_names()},
    }


def influences(model: BodyModel) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Bones and weights (V, 8) of every vertex, heaviest first; bone 0 where the weight is 0."""
    order = np.argsort(-model.skin_weights, 1, kind="stable")
    weights = np.zeros((len(order), 8), np.float32)
    bones = np.zeros((len(order), 8), np.uint8)
    weights[:, : order.shape[1]] = np.take_along_axis(model.skin_weights, order, 1)
    bones[:, : order.shape[1]] = np.take_along_axis(model.skin_bones, order, 1)
    weights /= weights.sum(1, keepdims=True)
    bones[weights == 0] = 0
    return bones, weights


def normals(vertices: NDArray[np.float32], faces: NDArray[np.integer]) -> NDArray[np.float32]:
    """(V, 3) unit normals of a mesh: those of the triangles around each vertex, by their areas."""
    corners = vertices[faces].astype(np.float64)
    areas = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    sums = np.zeros((len(vertices), 3))
    for corner in range(3):
        np.add.at(sums, faces[:, corner], areas)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    unit = np.where(lengths > 0, sums / np.maximum(lengths, 1e-30), (0.0, 0.0, 1.0))
    return unit.astype(np.float32)


def _target(glb: GlbFile, action: NDArray[np.floating], count: int) -> int:
    moved = np.flatnonzero(np.abs(action).max(1) > _LEAST_MOVE_M)
    moved = moved if len(moved) > 0 else np.zeros(1, np.intp)
    return glb.sparse(moved, GLTF_FROM_WORLD.positions(action[moved].astype(np.float32)), count)


def by_material(model: BodyModel) -> list[tuple[int, NDArray[np.integer]]]:
    """Triangles of each material; all in one where it is not known which part they belong to."""
    try:
        parts = load_regions().parts
    except BodyModelError:
        return [(0, model.faces)]
    of = np.zeros(len(model.faces), np.intp)
    for material, entry in enumerate(MATERIALS):
        wanted = [PARTS.index(part) for part in _PARTS.get(entry["name"], ())]
        of[np.isin(parts, wanted)] = material
    of[_iris(model, parts)] = len(MATERIALS) - 1
    return [(material, model.faces[of == material]) for material in np.unique(of).tolist()]


def _iris(model: BodyModel, parts: NDArray[np.integer]) -> NDArray[np.bool_]:
    """(F,) which triangles are pupil or iris; the mesh has a ring of edges around it."""
    found = np.zeros(len(parts), np.bool_)
    for part in _FRONTS:
        front = parts == PARTS.index(part)
        vertices = np.unique(model.faces[front])
        foremost = vertices[np.argsort(model.mean_vertices[vertices, 1], kind="stable")[:_IRIS_VERTICES]]
        found |= front & np.isin(model.faces, foremost).all(1)
    return found
