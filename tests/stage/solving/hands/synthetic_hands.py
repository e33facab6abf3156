"""Exact hands of a known body in known cameras, for tests of the fingers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from msgspec.structs import replace

from protocols.arrays import to_bytes
from protocols.messages import HAND_LANDMARK_COUNT, HandLandmarks
from stage.bodies.body import BodyModel
from stage.bodies.hands import SIDES, Floats
from stage.cameras.camera import Camera
from stage.cameras.geometry import project, to_camera
from stage.correspondence.hand_map import HandMap
from stage.correspondence.rough_hand import NEAREST, hand_vertices, rough_hand
from stage.solving.framesets import Frameset
from stage.solving.hands.evidence import HandEvidence
from stage.solving.hands.model import HandModel, HandPose, place
from stage.solving.skeleton import SOLVED_BONES
from stage.synthetic.hand_poses import POSES_DEG, pose_angles
from tests.stage.solving.synthetic_views import Actress, frameset


def exact_hand_map(body: BodyModel, sigma_m: float = 0.004) -> HandMap:
    """The rough meaning as if it were exact."""
    sided = hand_vertices(body)
    rows = rough_hand(body, sided["left"])
    order = np.argsort(-rows, axis=1)[:, :NEAREST]
    points = len(rows)
    return HandMap(
        sided["left"][order].astype(np.int32),
        sided["right"][order].astype(np.int32),
        np.take_along_axis(rows, order, 1).astype(np.float32),
        np.full(points, sigma_m, np.float32),
        np.full(points, 0.5, np.float32),
        np.full(points, 0.015, np.float32),
        np.array(1.0),
    )


class Hands:
    """An actress' hands, whose fingers go smoothly from pose to pose."""

    def __init__(self, actress: Actress, meaning: HandMap) -> None:
        self.actress = actress
        self.model = HandModel(actress.body, meaning)
        self.geometry = self.model.geometry(torch.from_numpy(actress.shape))

    def angles(self, seconds: float) -> Floats:
        """(2, 20) radians; both hands do the same, the right one a little later."""
        names = [name for name in POSES_DEG if name not in ("rest", "four")]
        rows = []
        for delay in (0.0, 0.4):
            place_ = max(seconds - delay, 0.0) / 0.8
            first, share = int(place_), place_ - int(place_)
            share = share * share * (3.0 - 2.0 * share)
            a, b = (pose_angles(names[(first + i) % len(names)]).reshape(-1) for i in (0, 1))
            rows.append(a + share * (b - a))
        return np.stack(rows)

    def pose(self, seconds: float, angles: Floats | None = None) -> HandPose:
        """Hand bones of the actress with some angles, or her own."""
        G, p = self.actress.bones(seconds)
        index = [SOLVED_BONES.index("hand_l"), SOLVED_BONES.index("hand_r")]
        return HandPose(G[index], p[index], self.angles(seconds) if angles is None else angles)

    def landmarks(self, seconds: float, angles: Floats | None = None) -> Floats:
        """(2, 21, 3) in the world, metres."""
        return place(self.geometry, self.pose(seconds, angles)).x.swapaxes(1, 2)


def hands_seen(
    camera: Camera, points: Floats, sides: Sequence[int] = (0, 1), noise_px: float = 0.0, seed: int = 0
) -> tuple[HandLandmarks, ...]:
    """What a perfect network would say of hands (2, 21, 3) of the person of track 0."""
    random = np.random.default_rng(seed)
    hands = []
    for side in sides:
        pixels, _ = project(camera, points[side])
        depth = to_camera(camera, points[side])[:, 2]
        px_per_m = float(camera.K[0, 0]) / depth[0]
        rows = np.concatenate(
            [
                pixels + random.normal(0.0, noise_px, pixels.shape),
                ((depth - depth[0]) * px_per_m)[:, None],
                np.full((HAND_LANDMARK_COUNT, 1), 0.95),
            ],
            1,
        )
        own = (points[side] - points[side].mean(0)) @ camera.R_camera_world.T
        hands.append(HandLandmarks(0, "", SIDES[side], to_bytes(rows), to_bytes(own), 0.95))
    return tuple(hands)


def frameset_with_hands(
    cameras: Sequence[Camera],
    seconds: float,
    hands: Hands,
    *,
    sides: Sequence[int] = (0, 1),
    views: int = 2,
    noise_px: float = 0.0,
) -> Frameset:
    """All cameras of one instant; the first `views` of them read hands."""
    given = frameset(cameras, seconds, [hands.actress.landmarks(seconds)], noise_px)
    points = hands.landmarks(seconds)
    seen = dict(given.views)
    for i, camera in enumerate(cameras[:views]):
        found = hands_seen(camera, points, sides, noise_px, seed=given.capture_ns + 100 + i)
        seen[camera.id] = replace(seen[camera.id], hands=found)
    return Frameset(given.capture_ns, seen)


def exact_evidence(points: Floats, views: int, random: np.random.Generator, sigma_m: float = 0.004) -> HandEvidence:
    """Views of hands (H, 21, 3) from random directions at one metre, relief unknown."""
    hands = len(points)
    R, t = np.zeros((hands, views, 3, 3)), np.zeros((hands, views, 3))
    target = np.zeros((hands, views, 2, HAND_LANDMARK_COUNT))
    for hand in range(hands):
        for view in range(views):
            z = random.normal(size=3)
            z /= np.linalg.norm(z)
            x = np.cross([0.0, 0.0, 1.0], z)
            x /= np.linalg.norm(x)
            R[hand, view] = np.stack([x, np.cross(z, x), z])
            t[hand, view] = [0.0, 0.0, 1.0] - R[hand, view] @ points[hand].mean(0)
            seen = R[hand, view] @ points[hand].T + t[hand, view][:, None]
            target[hand, view] = seen[:2] / seen[2]
    scale = np.full((hands, views, HAND_LANDMARK_COUNT), 1.0 / sigma_m)
    blank = np.zeros((hands, views, HAND_LANDMARK_COUNT))
    return HandEvidence(R, t, target, scale, blank, np.zeros((*blank.shape, HAND_LANDMARK_COUNT)))
