"""The solver as its users see it: accuracy on exact views, losses, returns, bystanders, determinism."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from protocols.arrays import from_bytes
from protocols.messages import Performance
from stage.config import ActorSection, BodySection
from stage.solving.actor import FADE_S, HOLD_S
from stage.solving.framesets import Frameset
from stage.solving.solver import Solver
from tests.body_model import body_model
from tests.stage.solving.synthetic_views import Actress, exact_map, frameset, ring_of_cameras

RATE = 30.0


def solver_of(actress: Actress, cameras: int = 4, *, known: bool = True, height_m: float = 0.0) -> Solver:
    shapes = {"anna": actress.shape} if known else None
    return Solver(
        actress.body,
        ring_of_cameras(cameras),
        [ActorSection(id="anna", height_m=height_m)],
        BodySection(shape_seconds=1.5),
        exact_map(actress.body),
        shapes,
    )


def joints_of(performance: Performance) -> np.ndarray:
    return from_bytes(performance.joints, (53, 3))


def run(
    solver: Solver, actress: Actress, cameras: int, begin: float, end: float, noise_px: float = 0.0
) -> list[Performance]:
    """Solve from `begin` to `end`; the performances of the one actor."""
    rig = ring_of_cameras(cameras)
    times = np.arange(round(begin * RATE), round(end * RATE)) / RATE
    solved = [solver.step(frameset(rig, t, [actress.landmarks(t)], noise_px)) for t in times]
    return [performances[0] for performances in solved if len(performances) > 0]


def nothing(solver: Solver, begin: float, end: float) -> list[Performance]:
    rig = ring_of_cameras(len(solver.rig.ids))
    times = np.arange(round(begin * RATE), round(end * RATE)) / RATE
    return [performance for t in times for performance in solver.step(frameset(rig, t, []))]


def miss_m(performances: list[Performance], actress: Actress) -> np.ndarray:
    """(T,) mean joint error, metres."""
    true = [actress.joints(p.capture_ns * 1e-9) for p in performances]
    return np.array([np.linalg.norm(joints_of(p) - j, axis=1).mean() for p, j in zip(performances, true, strict=True)])


def test_exact_views_give_the_true_joints():
    actress = Actress(body_model())
    performances = run(solver_of(actress), actress, 4, 0.0, 2.0)
    assert len(performances) == 60
    assert miss_m(performances, actress)[10:].mean() < 0.012
    assert {p.state for p in performances} == {"tracking"}
    assert set(performances[-1].cameras) == {"cam0", "cam1", "cam2", "cam3"}


def test_noise_is_smoothed_without_lag():
    actress = Actress(body_model())
    performances = run(solver_of(actress), actress, 4, 0.0, 3.0, noise_px=4.0)
    solved = np.stack([joints_of(p) for p in performances])[15:]

    def error_with_delay(frames: float) -> float:
        times = [p.capture_ns * 1e-9 - frames / RATE for p in performances[15:]]
        return float(np.linalg.norm(solved - np.stack([actress.joints(t) for t in times]), axis=-1).mean())

    assert error_with_delay(0.0) < 0.025
    assert error_with_delay(0.0) < error_with_delay(1.0)
    assert error_with_delay(0.0) < error_with_delay(-1.0)


def test_shape_is_estimated_then_frozen_and_bones_are_constant():
    body = body_model()
    shape = np.zeros(body.shape_count)
    shape[0], shape[10] = 0.6, 0.8
    actress = Actress(body, shape)
    solver = solver_of(actress, known=False)
    performances = run(solver, actress, 4, 0.0, 2.5)
    assert "anna" in solver.final_shapes()
    rest = np.stack([from_bytes(p.rest_joints, (53, 3)) for p in performances])
    assert np.array_equal(rest[-20:], np.broadcast_to(rest[-1], rest[-20:].shape))
    true_height = body.rest_body(shape).vertices[:, 2].max()
    assert body.rest_body(solver.final_shapes()["anna"]).vertices[:, 2].max() == pytest.approx(true_height, abs=0.02)
    assert miss_m(performances[-20:], actress).mean() < 0.015


def test_two_runs_give_the_same_bytes():
    actress = Actress(body_model())
    first, second = (run(solver_of(actress, known=False), actress, 4, 0.0, 0.7, noise_px=2.0) for _ in range(2))
    assert first == second


def test_a_lost_view_is_no_loss():
    actress = Actress(body_model())
    solver, rig = solver_of(actress), ring_of_cameras(4)
    run(solver, actress, 4, 0.0, 1.0)
    performances = []
    for t in np.arange(30, 60) / RATE:
        whole = frameset(rig, t, [actress.landmarks(t)])
        left = {camera: seen for camera, seen in whole.views.items() if camera in ("cam0", "cam1")}
        performances += solver.step(Frameset(whole.capture_ns, left))
    assert {p.state for p in performances} == {"tracking"}
    assert miss_m(performances, actress).max() < 0.03


def test_one_camera_follows_with_the_height_told():
    actress = Actress(body_model())
    height = float(actress.body.rest_body(actress.shape).vertices[:, 2].max())
    solver = solver_of(actress, cameras=1, known=False, height_m=height)
    performances = run(solver, actress, 1, 0.0, 2.0)
    assert len(performances) == 60
    errors = miss_m(performances[20:], actress)
    assert errors.mean() < 0.08
    steps = np.linalg.norm(np.diff(np.stack([joints_of(p) for p in performances[20:]]), axis=0), axis=-1)
    assert steps.max() < 0.25


def test_a_lost_person_holds_then_fades_to_rest_and_nothing_snaps():
    actress = Actress(body_model())
    solver = solver_of(actress)
    before = run(solver, actress, 4, 0.0, 1.0)
    lost = nothing(solver, 1.0, 1.0 + HOLD_S + FADE_S + 0.5)
    back = run(solver, actress, 4, 1.0 + HOLD_S + FADE_S + 0.5, 5.0)
    states = [p.state for p in lost]
    assert [state for i, state in enumerate(states) if i == 0 or states[i - 1] != state] == [
        "holding",
        "fading",
        "absent",
    ]
    shown = np.stack([joints_of(p) for p in before[-5:] + lost + back])
    assert np.all(np.isfinite(shown))
    assert np.linalg.norm(np.diff(shown, axis=0), axis=-1).max() < 0.2
    at_rest = from_bytes(lost[-1].rotations, (53, 4))[1:]
    np.testing.assert_allclose(np.abs(at_rest[:, 3]), 1.0, atol=1e-5)
    assert from_bytes(lost[-1].confidence, (53,)).max() == 0.0
    assert back[-1].state == "tracking"
    assert miss_m(back[-15:], actress).max() < 0.03


def test_confidence_falls_while_a_person_is_lost():
    actress = Actress(body_model())
    solver = solver_of(actress)
    seen = run(solver, actress, 4, 0.0, 1.0)[-1]
    lost = nothing(solver, 1.0, 1.4)
    means = [float(from_bytes(p.confidence, (53,)).mean()) for p in [seen, *lost]]
    assert means[0] > 0.5
    assert all(later < earlier for earlier, later in itertools.pairwise(means))


def test_a_bystander_is_never_taken_for_the_actor():
    actress = Actress(body_model())
    solver, rig = solver_of(actress), ring_of_cameras(4)
    run(solver, actress, 4, 0.0, 1.0)
    aside = np.array([1.2, 0.8, 0.0])
    # The actor disappears from every view, the bystander stays.
    for t in np.arange(30, 40) / RATE:
        (performance,) = solver.step(frameset(rig, t, [actress.landmarks(1.0) + aside]))
        assert np.linalg.norm(joints_of(performance)[1, :2] - actress.joints(1.0)[1, :2]) < 0.3


def test_two_actors_keep_their_names():
    body = body_model()
    actress = Actress(body)
    apart = np.array([1.1, 0.0, 0.0])
    actors = [ActorSection(id="anna"), ActorSection(id="bea")]
    rig = ring_of_cameras(4)
    shapes = {"anna": actress.shape, "bea": actress.shape}
    solver = Solver(body, rig, actors, BodySection(), exact_map(body), shapes)
    names = []
    for t in np.arange(60) / RATE:
        people = [actress.landmarks(t) - apart, actress.landmarks(t) + apart]
        order = people if round(t * RATE) % 2 else people[::-1]
        performances = solver.step(frameset(rig, t, order))
        names.append({p.actor: float(np.sign(joints_of(p)[1, 0])) for p in performances})
    assert set(names[-1]) == {"anna", "bea"}
    assert all(side == names[5] for side in names[5:])


def test_predictions_lie_where_the_landmarks_will_be():
    from stage.cameras.geometry import project

    actress = Actress(body_model())
    solver, rig = solver_of(actress), ring_of_cameras(4)
    run(solver, actress, 4, 0.0, 1.0)
    (prediction,) = solver.predictions(round(1.0 * 1e9))
    for camera in rig:
        expected, _ = project(camera, actress.landmarks(1.0))
        predicted = from_bytes(prediction.cameras[camera.id], (33, 2))
        assert np.median(np.linalg.norm(predicted - expected, axis=1)) < 8.0


def test_a_frameset_out_of_order_is_left_alone_and_a_new_run_starts_over():
    actress = Actress(body_model())
    solver, rig = solver_of(actress), ring_of_cameras(4)
    run(solver, actress, 4, 10.0, 11.0)
    assert solver.step(frameset(rig, 10.5, [actress.landmarks(10.5)])) == []
    performances = run(solver, actress, 4, 0.0, 1.0)
    assert len(performances) == 30
    assert miss_m(performances[-5:], actress).max() < 0.03


def test_the_mesh_is_the_shown_pose():
    actress = Actress(body_model())
    solver = solver_of(actress)
    performance = run(solver, actress, 4, 0.0, 0.5)[-1]
    vertices = solver.vertices("anna").numpy()
    assert vertices.shape == (13718, 3)
    middle = joints_of(performance).mean(0)
    assert np.linalg.norm(vertices.mean(0) - middle) < 0.3
    assert vertices[:, 2].min() > -0.03
