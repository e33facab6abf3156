"""Learn the regressor: `python -m stage.faces.learn --folder SAMPLES`.

1. Render people and let the networks read them (`stage.faces.gather`; resumable, the slow part).
2. Average the readings at rest to the reference face; describe every reading by it.
3. Train the ensemble on nine people of ten, mirrored ones beside them, with and without neutral and eyes.
4. On the tenth, learn what error to expect, and each shape's skill.

The loss counts the absolute error and twice its square; error on shapes that are active weighs more, and an
output below 0 of a shape at rest is none, so that rest stays at rest.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro

from protocols.names import ARKIT_SHAPES
from stage.faces.features import STABLE, WEIGHTS, mirror_of_points, mirror_of_shapes, rigid_fit
from stage.faces.gather import gather, load_samples
from stage.faces.projection import Projection
from stage.faces.regressor import Member, Trust, reading_size, trust_inputs
from stage.faces.rows import Described, described, flipped, projection
from stage.faces.samples import RESTS

ACTIVE = 0.1
_LEVEL = 0.005
_NEUTRAL_UNKNOWN, _EYES_UNKNOWN = 0.12, 0.04
_RIDGE = 30.0


@dataclass(frozen=True)
class Arguments:
    """Render faces, read them by the networks, and learn coefficients from what the networks say."""

    folder: Path
    """Samples are gathered here, and found again."""
    people: int = 4000
    seed: int = 1
    epochs: int = 40
    members: int = 2
    hidden: tuple[int, int] = (448, 320)
    directions: tuple[int, int, int] = (220, 80, 40)
    """Principal directions of points, eyes and people."""
    active_weight: float = 1.5
    batch: int = 256
    pool: int = 90
    """Exact Anny people that the learned ones are mixed from."""
    out: Path = WEIGHTS


def main(arguments: Arguments) -> None:
    """Gather, learn and write."""
    gather(arguments.folder, arguments.people, arguments.seed, pool=arguments.pool)
    samples = load_samples(arguments.folder)
    reference = average_face(samples.points[:, :RESTS].reshape(-1, *samples.points.shape[2:]))
    rows = described(samples, reference)
    del samples
    learned = learn(rows, reference, arguments, progress)
    with arguments.out.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **learned)
    progress(f"{arguments.out}: {arguments.out.stat().st_size / 1e6:.1f} MB")


def average_face(readings: np.ndarray) -> np.ndarray:
    """(468, 3) symmetric mean of readings at rest (N, 468, 3), NaN rows left out; outer eye corners 1 apart."""
    seen = readings[np.isfinite(readings).all((1, 2))].astype(np.float64)
    stable = list(STABLE)
    seen = seen - seen[:, stable].mean(1, keepdims=True)
    reference = seen[0]
    for _ in range(6):
        R, scale = rigid_fit(seen[:, stable], reference[stable])
        reference = ((seen / scale[:, None, None]) @ R).mean(0)
        reference = reference @ _upright(reference)
        reference -= reference[stable].mean(0)
        reference /= np.linalg.norm(reference[263] - reference[33])
    partners = mirror_of_points(reference)
    symmetric = 0.5 * (reference + reference[partners] * np.array([-1.0, 1.0, 1.0]))
    return symmetric - symmetric[stable].mean(0)


def _upright(face: np.ndarray) -> np.ndarray:
    """(3, 3) that turns a face so that its eyes' line is x and its height y."""
    across = face[263] - face[33]
    across /= np.linalg.norm(across)
    down = face[152] - face[10]
    down -= across * (down @ across)
    down /= np.linalg.norm(down)
    return np.stack([across, down, np.cross(across, down)], 1)


def learn(
    rows: Described, reference: np.ndarray, arguments: Arguments, say: Callable[[str], None]
) -> dict[str, np.ndarray]:
    """The arrays of the regressor's file."""
    held = rows.person % 10 == 9
    train, test = (Described(*(column[mask] for column in rows)) for mask in (~held, held))
    points, eyes, who = arguments.directions
    maps = projection(train, points, eyes, who)
    # As it will be read back.
    coarse = {name: getattr(maps, name).astype(np.float16).astype(np.float32) for name in ("points", "eyes", "who")}
    maps = maps._replace(**coarse)
    mirror = flipped(train, mirror_of_points(reference), mirror_of_shapes())
    variants = [
        torch.from_numpy(maps.inputs(part.now, part.mean, part.neutral if known else None))
        for known in (True, False)
        for part in (train, mirror)
    ]
    targets = [torch.from_numpy(part.coefficients) for part in (train, mirror)]
    tested = torch.from_numpy(maps.inputs(test.now, test.mean, test.neutral))
    say(f"{len(train.now)} frames to learn from, {len(test.now)} to test on, {variants[0].shape[1]} inputs")
    members = []
    for number in range(arguments.members):
        torch.manual_seed(number)
        net = Net(variants[0].shape[1], arguments.hidden)
        fit(net, variants, targets, maps.eye_columns, arguments, lambda text: say(f"member {len(members)}: {text}"),
            (tested, test.coefficients))  # fmt: skip
        members.append(net.member())
    arrays = {"reference": reference.astype(np.float32), "members": np.array(len(members))}
    arrays |= {name: array.astype(np.float16 if name in ("points", "eyes", "who") else np.float32)
               for name, array in maps._asdict().items()}  # fmt: skip
    for number, member in enumerate(members):
        arrays |= {f"member{number}_{name}": array.astype(np.float16) for name, array in member._asdict().items()}
    arrays |= {f"trust_{name}": array for name, array in _trust(maps, members, test)._asdict().items()}
    return arrays


class Net(torch.nn.Module):
    """One member in training."""

    def __init__(self, inputs: int, hidden: tuple[int, int]) -> None:
        super().__init__()
        self.first, self.second = torch.nn.Linear(inputs, hidden[0]), torch.nn.Linear(*hidden)
        self.last = torch.nn.Linear(hidden[1], len(ARKIT_SHAPES))
        self.direct = torch.nn.Linear(inputs, len(ARKIT_SHAPES), bias=False)
        self.drop = torch.nn.Dropout(0.1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs (B, 52) before they are cut."""
        hidden = self.drop(torch.nn.functional.silu(self.first(x)))
        hidden = self.drop(torch.nn.functional.silu(self.second(hidden)))
        return self.last(hidden) + self.direct(x)

    def member(self) -> Member:
        """The weights in the layout of the regressor."""
        layers = (self.first, self.second, self.last)
        arrays = [tensor for layer in layers for tensor in (layer.weight.T, layer.bias)]
        return Member(*(tensor.detach().numpy().copy() for tensor in (*arrays, self.direct.weight.T)))


def fit(
    net: Net,
    variants: list[torch.Tensor],
    targets: list[torch.Tensor],
    eye_columns: int,
    arguments: Arguments,
    say: Callable[[str], None],
    test: tuple[torch.Tensor, np.ndarray],
) -> None:
    """Train; `variants` are inputs [plain, mirrored] with the neutral, then without."""
    count, batch = len(targets[0]), min(arguments.batch, len(targets[0]))
    steps = arguments.epochs * (count // batch)
    optimiser = torch.optim.AdamW(net.parameters(), 1.5e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1.5e-3, total_steps=max(steps, 4))
    begin = time.monotonic()
    for epoch in range(arguments.epochs):
        order = torch.randperm(count)
        for first in range(0, count - batch + 1, batch):
            rows = order[first : first + batch]
            which = (torch.rand(batch) < 0.5).long() + 2 * (torch.rand(batch) < _NEUTRAL_UNKNOWN).long()
            x = torch.empty(batch, variants[0].shape[1])
            y = torch.empty(batch, len(ARKIT_SHAPES))
            for k, variant in enumerate(variants):
                x[which == k], y[which == k] = variant[rows[which == k]], targets[k % 2][rows[which == k]]
            blind = torch.rand(batch) < _EYES_UNKNOWN
            x[blind, -eye_columns:] = 0.0
            x[blind, -eye_columns - 1] = -1.0
            optimiser.zero_grad()
            loss(net(x), y, arguments.active_weight).backward()
            optimiser.step()
            schedule.step()
        if epoch % 5 == 4 or epoch + 1 == arguments.epochs:
            say(f"epoch {epoch + 1}, {time.monotonic() - begin:.0f} s: {_score(net, *test)}")
    net.eval()


def loss(z: torch.Tensor, y: torch.Tensor, active_weight: float) -> torch.Tensor:
    """Of outputs and truth (B, 52)."""
    error = z - y
    beyond = ((y <= _LEVEL) & (z < 0.0)) | ((y >= 1.0 - _LEVEL) & (z > 1.0))
    error = torch.where(beyond, 0.0 * error, error)
    weight = 1.0 + active_weight * (y > ACTIVE)
    return (weight * (error.abs() + 2.0 * error * error)).mean()


def _score(net: Net, inputs: torch.Tensor, truth: np.ndarray) -> str:
    net.eval()
    with torch.no_grad():
        values = net(inputs).clamp(0.0, 1.0).numpy()
    net.train()
    correlation, error = correlations(values, truth), np.abs(values - truth)
    return (
        f"correlation median {np.median(correlation):.3f}, {(correlation >= 0.9).sum()} >= 0.9; error active "
        f"{error[truth > ACTIVE].mean():.3f}, at rest {error[truth < 2 * _LEVEL].mean():.4f}"
    )


def correlations(values: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(52,) of values and truth (M, 52); 0 where one does not move."""
    a, b = values - values.mean(0), truth - truth.mean(0)
    return (a * b).sum(0) / np.maximum(np.sqrt((a * a).sum(0) * (b * b).sum(0)), 1e-9)


def _trust(maps: Projection, members: list[Member], test: Described) -> Trust:
    """What people the learner has not seen say of its errors: ridge regression of the absolute error."""
    x = maps.inputs(test.now, test.mean, test.neutral)
    outputs = [member.run(x) for member in members]
    values = np.clip(sum(z for z, _ in outputs) / len(outputs), 0.0, 1.0)
    A = trust_inputs(maps, outputs[0][1], test.now, test.neutral)
    error = np.abs(values - test.coefficients)
    weights = np.linalg.solve(A.T @ A + _RIDGE * np.eye(A.shape[1]), A.T @ error)
    usual = np.percentile(reading_size(maps, x), [50, 99])
    skill = np.maximum(correlations(values, test.coefficients), 0.0)
    return Trust(*(array.astype(np.float32) for array in (skill, weights, usual)))


def progress(text: str) -> None:
    """Says on stderr what is being done."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(tyro.cli(Arguments, description=__doc__))
