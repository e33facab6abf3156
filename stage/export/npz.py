"""NPZ: everything of one actor as NumPy arrays, for programs of one's own: `numpy.load(path)`, without pickle.

    version        1
    take, actor    names
    rate           () frames per second
    time_s         (T,) since the first frame
    time_ns        (T,) stage time, nanoseconds that read as Unix time
    timecode       (T,) labels HH:MM:SS:FF of the take's rate, "" where it has none
    timecode_rate  such as "29.97df"
    bones, parents (53,) names of the rig; index of the parent, -1 for Root
    shape_names    (52,) ARKit's, in this order
    present        (T,) False: the actor was absent, the pose is the last one held; face_present likewise
    root           (T, 7) of the Root bone in the world: position in metres, rotation xyzw
    rotations      (T, 53, 4) xyzw, from rest relative to the parent, in the axes of the rest pose
    joints         (T, 53, 3) metres: bone heads in the world
    rest_joints    (53, 3) metres
    confidence     (T, 53) in [0, 1]
    state          (T,) "tracking", "holding", "fading" or "absent"
    shapes         (T, 52) in [0, 1]
    head           (T, 4) xyzw; gaze (T, 2, 2) radians, left and right eye: yaw to the performer's left, pitch up
    body_shape     (S,) coefficients of the body model, empty where the take has no profile

The world is right-handed, Z up, metres. An actor without a body, or without a face, has arrays of length 0 there.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from protocols.names import ARKIT_SHAPES, RIG_BONES, RIG_PARENTS
from stage.export._files import placed
from stage.export._source import ExportOptions, ExportSource

VERSION = 1


def write_npz(source: ExportSource, path: Path, options: ExportOptions) -> list[Path]:
    """Writes all of an actor.

    Args:
        source: The actor.
        path: A file that is not there.
        options: Whether it may replace one.

    Returns:
        The file.

    Raises:
        ExportError: The file is there or cannot be written.
    """
    motion = source.motion
    labels = ["" if moment is None else moment.text for moment in source.timecodes]
    first = source.timecode_at(0)
    shape = source.shape if len(motion.capture_ns) else None
    arrays = {
        "version": np.array(VERSION),
        "take": np.array(source.name),
        "actor": np.array(source.actor),
        "rate": np.array(source.hertz),
        "time_s": source.seconds,
        "time_ns": source.times_ns,
        "timecode": np.array(labels, "<U11"),
        "timecode_rate": np.array("" if first is None else first.rate.text),
        "bones": np.array(RIG_BONES),
        "parents": np.array(RIG_PARENTS),
        "shape_names": np.array(ARKIT_SHAPES),
        "present": source.present,
        "face_present": source.face_present,
        "root": motion.root,
        "rotations": motion.rotations,
        "joints": motion.joints,
        "rest_joints": motion.rest_joints,
        "confidence": motion.confidence,
        "state": motion.state,
        "shapes": motion.shapes,
        "head": motion.head,
        "gaze": motion.gaze,
        "body_shape": np.zeros(0) if shape is None else shape,
    }
    with placed(path, overwrite=options.overwrite) as unfinished:
        with unfinished.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
    return [path]
