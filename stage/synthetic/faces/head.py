"""The part of the body mesh that a picture of a face shows, with teeth, and what lies where on it.

The renderer draws head, eyes, mouth and shoulders only. Teeth, which the body model lacks, are two arcs whose
vertices are affine combinations of mouth vertices that the skull or the jaw moves, so they follow any head,
pose and jaw. Where lips, brows and lashes are is known per vertex or by the place on the average head:

    vertices (V, 3) of any posed body --> HeadMesh.vertices_of --> (H, 3) of the drawn mesh
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from protocols.names import ARKIT_SHAPES
from stage.bodies.body import BodyModel, load_body
from stage.bodies.regions import PARTS, load_regions
from stage.synthetic.atlas import Surface, load_atlas
from stage.synthetic.garments import soft_step

SKIN, EYE, MOUTH, TONGUE, TEETH, CLOTH = range(6)
"""What a triangle is made of."""

_LOWEST_M = 1.36
"""Height on the average body below which nothing is drawn."""
_NECKLINE_M = 1.475
_EYE_RADIUS_M = 0.0165
_TEETH_ANCHORS = 60
_TEETH_HALF_WIDTH_M = 0.024
_TEETH_COLUMNS, _TEETH_ROWS = 25, 3
_HAIRLINE_Y = (-0.200, -0.165, -0.140, -0.118, -0.108, -0.098, -0.085, -0.055, -0.042, -0.020, 0.000, 0.030)
_HAIRLINE_Z = (1.752, 1.748, 1.735, 1.700, 1.672, 1.672, 1.694, 1.692, 1.660, 1.625, 1.612, 1.610)


@dataclass(frozen=True, eq=False)
class HeadMesh:
    """The drawn mesh; H vertices, of which the last are teeth, T triangles."""

    body_vertices: np.ndarray
    """(B,) which vertices of the body model are drawn."""
    teeth: np.ndarray
    """(H - B, B) float32: each tooth vertex as a combination of the drawn body vertices; rows sum to 1."""
    faces: np.ndarray
    """(T, 3) int32, counter-clockwise from outside."""
    material: np.ndarray
    """(T,) int32."""
    place: np.ndarray
    """(H, 3) float32: the same point on the average body at rest, metres."""
    paint: np.ndarray
    """(H, 4) float32 in [0, 1]: lips, lashes (upper lid 1, lower lid 0.45), lids' skin, hair."""
    eye_centers: np.ndarray
    """(2, 3) on the average body, the performer's left eye first."""
    lip_vertices: np.ndarray
    """(L,) indices into the drawn mesh: where lips meet the mouth."""

    def vertices_of(self, vertices: np.ndarray) -> np.ndarray:
        """(H, 3) float32 of a body's vertices (V, 3)."""
        drawn = np.asarray(vertices, np.float32)[self.body_vertices]
        return np.concatenate([drawn, self.teeth @ drawn])

    def material_of_vertices(self) -> np.ndarray:
        """(B,) int32: of the drawn body vertices, the least material among the triangles about each."""
        material = np.full(len(self.place), CLOTH, np.int32)
        np.minimum.at(material, self.faces.reshape(-1), np.repeat(self.material, 3))
        return material[: len(self.body_vertices)]


@functools.cache
def load_head() -> HeadMesh:
    """The head of the body model; takes under a second, once per process."""
    body, regions, surface = load_body(), load_regions(), load_atlas().vertex_surface
    corners_z = body.mean_vertices[body.faces][..., 2]
    arms = surface.arm[body.faces].max(1) > 0.6
    kept = (corners_z.min(1) > _LOWEST_M) & ~arms
    used = np.unique(body.faces[kept])
    new = np.full(len(body.mean_vertices), -1, np.int32)
    new[used] = np.arange(len(used), dtype=np.int32)
    material = _materials(body, regions.parts)[kept]
    teeth, teeth_faces, teeth_place = _teeth(body, used)
    own = load_atlas().vertex_surface
    paint = np.zeros((len(used) + len(teeth), 4), np.float32)
    paint[: len(used)] = np.stack([own.masks["lips"], _lashes(body, own), own.masks["eyelids"], _hair(own)], 1)[used]
    eyes = [_center(body, side) for side in ("L", "R")]
    return HeadMesh(
        body_vertices=used,
        teeth=teeth,
        faces=np.concatenate([new[body.faces[kept]], teeth_faces + len(used)]).astype(np.int32),
        material=np.concatenate([material, np.full(len(teeth_faces), TEETH, np.int32)]).astype(np.int32),
        place=np.concatenate([body.mean_vertices[used], teeth_place]).astype(np.float32),
        paint=paint,
        eye_centers=np.stack(eyes).astype(np.float32),
        lip_vertices=new[_shared(body, "head", ("mouth_cavity",))],
    )


def _materials(body: BodyModel, parts: np.ndarray) -> np.ndarray:
    def of(*names: str) -> np.ndarray:
        return np.isin(parts, [PARTS.index(name) for name in names])

    material = np.full(len(body.faces), SKIN, np.int32)
    material[of("eye_front.L", "eye_front.R", "eye_back.L", "eye_back.R")] = EYE
    material[of("mouth_cavity")] = MOUTH
    material[of("tongue")] = TONGUE
    middle = body.mean_vertices[body.faces].mean(1)
    neckline = _NECKLINE_M + 0.45 * (middle[:, 1] + 0.06) + 0.25 * np.abs(middle[:, 0])
    material[of("body") & (middle[:, 2] < neckline)] = CLOTH
    return material


def _shared(body: BodyModel, part: str, others: tuple[str, ...]) -> np.ndarray:
    """Vertices where a part borders on others."""
    parts = load_regions().parts

    def vertices(name: str) -> np.ndarray:
        return np.unique(body.faces[parts == PARTS.index(name)])

    return np.intersect1d(vertices(part), np.concatenate([vertices(name) for name in others]))


def _lashes(body: BodyModel, surface: Surface) -> np.ndarray:
    """(V,) 1 on the edge of the upper lids, 0.45 on that of the lower ones."""
    edge = _shared(body, "head", ("eye_cavity.L", "eye_cavity.R"))
    points = body.mean_vertices[edge]
    across = np.abs(points[:, 0])
    inner, outer = across.argmin(), across.argmax()
    level = np.interp(across, [across[inner], across[outer]], [points[inner, 2], points[outer, 2]])
    lashes = np.zeros(len(surface.points), np.float32)
    lashes[edge] = np.where(points[:, 2] > level, 1.0, 0.45)
    return lashes


def _hair(surface: Surface) -> np.ndarray:
    """(V,) how much hair covers each vertex."""
    x, y, z = surface.points.T
    line = np.interp(y, _HAIRLINE_Y, _HAIRLINE_Z) + 0.10 * np.clip(np.abs(x) - 0.03, 0.0, 0.03) * (y < -0.14)
    return soft_step(z, line, 0.006) * surface.is_part("head", "body") * (1.0 - surface.masks["ears"])


def _center(body: BodyModel, side: str) -> np.ndarray:
    """The centre of an eyeball on the average body: the sphere through its front."""
    points = body.mean_vertices[np.unique(body.faces[load_regions().parts == PARTS.index(f"eye_front.{side}")])]
    points = points.astype(np.float64)
    system = np.column_stack([2.0 * points, np.ones(len(points))])
    return np.linalg.lstsq(system, (points**2).sum(1), rcond=None)[0][:3]


def _teeth(body: BodyModel, used: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both arcs: weights (N, B) over the drawn vertices, triangles, places (N, 3)."""
    cavity = np.unique(body.faces[load_regions().parts == PARTS.index("mouth_cavity")])
    motion = np.linalg.norm(body.facial_basis[:, cavity].astype(np.float32), axis=-1)
    jaw = motion[ARKIT_SHAPES.index("JawOpen")]
    other = motion.sum(0) - jaw
    still = cavity[np.argsort(other + 10.0 * jaw)[:_TEETH_ANCHORS]]
    with_jaw = cavity[np.argsort(np.where(jaw > 0.01, other, np.inf))[:_TEETH_ANCHORS]]
    columns = np.linspace(-_TEETH_HALF_WIDTH_M, _TEETH_HALF_WIDTH_M, _TEETH_COLUMNS)
    weights, faces, places = [], [], []
    for anchors, low, high, back in ((still, 1.6050, 1.6175, 0.0), (with_jaw, 1.5930, 1.6045, 0.0015)):
        x, z = np.meshgrid(columns, np.linspace(high, low, _TEETH_ROWS))
        points = np.stack([x, -0.1735 + back + 41.0 * x**2, z], -1).reshape(-1, 3)
        share = np.zeros((len(points), len(used)), np.float32)
        share[:, np.searchsorted(used, anchors)] = _combination(body.mean_vertices[anchors], points)
        faces.append(_grid(_TEETH_COLUMNS, _TEETH_ROWS) + sum(map(len, weights)))
        weights.append(share)
        places.append(points)
    return np.concatenate(weights), np.concatenate(faces), np.concatenate(places).astype(np.float32)


def _combination(anchors: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(N, K) least weights that sum to 1 and reproduce `points` (N, 3) from `anchors` (K, 3)."""
    middle = anchors.mean(0)
    system = np.vstack([(anchors - middle).T / 0.02, np.ones(len(anchors))])
    target = np.column_stack([(points - middle) / 0.02, np.ones(len(points))])
    return (np.linalg.pinv(system) @ target.T).T.astype(np.float32)


def _grid(columns: int, rows: int) -> np.ndarray:
    """Triangles of a grid whose rows run downwards, seen from -Y with columns along +X."""
    i = np.arange(columns - 1)[None, :] + columns * np.arange(rows - 1)[:, None]
    i = i.reshape(-1)
    return np.concatenate([np.stack([i, i + columns, i + 1], 1), np.stack([i + 1, i + columns, i + columns + 1], 1)])
