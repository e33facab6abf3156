"""C3D and TRC: points to markers, and, where their names tell a body, to a motion of the rig.

joints    names of joints (the stage's own exports, OpenSim's and others' joint centres): their places on the body
markers   names of a usual set: their places on its skin, refined to where this person wears them
else      markers alone, kept for who knows them
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from protocols.names import RIG_BONES
from protocols.timecode import FrameRate, Timecode, TimecodeError
from stage.bodies.body import load_body
from stage.errors import ForeignFileError
from stage.imports._c3d import Recording, read_c3d
from stage.imports._fit import LEAST_POINTS, BodyFit, PointFitter, body_skeleton
from stage.imports._imported import Imported, MarkerTrack, frame_times, usual_rate
from stage.imports._joint_points import joint_points, with_finger_heads
from stage.imports._labels import joints
from stage.imports._motions import of_poses
from stage.imports._sites import MarkerSites, marker_sites
from stage.imports._trc import read_trc

Up = Literal["guess", "y", "z"]
Floats = NDArray[np.floating]

_EXACT_M, _JOINT_M, _LOOSE_M = 0.002, 0.015, 0.5
_OTHERS_M = {"head": 0.08, "neck_01": 0.04, "pelvis": 0.03}
"""Others mean other places by these names."""
_WORN_M = 0.006
"""Of a marker whose place on this person is known."""
_INDEPENDENT = 0.1
_LEAST_SITES = 12
_STRAYED_M = 0.08
"""A fit that is further from its points, in the middle of its frames, is no fit."""


def read_points(path: Path, up: Up = "guess", shape: Floats | None = None) -> Imported:
    """Reads a C3D or TRC file.

    Args:
        path: The file.
        up: Its vertical axis.
        shape: (S,) of the actor's body, where it is known.

    Raises:
        ForeignFileError: It is none, says what cannot be, or nothing was seen in it.
    """
    kind = path.suffix.lower().removeprefix(".")
    recording = read_c3d(path) if kind == "c3d" else read_trc(path)
    if not recording.seen.any():
        raise ForeignFileError(f"{path}: not one of its {len(recording.labels)} points was ever seen")
    points, told = _upright(recording, kind, up)
    rate = usual_rate(recording.rate)
    times_ns = frame_times(len(points), rate)
    track = MarkerTrack(recording.labels, points.astype(np.float32), recording.seen, times_ns)
    gaps = 1.0 - recording.seen.mean()
    told = (
        f"{len(recording.labels)} points at {rate:g} Hz, {100 * gaps:.1f} % of them not seen",
        *recording.told,
        *told,
    )
    found = joints(recording.labels)
    sites = marker_sites(recording.labels, load_body())
    begin_ns = _begin_ns(recording)
    timecode_rate = "" if begin_ns is None else recording.timecode_rate
    imported = Imported(path, kind, rate, markers=track, begin_ns=begin_ns, timecode_rate=timecode_rate, told=told)
    if found:
        exact = len(found) > len(RIG_BONES) // 2 and all(
            recording.labels[i].lower() == b.lower() for b, i in found.items()
        )
        return _with_joints(imported, points, recording.seen, found, exact, shape)
    if len(sites.columns) >= _LEAST_SITES:
        return _with_sites(imported, points, recording.seen, sites, shape)
    return replace(imported, told=(*told, "no skeleton and no known set of markers: kept as markers"))


def _begin_ns(recording: Recording) -> int | None:
    """Since midnight, of a file that tells its timecode."""
    if not recording.timecode:
        return None
    with suppress(TimecodeError):
        rate = FrameRate.parse(recording.timecode_rate)
        return rate.begin_ns(Timecode.parse(recording.timecode, rate).frame)
    return None


def _upright(recording: Recording, kind: str, up: Up) -> tuple[Floats, tuple[str, ...]]:
    axis = recording.up or ("y" if kind == "trc" else "z")
    told: tuple[str, ...] = ()
    if up != "guess":
        axis = up
    elif not recording.up:
        told = (f"{axis} taken for up (--up says otherwise)",)
    points = recording.points
    if axis == "y":
        points = np.stack([points[..., 0], -points[..., 2], points[..., 1]], -1)
        if kind == "trc":  # OpenSim's bodies look along x
            points = np.stack([points[..., 1], -points[..., 0], points[..., 2]], -1)
    elif axis == "x":
        points = np.stack([points[..., 1], points[..., 2], points[..., 0]], -1)
    return points, told


def _with_joints(
    imported: Imported,
    points: Floats,
    seen: NDArray[np.bool_],
    found: dict[str, int],
    exact: bool,
    shape: Floats | None,
) -> Imported:
    bones = tuple(found)
    columns = list(found.values())
    skeleton = body_skeleton()
    sigma = [_sigma(bone, exact) for bone in bones]
    fitter = PointFitter(skeleton, joint_points(skeleton, bones), np.array(sigma), 1.0 if exact else _INDEPENDENT)
    targets, known = points[:, columns], seen[:, columns]
    fit = _fit(imported, fitter, targets, known, shape)
    if fit is None:
        return replace(imported, told=(*imported.told, "the joints fit no body: kept as markers"))
    poses = with_finger_heads(fit, bones, targets, known)
    return _moved(imported, fit._replace(poses=poses), f"{len(bones)} joints put on the rig", np.array(sigma) < 0.1)


def _sigma(bone: str, exact: bool) -> float:
    finger = bone[-4:-2] in ("01", "02", "03") and not bone.startswith("spine")
    if finger and (bone[-4:-2] != "01" or bone.startswith("thumb")):
        return _LOOSE_M  # they bend; the fit of the body has stiff fingers
    return _EXACT_M if exact else _OTHERS_M.get(bone, _JOINT_M)


def _with_sites(
    imported: Imported, points: Floats, seen: NDArray[np.bool_], sites: MarkerSites, shape: Floats | None
) -> Imported:
    skeleton = body_skeleton()
    combination = np.zeros((len(sites.columns), len(skeleton.body.mean_vertices)))
    combination[np.arange(len(sites.columns)), sites.vertices] = 1.0
    on_skin = skeleton.points_of_vertices(combination)
    carrier = on_skin.weight.argmax(0).numpy()
    on_skin.offset[carrier, :, np.arange(len(carrier))] += on_skin.offset.new_tensor(sites.standoff)
    targets, known = points[:, list(sites.columns)], seen[:, list(sites.columns)]
    first = _fit(imported, PointFitter(skeleton, on_skin, sites.sigma_m, _INDEPENDENT), targets, known, shape)
    if first is None:
        return replace(imported, told=(*imported.told, "the markers fit no body: kept as markers"))
    worn = PointFitter(skeleton, on_skin, np.full(len(sites.columns), _WORN_M))
    worn.move_points(first, targets, known, sites.sigma_m)
    fit = _fit(imported, worn, targets, known, first.shape) or first
    return _moved(imported, fit, f"{len(sites.columns)} markers of a known set put on the rig", None)


def _fit(
    imported: Imported, fitter: PointFitter, targets: Floats, seen: NDArray[np.bool_], shape: Floats | None
) -> BodyFit | None:
    if not (seen.sum(1) >= LEAST_POINTS).any():
        return None
    fit = fitter.fit(targets, seen, shape)
    return fit if np.nanmedian(fit.distance) < _STRAYED_M else None


def _moved(imported: Imported, fit: BodyFit, what: str, counted: NDArray[np.bool_] | None) -> Imported:
    distance = fit.distance if counted is None else fit.distance[:, counted]
    millimetres = np.nanmedian(distance) * 1e3, np.nanquantile(distance, 0.95) * 1e3
    told = f"{what}: {millimetres[0]:.0f} mm from them in the middle, {millimetres[1]:.0f} mm at 95 %"
    assert imported.markers is not None
    times_ns = imported.markers.times_ns
    motion = of_poses(
        fit.poses, fit.rest_joints, times_ns, np.repeat(fit.fitted[:, None].astype(np.float32), len(RIG_BONES), 1)
    )
    motion = replace(motion, state=np.where(fit.fitted, "tracking", "holding"))
    missed = int((~fit.fitted).sum())
    rest = (f"{missed} frames with too few points stand still",) if missed else ()
    return replace(imported, motion=motion, shape=fit.shape, told=(*imported.told, told, *rest))
