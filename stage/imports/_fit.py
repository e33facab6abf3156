"""Points in space to poses: the stage's own body fit, with points that were measured instead of pictures of them.

Shape and poses of a few frames are found together, then the poses of all frames for that shape. Fingers follow
afterwards from the heads of their bones, each by the shortest turn.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from stage.bodies.body import load_body
from stage.solving.anatomy import Anatomy
from stage.solving.evidence import Evidence
from stage.solving.fit import PoseFitter, Prior
from stage.solving.linearise import Body, place
from stage.solving.pose import Pose
from stage.solving.shape import ShapeFitter
from stage.solving.skeleton import Points, Skeleton
from stage.synthetic.kinematics import Poses, forward, from_global

Floats = NDArray[np.floating]

LEAST_POINTS = 6
"""Fewer points of a frame say nothing of a body."""

_KEYFRAMES = 16
_KEY_STEPS, _STEPS = 30, 6
_TRUST = (0.02, 0.05, 0.1, 0.2, 0.5, *[1.0] * 12)
"""Of the points, while the shape is found: little at first, when the poses are far off."""
_SETTLED = 2e-3
_BATCH = 128
_ANATOMY_WEIGHT = 0.02
_LOOSE = 1e-3
_MENDS = 2
_FURTHEST = 3.0
"""A point moves at most so many of its standard deviations."""
_FAR = 100.0
"""Beyond so many standard deviations a point counts no more when frames are compared."""
_TORSO = ("pelvis", "spine_01", "spine_02", "spine_03", "clavicle_l", "clavicle_r", "thigh_l", "thigh_r", "neck_01")


class BodyFit(NamedTuple):
    """A body and its poses."""

    shape: Floats
    """(S,)."""
    rest_joints: Floats
    """(53, 3) metres."""
    poses: Poses
    """T; a frame with too few points stands as the one before."""
    distance: Floats
    """(T, N) metres from each point to its place on the body; NaN where not seen."""
    fitted: NDArray[np.bool_]
    """(T,) whether a frame had points enough."""


class PointFitter:
    """Fits the bodies of one set of points."""

    def __init__(self, skeleton: Skeleton, points: Points, sigma_m: Floats, independent: float = 1.0) -> None:
        """Takes N points.

        Args:
            skeleton: Of the body model.
            points: On it.
            sigma_m: (N,) how far from its place on the body each may lie.
            independent: What a frame says of the shape that the others do not: a marker that is worn 1 cm aside is
                so in all frames, and must not bend the body.
        """
        self._independent = independent
        self._skeleton, self._points = skeleton, points
        self._anatomy = Anatomy(skeleton.body)
        self._sigma = torch.as_tensor(np.asarray(sigma_m, np.float64))
        self._torso = points.weight[[skeleton.bones.index(bone) for bone in _TORSO]].sum(0).numpy() > 0.5

    def fit(self, targets: Floats, seen: NDArray[np.bool_], shape: Floats | None = None) -> BodyFit:
        """Fits T frames of points (T, N, 3), metres, Z up.

        Args:
            targets: Where the points are.
            seen: (T, N).
            shape: (S,) of a body that is known; None: it is found.
        """
        usable = np.flatnonzero(seen.sum(1) >= LEAST_POINTS)
        if len(usable) == 0:
            raise ValueError(f"no frame has {LEAST_POINTS} points")
        targets = np.where(seen[..., None], targets, 0.0)
        richest = usable[seen[usable].sum(1) >= np.quantile(seen[usable].sum(1), 0.5)]
        keys = richest[np.unique(np.linspace(0, len(richest) - 1, _KEYFRAMES).astype(int))]
        s, key_poses = self._shape(targets[keys], seen[keys], shape)
        body = Body.of(self._skeleton, self._points, s)
        parts = []
        for first in range(0, len(usable), _BATCH):
            rows = usable[first : first + _BATCH]
            nearest = torch.from_numpy(np.abs(rows[:, None] - keys).argmin(1))
            start = self._upright(body, targets[rows], seen[rows], key_poses.D[nearest])
            parts.append(self._poses(body, start, targets[rows], seen[rows], _STEPS))
        pose = Pose(torch.cat([p.position for p in parts]), torch.cat([p.D for p in parts]))
        pose = self._mended(body, pose, targets[usable], seen[usable])
        return self._result(body, s, pose, targets, seen, usable)

    def move_points(self, fit: BodyFit, targets: Floats, seen: NDArray[np.bool_], sigma_m: Floats) -> None:
        """Moves the points on the body to where they usually are in a fit.

        Args:
            fit: Of these points.
            targets: (T, N, 3).
            seen: (T, N).
            sigma_m: (N,) how far they may be from where they were thought to be.
        """
        G, heads = forward(fit.rest_joints, fit.poses)
        solved = self._skeleton.bone_index.numpy()
        offsets = self._points.offsets(torch.as_tensor(fit.shape)).numpy()  # (K, 3, N)
        G, heads = G[:, solved], heads[:, solved]
        x = np.einsum("tkij,kjn->tni", G, offsets) + np.einsum("tki,kn->tni", heads, self._points.weight.numpy())
        for point, bone in enumerate(self._points.weight.argmax(0).tolist()):
            rows = seen[:, point] & fit.fitted
            if not rows.any():
                continue
            away = np.swapaxes(G[rows, bone], 1, 2) @ (targets[rows, point] - x[rows, point])[..., None]
            moved = np.median(away[..., 0], axis=0)
            moved *= min(1.0, _FURTHEST * sigma_m[point] / max(float(np.linalg.norm(moved)), 1e-9))
            self._points.offset[bone, :, point] += torch.as_tensor(moved)

    def _shape(self, targets: Floats, seen: NDArray[np.bool_], shape: Floats | None) -> tuple[torch.Tensor, Pose]:
        """Shape and the poses of some frames, together."""
        count = self._skeleton.body.shape_count
        s = torch.zeros(count, dtype=torch.float64) if shape is None else torch.as_tensor(shape, dtype=torch.float64)
        body = Body.of(self._skeleton, self._points, s)
        rest = torch.eye(3, dtype=torch.float64).expand(len(targets), self._skeleton.bone_count, 3, 3)
        poses = self._poses(body, self._upright(body, targets, seen, rest), targets, seen, _KEY_STEPS)
        if shape is not None:
            return s, poses
        fitter = ShapeFitter(self._skeleton, self._points, self._anatomy)
        evidence = self._evidence(targets, seen)
        scale = evidence.anchor_scale * self._independent
        for trust in _TRUST:
            step = fitter.iterate(s, poses, evidence._replace(anchor_scale=scale * trust))
            moved = float((step.shape - s).abs().max())
            s = step.shape
            body = Body.of(self._skeleton, self._points, s)
            # Shape and poses in one step overshoot where a turn about a bone is open: the poses follow by themselves.
            poses = self._poses(body, poses, targets, seen, _STEPS)
            if trust == _TRUST[-1] and moved < _SETTLED:
                break
        body = Body.of(self._skeleton, self._points, s)
        return s, self._poses(body, poses, targets, seen, _STEPS)

    def _poses(self, body: Body, start: Pose, targets: Floats, seen: NDArray[np.bool_], iterations: int) -> Pose:
        size = 3 + 3 * self._skeleton.bone_count
        loose = torch.eye(size, dtype=torch.float64).expand(len(targets), -1, -1) * _LOOSE
        fit = PoseFitter(body, self._anatomy).fit(
            start,
            Prior(start, loose),
            self._evidence(targets, seen),
            iterations=iterations,
            anatomy_weight=_ANATOMY_WEIGHT,
        )
        return fit.pose

    def _mended(self, body: Body, pose: Pose, targets: Floats, seen: NDArray[np.bool_]) -> Pose:
        """Frames that went astray, again: from the nearest frame that did not."""
        for _ in range(_MENDS):
            off = np.linalg.norm(place(body, pose).x.numpy().transpose(0, 2, 1) - targets, axis=2)
            off = np.sqrt((seen * np.minimum(off / self._sigma.numpy(), _FAR) ** 2).sum(1) / seen.sum(1))
            bad = np.flatnonzero(off > 2.0 * np.median(off) + 1.0)
            good = np.setdiff1d(np.arange(len(off)), bad)
            if len(bad) == 0 or len(good) == 0:
                break
            near = torch.from_numpy(good[np.abs(bad[:, None] - good).argmin(1)])
            start = self._upright(body, targets[bad], seen[bad], pose.D[near])
            again = self._poses(body, start, targets[bad], seen[bad], _KEY_STEPS)
            x = place(body, again).x.numpy().transpose(0, 2, 1)
            new = np.linalg.norm(x - targets[bad], axis=2)
            new = np.sqrt((seen[bad] * np.minimum(new / self._sigma.numpy(), _FAR) ** 2).sum(1) / seen[bad].sum(1))
            better = torch.from_numpy(bad[new < off[bad]])
            if len(better) == 0:
                break
            kept = torch.from_numpy(new < off[bad])
            pose.position[better], pose.D[better] = again.position[kept], again.D[kept]
        return pose

    def _evidence(self, targets: Floats, seen: NDArray[np.bool_]) -> Evidence:
        scale = torch.as_tensor(seen.astype(np.float64)) / self._sigma  # (B, N)
        anchor = torch.as_tensor(np.swapaxes(targets, 1, 2).astype(np.float64))
        empty = torch.zeros(len(targets), 0, 2, anchor.shape[2], dtype=torch.float64)
        return Evidence(
            R=torch.zeros(0, 3, 3, dtype=torch.float64),
            t=torch.zeros(0, 3, dtype=torch.float64),
            target=empty,
            scale=empty[:, :, 0],
            anchor=anchor,
            anchor_scale=scale[:, None].expand(-1, 3, -1),
        )

    def _upright(self, body: Body, targets: Floats, seen: NDArray[np.bool_], D: torch.Tensor) -> Pose:
        """These poses with the pelvis where the torso's points want it."""
        still = Pose(torch.zeros(len(targets), 3, dtype=torch.float64), D.clone())
        still.D[:, 0] = torch.eye(3, dtype=torch.float64)
        x = place(body, still).x.numpy().transpose(0, 2, 1)  # (B, N, 3)
        chosen = seen & self._torso
        chosen = np.where((chosen.sum(1) >= 4)[:, None], chosen, seen).astype(float)[..., None]
        total = np.maximum(chosen.sum(1, keepdims=True), 1.0)
        own, wanted = (chosen * x).sum(1, keepdims=True) / total, (chosen * targets).sum(1, keepdims=True) / total
        H = np.einsum("bni,bnj->bij", chosen * (x - own), targets - wanted)
        U, _, Vt = np.linalg.svd(H)
        flip = np.ones((len(H), 1, 3))
        flip[:, 0, 2] = np.sign(np.linalg.det(U) * np.linalg.det(Vt))
        R = np.swapaxes(U * flip @ Vt, 1, 2)
        position = wanted[:, 0] - (R @ own[:, 0, :, None])[..., 0]
        turned = D.clone()
        turned[:, 0] = torch.from_numpy(R)
        return Pose(torch.from_numpy(position), turned)

    def _result(
        self,
        body: Body,
        s: torch.Tensor,
        pose: Pose,
        targets: Floats,
        seen: NDArray[np.bool_],
        usable: NDArray[np.intp],
    ) -> BodyFit:
        placed = place(body, pose)
        rest = self._skeleton.rest_joints(s)
        G, heads = self._skeleton.full_pose(rest, placed.G, placed.p)
        poses = from_global(G.numpy(), heads[:, 0].numpy())
        fitted = np.zeros(len(targets), bool)
        fitted[usable] = True
        before = np.maximum.accumulate(np.where(fitted, np.cumsum(fitted) - 1, -1))
        rows = np.maximum(before, 0)
        distance = np.linalg.norm(placed.x.numpy().transpose(0, 2, 1)[rows] - targets, axis=2)
        distance = np.where(seen & fitted[:, None], distance, np.nan)
        return BodyFit(s.numpy(), rest.numpy(), Poses(poses.root[rows], poses.rotations[rows]), distance, fitted)


def body_skeleton() -> Skeleton:
    """The bones that points on the body determine."""
    return Skeleton(load_body())
