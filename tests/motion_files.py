"""Reads files of joints as others do: BVH by bvhio, C3D by c3d, TRC by the rules of OpenSim."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


def read_bvh(path: Path, frames: Sequence[int]) -> dict[str, np.ndarray]:
    """(len(frames), 3) place of every joint in some frames, in the file's units, by bvhio."""
    import bvhio

    root = bvhio.readAsHierarchy(str(path))
    nodes = {node.Name: node for node, _, _ in root.layout()}
    places: dict[str, list[list[float]]] = {name: [] for name in nodes}
    for frame in frames:
        root.loadPose(frame)
        for name, node in nodes.items():
            places[name].append(list(node.PositionWorld))
    return {name: np.array(rows, np.float64) for name, rows in places.items()}


class Trc(NamedTuple):
    facts: dict[str, str]
    names: list[str]
    frames: list[int]
    times: np.ndarray
    places: np.ndarray


def read_trc(path: Path) -> Trc:
    """Strictly as OpenSim's TRCFileAdapter: header lines of exact words, three columns per marker, tabs."""
    lines = path.read_text().split("\n")
    first = lines[0].split("\t")
    assert first[:3] == ["PathFileType", "4", "(X/Y/Z)"] and first[3] == path.name and len(first) == 4
    keys, values = lines[1].split("\t"), lines[2].split("\t")
    known = "DataRate CameraRate NumFrames NumMarkers Units OrigDataRate OrigDataStartFrame OrigNumFrames"
    assert keys == known.split()
    facts = dict(zip(keys, values, strict=True))
    labels, axes = lines[3].split("\t"), lines[4].split("\t")
    count = int(facts["NumMarkers"])
    assert labels[:2] == ["Frame#", "Time"] and len(labels) == 2 + 3 * count
    assert axes == ["", "", *(f"{axis}{number}" for number in range(1, count + 1) for axis in "XYZ")]
    assert all(cell == "" for index, cell in enumerate(labels[2:]) if index % 3)
    assert lines[5] == "" and lines[-1] == ""
    rows = [line.split("\t") for line in lines[6:-1]]
    assert len(rows) == int(facts["NumFrames"]) and {len(row) for row in rows} == {2 + 3 * count}
    numbers = np.array(rows, np.float64)
    frames = [int(row[0]) for row in rows]
    return Trc(facts, labels[2::3], frames, numbers[:, 1], numbers[:, 2:].reshape(len(rows), count, 3))


class C3d(NamedTuple):
    """What is in a C3D file."""

    labels: list[str]
    units: str
    rate: float
    first_frame: int
    last_frame: int
    points: np.ndarray
    """(T, N, 5): place, residual, cameras."""
    texts: dict[str, str]
    events: list[tuple[str, float]]
    """Label, seconds."""


def read_c3d(path: Path) -> C3d:
    """By the package c3d."""
    import c3d

    texts = ("STAGE:TAKE", "STAGE:ACTOR", "STAGE:TIMECODE", "STAGE:TIMECODE_RATE", "POINT:X_SCREEN", "POINT:Y_SCREEN")
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it misses analog data
        reader: Any = c3d.Reader(file)
        points = np.array([frame[1] for frame in reader.read_frames()])
        events: list[tuple[str, float]] = []
        if reader.get("EVENT:LABELS") is not None:
            minutes, seconds = np.array(reader.get("EVENT:TIMES").float_array).reshape(-1, 2).T
            names = [label.strip() for label in reader.get("EVENT:LABELS").string_array]
            events = list(zip(names, (60 * minutes + seconds).tolist(), strict=True))
        return C3d(
            labels=[label.strip() for label in reader.point_labels],
            units=reader.get("POINT:UNITS").string_value.strip(),
            rate=float(reader.point_rate),
            first_frame=int(reader.first_frame),
            last_frame=int(reader.last_frame),
            points=points,
            texts={name: reader.get(name).string_value.strip() for name in texts},
            events=events,
        )
