"""Gathering samples on disk, resumable: people in numbered files, each written once.

Exact Anny people take a third of a second each, so learning mixes a pool of them: with two people a, b drawn from
the pool and its mean m, m + cos t (a - m) + sin t (b - m) is a new person as unlike the mean as they are.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np

from stage.bodies.anny_model import random_person
from stage.bodies.body import RestBody
from stage.faces.samples import FaceSamples, samples_of
from stage.networks.load import load_face_network
from stage.synthetic.faces.renderer import FaceRenderer

PEOPLE_PER_FILE = 25
_POOL = 90


class PeoplePool:
    """People to mix."""

    def __init__(self, size: int = _POOL) -> None:
        """Draw them."""
        people = [random_person(seed) for seed in range(size)]
        self._vertices = np.stack([person.vertices for person in people])
        self._joints = np.stack([person.joints for person in people])
        self._mean = RestBody(self._vertices.mean(0), self._joints.mean(0))

    def person(self, random: np.random.Generator) -> RestBody:
        """A new one."""
        a, b = random.choice(len(self._vertices), 2, replace=False)
        c, s = np.float32(np.cos(t := random.uniform(0.0, 0.5 * np.pi))), np.float32(np.sin(t))
        return RestBody(
            *(
                mean + c * (every[a] - mean) + s * (every[b] - mean)
                for every, mean in ((self._vertices, self._mean.vertices), (self._joints, self._mean.joints))
            )
        )


def gather(folder: Path, people: int, seed: int, limit_s: float = float("inf"), pool: int = _POOL) -> None:
    """Write files of samples into `folder` until it holds `people`, or time is up."""
    folder.mkdir(parents=True, exist_ok=True)
    begin, tools = time.monotonic(), None
    for number in range((people + PEOPLE_PER_FILE - 1) // PEOPLE_PER_FILE):
        path = folder / f"samples-{seed}-{number:04d}.npz"
        if path.exists() or time.monotonic() - begin > limit_s:
            continue
        if tools is None:
            tools = FaceRenderer(), load_face_network(), PeoplePool(pool)
        renderer, network, mixed = tools
        first = (seed << 24) + number * PEOPLE_PER_FILE
        rows = [
            samples_of(one, renderer, network, mixed.person(np.random.default_rng([54, one])))
            for one in range(first, first + PEOPLE_PER_FILE)
        ]
        unfinished = path.with_suffix(f".{os.getpid()}.tmp")
        with unfinished.open("wb") as file:
            np.savez(file, allow_pickle=False, **joined(rows)._asdict())
        unfinished.replace(path)
        print(f"{path.name}: {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)


def load_samples(folder: Path) -> FaceSamples:
    """All samples of a folder, in the order of their files."""
    rows = []
    for path in sorted(folder.glob("samples-*.npz")):
        with np.load(path, allow_pickle=False) as arrays:
            rows.append(FaceSamples(*(arrays[name] for name in FaceSamples._fields)))
    return joined(rows)


def joined(rows: list[FaceSamples]) -> FaceSamples:
    """People put together."""
    return FaceSamples(*(np.concatenate(column) for column in zip(*rows, strict=True)))
