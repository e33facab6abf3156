"""Against exact truth: mean joint error 25 mm, mean vertex error 30 mm, no lag; the demo and a second performer.

The demo recording, and another body in other clothes before other cameras, moved by the motion file
`../shared/data/bvh` where that is present (rendered once, then kept in the cache). Shapes are estimated, nothing is
told. Beside it the per-frame linear triangulation of the raw network points.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch

from benchmarks._accuracy import lag_frames, nearest_frames, raw_network_points, solved
from benchmarks.report import progress, report
from stage.bodies.body import load_body
from stage.bodies.rig import Rig, bone_transforms
from stage.bodies.skinning import Skinner
from stage.config import load
from stage.offline import Result
from stage.solving.pose import exp
from stage.synthetic.demo import second_recording
from stage.synthetic.truth import load_truth, truth_vertices

ROOT = Path(__file__).resolve().parents[1]
MOTION = ROOT.parent / "shared" / "data" / "bvh" / "vrm10viewer_test_motion.bvh"
EVERY = 5
"""Vertices are compared in every fifth frame."""


def main() -> None:
    """Both performers."""
    figures = _measure("demo", ROOT / "recordings" / "demo")
    if MOTION.exists():
        figures |= _measure("second", second_recording(MOTION, progress=progress))
    targets = {}
    for name in ("demo", "second"):
        if f"{name}_joints_mm" in figures:
            targets |= {
                f"{name}_joints_mm": "<= 25",
                f"{name}_vertices_mm": "<= 30",
                f"{name}_lag_frames": "<= 1",
            }
    report("accuracy_synthetic", figures, targets)


def _measure(name: str, folder: Path) -> dict[str, float]:
    config = load(folder / "stage.toml")
    with tempfile.TemporaryDirectory() as scratch:
        result = solved(config, Path(scratch))
    truth = load_truth(folder / "truth.npz")
    frames = nearest_frames(result.capture_ns, truth.capture_ns)
    joints = np.linalg.norm(result.joints - truth.joints[frames], axis=-1)
    coco = np.linalg.norm(result.coco - truth.coco[frames], axis=-1)
    raw = raw_network_points(config)
    raw_error = np.linalg.norm(raw - truth.coco[: len(raw)], axis=-1)
    vertices = _vertices(result)
    true_vertices = truth_vertices(folder / "truth.npz", slice(None))[frames[::EVERY]]
    rest = load_body().rest_body(result.shape)
    return {
        f"{name}_framesets": len(frames),
        f"{name}_joints_mm": float(joints.mean() * 1e3),
        f"{name}_joints_p95_mm": float(np.percentile(joints, 95) * 1e3),
        f"{name}_vertices_mm": float(np.linalg.norm(vertices - true_vertices, axis=-1).mean() * 1e3),
        f"{name}_coco_mm": float(coco.mean() * 1e3),
        f"{name}_raw_network_dlt_coco_mm": float(np.nanmean(raw_error) * 1e3),
        f"{name}_raw_network_dlt_coco_median_mm": float(np.nanmedian(raw_error) * 1e3),
        f"{name}_lag_frames": lag_frames(result.joints[:, :9], truth.joints[frames][:, :9]),
        f"{name}_height_error_mm": float((rest.vertices[:, 2].max() - truth.rest_body().vertices[:, 2].max()) * 1e3),
    }


def _vertices(result: Result) -> np.ndarray:
    """(T / EVERY, V, 3) of a solved performance."""
    body = load_body()
    rest = body.rest_body(result.shape)
    skinner, rig = Skinner(body, rest.vertices), Rig(body.parents.tolist())
    heads = torch.from_numpy(rest.joints).double()
    out = []
    for row in range(0, len(result.capture_ns), EVERY):
        q = torch.from_numpy(result.rotations[row]).double()
        rotations = exp(_rotation_vectors(q))[None]
        position = torch.from_numpy(result.root[row : row + 1, :3]).double()
        G, joints = rig.forward(heads, position, rotations)
        out.append(skinner.vertices(bone_transforms(heads, G, joints)[0]).numpy())
    return np.stack(out)


def _rotation_vectors(q: torch.Tensor) -> torch.Tensor:
    import roma

    return roma.unitquat_to_rotvec(q)


if __name__ == "__main__":
    main()
