"""The face mesh of people nobody has measured: their identity and expression against rendered truth, in millimetres.

Each person stands at rest, then talks and grimaces, seen by two calibrated cameras (as body cameras are)
or by one face camera without calibration. Networks, neutral, identity, regressor, smoothing: all in the loop. The
mesh is laid on the truth once per person, by the face at rest: turn and place for two cameras, also size for one, which
no camera alone can tell. Error is that of all later frames on the front of the face, and of the lips alone.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

from typing import NamedTuple

import numpy as np

from benchmarks.report import report
from protocols.arrays import to_bytes
from protocols.messages import CameraLandmarks, FaceLandmarks
from stage.bodies.body import BodyModel, load_body
from stage.bodies.regions import MASK_SIZE, MASKS, load_regions
from stage.cameras.camera import Camera
from stage.config import ActorSection, CameraSection, FaceSection
from stage.correspondence.face_map import load_face_map
from stage.correspondence.face_samples import read_face
from stage.faces.model import HEAD
from stage.faces.regressor import FaceRegressor
from stage.faces.solver import FaceSolver
from stage.networks.face import FaceNetwork, face_region
from stage.networks.landmarks import Crop
from stage.networks.load import load_face_network
from stage.networks.regions import Region
from stage.solving.framesets import Frameset
from stage.solving.people import CameraRig
from stage.synthetic.faces.expressions import random_curve
from stage.synthetic.faces.performer import FacePerformer
from stage.synthetic.faces.renderer import FaceRenderer
from stage.synthetic.faces.shots import FaceShot

PEOPLE = range(910, 918)
"""Learning has seen none of them."""
FPS, REST_FRAMES, FRAMES = 30, 135, 90
"""At rest long enough for the neutral and the size."""
_STEP_NS = 1_000_000_000 // FPS
_FRONT_M = -0.10


class Errors(NamedTuple):
    """Distances of vertices from the truth, millimetres, and of the mean face at rest and the resting face told."""

    face: np.ndarray
    lips: np.ndarray
    plain: float
    rest: float
    still: np.ndarray
    """Distances if the identity were told and the face never moved."""


class Surface:
    """The vertices that are compared."""

    def __init__(self, body: BodyModel) -> None:
        share = (body.skin_weights * (body.skin_bones == HEAD)).sum(1)
        self.front = np.flatnonzero((share > 0.99) & (body.mean_vertices[:, 1] < _FRONT_M))
        regions = load_regions()
        mask = regions.masks[MASKS.index("lips")]
        cells = np.clip((regions.texture_coordinates * MASK_SIZE).astype(int), 0, MASK_SIZE - 1)
        painted = mask[MASK_SIZE - 1 - cells[..., 1], cells[..., 0]] > 128
        self.lips = np.flatnonzero(np.isin(self.front, np.unique(body.faces[painted])))


def main() -> None:
    """Film, solve, compare."""
    body, renderer, network = load_body(), FaceRenderer(), load_face_network()
    surface, regressor = Surface(body), FaceRegressor.load()
    figures: dict[str, float] = {}
    for name, yaws in (("two_views", (-0.35, 0.3)), ("face_camera", (0.1,))):
        errors = [_person(seed, yaws, body, surface, regressor, renderer, network) for seed in PEOPLE]
        face, lips = (np.concatenate([getattr(e, part) for e in errors]) for part in ("face", "lips"))
        figures |= {
            f"{name}_mean_mm": float(face.mean()),
            f"{name}_p95_mm": float(np.percentile(face, 95)),
            f"{name}_lips_mean_mm": float(lips.mean()),
            f"{name}_lips_p95_mm": float(np.percentile(lips, 95)),
            f"{name}_rest_mm": float(np.mean([e.rest for e in errors])),
            f"{name}_mean_face_mm": float(np.mean([e.plain for e in errors])),
            f"{name}_unmoved_mm": float(np.concatenate([e.still for e in errors]).mean()),
        }
    targets = {f"{name}_{what}": at for name in ("two_views", "face_camera") for what, at in _TARGETS.items()}
    report("face_mesh", figures, targets)


_TARGETS = {"mean_mm": "<= 2.0", "lips_p95_mm": "<= 4"}


def _person(
    seed: int,
    yaws: tuple[float, ...],
    body: BodyModel,
    surface: Surface,
    regressor: FaceRegressor,
    renderer: FaceRenderer,
    network: FaceNetwork,
) -> Errors:
    performer, random = FacePerformer(seed, renderer), np.random.default_rng(seed)
    curve = np.concatenate([np.zeros((REST_FRAMES, 52)), random_curve(random, FRAMES, FPS)])
    ids = tuple(f"cam{number}" for number in range(len(yaws)))
    own = [CameraSection(id=ids[0], source="file:", face_of="alice", mount="stand")] if len(yaws) == 1 else []
    solver = FaceSolver(body, load_face_map(), regressor, [ActorSection(id="alice")], FaceSection(), own)
    regions: dict[str, Region] = {}
    shape, told, true = np.zeros(body.shape_count), [], []
    for frame, coefficients in enumerate(curve):
        shots = [_shot(yaw, frame) for yaw in yaws]
        cameras = [_camera(shot, performer, name) for name, shot in zip(ids, shots, strict=True)]
        vertices = performer.vertices(coefficients)
        views = {}
        for camera, shot in zip(cameras, shots, strict=True):
            image = performer.picture(coefficients, shot, random)
            views[camera.id] = _seen(image, camera, vertices, body, network, regions, frame)
        now_ns = (frame + 1) * _STEP_NS
        if len(own) > 0:
            solver.see_camera(views[ids[0]])
        else:
            solver.see_frameset(Frameset(now_ns, views), CameraRig(cameras), {"alice": shape})
        if frame >= REST_FRAMES - 1:
            shapes = solver.shapes_at("alice", now_ns)
            rest = body.rest_body(shape, solver.identity("alice")).vertices[surface.front]
            told.append((rest, np.zeros(52) if shapes is None else shapes))
            true.append(vertices[surface.front])
    return _compare(body, surface, told, true, similar=len(yaws) == 1)


def _compare(
    body: BodyModel,
    surface: Surface,
    told: list[tuple[np.ndarray, np.ndarray]],
    true: list[np.ndarray],
    *,
    similar: bool,
) -> Errors:
    """Frames of the front of the face; the first is at rest, and on it the mesh is laid."""
    basis = body.facial_basis[:, surface.front].astype(np.float64)
    s, R, t = _fit(told[0][0], true[0], similar)
    moved = [s * (rest + np.tensordot(shapes, basis, 1)) @ R + t for rest, shapes in told]
    distance = np.linalg.norm(np.stack(moved[1:]) - np.stack(true[1:]), axis=2) * 1e3
    still = np.linalg.norm(s * told[0][0] @ R + t - np.stack(true[1:]), axis=2) * 1e3
    mean = body.mean_vertices[surface.front].astype(np.float64)
    s0, R0, t0 = _fit(mean, true[0], similar)
    plain = float(np.linalg.norm(s0 * mean @ R0 + t0 - true[0], axis=1).mean() * 1e3)
    rest = float(np.linalg.norm(s * told[0][0] @ R + t - true[0], axis=1).mean() * 1e3)
    return Errors(distance.ravel(), distance[:, surface.lips].ravel(), plain, rest, still.ravel())


def _fit(a: np.ndarray, to: np.ndarray, similar: bool) -> tuple[float, np.ndarray, np.ndarray]:
    """Size, rotation (from the right) and place that lay points (N, 3) on others."""
    a_mean, to_mean = a.mean(0), to.mean(0)
    U, S, Vt = np.linalg.svd((a - a_mean).T @ (to - to_mean))
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(U @ Vt))])
    size = float((S * sign).sum() / ((a - a_mean) ** 2).sum()) if similar else 1.0
    R = (U * sign) @ Vt
    return size, R, to_mean - size * a_mean @ R


def _shot(yaw: float, frame: int) -> FaceShot:
    """The head is never quite still."""
    sway = 0.12 * np.sin(frame / 23.0)
    return FaceShot(distance_m=1.0, yaw=yaw + float(sway), pitch=0.06 * float(np.sin(frame / 17.0)), size_px=200.0)


def _camera(shot: FaceShot, performer: FacePerformer, name: str) -> Camera:
    camera = shot.camera(performer.middle)
    return Camera(
        name, camera.width, camera.height, camera.K, camera.distortion, camera.R_camera_world, camera.t_camera_world
    )


def _seen(
    image: np.ndarray,
    camera: Camera,
    vertices: np.ndarray,
    body: BodyModel,
    network: FaceNetwork,
    regions: dict[str, Region],
    frame: int,
) -> CameraLandmarks:
    """The frame's landmarks; the region follows the last ones."""
    now_ns = (frame + 1) * _STEP_NS
    region = regions.pop(camera.id, None)
    if region is None:
        first = read_face(image, camera, vertices, body, network)
        region = None if first is None else face_region(first.points)
    faces: tuple[FaceLandmarks, ...] = ()
    if region is not None and region.is_usable(image):
        (reading,) = network.read([Crop(image, region)])
        if reading.score > 0.5:
            regions[camera.id] = face_region(reading.points)
            eyes = b"" if reading.eyes is None else to_bytes(reading.eyes)
            faces = (FaceLandmarks(-1, "alice", to_bytes(reading.points), eyes, reading.score),)
    return CameraLandmarks(
        camera.id, frame, now_ns, now_ns, now_ns, now_ns, camera.width, camera.height, (), faces=faces
    )


if __name__ == "__main__":
    main()
