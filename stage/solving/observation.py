"""From people in cameras to evidence for the fit: learned meaning, bias and error of landmarks applied."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from protocols.messages import LANDMARK_COUNT
from stage.correspondence.hand_map import PALM
from stage.correspondence.landmark_map import LandmarkMap
from stage.solving.evidence import Evidence
from stage.solving.hands.readings import Hands
from stage.solving.people import CameraRig, Person

RELATIVE_SIGMA_M = 0.08
"""Usual error of the network's own 3D, used where one camera alone sees an actor."""

READ_SHARE, KNOWN_SHARE = 0.1, 0.5
"""What the pose network's points of a hand still count where the hand network reads it, and a moment after."""

_LEAST_CONFIDENCE = 0.15
_POSE_HANDS = (list(range(17, 23, 2)), list(range(18, 23, 2)))
"""The pose network's pinky, index and thumb: left, right."""
_SEGMENTS = ((11, 23), (12, 24), (23, 25), (24, 26), (25, 27), (26, 28), (11, 13), (12, 14), (13, 15), (14, 16))


class EvidenceBuilder:
    """Builds the evidence of one frameset (B = 1) for one actor."""

    def __init__(self, rig: CameraRig, landmark_map: LandmarkMap, device: torch.device | str = "cpu") -> None:
        self._rig, self._map = rig, landmark_map
        self._device = torch.device(device)
        self._R, self._t = self._tensor(rig.R), self._tensor(rig.t)

    @property
    def views(self) -> tuple[torch.Tensor, torch.Tensor]:
        """World to camera of all cameras, R (C, 3, 3) and t (C, 3): the same tensors in all evidence."""
        return self._R, self._t

    def build(
        self,
        people: Sequence[Person],
        pelvis: np.ndarray,
        R_world_body: np.ndarray,
        anchor: np.ndarray,
        anchor_scale: np.ndarray,
        rest_landmarks: np.ndarray,
        hands: Hands,
    ) -> Evidence:
        """Evidence about landmarks, then soles, then palms.

        Args:
            people: At most one per camera.
            pelvis: (3,) where the pelvis is expected.
            R_world_body: (3, 3) how it is expected to stand.
            anchor: (3, M) where soles should stay, metres.
            anchor_scale: (3, M) standard deviations per metre, 0 where free.
            rest_landmarks: (33, 3) of the actor's rest body; tells the size of the network's own 3D.
            hands: What the hand network says.
        """
        cameras, soles = len(self._rig.ids), anchor.shape[1]
        points = LANDMARK_COUNT + soles + hands.points
        target, scale = np.zeros((cameras, 2, points)), np.zeros((cameras, points))
        seen = [person.camera for person in people]
        bias, sigma = self._bias_and_error(seen, pelvis, R_world_body)
        depth = np.maximum(self._rig.R[seen, 2] @ pelvis + self._rig.t[seen, 2], 0.2)
        for i, person in enumerate(people):
            target[person.camera, :, :LANDMARK_COUNT] = (person.image - bias[i] / depth[i]).T
            trust = np.where(person.confidence > _LEAST_CONFIDENCE, person.confidence, 0.0)
            scale[person.camera, :LANDMARK_COUNT] = trust * depth[i] / sigma[i]
        read = hands.readings.hands
        for side in hands.known:
            scale[:, _POSE_HANDS[side]] *= READ_SHARE if side in read else KNOWN_SHARE
        for row in range(len(hands.readings.side)):
            camera, first = hands.readings.camera[row], LANDMARK_COUNT + soles + hands.readings.side[row] * len(PALM)
            target[camera, :, first : first + len(PALM)] = hands.readings.image[row, _PALM].T
            scale[camera, first : first + len(PALM)] = hands.readings.scale[row, _PALM]
        full_anchor, full_anchor_scale = np.zeros((3, points)), np.zeros((3, points))
        own = slice(LANDMARK_COUNT, LANDMARK_COUNT + soles)
        full_anchor[:, own] = anchor
        full_anchor_scale[:, own] = anchor_scale
        relative, relative_scale = None, None
        if len(people) == 1 and people[0].world is not None:
            relative, relative_scale = self._own_3d(people[0], rest_landmarks, points)
        return Evidence(
            self._R,
            self._t,
            self._tensor(target)[None],
            self._tensor(scale)[None],
            self._tensor(full_anchor)[None],
            self._tensor(full_anchor_scale)[None],
            relative,
            relative_scale,
        )

    def _bias_and_error(
        self, cameras: Sequence[int], pelvis: np.ndarray, R_world_body: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Per camera the landmarks' bias (V, 33, 2) along image axes and error (V, 33), metres at the body."""
        R = self._rig.R[list(cameras)]
        towards = (self._rig.centers[list(cameras)] - pelvis) @ R_world_body  # in body axes
        bias, sigma = self._map.seen_from(np.arctan2(towards[:, 0], -towards[:, 1]))
        up = (R @ R_world_body[:, 2])[:, :2]
        up = up / np.maximum(np.linalg.norm(up, axis=1, keepdims=True), 1e-6)  # of the body, in the image
        right = np.stack([-up[:, 1], up[:, 0]], 1)
        return bias[..., :1] * right[:, None] + bias[..., 1:] * up[:, None], sigma

    def _own_3d(self, person: Person, rest_landmarks: np.ndarray, points: int) -> tuple[torch.Tensor, torch.Tensor]:
        assert person.world is not None
        own = np.array([np.linalg.norm(person.world[a] - person.world[b]) for a, b in _SEGMENTS])
        rest = np.array([np.linalg.norm(rest_landmarks[a] - rest_landmarks[b]) for a, b in _SEGMENTS])
        size = float(np.median(rest / np.maximum(own, 1e-3)))
        relative, scale = np.zeros((3, points)), np.zeros(points)
        relative[:, :LANDMARK_COUNT] = (size * person.world @ self._rig.R[person.camera]).T
        scale[:LANDMARK_COUNT] = np.where(person.confidence > _LEAST_CONFIDENCE, person.confidence, 0.0)
        return self._tensor(relative)[None], self._tensor(scale / RELATIVE_SIGMA_M)[None]

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array, np.float64)).to(self._device)


_PALM = list(PALM)
