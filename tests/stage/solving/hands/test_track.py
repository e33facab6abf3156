"""Fingers over time, with the body: followed, alternating, lost, held, relaxed, found again."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from msgspec.structs import replace

from protocols.arrays import from_bytes
from protocols.messages import HandLandmarks, Performance
from protocols.names import RIG_BONES
from stage.bodies.hands import SIDES, finger_bone_index
from stage.cameras.geometry import project
from stage.config import ActorSection, BodySection
from stage.solving.hands.anatomy import RELAXED
from stage.solving.hands.model import place
from stage.solving.hands.track import EASE_S, HOLD_S
from stage.solving.solver import HandSettings, Solver
from stage.synthetic.hand_poses import bone_quaternions
from tests.body_model import body_model
from tests.stage.solving.hands.synthetic_hands import Hands, exact_hand_map, frameset_with_hands
from tests.stage.solving.synthetic_views import Actress, exact_map, ring_of_cameras

RATE = 30.0
CAMERAS = 3
FINGERS = np.concatenate([finger_bone_index(side) for side in SIDES])


@pytest.fixture
def hands() -> Hands:
    return Hands(Actress(body_model()), exact_hand_map(body_model()))


def solver_of(hands: Hands) -> Solver:
    return Solver(
        hands.actress.body,
        ring_of_cameras(CAMERAS),
        [ActorSection(id="anna")],
        BodySection(),
        exact_map(hands.actress.body),
        {"anna": hands.actress.shape},
        hands=HandSettings(exact_hand_map(hands.actress.body)),
    )


def run(
    solver: Solver, hands: Hands, begin: float, end: float, *, views: int = 2, alternate: bool = False
) -> list[Performance]:
    """Solve from `begin` to `end`; `views` cameras read hands."""
    rig = ring_of_cameras(CAMERAS)
    solved = []
    for frame in range(round(begin * RATE), round(end * RATE)):
        sides = (frame % 2,) if alternate else (0, 1)
        solved += solver.step(frameset_with_hands(rig, frame / RATE, hands, sides=sides, views=views))
    return solved


def tip_bones(performance: Performance) -> np.ndarray:
    """(10, 3): the heads of the outermost finger bones."""
    return from_bytes(performance.joints, (53, 3))[FINGERS[2::3]]


def true_tip_bones(hands: Hands, seconds: float) -> np.ndarray:
    return place(hands.geometry, hands.pose(seconds)).heads[:, 3::3].reshape(-1, 3)


def confidence(performance: Performance) -> np.ndarray:
    return from_bytes(performance.confidence, (53,))[FINGERS]


@pytest.mark.parametrize("alternate", [False, True])
def test_fingers_follow(hands: Hands, alternate: bool):
    performances = run(solver_of(hands), hands, 0.0, 2.5, alternate=alternate)[15:]
    misses = [
        np.linalg.norm(tip_bones(p) - true_tip_bones(hands, p.capture_ns * 1e-9), axis=1).mean() for p in performances
    ]
    assert np.mean(misses) < (0.014 if alternate else 0.012)
    assert np.mean([confidence(p).mean() for p in performances]) > 0.7


def test_fingers_that_are_never_read_rest_without_confidence(hands: Hands):
    performance = run(solver_of(hands), hands, 0.0, 1.0, views=0)[-1]
    assert confidence(performance).max() == 0.0
    rotations = from_bytes(performance.rotations, (53, 4))
    for side in SIDES:
        relaxed = bone_quaternions(RELAXED.reshape(5, 4), side)
        np.testing.assert_allclose(rotations[finger_bone_index(side)], relaxed, atol=0.02)


def test_a_hand_not_read_holds_then_relaxes_and_nothing_snaps(hands: Hands):
    solver = solver_of(hands)
    seen = run(solver, hands, 0.0, 1.0)
    lost = run(solver, hands, 1.0, 1.0 + HOLD_S + 5 * EASE_S, views=0)
    back = run(solver, hands, 1.0 + HOLD_S + 5 * EASE_S, 5.0)
    fingers = np.stack([from_bytes(p.rotations, (53, 4))[FINGERS] for p in [*seen[-3:], *lost, *back]])
    sure = [float(confidence(p).mean()) for p in [seen[-1], *lost]]
    assert all(later <= earlier for earlier, later in itertools.pairwise(sure[1:]))
    assert sure[-1] == 0.0
    held = round(0.6 * HOLD_S * RATE)
    hold_change = np.abs(fingers[3 + held] - fingers[3 + held // 2]).max()
    assert hold_change < 0.05
    for side, part in zip(SIDES, (slice(0, 15), slice(15, 30)), strict=True):
        relaxed = bone_quaternions(RELAXED.reshape(5, 4), side)
        np.testing.assert_allclose(fingers[2 + len(lost), part], relaxed, atol=0.03)
    assert np.abs(np.diff(fingers, axis=0)).max() < 0.25
    assert confidence(back[-1]).mean() > 0.7


def test_two_runs_give_the_same_bytes(hands: Hands):
    first, second = (run(solver_of(hands), hands, 0.0, 0.6, alternate=True) for _ in range(2))
    assert first == second


def test_a_far_hand_is_not_the_actors(hands: Hands):
    solver, rig = solver_of(hands), ring_of_cameras(CAMERAS)
    run(solver, hands, 0.0, 0.5)
    given = frameset_with_hands(rig, 0.5, hands, sides=(0,))
    swapped = {name: replace(view, hands=_exchanged(view.hands)) for name, view in given.views.items()}
    before = solver.step(given._replace(capture_ns=given.capture_ns - 1_000_000))[0]
    after = solver.step(given._replace(views=swapped))[0]
    assert np.linalg.norm(tip_bones(after) - tip_bones(before), axis=1).max() < 0.05


def _exchanged(hands: tuple[HandLandmarks, ...]) -> tuple[HandLandmarks, ...]:
    return tuple(replace(hand, side="left" if hand.side == "right" else "right") for hand in hands)


def test_the_hand_network_turns_the_wrist(hands: Hands):
    """With palms the hand bone's rotation is better than from the pose network's poor hand points."""
    solvers = {views: solver_of(hands) for views in (0, 2)}
    errors: dict[int, list[float]] = {views: [] for views in solvers}
    rig = ring_of_cameras(CAMERAS)
    poor = np.random.default_rng(3).normal(0.0, 0.03, (6, 3))
    real = hands.actress.landmarks
    hands.actress.landmarks = lambda seconds: real(seconds) + np.pad(poor, ((17, 10), (0, 0)))
    for frame in range(45):
        heads = place(hands.geometry, hands.pose(frame / RATE)).heads
        for views, solver in solvers.items():
            (performance,) = solver.step(frameset_with_hands(rig, frame / RATE, hands, views=views))
            found = from_bytes(performance.joints, (53, 3))
            knuckles = [found[RIG_BONES.index(f"index_01_{s}")] - found[RIG_BONES.index(f"hand_{s}")] for s in "lr"]
            errors[views].append(float(np.linalg.norm(knuckles - (heads[:, 4] - heads[:, 0]), axis=1).mean()))
    assert np.mean(errors[2][15:]) < 0.6 * np.mean(errors[0][15:])


def test_predicted_hands_lie_where_they_will_be(hands: Hands):
    solver, rig = solver_of(hands), ring_of_cameras(CAMERAS)
    run(solver, hands, 0.0, 1.0)
    (prediction,) = solver.predictions(round(1.0 * 1e9))
    assert set(prediction.hands) == {camera.id for camera in rig}
    points = hands.landmarks(1.0)
    for camera in rig:
        predicted = from_bytes(prediction.hands[camera.id], (2, 21, 2))
        assert np.all(np.isfinite(predicted))
        for side in range(2):
            expected, _ = project(camera, points[side])
            assert np.median(np.linalg.norm(predicted[side] - expected, axis=1)) < 8.0


def test_the_mesh_has_the_fingers(hands: Hands):
    solver = solver_of(hands)
    run(solver, hands, 0.0, 1.5)
    vertices = solver.vertices("anna").numpy()
    meaning = exact_hand_map(hands.actress.body)
    true = hands.landmarks(44 / RATE)
    for hand, side in enumerate(SIDES):
        found = meaning.combination(side, len(vertices)) @ vertices
        assert np.linalg.norm(found - true[hand], axis=1).mean() < 0.015
