"""What a performer wears, as soft masks on the body and as thickness over it.

A garment is a function from points of the average body (`Surface`) to "how much is it covered", so the
same function colours texels and moves vertices. Thickness (hair, cloth, soles) is only drawn: ground
truth remains the bare body.
"""

from __future__ import annotations

import numpy as np

from stage.bodies.body import RestBody, load_body
from stage.synthetic.appearance import Appearance
from stage.synthetic.atlas import Surface, load_atlas
from stage.synthetic.raster import Floats

EDGE_M = 0.003
"""Half the width over which one material turns into another, metres."""


def dress(rest: RestBody, appearance: Appearance) -> Floats:
    """The rest vertices (V, 3) with the thickness of what is worn; ends of garments show as steps."""
    body, surface = load_body(), load_atlas().vertex_surface
    shod, haired = shoes(appearance, surface), hair(appearance, surface)
    cloth = np.maximum(shirt(appearance, surface), trousers(appearance, surface)) * (1.0 - shod)
    vertices = _smoothed(rest.vertices, body.faces, shod, 12)
    vertices = _smoothed(vertices, body.faces, cloth * min(appearance.looseness, 1.0), 4)
    skull = np.clip((surface.points[:, 2] - 1.66) / 0.08, 0.3, 1.0)  # hair is thinner at the nape
    thickness = 0.010 * appearance.looseness * cloth + 0.006 * shod + appearance.hair_volume_m * haired * skull
    normals = vertex_normals(vertices, body.faces)
    moved = vertices + thickness[:, None] * normals
    sole = rest.vertices[:, 2].min()
    moved[:, 2] = np.maximum(moved[:, 2], sole)
    return moved.astype(np.float32)


def vertex_normals(vertices: Floats, faces: np.ndarray) -> Floats:
    """(V, 3) unit normals, faces weighted by their area."""
    a, b, c = (np.ascontiguousarray(vertices.take(faces[:, i], axis=0).T) for i in range(3))
    u, v = b - a, c - a
    cross = (u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0])
    corners = faces.reshape(-1)
    normals = np.empty_like(vertices)
    for axis in range(3):
        normals[:, axis] = np.bincount(corners, np.repeat(cross[axis], 3), len(vertices))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
    return normals


def shirt(appearance: Appearance, surface: Surface) -> Floats:
    """(N,) how much the shirt covers each point."""
    x, y, z = surface.points.T
    torso = soft_step(z, appearance.hem_m) * soft_step(1.505 + 0.45 * (y + 0.06) + 0.25 * np.abs(x), z)
    torso *= 1.0 - soft_step(surface.head, 0.75, 0.2) * soft_step(0.09, np.abs(x))
    sleeve = soft_step(appearance.sleeve, surface.along_arm, 0.012)
    is_arm = surface.arm > 0.5
    return np.where(is_arm, sleeve, torso) * ~surface.is_part("head")


def trousers(appearance: Appearance, surface: Surface) -> Floats:
    """(N,) how much the trousers cover each point."""
    z = surface.points[:, 2]
    is_arm = surface.arm > 0.5
    return soft_step(1.03, z) * soft_step(z, appearance.leg_end_m) * ~is_arm


def shoes(appearance: Appearance, surface: Surface) -> Floats:
    """(N,) how much shoes cover each point."""
    if appearance.barefoot:
        return np.zeros(len(surface.points), np.float32)
    y, z = surface.points[:, 1], surface.points[:, 2]
    return soft_step(0.095 + 0.15 * np.clip(y + 0.04, -0.1, 0.05), z) * (surface.leg > 0.5)


def hair(appearance: Appearance, surface: Surface) -> Floats:
    """(N,) how much hair covers each point; none on a shaved head."""
    if appearance.hair_volume_m <= 0.0:
        return np.zeros(len(surface.points), np.float32)
    x, y, z = surface.points.T
    line_y = (-0.200, -0.165, -0.140, -0.118, -0.108, -0.098, -0.085, -0.055, -0.042, -0.020, 0.000, 0.030)
    line_z = (1.752, 1.748, 1.735, 1.700, 1.672, 1.672, 1.694, 1.692, 1.660, 1.625, 1.612, 1.610)
    line = np.interp(y, line_y, line_z) + 0.10 * np.clip(np.abs(x) - 0.03, 0.0, 0.03) * (y < -0.14)
    return soft_step(z, line, 0.006) * surface.is_part("head", "body") * (1.0 - surface.masks["ears"])


def soft_step(value: Floats | float, limit: Floats | float, width: float = EDGE_M) -> Floats:
    """1 where `value` lies above `limit`, 0 below, with a soft edge of `width` on both sides."""
    ramp = np.clip((np.asarray(value) - limit) / (2.0 * width) + 0.5, 0.0, 1.0)
    return (ramp * ramp * (3.0 - 2.0 * ramp)).astype(np.float32)


def _smoothed(vertices: Floats, faces: np.ndarray, share: Floats, times: int) -> Floats:
    """Vertices moved towards the mean of their neighbours, `times` times, where `share` says so."""
    rows = np.concatenate([faces[:, [0, 1, 2]].reshape(-1), faces[:, [1, 2, 0]].reshape(-1)])
    columns = np.concatenate([faces[:, [1, 2, 0]].reshape(-1), faces[:, [0, 1, 2]].reshape(-1)])
    count = np.bincount(rows, minlength=len(vertices))[:, None]
    for _ in range(times):
        mean = np.stack([np.bincount(rows, vertices[columns, axis], len(vertices)) for axis in range(3)], axis=1)
        vertices = vertices + share[:, None] * (mean / count - vertices)
    return vertices.astype(np.float32)
