"""From hands in cameras to evidence: whose they are, what their points mean, how far each can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from protocols.messages import HAND_LANDMARK_COUNT
from protocols.names import BODY_LANDMARKS
from stage.bodies.hands import SIDES, Floats
from stage.correspondence.hand_map import PALM, HandMap, relief_filter
from stage.solving.hands.evidence import HandEvidence
from stage.solving.people import CameraRig, HandSeen, Person

CLAIM_M = 0.12
"""A hand is refused whose palm lies farther than this from where the body is expected to have it, unless its wrist is
as near to where the pose network sees it in the same picture (an arm that suddenly moves), metres."""

_PALM = list(PALM)
_LEAST_CONFIDENCE = 0.3
_SURE_WRIST = 0.5
_WRISTS = [BODY_LANDMARKS.index(f"{side}_wrist") for side in SIDES]
_NEAREST_M = 0.1


class Reading(NamedTuple):
    """A hand in one camera that belongs to the actor."""

    seen: HandSeen
    depth: float
    """Distance of the hand along the camera's axis, metres."""
    scale: Floats
    """(21,): standard deviations per unit of image coordinate."""


class HandReader:
    """Accepts and whitens hands."""

    def __init__(self, rig: CameraRig, meaning: HandMap) -> None:
        self._rig, self._map = rig, meaning

    def accept(self, people: Sequence[Person], palms: Floats) -> list[Reading]:
        """The hands of an actor's people (one per camera) that lie where its palms (2, 6, 3) are expected, or seen."""
        found = []
        for person in people:
            for seen in person.hands:
                in_camera = palms[seen.side] @ self._rig.R[seen.camera].T + self._rig.t[seen.camera]
                depth = float(in_camera[:, 2].mean())
                if depth < _NEAREST_M:
                    continue
                expected = in_camera[:, :2] / np.maximum(in_camera[:, 2:], _NEAREST_M)
                known = seen.confidence[_PALM] > _LEAST_CONFIDENCE
                if known.sum() < len(_PALM) // 2:
                    continue
                away = float(np.median(np.linalg.norm(seen.image[_PALM] - expected, axis=1)[known]))
                if person.confidence[_WRISTS[seen.side]] > _SURE_WRIST:
                    away = min(away, float(np.linalg.norm(seen.image[0] - person.image[_WRISTS[seen.side]])))
                if away * depth < CLAIM_M:
                    found.append(Reading(seen, depth, self._scale(seen, depth)))
        return found

    def evidence(self, hands: Sequence[int], readings: Sequence[Reading]) -> HandEvidence:
        """What readings say of some hands (indices into `SIDES`), each of which has at least one."""
        views = [[r for r in readings if r.seen.side == hand] for hand in hands]
        count = max(len(own) for own in views)
        shape = (len(hands), count)
        target, scale = np.zeros((*shape, 2, HAND_LANDMARK_COUNT)), np.zeros((*shape, HAND_LANDMARK_COUNT))
        depth, relief = np.zeros_like(scale), np.zeros((*scale.shape, HAND_LANDMARK_COUNT))
        cameras = np.zeros(shape, np.int64)
        for i, own in enumerate(views):
            for j, reading in enumerate(own):
                seen = reading.seen
                cameras[i, j] = seen.camera
                target[i, j], scale[i, j] = seen.image.T, reading.scale
                depth[i, j] = seen.depth * (reading.depth * self._map.depth_scale)
                trust = np.where(reading.scale > 0.0, seen.confidence, 0.0) / self._map.depth_sigma_m
                relief[i, j] = trust[:, None] * relief_filter(seen.image, trust * trust)
        return HandEvidence(self._rig.R[cameras], self._rig.t[cameras], target, scale, depth, relief)

    def _scale(self, seen: HandSeen, depth: float) -> Floats:
        blur = self._map.sigma_px * (seen.pixel * depth)
        trust = np.where(seen.confidence > _LEAST_CONFIDENCE, seen.confidence, 0.0)
        return trust * depth / np.sqrt(self._map.sigma_m**2 + blur * blur)


def sides_of(readings: Sequence[Reading]) -> list[int]:
    """The hands that were read, as indices into `SIDES`."""
    return [side for side in range(len(SIDES)) if any(reading.seen.side == side for reading in readings)]
