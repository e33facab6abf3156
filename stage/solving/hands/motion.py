"""The temporal prior of fingers: the filter of `stage.solving.motion` for 20 plain angles per hand.

Angles and their velocities with their joint covariance; accelerations are white noise, of an angle at rest less than of
one that moves. A fit is the measurement update. A hand that is not read goes on as it moved, for a moment.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stage.bodies.hands import ANGLE_COUNT, Floats
from stage.solving.hands.anatomy import HIGH, LOW
from stage.solving.hands.fit import HandFit, HandPrior

ACCELERATION_DENSITY = {"spread": 4.0, "flexion": 25.0}
"""Power of the white acceleration, rad^2/s^3."""
USUAL_SPEED_RAD_S = 2.0
REST_ACTIVITY, MOST_ACTIVITY = 0.1, 10.0
VELOCITY_DECAY_S = 0.15
"""Fingers stop soon after they were last seen moving."""

_FIRST_VELOCITY_SIGMA = 3.0
_SMALLEST_DENSITY_FACTOR = 1e-3


class HandMotion(NamedTuple):
    """Angles and velocities of H hands with their covariance."""

    angles: Floats
    """(H, 20)."""
    velocity: Floats
    """(H, 20), radians per second."""
    P_angles: Floats
    """(H, 20, 20)."""
    P_cross: Floats
    """(H, 20, 20): angles against velocity."""
    P_velocity: Floats
    """(H, 20, 20)."""

    def of(self, hands: list[int]) -> HandMotion:
        """Some of the hands."""
        return HandMotion(*(array[hands] for array in self))

    def put(self, hands: list[int], other: HandMotion) -> None:
        """Overwrite some of the hands, in place."""
        for mine, new in zip(self, other, strict=True):
            mine[hands] = new


class HandMotionModel:
    """Predicts and updates; `smoothing` 1 is tuned for people, larger is calmer, 0 trusts each frame alone."""

    def __init__(self, smoothing: float) -> None:
        spread, flexion = ACCELERATION_DENSITY["spread"], ACCELERATION_DENSITY["flexion"]
        factor = 1.0 / max(smoothing, _SMALLEST_DENSITY_FACTOR) ** 2
        self._density = factor * np.tile([spread, flexion, flexion, flexion], 5)

    def start(self, angles: Floats, covariance: Floats) -> HandMotion:
        """At rest in known angles (H, 20) with covariance (H, 20, 20)."""
        eye = np.repeat(np.eye(ANGLE_COUNT)[None], len(angles), 0)
        return HandMotion(angles, np.zeros_like(angles), covariance, np.zeros_like(eye), eye * _FIRST_VELOCITY_SIGMA**2)

    def predict(self, motion: HandMotion, dt: Floats) -> HandMotion:
        """`dt` (H,) seconds later, before any evidence."""
        dt = dt[:, None]
        decay = np.exp(-dt / VELOCITY_DECAY_S)
        reach = VELOCITY_DECAY_S * (1.0 - decay)
        speed = motion.velocity * (1.0 / USUAL_SPEED_RAD_S)
        noise = self._density * np.minimum(REST_ACTIVITY + speed * speed, MOST_ACTIVITY)
        d, r = decay[..., None], reach[..., None]
        P_cross = d * (motion.P_cross + r * motion.P_velocity)
        P_angles = motion.P_angles + r * (motion.P_cross + motion.P_cross.swapaxes(1, 2)) + r * r * motion.P_velocity
        P_velocity = d * d * motion.P_velocity
        P_angles[:, _DIAGONAL, _DIAGONAL] += noise * (dt**3 / 3.0)
        P_cross[:, _DIAGONAL, _DIAGONAL] += noise * (dt**2 / 2.0)
        P_velocity[:, _DIAGONAL, _DIAGONAL] += noise * dt
        angles = np.clip(motion.angles + reach * motion.velocity, LOW, HIGH)
        return HandMotion(angles, motion.velocity * decay, P_angles, P_cross, P_velocity)

    def predicted_angles(self, motion: HandMotion, dt: Floats) -> Floats:
        """(H, 20): the angles alone."""
        reach = VELOCITY_DECAY_S * (1.0 - np.exp(-dt[:, None] / VELOCITY_DECAY_S))
        return np.clip(motion.angles + reach * motion.velocity, LOW, HIGH)

    def prior(self, predicted: HandMotion) -> HandPrior:
        """The prediction as a prior of the fit."""
        return HandPrior(predicted.angles, np.linalg.inv(predicted.P_angles))

    def update(self, predicted: HandMotion, prior: HandPrior, fit: HandFit) -> HandMotion:
        """The motion after a fit that started from `prior`."""
        gain = predicted.P_cross.swapaxes(1, 2) @ prior.information  # velocity per angle
        step = fit.pose.angles - predicted.angles
        back = gain.swapaxes(1, 2)
        return HandMotion(
            fit.pose.angles,
            predicted.velocity + (gain @ step[..., None])[..., 0],
            fit.covariance,
            fit.covariance @ back,
            predicted.P_velocity - gain @ (predicted.P_angles - fit.covariance) @ back,
        )


_DIAGONAL = np.arange(ANGLE_COUNT)
