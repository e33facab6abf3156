from __future__ import annotations

import numpy as np
import torch

from stage.solving.fit import Fit
from stage.solving.motion import Motion, MotionModel, lag_seconds
from stage.solving.pose import Pose
from stage.solving.skeleton import SOLVED_BONES

SIZE = 3 + 3 * len(SOLVED_BONES)
DT = 1.0 / 30.0


def at(x: float) -> Pose:
    """All of the body at x metres along X."""
    identity = torch.eye(3, dtype=torch.float64).repeat(1, len(SOLVED_BONES), 1, 1)
    return Pose(torch.tensor([[x, 0.0, 1.0]], dtype=torch.float64), identity)


def measured(model: MotionModel, motion: Motion, x: float, information: float = 1e4) -> tuple[Motion, Motion]:
    """Predict one frame on and update with a measurement of x; the prediction and the result."""
    predicted = model.predict(motion, DT)
    prior = model.prior(predicted)
    own = information * torch.eye(SIZE, dtype=torch.float64)
    total = prior.information[0] + own
    step = torch.linalg.solve(total, own @ at(x).step_from(predicted.pose)[0])
    fit = Fit(predicted.pose.moved(step[None]), total[None], torch.zeros(1))
    return predicted, model.update(predicted, prior, fit)


def started(model: MotionModel, x: float = 0.0) -> Motion:
    return model.start(Fit(at(x), 1e4 * torch.eye(SIZE, dtype=torch.float64)[None], torch.zeros(1)))


def test_a_constant_velocity_is_learned_and_predicted():
    model = MotionModel(1.0)
    predicted = motion = started(model)
    for frame in range(1, 60):
        predicted, motion = measured(model, motion, 0.02 * frame)
    assert abs(float(predicted.pose.position[0, 0]) - 0.02 * 59) < 0.012  # half a frame: velocities fade a little
    assert abs(float(motion.velocity[0]) - 0.6) < 0.1


def test_covariances_stay_symmetric_and_positive():
    model = MotionModel(1.0)
    motion = started(model)
    random = np.random.default_rng(0)
    for _ in range(50):
        _, motion = measured(model, motion, float(random.normal(0.0, 0.02)))
    whole = torch.cat(
        [torch.cat([motion.P_pose, motion.P_cross], 1), torch.cat([motion.P_cross.T, motion.P_velocity], 1)]
    )
    assert torch.allclose(whole, whole.T, atol=1e-9)
    assert float(torch.linalg.eigvalsh(whole).min()) > -1e-10


def test_uncertainty_grows_without_evidence_and_shrinks_with_it():
    model = MotionModel(1.0)
    motion = started(model)
    predicted, updated = measured(model, motion, 0.0)
    assert float(predicted.P_pose.trace()) > float(motion.P_pose.trace())
    assert float(updated.P_pose.trace()) < float(predicted.P_pose.trace())


def test_more_smoothing_is_calmer():
    def roughness(smoothing: float) -> float:
        model, random, places = MotionModel(smoothing), np.random.default_rng(1), []
        motion = started(model)
        for _ in range(120):
            _, motion = measured(model, motion, float(random.normal(0.0, 0.01)))
            places.append(float(motion.pose.position[0, 0]))
        return float(np.abs(np.diff(places, 2)).mean())

    assert roughness(4.0) < roughness(1.0) < roughness(0.1)


def test_velocities_fade_when_nothing_is_seen():
    model = MotionModel(1.0)
    motion = started(model)._replace(velocity=torch.ones(SIZE, dtype=torch.float64))
    for _ in range(90):
        motion = model.predict(motion, DT)
    assert float(motion.velocity.norm()) < 0.3
    assert float(motion.pose.position[0, 0]) < 1.0


def test_the_stated_lag_is_that_of_the_filter():
    alpha, gain = 0.4, 3.0
    beta, frequency = gain * DT, 1.0
    x = v = 0.0
    times = np.arange(600) * DT
    found = []
    for y in np.sin(2 * np.pi * frequency * times):
        predicted = x + v * DT
        x, v = predicted + alpha * (y - predicted), v + beta / DT * (y - predicted)
        found.append(x)
    late = np.array(found)[300:]
    phase = np.angle(np.sum(late * np.exp(-2j * np.pi * frequency * times[300:]))) + np.pi / 2
    assert abs(-phase / (2 * np.pi * frequency) - lag_seconds(alpha, gain, DT, frequency)) < 1e-3
