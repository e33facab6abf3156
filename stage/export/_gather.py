"""From a take and what an operator wants of it to the sources of an export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from protocols.errors import TakeError
from protocols.takefile import TakeReader
from protocols.timecode import NS_PER_S, FrameRate
from stage.errors import ExportError
from stage.export._grid import frame_grid, parse_rate, snapped
from stage.export._source import ExportSource
from stage.takes.between import GAP_NS, presence
from stage.takes.contents import CONFIG, recorded_config
from stage.takes.moments import chosen_span
from stage.takes.motion import Motion, load_motions
from stage.takes.recorded_timecode import RecordedTimecode, recorded_timecode
from stage.takes.tracks import opened_track, take_and_track

_MARGIN_NS = GAP_NS
"""Samples so far outside a range are read too: the frames at its edges lie between two samples."""
_UNEVEN = 0.02
_TOLERANCE = 0.1
"""Of the length of a quaternion."""


@dataclass(frozen=True)
class Wanted:
    """What is to be exported of a take; "" is all, or what the take itself says."""

    actors: tuple[str, ...] = ()
    track: str = ""
    rate: str = ""
    begin: str = ""
    """Seconds since the take's begin, or a timecode; the end alike, which is included."""
    end: str = ""


def gather(path: Path, wanted: Wanted) -> list[ExportSource]:
    """The sources of an export, one for each actor, in the order of their ids.

    Args:
        path: A take, or a track of one.
        wanted: Of it.

    Raises:
        TakeError: The take is damaged, has no such track or moment, or no performance in this range.
        ExportError: No such actor or rate.
    """
    take_path, track = take_and_track(path)
    take = TakeReader(take_path)
    performed = opened_track(take_path, wanted.track or track) if wanted.track or track else take
    timecode = recorded_timecode(take)
    begin_ns, end_ns = chosen_span(wanted.begin, wanted.end, take.span_ns, timecode)
    motions = _chosen(load_motions(performed, begin_ns - _MARGIN_NS, end_ns + _MARGIN_NS), wanted.actors, take_path)
    for motion in motions.values():
        _check(motion, performed.path, take.span_ns[0])
    rate = parse_rate(wanted.rate) if wanted.rate else _own_rate(take, timecode, motions)
    spans = [motion.span_ns for motion in motions.values()]
    span = max(begin_ns, min(first for first, _ in spans)), min(end_ns, max(last for _, last in spans))
    if span[0] > span[1]:
        raise TakeError(f"{performed.path}: no performance of anybody in this range")
    times_ns = frame_grid(span, rate, timecode.at)
    timecodes = tuple(snapped(timecode.at(int(time_ns))) for time_ns in times_ns)
    name = performed.path.stem
    return [
        ExportSource(
            take=take,
            performed=performed,
            name=name,
            motion=motion.resampled(times_ns),
            times_ns=times_ns,
            rate=rate,
            timecodes=timecodes,
            present=presence(motion.capture_ns[motion.state != "absent"], times_ns),
            face_present=presence(motion.face_ns, times_ns),
        )
        for motion in motions.values()
    ]


def _chosen(motions: Mapping[str, Motion], actors: tuple[str, ...], path: Path) -> dict[str, Motion]:
    missing = [actor for actor in actors if actor not in motions]
    if missing:
        raise ExportError(f'{path}: nothing of actor "{missing[0]}" in this range; there is {", ".join(motions)}')
    return {actor: motion for actor, motion in motions.items() if not actors or actor in actors}


def _check(motion: Motion, path: Path, begin_ns: int) -> None:
    """Refuses numbers that are none, and rotations that turn nothing: no program would say where they came from."""
    lengths = [np.linalg.norm(turns, axis=-1) for turns in (motion.root[:, None, 3:], motion.rotations[:, 1:])]
    found = [_finite(motion.root), _finite(motion.joints), _finite(motion.confidence)]
    found += [(abs(length - 1.0) < _TOLERANCE).all(1) for length in lengths]
    looks = [_finite(motion.shapes), _finite(motion.gaze), abs(np.linalg.norm(motion.head, axis=1) - 1.0) < _TOLERANCE]
    for what, times_ns, sound in (("pose", motion.capture_ns, found), ("face", motion.face_ns, looks)):
        bad = times_ns[~np.logical_and.reduce(sound)]
        if len(bad) > 0:
            raise TakeError(
                f"{path}: {len(bad)} times a {what} of {motion.actor} has numbers that are none, first "
                f"{(bad[0] - begin_ns) / NS_PER_S:.3f} s after the take's begin; export the rest by --from and --to"
            )


def _finite(array: NDArray[np.floating]) -> NDArray[np.bool_]:
    """(N,) of an array (N, ...)."""
    return np.asarray(np.isfinite(array).all(tuple(range(1, array.ndim))))


def _own_rate(take: TakeReader, timecode: RecordedTimecode, motions: Mapping[str, Motion]) -> FrameRate:
    """The stage's where all frames of the timecode are of it, else the timecode's; without both, as recorded."""
    told = timecode.rate if timecode.at(take.span_ns[0]) is not None else None
    if CONFIG in take.attachments:
        stage = parse_rate(f"{recorded_config(take).stage.rate:.3f}")
        if told is None:
            return stage
        times = stage.numerator * told.denominator / (stage.denominator * told.numerator)
        return stage if round(times) > 1 and abs(times - round(times)) < 1e-6 else told
    return told or _measured_rate([motion.capture_ns for motion in motions.values()])


def _measured_rate(times_ns: list[NDArray[np.int64]]) -> FrameRate:
    """The timecode rate that samples come nearest to, where they are near one, else their own."""
    intervals = np.concatenate([np.diff(times) for times in times_ns] or [np.zeros(0, np.int64)])
    if len(intervals) == 0:
        return FrameRate(30, 1)
    found = NS_PER_S / float(np.median(intervals))
    known = min((24, 25, 30, 50, 60, 100, 120), key=lambda rate: abs(rate - found))
    return parse_rate(str(known) if abs(known - found) < _UNEVEN * known else f"{np.clip(found, 1, 1000):.3f}")
