"""Fingers against exact truth: tips within 15 mm where the hand is in clear view, of two cameras and of one.

A rendered performer moves both hands before cameras that show them some 150 pixels long, fingers going from pose to
pose; the body shape is known, as from a profile. "tips" are the fingertips in the world; "own" the same after the hand
bones are laid over each other, which is what the fingers alone are off. Beside it, laid over the true landmarks as well
as can be: ours, the network's own 3D, and a hand that keeps its rest pose.

Then `../shared/data/signing`, where it is present: real hands of one camera without a calibration (a usual lens is
assumed). How far the shown fingers lie from where the network sees them, and how often a hand before the camera is not
read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from benchmarks.report import Figure, progress, report
from protocols.arrays import from_bytes
from protocols.messages import CameraLandmarks, Performance
from protocols.names import BODY_LANDMARKS, RIG_BONES
from stage.bodies.body import load_body
from stage.bodies.hands import FINGERS, SIDES, finger_bone_index
from stage.cameras.camera import Camera
from stage.cameras.geometry import project
from stage.cameras.sources import open_source
from stage.config import ActorSection, BodySection, CameraSection, Config, FaceSection
from stage.correspondence.hand_map import HandMap, load_hand_map
from stage.correspondence.landmark_map import load_landmark_map
from stage.networks.load import load_reader
from stage.solving.framesets import Frameset
from stage.solving.solver import HandSettings, Solver
from stage.synthetic.appearance import SKINS, Appearance
from stage.synthetic.choreography import GRID_HZ, choreograph
from stage.synthetic.hand_poses import finger_motion
from stage.synthetic.kinematics import Poses, forward
from stage.synthetic.performer import Performer
from stage.synthetic.retarget import with_fingers
from stage.synthetic.script import Script
from stage.synthetic.shot import Shot, camera_looking

SIGNING = Path(__file__).resolve().parents[2] / "shared" / "data" / "signing"
SECONDS = 4.0
SETTLE = 15
"""Framesets after which fingers count: the body has to be found first."""
SIGNING_FOCAL = 1.1
"""Of a usual camera, in picture widths."""
_TIPS = [4, 8, 12, 16, 20]
_WRISTS = [BODY_LANDMARKS.index(f"{side}_wrist") for side in SIDES]
_HAND_BONES = [RIG_BONES.index(f"hand_{side[0]}") for side in SIDES]
_SHAPE = ((0, 0.5), (1, -0.4), (2, 0.6))


class Solved(NamedTuple):
    """One frameset."""

    frame: int
    views: dict[str, CameraLandmarks]
    performance: Performance
    vertices: np.ndarray
    """(V, 3) shown."""


def main() -> None:
    """Rendered, then real."""
    meaning = load_hand_map("mediapipe-hand")
    figures: dict[str, Figure] = {}
    shot = hands_shot()
    pictures = [{name: shot.picture(name, frame) for name in shot.cameras} for frame in range(shot.frame_count)]
    for name, cameras in (("two_views", ("right", "left")), ("one_view", ("right",))):
        progress(f"{name} ...")
        figures |= rendered(name, shot, pictures, cameras, meaning)
    if SIGNING.exists():
        for clip in sorted(SIGNING.glob("*.mkv")):
            progress(f"{clip.stem} ...")
            figures |= signing(clip, meaning)
    report("fingers", figures, {"two_views_tips_mm": "<= 15", "one_view_own_tips_mm": "<= 15"})


def hands_shot() -> Shot:
    """Both hands before the body, turning, each some 150 pixels long in two cameras."""
    body = load_body()
    shape = np.zeros(body.shape_count)
    for index, value in _SHAPE:
        shape[index] = value
    rest = body.rest_body(shape)
    script = Script()
    script.pose(0.1, 0.5, flex_l=0.55, flex_r=0.55, abduct_l=0.25, abduct_r=0.35, elbow_l=1.75, elbow_r=1.7)
    script.key(1.2, flex_r=0.8, elbow_r=1.3, pronate_r=-0.7, wrist_r=0.2, flex_l=0.5, elbow_l=1.9, pronate_l=0.5)
    script.key(2.2, flex_r=0.5, elbow_r=1.9, pronate_r=0.4, wrist_r=-0.3, flex_l=0.9, elbow_l=1.2, pronate_l=-0.6)
    script.key(3.2, flex_r=0.7, elbow_r=1.5, pronate_r=-0.3, abduct_r=0.6, flex_l=0.6, elbow_l=1.6, abduct_l=0.6)
    script.key(SECONDS, flex_l=0.55, flex_r=0.55, abduct_l=0.25, abduct_r=0.35, elbow_l=1.75, elbow_r=1.7)
    script.now = SECONDS
    poses = choreograph(script, rest, seed=5)
    poses = with_fingers(poses, finger_motion(len(poses) / GRID_HZ, GRID_HZ, seed=17))
    size = (1280, 960)
    cameras = (
        camera_looking("right", (-0.75, -1.75, 1.45), (0.0, -0.1, 1.05), 1180.0, (-0.05, 0.01, 0.0, 0.0, 0.0), size),
        camera_looking("left", (0.95, -1.6, 1.25), (0.0, -0.1, 1.05), 1180.0, (-0.06, 0.02, 0.0, 0.0, 0.0), size),
    )
    look = Appearance(skin=SKINS[1], sleeve=0.7, seed=3)
    return Shot(Performer(rest, look), poses, GRID_HZ, {camera.id: camera for camera in cameras})


def solved(
    cameras: list[Camera],
    frames: Iterator[dict[str, np.ndarray]],
    shape: np.ndarray | None,
    meaning: HandMap,
    height_m: float = 0.0,
) -> Iterator[Solved]:
    """Pictures to performances, predictions guiding the next frame."""
    sections = tuple(CameraSection(id=camera.id, source="synthetic:benchmark") for camera in cameras)
    cast = (ActorSection(id="actor", height_m=height_m),)
    config = Config(cameras=sections, actors=cast, face=FaceSection(enabled=False))
    reader = load_reader(config)
    shapes = None if shape is None else {"actor": shape}
    solver = Solver(
        load_body(),
        cameras,
        cast,
        BodySection(),
        load_landmark_map(config.body.network),
        shapes,
        hands=HandSettings(meaning),
    )
    predictions = []
    for index, images in enumerate(frames):
        now_ns = index * 33_333_333
        seen = reader.step({camera: (image, now_ns) for camera, image in images.items()}, predictions)
        views = {
            camera: CameraLandmarks(
                camera, index, now_ns, now_ns, now_ns, now_ns, image.shape[1], image.shape[0], *seen[camera]
            )
            for camera, image in images.items()
        }
        performances = solver.step(Frameset(now_ns, views))
        predictions = solver.predictions(now_ns + 33_333_333)
        if len(performances) > 0:
            yield Solved(index, views, performances[0], solver.vertices("actor").numpy().copy())


def rendered(
    name: str, shot: Shot, pictures: list[dict[str, np.ndarray]], cameras: tuple[str, ...], meaning: HandMap
) -> dict[str, Figure]:
    """Errors against the truth."""
    combination = np.stack([meaning.combination(side, len(load_body().mean_vertices)) for side in SIDES])
    shape = np.zeros(load_body().shape_count)
    for index, value in _SHAPE:
        shape[index] = value
    G, heads = forward(shot.performer.rest.joints, shot.frame_poses)
    rest = combination @ shot.performer.rest.vertices
    tips, own, aligned, raw, still, wrists, sure = [], [], [], [], [], [], []
    read = 0
    frames = ({camera: images[camera] for camera in cameras} for images in pictures)
    for one in solved([shot.cameras[camera] for camera in cameras], frames, shape, meaning):
        if one.frame < SETTLE:
            continue
        true, found = combination @ shot.vertices(one.frame), combination @ one.vertices
        rotations = from_bytes(one.performance.rotations, (len(RIG_BONES), 4))
        G_found = _global(rotations)
        joints = from_bytes(one.performance.joints, (len(RIG_BONES), 3))
        sure.append(from_bytes(one.performance.confidence, (len(RIG_BONES),)))
        tips.append(np.linalg.norm(found - true, axis=-1)[:, _TIPS])
        for hand, bone in enumerate(_HAND_BONES):
            local = (found[hand] - joints[bone]) @ G_found[bone]
            local_true = (true[hand] - heads[one.frame, bone]) @ G[one.frame, bone]
            own.append(np.linalg.norm(local - local_true, axis=-1)[_TIPS])
            wrists.append(_angle_deg(G_found[bone].T @ G[one.frame, bone]))
            aligned.append(_laid_over(found[hand], true[hand])[_TIPS])
            still.append(_laid_over(rest[hand], true[hand])[_TIPS])
        hands = [h for view in one.views.values() for h in view.hands]
        read += len(hands)
        for h in hands:
            if len(h.world) > 0:
                points = from_bytes(h.world, (21, 3)).astype(np.float64)
                camera = next(c for c, view in one.views.items() if h in view.hands)
                in_world = points @ shot.cameras[camera].R_camera_world
                raw.append(_laid_over(in_world, true[SIDES.index(h.side)])[_TIPS])
    figures: dict[str, Figure] = {
        f"{name}_framesets": len(tips),
        f"{name}_hands_read_per_frameset": read / max(len(tips), 1),
        f"{name}_tips_mm": _mm(tips),
        f"{name}_tips_p95_mm": float(np.percentile(tips, 95) * 1e3),
        f"{name}_own_tips_mm": _mm(own),
        f"{name}_wrist_deg": float(np.mean(wrists)),
        f"{name}_laid_over_tips_mm": _mm(aligned),
        f"{name}_network_3d_laid_over_tips_mm": _mm(raw),
        f"{name}_rest_hand_laid_over_tips_mm": _mm(still),
        f"{name}_confidence": float(np.mean(np.stack(sure)[:, np.concatenate([finger_bone_index(s) for s in SIDES])])),
    }
    per_finger = np.stack(own).mean(0) * 1e3
    return figures | {f"{name}_own_{finger}_mm": float(e) for finger, e in zip(FINGERS, per_finger, strict=True)}


def signing(clip: Path, meaning: HandMap) -> dict[str, Figure]:
    """Reprojection of shown fingers and lost hands in one real clip."""
    width, height = 640, 480
    focal = SIGNING_FOCAL * width
    K = np.array([[focal, 0.0, width / 2 - 0.5], [0.0, focal, height / 2 - 0.5], [0.0, 0.0, 1.0]])
    looking = camera_looking("front", (0.0, -2.0, 1.3), (0.0, 0.0, 1.3), focal, size=(width, height))
    camera = Camera("front", width, height, K, np.zeros(5), looking.R_camera_world, looking.t_camera_world)
    combination = np.stack([meaning.combination(side, len(load_body().mean_vertices)) for side in SIDES])
    off, before, lost = [], 0, 0
    last_read = [-10, -10]
    for one in solved([camera], ({"front": image} for image in video(clip)), None, meaning, height_m=1.7):
        view = one.views["front"]
        for hand in view.hands:
            side = SIDES.index(hand.side)
            last_read[side] = one.frame
            seen = from_bytes(hand.points, (21, 4))
            shown, _ = project(camera, combination[side] @ one.vertices)
            size = np.linalg.norm(seen[0, :2] - seen[9, :2])
            off.append((np.linalg.norm(shown - seen[:, :2], axis=1).mean(), size))
        if len(view.persons) > 0:
            points = from_bytes(view.persons[0].points, (len(BODY_LANDMARKS), 3))
            for side, wrist in enumerate(_WRISTS):
                x, y, sure = points[wrist]
                if sure > 0.5 and 0.0 <= x < width and 0.0 <= y < height:
                    before += 1
                    lost += one.frame - last_read[side] > 2
    error, size = np.array(off).T if len(off) > 0 else np.full((2, 1), np.nan)
    return {
        f"signing_{clip.stem}_hands_read": len(off),
        f"signing_{clip.stem}_reprojection_px": float(error.mean()),
        f"signing_{clip.stem}_reprojection_p95_px": float(np.percentile(error, 95)),
        f"signing_{clip.stem}_palm_px": float(np.median(size)),
        f"signing_{clip.stem}_lost_hand_share": lost / max(before, 1),
    }


def video(clip: Path) -> Iterator[np.ndarray]:
    """The pictures of a clip."""
    source = open_source(CameraSection(id="front", source=f"file:{clip}"), 30.0)
    source.open()
    try:
        while (frame := source.read()) is not None:
            yield frame.image.copy()
    finally:
        source.close()


def _global(rotations: np.ndarray) -> np.ndarray:
    """(53, 3, 3) rotations from rest in the world."""
    q = rotations[None].astype(np.float64)
    root = np.concatenate([np.zeros((1, 3)), q[:, 0]], 1)
    G, _ = forward(np.zeros((len(RIG_BONES), 3)), Poses(root, q))
    return G[0]


def _laid_over(points: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(21,) distances after the best similarity transform (Umeyama 1991)."""
    a, b = points - points.mean(0), true - true.mean(0)
    U, S, Vt = np.linalg.svd(a.T @ b)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(U @ Vt))])
    scale = (S * sign).sum() / max(float((a * a).sum()), 1e-12)
    return np.linalg.norm(scale * a @ (U * sign @ Vt) - b, axis=1)


def _angle_deg(R: np.ndarray) -> float:
    return float(np.rad2deg(np.arccos(np.clip(0.5 * (np.trace(R) - 1.0), -1.0, 1.0))))


def _mm(errors: list[np.ndarray]) -> float:
    return float(np.mean(errors) * 1e3) if len(errors) > 0 else float("nan")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
