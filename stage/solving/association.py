"""Who is who: people of all cameras to actors.

A tracked actor claims, in every camera, the person nearest to where its landmarks are expected, if near enough.
New actors are looked for among the rest: people of two cameras whose landmarks meet in space make a hypothesis,
other cameras join where they agree, and the hypothesis with most views wins. A bystander seen by one camera, or a
mirror image, meets nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from stage.solving.people import CameraRig, Person
from stage.solving.triangulation import L_HIP, L_SHOULDER, R_HIP, R_SHOULDER, Triangulated, triangulate

CLAIM_M = 0.30
"""An actor claims a person within this median distance of the expected landmarks, metres at the body."""
MEET_M = 0.07
"""Views of one person agree within this median distance, metres."""
TRUNK_LENGTH_M = (0.25, 0.85)
LOWEST_M, HIGHEST_M = -0.6, 3.5
"""People start between these heights over the floor."""

_SURE = 0.5
_FEWEST_SURE = 8
_MOST_PAIRS = 64
_FAR_M = 10.0
_SAME_SIZE = 1.35
"""A person that is this much larger or smaller than expected stands nearer or farther than the actor."""
_MIRROR_ADVANTAGE = 0.5
_MIRROR_WORTH_M = 0.10


class Claim(NamedTuple):
    """A person taken for an actor, mirrored back where the network had left and right exchanged."""

    person: Person
    position: int
    """Position of the person in the frameset's list."""
    distance_m: float


class Hypothesis(NamedTuple):
    """A new person in space."""

    people: list[tuple[int, Person]]
    """Position in the frameset's list, and the person; one per camera."""
    triangulated: Triangulated
    error_m: float


def claims(people: Sequence[Person], expected: Sequence[np.ndarray], depths: Sequence[np.ndarray]) -> list[list[Claim]]:
    """For each tracked actor the people it claims.

    Args:
        people: Everybody in the frameset.
        expected: Per actor, (C, 33, 2) normalised image coordinates of the expected landmarks.
        depths: Per actor, (C,) depth of its trunk in each camera; not positive behind the camera.
    """
    found: list[list[Claim]] = [[] for _ in expected]
    if len(expected) == 0 or len(people) == 0:
        return found
    cameras = np.array([person.camera for person in people])
    image = np.stack([person.image for person in people])
    sure = np.stack([person.confidence for person in people]) > _SURE
    cost = np.stack([_misfit(e[cameras], d[cameras], image, sure) for e, d in zip(expected, depths, strict=True)])
    for camera in np.unique(cameras):
        here = np.flatnonzero(cameras == camera)
        for actor, column in zip(*linear_sum_assignment(np.minimum(cost[:, here], _FAR_M)), strict=True):
            position = int(here[column])
            seen_at, depth = expected[actor][camera], depths[actor][camera]
            claim = _claim(people[position], position, seen_at, depth, cost[actor, position])
            if claim.distance_m <= CLAIM_M:
                found[actor].append(claim)
    return found


def find_new(people: Sequence[Person], taken: set[int], rig: CameraRig) -> Hypothesis | None:
    """The best supported person in space among those not `taken`, or None."""
    free = [(i, p) for i, p in enumerate(people) if i not in taken and (p.confidence > _SURE).sum() >= _FEWEST_SURE]
    pairs = [pair for pair in combinations(free, 2) if pair[0][1].camera != pair[1][1].camera]
    pairs.sort(key=lambda pair: -pair[0][1].score * pair[1][1].score)
    best: Hypothesis | None = None
    for pair in pairs[:_MOST_PAIRS]:
        hypothesis = _grown(list(pair), free, rig)
        if hypothesis is not None and (best is None or _support(hypothesis) > _support(best)):
            best = hypothesis
    return best


def _support(hypothesis: Hypothesis) -> tuple[int, float]:
    return len(hypothesis.people), -hypothesis.error_m


def _grown(members: list[tuple[int, Person]], free: Sequence[tuple[int, Person]], rig: CameraRig) -> Hypothesis | None:
    """A pair that meets, with every other camera's best person that agrees."""
    start = _meeting(members, rig)
    if start is None or start.error_m > MEET_M or not _plausible(start.triangulated.points):
        return None
    points = start.triangulated.points
    cameras = {person.camera for _, person in members}
    for camera in sorted({person.camera for _, person in free} - cameras):
        candidates = [(i, p) for i, p in free if p.camera == camera]
        distances = [_distance_to(points, p, rig) for _, p in candidates]
        nearest = int(np.argmin(distances))
        if distances[nearest] < 2.0 * MEET_M:
            members.append(candidates[nearest])
    return _meeting(members, rig) if len(members) > len(cameras) else start


def _meeting(members: list[tuple[int, Person]], rig: CameraRig) -> Hypothesis | None:
    cameras = [person.camera for _, person in members]
    image = np.stack([person.image for _, person in members])
    confidence = np.stack([person.confidence for _, person in members])
    both = (confidence > _SURE).sum(0) >= 2
    if both.sum() < _FEWEST_SURE:
        return None
    found = triangulate(rig.R[cameras], rig.t[cameras], image, confidence)
    depth = np.einsum("vj,lj->vl", rig.R[cameras, 2], found.points) + rig.t[cameras, 2:]
    if np.any(np.median(depth[:, both], 1) <= 0.0):
        return None
    return Hypothesis(members, found, float(np.median(found.error_m[:, both])))


def _plausible(points: np.ndarray) -> bool:
    hips, shoulders = 0.5 * (points[L_HIP] + points[R_HIP]), 0.5 * (points[L_SHOULDER] + points[R_SHOULDER])
    trunk = float(np.linalg.norm(shoulders - hips))
    return TRUNK_LENGTH_M[0] < trunk < TRUNK_LENGTH_M[1] and LOWEST_M < hips[2] < HIGHEST_M


def _distance_to(points: np.ndarray, person: Person, rig: CameraRig) -> float:
    in_camera = points @ rig.R[person.camera].T + rig.t[person.camera]
    depth = float(np.median(in_camera[:, 2]))
    if depth <= 0.0:
        return np.inf
    expected = in_camera[:, :2] / np.maximum(in_camera[:, 2:], 0.1)
    return _median_distance(expected, person, depth)


def _misfit(expected: np.ndarray, depth: np.ndarray, image: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """(P,) median distance of people from where one actor is expected in their cameras, metres; far if of another size.

    Args:
        expected: (P, 33, 2) normalised image coordinates.
        depth: (P,) of the actor's trunk.
        image: (P, 33, 2) of the people.
        sure: (P, 33) landmarks that count.
    """
    count = sure.sum(1)
    ratio = _extents(image, sure, count) / np.maximum(_extents(expected, sure, count), 1e-9)
    offset = image - expected
    apart = np.sort(np.where(sure, np.hypot(offset[..., 0], offset[..., 1]), np.inf), axis=1)
    median = apart[np.arange(len(apart)), count // 2] * depth
    plausible = (count >= _FEWEST_SURE) & (depth > 0.0) & (ratio > 1.0 / _SAME_SIZE) & (ratio < _SAME_SIZE)
    return np.where(plausible, median, _FAR_M)


def _extents(points: np.ndarray, sure: np.ndarray, count: np.ndarray) -> np.ndarray:
    """(P,) root mean square distance of the landmarks that count from their middle."""
    share = sure / np.maximum(count, 1)[:, None]
    middle = (points * share[..., None]).sum(1, keepdims=True)
    return np.sqrt(((points - middle) ** 2 * share[..., None]).sum((1, 2)))


def _claim(person: Person, position: int, expected: np.ndarray, depth: float, distance_m: float) -> Claim:
    """A claim on a person, with left and right exchanged where that fits far better."""
    if _MIRROR_WORTH_M < distance_m < _FAR_M:
        other = person.mirrored()
        mirrored = _median_distance(expected, other, depth)
        if mirrored < _MIRROR_ADVANTAGE * distance_m:
            return Claim(other, position, mirrored)
    return Claim(person, position, distance_m)


def _median_distance(expected: np.ndarray, person: Person, depth: float) -> float:
    sure = person.confidence > _SURE
    if sure.sum() < _FEWEST_SURE:
        return np.inf
    return float(np.median(np.linalg.norm(expected[sure] - person.image[sure], axis=-1)) * depth)
