"""The temporal prior: bodies keep moving as they do.

Pose and velocity of all 69 coordinates with their joint covariance; accelerations are white noise of a usual
strength per joint. The fit of a frameset is the measurement update (an iterated extended Kalman filter in
information form): the prediction enters the fit as a prior, the fit's information becomes the covariance. What
cameras see well therefore follows at once, what they see badly is carried by the motion.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from stage.solving.fit import Fit, Prior
from stage.solving.pose import Pose
from stage.solving.skeleton import SOLVED_BONES

ACCELERATION_DENSITY = {
    "position": 0.075,
    "pelvis": 0.25,
    "spine": 0.2,
    "neck": 0.45,
    "head": 0.6,
    "clavicle": 0.22,
    "upperarm": 6.0,
    "lowerarm": 10.0,
    "hand": 1.5,
    "thigh": 4.0,
    "calf": 6.0,
    "foot": 1.5,
    "ball": 0.6,
}
"""Power of the white acceleration, m^2/s^3 for the position and rad^2/s^3 for joints."""

USUAL_SPEED_M_S, USUAL_SPEED_RAD_S = 0.8, 1.7
REST_ACTIVITY, MOST_ACTIVITY = 0.1, 20.0
"""A joint at rest accelerates less than one that moves, as in the One-Euro filter: calm when still, quick when not."""

VELOCITY_DECAY_S = 0.8
"""Without evidence, velocities fade with this time constant."""

_FIRST_VELOCITY_SIGMA = 1.0
_SMALLEST_DENSITY_FACTOR = 1e-3


class Motion(NamedTuple):
    """Pose and velocity with their covariance; B = 1."""

    pose: Pose
    velocity: torch.Tensor
    """(69,): per second."""
    P_pose: torch.Tensor
    """(69, 69)."""
    P_cross: torch.Tensor
    """(69, 69): pose against velocity."""
    P_velocity: torch.Tensor
    """(69, 69)."""


class MotionModel:
    """Predicts and updates; `smoothing` 1 is tuned for people, larger is calmer, 0 trusts each frame alone."""

    def __init__(self, smoothing: float, device: torch.device | str = "cpu") -> None:
        densities = [ACCELERATION_DENSITY["position"]] * 3
        for bone in SOLVED_BONES:
            densities += [ACCELERATION_DENSITY[bone.split("_")[0]]] * 3
        factor = 1.0 / max(smoothing, _SMALLEST_DENSITY_FACTOR) ** 2
        self._density = torch.from_numpy(np.array(densities) * factor).to(device)
        usual_speed = np.array([USUAL_SPEED_M_S] + [USUAL_SPEED_RAD_S] * len(SOLVED_BONES))
        self._per_usual_speed2 = torch.from_numpy(1.0 / usual_speed**2).to(device)
        self._eye = torch.eye(len(densities), dtype=torch.float64, device=device)

    def start(self, fit: Fit) -> Motion:
        """Motion at rest in a fitted pose."""
        covariance = torch.linalg.inv(fit.information[0])
        zero = torch.zeros_like(self._eye)
        return Motion(fit.pose, torch.zeros_like(self._density), covariance, zero, self._eye * _FIRST_VELOCITY_SIGMA**2)

    def predict_pose(self, motion: Motion, dt: float) -> Pose:
        """The pose alone, `dt` seconds later."""
        return motion.pose.moved(motion.velocity[None] * _reach(dt))

    def predict(self, motion: Motion, dt: float) -> Motion:
        """The motion `dt` seconds later, before any evidence."""
        decay = float(np.exp(-dt / VELOCITY_DECAY_S))
        reach = _reach(dt)
        noise = self._density * self._activity(motion.velocity)
        P_cross = decay * (motion.P_cross + reach * motion.P_velocity)
        P_pose = motion.P_pose + reach * (motion.P_cross + motion.P_cross.T) + reach**2 * motion.P_velocity
        P_velocity = decay**2 * motion.P_velocity
        P_pose.diagonal().add_(noise * (dt**3 / 3.0))
        P_cross.diagonal().add_(noise * (dt**2 / 2.0))
        P_velocity.diagonal().add_(noise * dt)
        return Motion(self.predict_pose(motion, dt), motion.velocity * decay, P_pose, P_cross, P_velocity)

    def _activity(self, velocity: torch.Tensor) -> torch.Tensor:
        """(69,): how much of its usual acceleration each joint has at its present speed."""
        speed2 = (velocity * velocity).view(-1, 3).sum(1) * self._per_usual_speed2
        return (REST_ACTIVITY + speed2).clamp_max(MOST_ACTIVITY).repeat_interleave(3)

    def prior(self, predicted: Motion) -> Prior:
        """The prediction as a prior of the fit."""
        factor = torch.linalg.cholesky_ex(predicted.P_pose + 1e-12 * self._eye).L
        return Prior(predicted.pose, torch.cholesky_inverse(factor)[None])

    def update(self, predicted: Motion, prior: Prior, fit: Fit) -> Motion:
        """The motion after a fit that started from `prior`."""
        P_pose = torch.cholesky_inverse(torch.linalg.cholesky_ex(fit.information[0]).L)
        gain = predicted.P_cross.T @ prior.information[0]  # velocity per pose
        step = fit.pose.step_from(predicted.pose)[0]
        P_velocity = predicted.P_velocity - gain @ (predicted.P_pose - P_pose) @ gain.T
        return Motion(
            pose=fit.pose,
            velocity=predicted.velocity + gain @ step,
            P_pose=P_pose,
            P_cross=P_pose @ gain.T,
            P_velocity=0.5 * (P_velocity + P_velocity.T),
        )


def _reach(dt: float) -> float:
    """How far a unit velocity leads while it fades, seconds."""
    return VELOCITY_DECAY_S * float(1.0 - np.exp(-dt / VELOCITY_DECAY_S))


def lag_seconds(update_share: float, velocity_gain: float, dt: float, frequency_hz: float = 1.0) -> float:
    """Delay of a movement of one frequency through the filter in its steady state.

    Args:
        update_share: How much of a surprise in the pose is taken over at once (alpha).
        velocity_gain: How much of it changes the velocity, per second.
        dt: Frame interval, seconds.
        frequency_hz: Frequency of the movement.

    Returns:
        Phase delay of the alpha-beta filter at that frequency, seconds.
    """
    beta = velocity_gain * dt
    z = np.exp(2j * np.pi * frequency_hz * dt)
    response = (update_share * (z - 1.0) * z + beta * z) / ((z - 1.0) ** 2 + update_share * (z - 1.0) + beta * z)
    return float(-np.angle(response) / (2.0 * np.pi * frequency_hz))
