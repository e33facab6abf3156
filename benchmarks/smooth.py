"""Smoothing of takes: nearer to the truth than live, calm, without lag; no worse than the usual filter.

Each recording is read once; its landmarks are solved as live, without any smoothing, and as `stage solve TAKE --smooth`
does it. Beside it what is usual: a Butterworth filter of 6 Hz over the joints of the live solve, forwards and backwards
(as Pose2Sim has it), which keeps neither the lengths of bones nor feet where they stand. Errors of speed
are what jitter and lost movement have in common: the length of the difference of joint velocities. The same is asked
where the cameras saw nobody for half a second, again and again.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace as changed
from pathlib import Path

import numpy as np
from msgspec.structs import replace
from scipy.signal import butter, sosfiltfilt

from benchmarks._accuracy import lag_frames, nearest_frames
from benchmarks._landmark_take import BEGAN_NS, landmark_take
from benchmarks.accuracy_real import DATA as BALANCING
from benchmarks.accuracy_real import balancing_config
from benchmarks.accuracy_synthetic import MOTION, ROOT
from benchmarks.report import progress, report
from protocols.codec import encode
from protocols.messages import CameraLandmarks
from protocols.names import RIG_BONES
from protocols.takefile import TakeReader, TakeWriter
from stage.bodies.body import BodyModel, load_body
from stage.config import Config, load
from stage.resolve.passes import backward_pass, forward_pass, measure
from stage.resolve.settings import settings
from stage.smoothing import both_ways, smoothed
from stage.synthetic.demo import second_recording
from stage.synthetic.truth import Truth, load_truth
from stage.takes.motion import Motion

_FINGERS = ("index", "middle", "ring", "pinky", "thumb")
BODY = [i for i, bone in enumerate(RIG_BONES) if bone != "Root" and not bone.startswith(_FINGERS)]
FINGERS = [i for i, bone in enumerate(RIG_BONES) if bone.startswith(_FINGERS)]
BALLS = [RIG_BONES.index("ball_l"), RIG_BONES.index("ball_r")]
ALL = (0, 1 << 62)
_STANDS_M_S = 0.05
_LOST_EVERY_S, _LOST_S = 2.0, 0.5
_FIRST = 10
"""Frames in which a live solver finds its actor; left out of all comparisons."""


def main() -> None:
    """Both synthetic performers, and a real one of whom there is no truth."""
    figures: dict[str, float | int] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        figures |= _measured("demo", load(ROOT / "recordings" / "demo" / "stage.toml"), folder)
        if MOTION.exists():
            figures |= _measured("second", load(second_recording(MOTION, progress=progress) / "stage.toml"), folder)
        if BALANCING.exists():
            figures |= _measured("real", balancing_config(folder), folder)
    targets = {}
    for name in ("demo", "second"):
        if f"{name}_smooth_joints_mm" in figures:
            targets |= {
                f"{name}_joints_of_butterworth": "<= 1",
                f"{name}_speed_error_of_butterworth": "<= 1",
                f"{name}_lost_joints_of_butterworth": "<= 1",
                f"{name}_smooth_lag_frames": "<= 0.1",
                f"{name}_slide_of_live": "<= 0.5",
                f"{name}_bone_length_spread_mm": "<= 0.01",
            }
    if "real_jitter_of_butterworth" in figures:
        targets["real_jitter_of_butterworth"] = "<= 1"
    report("smooth", figures, targets)


def _measured(name: str, config: Config, folder: Path) -> dict[str, float | int]:
    progress(f"{name}: landmarks")
    body = load_body()
    actors = tuple(replace(actor, profile=str(folder / name / actor.id)) for actor in config.actors)
    take = landmark_take(replace(config, actors=actors), folder / f"{name}.mcap")
    solves = _solves(take, body, folder / name)
    rate = 1e9 / float(np.median(np.diff(solves["live"].capture_ns)))
    joints = {key: motion.joints[_FIRST:].astype(np.float64) for key, motion in solves.items()}
    joints["butterworth"] = _butterworth(joints["live"], rate)
    figures: dict[str, float | int] = {f"{name}_framesets": len(solves["live"].capture_ns)}
    for key, positions in joints.items():
        figures[f"{name}_{key}_jitter_mm"] = _jitter(positions[:, BODY])
    figures[f"{name}_jitter_of_butterworth"] = (
        figures[f"{name}_smooth_jitter_mm"] / figures[f"{name}_butterworth_jitter_mm"]
    )
    truth_file = Path(config.stage.calibration).with_name("truth.npz")
    if not truth_file.exists():
        return figures
    truth = load_truth(truth_file)
    times_ns = solves["live"].capture_ns[_FIRST:] - BEGAN_NS
    true = truth.joints[nearest_frames(times_ns, truth.capture_ns)].astype(np.float64)
    figures[f"{name}_truth_jitter_mm"] = _jitter(true[:, BODY])
    for key, positions in joints.items():
        figures |= {f"{name}_{key}_{what}": value for what, value in _against(positions, true, rate).items()}
    for what in ("joints", "speed_error"):
        ours, theirs = (figures[f"{name}_{key}_{what}_mm"] for key in ("smooth", "butterworth"))
        figures[f"{name}_{what}_of_butterworth"] = ours / theirs
    figures[f"{name}_slide_of_live"] = figures[f"{name}_smooth_slide_cm_s"] / figures[f"{name}_live_slide_cm_s"]
    figures[f"{name}_bone_length_spread_mm"] = _spread(solves["smooth"])
    return figures | _lost(name, take, body, folder, truth)


def _solves(take: TakeReader, body: BodyModel, folder: Path) -> dict[str, Motion]:
    """As live, raw, smoothed from the live performances alone, and smoothed as `stage solve --smooth 1` does."""
    folder.mkdir(exist_ok=True)
    config = settings(take, _new(folder / "live"))
    measure(take, config, body, progress)
    off = {key: replace(getattr(config, key), smoothing=0.0) for key in ("body", "hands", "face")}
    lighter = settings(take, _new(folder / "again"), smooth=True)
    again = replace(lighter, actors=config.actors)
    live = _only(forward_pass(take, config, body, folder / "live.mcap", ALL))
    raw = _only(forward_pass(take, replace(config, **off), body, folder / "raw.mcap", ALL))
    forward = _only(forward_pass(take, again, body, folder / "forward.mcap", ALL))
    backward = _only(backward_pass(take, again, body, folder / "backward.mcap", ALL))
    smooth = _at(smoothed(both_ways(forward, backward)), live.capture_ns)
    return {"live": live, "raw": _at(raw, live.capture_ns), "live_smoothed": smoothed(live), "smooth": smooth}


def _lost(name: str, take: TakeReader, body: BodyModel, folder: Path, truth: Truth) -> dict[str, float | int]:
    """The same take, with nobody seen for half a second every two seconds: errors in these moments."""
    progress(f"{name}: with nobody seen for {_LOST_S} s every {_LOST_EVERY_S:g} s")
    path = folder / f"{name}-lost.mcap"
    writer = TakeWriter(path)
    for file, data in take.attachments.items():
        writer.attach(file, data, "", BEGAN_NS)
    for entry in take.records():
        if not _is_lost(np.array([entry.log_ns]))[0]:
            writer.write(entry.topic, entry.kind, entry.data, entry.log_ns, entry.received_ns)
            continue
        envelope = entry.decoded()
        assert isinstance(envelope.record, CameraLandmarks)
        blind = replace(envelope.record, persons=(), hands=(), faces=())
        writer.write(entry.topic, entry.kind, _encoded(blind, envelope.sequence), entry.log_ns, entry.received_ns)
    writer.finish({})
    solves = _solves(TakeReader(path), body, folder / f"{name}-lost")
    live, smooth = solves["live"], solves["smooth"]
    rows = _is_lost(live.capture_ns)
    true = truth.joints[nearest_frames(live.capture_ns - BEGAN_NS, truth.capture_ns)]
    rate = 1e9 / float(np.median(np.diff(live.capture_ns)))
    candidates = {"live": live.joints, "butterworth": _butterworth(live.joints, rate), "smooth": smooth.joints}
    errors = {
        key: float(np.linalg.norm((positions - true)[rows][:, BODY], axis=-1).mean() * 1e3)
        for key, positions in candidates.items()
    }
    figures: dict[str, float | int] = {f"{name}_lost_{key}_joints_mm": error for key, error in errors.items()}
    figures[f"{name}_lost_joints_of_butterworth"] = errors["smooth"] / errors["butterworth"]
    return figures


def _encoded(record: CameraLandmarks, sequence: int) -> bytes:
    return encode(record, sequence, record.capture_ns)


def _is_lost(times_ns: np.ndarray) -> np.ndarray:
    return ((times_ns - BEGAN_NS) * 1e-9 % _LOST_EVERY_S) >= _LOST_EVERY_S - _LOST_S


def _against(found: np.ndarray, true: np.ndarray, rate: float) -> dict[str, float]:
    error = np.linalg.norm(found - true, axis=-1) * 1e3
    speed = np.linalg.norm(np.diff(found - true, axis=0), axis=-1) * 1e3
    stands = np.linalg.norm(np.diff(true[:, BALLS], axis=0), axis=-1) * rate < _STANDS_M_S
    slide = np.linalg.norm(np.diff(found[:, BALLS, :2], axis=0), axis=-1) * rate * 1e2
    return {
        "joints_mm": float(error[:, BODY].mean()),
        "fingers_mm": float(error[:, FINGERS].mean()),
        "speed_error_mm": float(speed[:, BODY].mean()),
        "lag_frames": lag_frames(found[:, BODY], true[:, BODY]),
        "slide_cm_s": float(slide[stands].mean()),
    }


def _butterworth(joints: np.ndarray, rate: float) -> np.ndarray:
    return sosfiltfilt(butter(2, 6.0 / (rate / 2.0), output="sos"), joints, axis=0)


def _jitter(joints: np.ndarray) -> float:
    """Mean length of the second difference over time, millimetres."""
    return float(np.linalg.norm(np.diff(joints, 2, axis=0), axis=-1).mean() * 1e3)


def _spread(motion: Motion) -> float:
    bones = [RIG_BONES.index(name) for name in ("thigh_l", "calf_l", "foot_l")]
    return float(np.linalg.norm(np.diff(motion.joints[:, bones], axis=1), axis=-1).std(0).max() * 1e3)


def _only(motions: dict[str, Motion]) -> Motion:
    (motion,) = motions.values()
    return motion


def _at(motion: Motion, times_ns: np.ndarray) -> Motion:
    """The poses of these times."""
    rows = nearest_frames(times_ns, motion.capture_ns)
    names = ("capture_ns", "root", "rotations", "joints", "confidence", "state")
    return changed(motion, **{name: getattr(motion, name)[rows] for name in names})


def _new(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


if __name__ == "__main__":
    main()
