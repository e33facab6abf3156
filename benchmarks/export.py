"""A minute of take is exported in seconds, and every format says to others within 0.1 mm where the joints were.

Each format is written from a take of a minute and read back by a reader that is not ours: GLB by pygltflib and the
arithmetic of its specification (the whole mesh, against the stage's own), BVH by bvhio, C3D by c3d, TRC by the rules of
OpenSim, USD by USD's own skinning, the table of faces by the arithmetic of Python's csv module. GLB has to please the
Khronos validator too, and USD its own.
"""

from __future__ import annotations

import csv
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.report import progress, report
from protocols.axes import GLTF_FROM_WORLD
from protocols.names import ARKIT_SHAPES, RIG_BONES
from stage.bodies.body import load_body
from stage.export import FORMATS, ExportOptions, ExportSource, Wanted, gather
from stage.export._bvh_skeletons import places_of, skeleton
from stage.export.bvh import BVH_FROM_WORLD
from stage.export.trc import TRC_FROM_WORLD
from stage.synthetic.kinematics import Poses, Skin, forward
from tests.demo_take import write_demo_take
from tests.glb_files import GlbReader, validator_issues
from tests.motion_files import read_bvh, read_c3d, read_trc
from tests.usd_files import usd_issues, usd_vertices

SECONDS, REPEATS = 20.0, 3
ROUNDS = 3
EVERY = 97
"""A frame of so many is compared, where reading it takes long."""
SHAPE = np.linspace(-1.0, 1.0, 20)


def main() -> None:
    """Write, read back, compare."""
    figures: dict[str, float | int | str] = {}
    targets: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        take = write_demo_take(folder / "scene_001.mcap", SECONDS, repeat=REPEATS, shape=SHAPE, begin_s=2.0)
        (source,) = gather(take, Wanted())
        for job, (style, apart_mm, bound) in JOBS.items():
            kind = job.partition("_")[0]
            progress(f"export: {job} ...")
            path = folder / f"{job}{FORMATS[kind].suffix}"
            figures[f"{job}_seconds"] = float(np.median([_written(kind, take, path, style) for _ in range(ROUNDS)]))
            figures[f"{job}_worst_mm"] = apart_mm(path, source)
            targets |= {f"{job}_seconds": "<= 5", f"{job}_worst_mm": bound}
        issues = validator_issues(folder / "glb.glb")
        for kind in ("Errors", "Warnings"):
            figures[f"glb_{kind.lower()}"] = "not measured" if issues is None else int(issues[f"num{kind}"])
        figures["usd_errors"] = usd_issues(folder / "usd.usdc")
        targets |= {"glb_errors": "== 0", "usd_errors": "== 0", "csv_seconds": "<= 5", "csv_worst_value": "<= 1e-6"}
        progress("export: csv ...")
        path = folder / "csv.csv"
        figures["csv_seconds"] = float(np.median([_written("csv", take, path, "") for _ in range(ROUNDS)]))
        figures["csv_worst_value"] = _csv(path, source)
    report("export", figures, targets)


def _written(kind: str, take: Path, path: Path, style: str) -> float:
    """Seconds that it takes from the take to the file."""
    path.unlink(missing_ok=True)
    begun = time.perf_counter()
    sources = gather(take, Wanted())
    FORMATS[kind].writer()(sources if FORMATS[kind].scene else sources[0], path, ExportOptions(style=style))
    return time.perf_counter() - begun


def _glb(path: Path, source: ExportSource) -> float:
    motion, body, reader = source.motion, load_body(), GlbReader(path)
    skin = Skin(body, body.rest_body(SHAPE).vertices)
    worst = 0.0
    for key in range(0, len(source), 2 * EVERY):
        pose = Poses(motion.root[key : key + 1].astype(np.float64), motion.rotations[key : key + 1].astype(np.float64))
        G, heads = forward(motion.rest_joints.astype(np.float64), pose)
        ours = skin.vertices(motion.rest_joints, G[0], heads[0], motion.shapes[key])
        theirs = GLTF_FROM_WORLD.inverse.positions(reader.vertices(reader.node(f"{source.actor}_body"), key))
        worst = max(worst, _apart_mm(theirs, ours))
    return worst


def _usd(path: Path, source: ExportSource) -> float:
    """The mesh as USD skins it, against the stage's own."""
    motion, skin = source.motion, Skin(source.worn.model, source.worn.vertices)
    frames = range(0, 4 * EVERY, EVERY)
    worst = 0.0
    for key, theirs in zip(frames, usd_vertices(path, frames), strict=True):
        pose = Poses(motion.root[key : key + 1].astype(np.float64), motion.rotations[key : key + 1].astype(np.float64))
        G, heads = forward(source.rest_joints, pose)
        ours = skin.vertices(source.rest_joints, G[0], heads[0], motion.shapes[key])
        worst = max(worst, _apart_mm(theirs, ours))
    return worst


def _csv(path: Path, source: ExportSource) -> float:
    """The largest difference of a face shape."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    theirs = np.array([[float(row[name]) for name in ARKIT_SHAPES] for row in rows])
    return float(np.abs(theirs - source.motion.shapes[source.face_present]).max())


def _bvh(style: str) -> Callable[[Path, ExportSource], float]:
    def compare(path: Path, source: ExportSource) -> float:
        frames = range(0, len(source), EVERY)
        read = read_bvh(path, frames)
        joints = places_of(skeleton(style, source.rest_joints))
        return max(
            _apart_mm(BVH_FROM_WORLD.inverse.positions(read[name]), source.motion.joints[list(frames), bone])
            for name, bone in joints.items()
        )

    return compare


def _trc(path: Path, source: ExportSource) -> float:
    trc = read_trc(path)
    assert trc.names == list(RIG_BONES)
    return _apart_mm(TRC_FROM_WORLD.inverse.positions(trc.places), source.motion.joints)


def _c3d(path: Path, source: ExportSource) -> float:
    return _apart_mm(read_c3d(path).points[..., :3] / 1000.0, source.motion.joints)


def _apart_mm(theirs: np.ndarray, ours: np.ndarray) -> float:
    return float(np.linalg.norm(theirs - ours, axis=-1).max()) * 1000.0


JOBS: dict[str, tuple[str, Callable[[Path, ExportSource], float], str]] = {
    "glb": ("", _glb, "<= 0.5"),
    "bvh_rig": ("rig", _bvh("rig"), "<= 0.1"),
    "bvh_mixamo": ("mixamo", _bvh("mixamo"), "<= 0.1"),
    "bvh_manny": ("manny", _bvh("manny"), "<= 0.1"),
    "trc": ("", _trc, "<= 0.1"),
    "c3d": ("", _c3d, "<= 0.1"),
    "usd": ("", _usd, "<= 0.5"),
}
"""Format and style -> the style, what reads the file back and says how far it is off [mm], and how far it may be."""


if __name__ == "__main__":
    main()
