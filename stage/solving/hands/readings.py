"""From hands in cameras to evidence: whose they are, what their points mean, how far each can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from protocols.messages import HAND_LANDMARK_COUNT
from protocols.names import BODY_LANDMARKS
from stage.bodies.hands import SIDES, Floats
from stage.correspondence.hand_map import PALM, HandMap, relief_filter
from stage.solving.hands.evidence import HandEvidence
from stage.solving.people import CameraRig, Person

CLAIM_M = 0.12
"""A hand is refused whose palm lies farther than this from where the body is expected to have it, unless its wrist is
as near to where the pose network sees it in the same picture (an arm that suddenly moves), metres."""

_PALM = list(PALM)
_LEAST_CONFIDENCE = 0.3
_SURE_WRIST = 0.5
_WRISTS = np.array([BODY_LANDMARKS.index(f"{side}_wrist") for side in SIDES])
_NEAREST_M = 0.1


class Readings(NamedTuple):
    """M hands in cameras that belong to one actor."""

    side: npt.NDArray[np.int64]
    """(M,): index into `SIDES`."""
    camera: npt.NDArray[np.int64]
    """(M,): index of the camera in the rig."""
    image: Floats
    """(M, 21, 2) normalised image coordinates."""
    scale: Floats
    """(M, 21): standard deviations per unit of image coordinate, 0 where not seen."""
    depth: Floats
    """(M, 21): the network's depth, metres."""
    trust: Floats
    """(M, 21) in [0, 1]."""

    @property
    def hands(self) -> list[int]:
        """The sides that were read."""
        return sorted(set(self.side.tolist()))


NO_READINGS = Readings(
    np.zeros(0, np.int64),
    np.zeros(0, np.int64),
    np.zeros((0, HAND_LANDMARK_COUNT, 2)),
    *(np.zeros((0, HAND_LANDMARK_COUNT)) for _ in range(3)),
)


class Hands(NamedTuple):
    """What the hand network says of an actor in one frameset."""

    readings: Readings = NO_READINGS
    known: Sequence[int] = ()
    """Hands that were read now or a moment ago."""
    points: int = 0
    """Palm points of the body, of both hands; 0 where hands are not solved."""


NO_HANDS = Hands(points=len(SIDES) * len(PALM))
"""Nothing read."""


class HandReader:
    """Accepts and whitens hands."""

    def __init__(self, rig: CameraRig, meaning: HandMap) -> None:
        self._rig = rig
        self._variance_m2 = meaning.sigma_m.astype(np.float64) ** 2
        self._variance_px2 = meaning.sigma_px.astype(np.float64) ** 2
        self._per_depth_sigma = 1.0 / meaning.depth_sigma_m.astype(np.float64)
        self._depth_scale = float(meaning.depth_scale)

    def accept(self, people: Sequence[Person], palms: Floats) -> Readings:
        """The hands of an actor's people (one per camera) that lie where its palms (2, 6, 3) are expected, or seen."""
        seen = [(person, hand) for person in people for hand in person.hands]
        if len(seen) == 0:
            return NO_READINGS
        side, camera = (
            np.array(column) for column in zip(*((hand.side, hand.camera) for _, hand in seen), strict=True)
        )
        image, confidence, depth = (
            np.stack([getattr(hand, name) for _, hand in seen]) for name in ("image", "confidence", "depth")
        )
        R, t = self._rig.R[camera], self._rig.t[camera]
        in_camera = palms[side] @ R.swapaxes(1, 2) + t[:, None]
        distance = in_camera[:, :, 2].mean(1)
        off = image[:, _PALM] - in_camera[:, :, :2] / np.maximum(in_camera[:, :, 2:], _NEAREST_M)
        known = confidence[:, _PALM] > _LEAST_CONFIDENCE
        off_palm = np.sort(np.where(known, np.hypot(off[:, :, 0], off[:, :, 1]), np.inf), 1)[:, len(_PALM) // 2]
        wrists = np.array([(*p.image[_WRISTS[h.side]], p.confidence[_WRISTS[h.side]]) for p, h in seen])
        off = image[:, 0] - wrists[:, :2]
        off_wrist = np.where(wrists[:, 2] > _SURE_WRIST, np.hypot(off[:, 0], off[:, 1]), np.inf)
        enough = known.sum(1) > len(_PALM) // 2
        kept = (distance > _NEAREST_M) & enough & (np.minimum(off_palm, off_wrist) * distance < CLAIM_M)
        trust = np.where(confidence > _LEAST_CONFIDENCE, confidence, 0.0)
        pixel_m = distance * np.array([hand.pixel for _, hand in seen])
        sigma = np.sqrt(self._variance_m2 + self._variance_px2 * (pixel_m * pixel_m)[:, None])
        depth = depth * (distance * self._depth_scale)[:, None]
        return Readings(
            *(array[kept] for array in (side, camera, image, trust * distance[:, None] / sigma, depth, trust))
        )

    def evidence(self, hands: Sequence[int], readings: Readings) -> HandEvidence:
        """What readings say of some hands (indices into `SIDES`), each of which has at least one."""
        rows = [np.flatnonzero(readings.side == hand) for hand in hands]
        views = max(len(own) for own in rows)
        pick = np.stack([np.resize(own, views) for own in rows])  # (H, V); a hand with fewer views repeats one ...
        counts = np.arange(views) < np.array([len(own) for own in rows])[:, None]  # ... which does not count
        camera = readings.camera[pick]
        weight = readings.trust * self._per_depth_sigma
        relief = weight[:, :, None] * relief_filter(readings.image, weight * weight)
        return HandEvidence(
            self._rig.R[camera],
            self._rig.t[camera],
            readings.image[pick].swapaxes(2, 3),
            readings.scale[pick] * counts[..., None],
            readings.depth[pick],
            relief[pick] * counts[..., None, None],
        )
