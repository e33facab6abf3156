"""On a real recording: COCO keypoints within 40 mm of another system's, calm, bones constant, never on a bystander.

Four cameras, a man balancing on a beam, other people in the background (`../shared/data/pose2sim_balancing`). The
reference is a robust triangulation of OpenPose, not truth: its own reprojection error is 5 to 10 px.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks._accuracy import lag_frames, raw_network_points, solved
from benchmarks.report import progress, report
from protocols.names import COCO_KEYPOINTS, RIG_BONES, RIG_PARENTS
from stage.config import Config, load

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "pose2sim_balancing"
STAGE = """[stage]
name = "balancing"
rate = 60.0
calibration = "{data}/Calib_scene.toml"
{cameras}
[[actors]]
id = "walker"
"""
CAMERA = """
[[cameras]]
id = "cam0{n}"
source = "file:{data}/cam0{n}.mp4"
calibration_id = "int_cam0{n}_img"
"""
NAMES = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
SOMEBODY_ELSE_M = 0.5


def main() -> None:
    """Solve and compare."""
    if not DATA.exists():
        progress(f"accuracy_real needs {DATA}")
        sys.exit(0)
    with tempfile.TemporaryDirectory() as scratch:
        config = balancing_config(Path(scratch))
        result = solved(config, Path(scratch))
        raw = raw_network_points(config)
    with np.load(DATA / "reference_joints.npz") as file:
        reference = file["xyz"]
    picked = [COCO_KEYPOINTS.index(f"{side}_{name}") for name in NAMES for side in ("left", "right")]
    found, raw = result.coco[:, picked], raw[:, picked]
    error = np.linalg.norm(found - reference, axis=-1)
    raw_error = np.linalg.norm(raw - reference, axis=-1)
    length = np.stack([np.linalg.norm(result.joints[:, b] - result.joints[:, p], axis=-1) for b, p in _bones()])
    report(
        "accuracy_real",
        {
            "framesets": len(found),
            "coco_mm": float(error.mean() * 1e3),
            "coco_median_mm": float(np.median(error) * 1e3),
            "hips_mm": float(error[:, 6:8].mean() * 1e3),
            "raw_network_dlt_mm": float(np.nanmean(raw_error) * 1e3),
            "raw_network_dlt_median_mm": float(np.nanmedian(raw_error) * 1e3),
            "second_difference_joints_mm": _second_difference(result.joints),
            "second_difference_coco_mm": _second_difference(found),
            "second_difference_reference_mm": _second_difference(reference),
            "second_difference_raw_mm": _second_difference(raw),
            "bone_length_spread_mm": float(length.std(1).max() * 1e3),
            "framesets_on_somebody_else": int((error.mean(1) > SOMEBODY_ELSE_M).sum()),
            "lag_frames_to_reference": lag_frames(found, reference),
            "raw_lag_frames_to_reference": lag_frames(raw, reference),
        },
        {
            "coco_mm": "<= 40",
            "second_difference_joints_mm": "<= 4",
            "bone_length_spread_mm": "<= 0.01",
            "framesets_on_somebody_else": "<= 0",
        },
    )


def balancing_config(folder: Path) -> Config:
    """The stage of the recording, its stage.toml written to a folder."""
    path = folder / "stage.toml"
    path.write_text(STAGE.format(data=DATA, cameras="".join(CAMERA.format(n=n, data=DATA) for n in range(1, 5))))
    return load(path)


def _second_difference(x: np.ndarray) -> float:
    """Median length of the second difference over time, millimetres per frame squared."""
    return float(np.median(np.linalg.norm(np.diff(x, 2, axis=0), axis=-1)) * 1e3)


def _bones() -> list[tuple[int, int]]:
    return [(bone, parent) for bone, parent in enumerate(RIG_PARENTS) if parent >= 0 and bone < len(RIG_BONES)]


if __name__ == "__main__":
    main()
