"""The skin laid flat: what point of the body each texel of the texture shows.

Painting a body is easiest by place ("above this hairline", "down to the elbow"), while drawing it
needs a picture in texture space. The atlas joins the two: the mesh is rasterised once in texture
space, and each texel remembers its point on the average body in the rest pose. All bodies share
the same triangles, so a texture painted on the average body fits every one.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from stage.bodies.body import BodyModel, load_body
from stage.bodies.regions import MASKS, PARTS, load_regions
from stage.synthetic.raster import Floats, Indices, rasterise

TEXTURE_SIZE = 1024


@dataclass(frozen=True, eq=False)
class Surface:
    """N points of the average body's skin."""

    points: Floats
    """(N, 3) place in the rest pose of the average body, metres."""
    arm: Floats
    """(N,) how much the point belongs to an arm, in [0, 1]."""
    along_arm: Floats
    """(N,) 0 at the shoulder, 1 at the elbow, 2 at the wrist."""
    leg: Floats
    """(N,) how much the point belongs to a leg below the hip joint."""
    foot: Floats
    """(N,) how much it belongs to a foot."""
    head: Floats
    """(N,) how much it belongs to head and neck."""
    part: np.ndarray
    """(N,) uint8, index into `stage.bodies.regions.PARTS`."""
    masks: dict[str, Floats]
    """(N,) each: MakeHuman's soft regions, in [0, 1], by name."""

    def is_part(self, *names: str) -> np.ndarray:
        """(N,) bool: the point lies on one of the named parts."""
        return np.isin(self.part, [PARTS.index(name) for name in names])


@dataclass(frozen=True, eq=False)
class Atlas:
    """The texture's texels and the mesh's vertices as points of the surface."""

    texels: Indices
    """(N,) flat indices of the texels that show skin."""
    texel_surface: Surface
    vertex_surface: Surface
    fill: Indices
    """(1024 * 1024,) for every texel the index into `texels` of the nearest one that shows skin."""
    corner_texels: np.ndarray
    """(3, 2, F) float32: of each corner of each triangle the column and row in the texture."""


@functools.cache
def load_atlas() -> Atlas:
    """The atlas of the body; takes half a second, once per process."""
    body, regions = load_body(), load_regions()
    size = TEXTURE_SIZE
    coordinates = regions.texture_coordinates.astype(np.float64)
    corner_texels = np.stack([coordinates[..., 0], 1.0 - coordinates[..., 1]], axis=-1) * size - 0.5
    flat = corner_texels.reshape(-1, 2)
    own_corners = np.arange(len(flat), dtype=np.int32).reshape(-1, 3)
    found = rasterise(flat, np.ones(len(flat)), own_corners, size, size, cull=False)
    texels = found.y * size + found.x

    masks = regions.masks.astype(np.float32) / 255.0
    at_texels = {name: masks[i].reshape(-1)[texels] for i, name in enumerate(MASKS)}
    groups = _groups(body)
    texel_surface = _surface(
        found.interpolate(body.mean_vertices, body.faces),
        found.interpolate(groups, body.faces),
        regions.parts[found.triangle],
        at_texels,
        body,
    )
    vertex_part = np.zeros(len(body.mean_vertices), np.uint8)
    vertex_texel = np.zeros(len(body.mean_vertices), np.int64)
    cells = np.clip(np.rint(corner_texels), 0, size - 1).astype(np.int64)
    vertex_part[body.faces] = regions.parts[:, None]
    vertex_texel[body.faces] = cells[..., 1] * size + cells[..., 0]
    at_vertices = {name: masks[i].reshape(-1)[vertex_texel] for i, name in enumerate(MASKS)}
    vertex_surface = _surface(body.mean_vertices, groups, vertex_part, at_vertices, body)
    shuffled = np.ascontiguousarray(corner_texels.transpose(1, 2, 0), dtype=np.float32)
    return Atlas(texels, texel_surface, vertex_surface, _nearest_shown(texels, size), shuffled)


def _groups(body: BodyModel) -> Floats:
    """(V, 4): share of each vertex's skin weights in arms, legs, feet, head."""
    members = (
        ("upperarm", "lowerarm", "hand", "index", "middle", "pinky", "ring", "thumb"),
        ("thigh", "calf", "foot", "ball"),
        ("foot", "ball"),
        ("neck", "head"),
    )
    of_bone = np.array([[bone.startswith(group) for group in members] for bone in body.bones], np.float32)
    return np.einsum("vk,vkg->vg", body.skin_weights, of_bone[body.skin_bones]).astype(np.float32)


def _surface(points: Floats, groups: Floats, part: np.ndarray, masks: dict[str, Floats], body: BodyModel) -> Surface:
    folded = np.column_stack([np.abs(points[:, 0]), points[:, 1:]])
    shoulder, elbow, wrist = (body.mean_joints[body.bones.index(b)] for b in ("upperarm_l", "lowerarm_l", "hand_l"))
    upper = (folded - shoulder) @ (elbow - shoulder) / np.sum((elbow - shoulder) ** 2)
    lower = (folded - elbow) @ (wrist - elbow) / np.sum((wrist - elbow) ** 2)
    along = np.where(lower > 0.0, 1.0 + lower, np.minimum(upper, 1.0))
    arm, leg, foot, head = groups.T
    return Surface(points, arm, along.astype(np.float32), leg, foot, head, part, masks)


def _nearest_shown(texels: Indices, size: int) -> Indices:
    """For every texel, the index into `texels` of the nearest one that shows skin."""
    hidden = np.ones((size, size), np.uint8)
    hidden.reshape(-1)[texels] = 0
    _, found = cv2.distanceTransformWithLabels(hidden, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
    labels = np.asarray(found, np.int64)
    index_of_label = np.zeros(labels.max() + 1, np.int64)
    index_of_label[labels.reshape(-1)[texels]] = np.arange(len(texels))
    return index_of_label[labels.reshape(-1)]
