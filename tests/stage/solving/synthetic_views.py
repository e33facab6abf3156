"""Exact landmarks of a known body in known cameras, for tests of the solve."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from protocols.arrays import to_bytes
from protocols.messages import LANDMARK_COUNT, CameraLandmarks, PersonLandmarks
from stage.bodies.body import BodyModel
from stage.cameras.camera import Camera
from stage.cameras.geometry import project
from stage.correspondence.landmark_map import LandmarkMap
from stage.correspondence.rough import rough_meaning
from stage.solving.framesets import Frameset
from stage.solving.linearise import Body, place
from stage.solving.pose import Pose, exp
from stage.solving.skeleton import SOLVED_BONES, Skeleton
from stage.synthetic.shot import camera_looking


def ring_of_cameras(count: int, distortion: tuple[float, ...] = (-0.1, 0.03, 0.0, 0.0, 0.0)) -> list[Camera]:
    """Cameras on a circle of 3.5 m."""
    return [
        camera_looking(
            f"cam{i}",
            (3.5 * float(np.cos(angle)), 3.5 * float(np.sin(angle)), 1.6),
            (0.0, 0.0, 0.95),
            600.0,
            distortion,
        )
        for i, angle in enumerate(2 * np.pi * (np.arange(count) + 0.3) / count)
    ]


def exact_map(body: BodyModel, sigma_m: float = 0.015) -> LandmarkMap:
    """The rough meaning as if it were exact and without bias."""
    rows = rough_meaning(body)
    width = int((rows != 0).sum(1).max())
    order = np.argsort(-np.abs(rows), axis=1)[:, :width]
    return LandmarkMap(
        vertices=order.astype(np.int32),
        weights=np.take_along_axis(rows, order, 1).astype(np.float32),
        bias_m=np.zeros((LANDMARK_COUNT, 4, 2), np.float32),
        sigma_m=np.full((LANDMARK_COUNT, 4), sigma_m, np.float32),
    )


class Actress:
    """A body of one shape that moves in a known way."""

    def __init__(self, body: BodyModel, shape: np.ndarray | None = None) -> None:
        self.body = body
        self.shape = np.zeros(body.shape_count) if shape is None else shape
        self.skeleton = Skeleton(body)
        points = self.skeleton.points_of_vertices(exact_map(body).combination(len(body.mean_vertices)))
        self._placed = Body.of(self.skeleton, points, torch.from_numpy(self.shape))

    def pose(self, seconds: float) -> Pose:
        """Walks on the spot, swings her arms and turns slowly."""
        turns = torch.zeros(len(SOLVED_BONES), 3, dtype=torch.float64)
        swing = np.sin(2 * np.pi * 0.7 * seconds)

        def turn(bone: str, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> None:
            turns[SOLVED_BONES.index(bone)] = torch.tensor([x, y, z], dtype=torch.float64)

        turn("pelvis", z=0.3 * seconds)
        turn("spine_02", x=0.1 * swing)
        turn("upperarm_l", x=0.5 * swing, y=0.2)
        turn("upperarm_r", x=-0.5 * swing, y=-0.2)
        turn("thigh_l", x=-0.4 * max(swing, 0.0))
        turn("calf_l", x=0.7 * max(swing, 0.0))
        turn("thigh_r", x=-0.4 * max(-swing, 0.0))
        turn("calf_r", x=0.7 * max(-swing, 0.0))
        height = float(self.skeleton.rest_joints(torch.from_numpy(self.shape))[self.skeleton.bone_index[0], 2])
        return Pose(torch.tensor([[0.05 * swing, 0.0, height]], dtype=torch.float64), exp(turns)[None])

    def bones(self, seconds: float) -> tuple[np.ndarray, np.ndarray]:
        """Rotations (K, 3, 3) and heads (K, 3) of the solved bones in the world."""
        placed = place(self._placed, self.pose(seconds))
        return placed.G[0].numpy(), placed.p[0].numpy()

    def joints(self, seconds: float) -> np.ndarray:
        """(53, 3) bone heads in the world."""
        rest = self.skeleton.rest_joints(torch.from_numpy(self.shape))
        pose = self.pose(seconds)
        G, p = self.skeleton.forward(self.skeleton.offsets(rest), pose.position, pose.D)
        return self.skeleton.full_pose(rest, G, p)[1][0].numpy()

    def landmarks(self, seconds: float) -> np.ndarray:
        """(33, 3) landmarks in the world."""
        return place(self._placed, self.pose(seconds)).x[0].T.numpy()


def seen(
    camera: Camera, capture_ns: int, people: Sequence[np.ndarray], noise_px: float = 0.0, seed: int = 0
) -> CameraLandmarks:
    """What a perfect network would say of people whose landmarks are (33, 3) in the world."""
    random = np.random.default_rng(seed)
    persons = []
    for number, points in enumerate(people):
        pixels, _ = project(camera, points)
        rows = np.concatenate(
            [pixels + random.normal(0.0, noise_px, pixels.shape), np.full((LANDMARK_COUNT, 1), 0.95)], 1
        )
        own = points - points[[23, 24]].mean(0)
        world = own @ camera.R_camera_world.T
        persons.append(PersonLandmarks(number, to_bytes(rows), to_bytes(world), 0.99))
    return CameraLandmarks(
        camera.id,
        capture_ns // 33_333_333,
        capture_ns,
        capture_ns,
        capture_ns,
        capture_ns,
        camera.width,
        camera.height,
        tuple(persons),
    )


def frameset(
    cameras: Sequence[Camera], seconds: float, people: Sequence[np.ndarray], noise_px: float = 0.0
) -> Frameset:
    """All cameras of one instant."""
    capture_ns = round(seconds * 1e9)
    views = {
        camera.id: seen(camera, capture_ns, people, noise_px, seed=capture_ns + i) for i, camera in enumerate(cameras)
    }
    return Frameset(capture_ns, views)
