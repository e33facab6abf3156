"""From landmarks to the 52 ARKit coefficients: an ensemble of small networks, learned on rendered faces.

The landmark networks are biased, so no fit of a mesh to their points finds the expression; what they say of a known
expression is learned instead (`python -m stage.faces.learn`). Inputs are differences from the actor's rest, now and
averaged over a few frames (`stage.faces.projection`); numpy only, a fraction of a millisecond.

How far a coefficient can be trusted comes with it: how well the shape is seen at all, the error to expect of this
reading, and how unusual the reading is.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np

from protocols.names import ARKIT_SHAPES
from stage.errors import NetworkError
from stage.faces.features import EYES_SEEN, FEATURE_COUNT, WEIGHTS
from stage.faces.projection import Projection, context_of

WINDOW = 3
"""Frames that are averaged beside the newest."""

_HOPELESS = 0.3
"""An expected error at which nothing is left of the confidence."""
_NO_EYES = 0.4
"""What is left of the confidence of eye shapes when the eyes were not read."""


class Coefficients(NamedTuple):
    """What a reading says of the 52 shapes, order of `protocols.names.ARKIT_SHAPES`."""

    values: np.ndarray
    """(52,) float32 in [0, 1]."""
    confidence: np.ndarray
    """(52,) float32 in [0, 1]."""


class Member(NamedTuple):
    """One network of the ensemble: two hidden layers and a direct path."""

    w0: np.ndarray
    b0: np.ndarray
    w1: np.ndarray
    b1: np.ndarray
    w2: np.ndarray
    b2: np.ndarray
    direct: np.ndarray

    def run(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Outputs (M, 52) before they are cut to [0, 1], and the last hidden layer (M, H), of inputs (M, I)."""
        hidden = _silu(_silu(x @ self.w0 + self.b0) @ self.w1 + self.b1)
        return hidden @ self.w2 + self.b2 + x @ self.direct, hidden


class Trust(NamedTuple):
    """What is known of the errors."""

    skill: np.ndarray
    """(52,) correlation on people the learner never saw."""
    weights: np.ndarray
    """(E, 52) expected error, linear in the first member's hidden layer, the context and its squares, and 1."""
    usual: np.ndarray
    """(2,) size of the inputs that half of all readings do not exceed, and 99 % do not."""


@dataclass(frozen=True, eq=False)
class FaceRegressor:
    """Gives coefficients of readings."""

    projection: Projection
    members: tuple[Member, ...]
    trust: Trust

    @property
    def window(self) -> int:
        """How many of the newest readings are used."""
        return WINDOW

    @staticmethod
    def load(path: Path = WEIGHTS) -> FaceRegressor:
        """Read the weights, by default those of Stage.

        Raises:
            NetworkError: The file is missing or damaged.
        """
        try:
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                arrays = {name: np.asarray(file[name], np.float32) for name in file.files}
            members = tuple(_part(Member, arrays, f"member{k}_") for k in range(int(arrays["members"])))
            return FaceRegressor(_part(Projection, arrays, ""), members, _part(Trust, arrays, "trust_"))
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise NetworkError(f"the face regressor {path} cannot be read ({error}); install Stage again") from error

    def coefficients(self, window: np.ndarray, neutral: np.ndarray | None) -> Coefficients:
        """The shapes of the newest of some readings.

        Args:
            window: (W, D) features (`stage.faces.features.describe`), the newest last, W <= `window`.
            neutral: (D,) the features of the actor's rest, None while it is not known.
        """
        assert window.ndim == 2 and window.shape[1] == FEATURE_COUNT, window.shape
        now, mean = window[-1:], window[-WINDOW:].mean(0, keepdims=True)
        values, confidence = self.run(now, mean, None if neutral is None else neutral[None])
        return Coefficients(values[0], confidence[0])

    def run(self, now: np.ndarray, mean: np.ndarray, neutral: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Values and confidence, (M, 52) each, of many readings; arguments as in `Projection.inputs`."""
        x = self.projection.inputs(now, mean, neutral)
        outputs = [member.run(x) for member in self.members]
        values = np.clip(sum(z for z, _ in outputs) / len(outputs), 0.0, 1.0).astype(np.float32)
        base = self.projection.mean_neutral[None] if neutral is None else neutral
        expected = trust_inputs(self.projection, outputs[0][1], now, base) @ self.trust.weights
        half, most = self.trust.usual
        strange = np.maximum(reading_size(self.projection, x) - half, 0.0) / max(most - half, 1e-6)
        familiar = 1.0 / (1.0 + np.maximum(strange - 1.0, 0.0) ** 2)
        confidence = (0.4 + 0.6 * self.trust.skill) * np.clip(1.0 - expected / _HOPELESS, 0.0, 1.0) * familiar[:, None]
        blind = now[:, EYES_SEEN] < 0.5
        if blind.any():
            confidence[np.ix_(blind, _EYE_SHAPES)] *= _NO_EYES
        return values, confidence.astype(np.float32)


def trust_inputs(projection: Projection, hidden: np.ndarray, now: np.ndarray, neutral: np.ndarray) -> np.ndarray:
    """(M, E) what the expected error is linear in."""
    context = (context_of(now, neutral) - projection.context_scale[0]) / projection.context_scale[1]
    context = np.clip(context, -6.0, 6.0)
    return np.concatenate([hidden, context, context**2, np.ones((len(hidden), 1), np.float32)], 1)


def reading_size(projection: Projection, x: np.ndarray) -> np.ndarray:
    """(M,) how far readings are from the usual, of inputs (M, I): root mean square of the points' directions."""
    count = projection.points.shape[1]
    return np.sqrt((x[:, :count] ** 2).mean(1))


def _silu(x: np.ndarray) -> np.ndarray:
    return x / (1.0 + np.exp(-np.clip(x, -60.0, 60.0)))


def _part(kind: Any, arrays: dict[str, np.ndarray], prefix: str) -> Any:
    return kind(*(arrays[prefix + name] for name in kind._fields))


_EYE_SHAPES = np.array([i for i, name in enumerate(ARKIT_SHAPES) if name.startswith("Eye")])
