"""What was measured, how sure it is, and what would make it better, in plain lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from stage.enroll._clip import Clip
from stage.enroll._face import FaceMeasure

CLIP_INSTRUCTIONS = """\
For a good measurement, in this order:
  1. Stand in view of all cameras, arms away from the body, and look straight ahead. Face at rest: mouth closed, eyes
     open, brows loose. Hold still for {rest_s:g} seconds.
  2. Turn the head slowly and a little to the left, to the right, up and down, the face still at rest.
  3. Where there are cameras for the body: turn once around, lift the arms, bend elbows and knees."""

PHOTO_INSTRUCTIONS = """\
For a good measurement: three to eight photos, face at rest, from the front and a little from both sides, from above
and below; even light, no glasses, hair out of the face, the face larger than a third of the picture."""

_FEW_KEYFRAMES = 12
_LOW_TRACKED = 0.8
_CROWDED = 0.2
_SMALL_PX = 90.0
_BLURRED = 0.05
_RESTLESS = 0.012
_FEW_DIRECTIONS = 3
_FEW_PHOTOS = 3
_MISFIT_M = 0.005
_SPREAD_M = 0.0015


class BodyMeasure(NamedTuple):
    """A measured body, and how it was measured."""

    shape: np.ndarray
    """(S,)."""
    height_m: float
    height_error_m: float
    """Standard deviation."""
    keyframes: int


def body_lines(body: BodyMeasure, clip: Clip) -> Iterator[str]:
    """What the body is, and how sure that is."""
    error = f"+- {body.height_error_m * 1e3:.0f} mm"
    share = clip.tracked / max(1, clip.framesets)
    cameras = ", ".join(clip.bodies)
    yield f"body: {body.height_m:.2f} m tall, {error}; {body.keyframes} poses seen by {cameras}; in view {share:.0%}"


def face_lines(face: FaceMeasure) -> Iterator[str]:
    """What the face is, and how sure that is."""
    agree = f", which agree to {face.spread_m * 1e3:.1f} mm" if face.directions > 1 else ""
    sides = f"{face.directions} side{'s' if face.directions != 1 else ''}{agree}"
    yield (
        f"face: {face.used} of {face.seen} views fit, from {sides}; {face.size_px:.0f} px large, "
        f"landmarks within {face.misfit_m * 1e3:.1f} mm"
    )
    if face.rest_s > 0.0:
        yield f"rest: {face.rest_s:.1f} s; the face moved by {face.unrest:.1%} of the distance between the eyes"
    else:
        yield "rest: from photos, which cannot tell whether the face was at rest"


def body_advice(body: BodyMeasure, clip: Clip, body_cameras: int, height_told: bool) -> Iterator[str]:
    """What would make the body better."""
    if body.keyframes < _FEW_KEYFRAMES:
        yield f"only {body.keyframes} poses of the body were seen: film longer, and move"
    if clip.tracked < _LOW_TRACKED * clip.framesets:
        lost = 1.0 - clip.tracked / max(1, clip.framesets)
        yield f"the body was out of view in {lost:.0%} of the clip: stay where all cameras see it"
    if body_cameras == 1 and not height_told:
        yield "one camera cannot tell the height: give height_m in [[actors]]"
    for camera, count in clip.crowded.items():
        if count > _CROWDED * clip.frames[camera]:
            yield f"others were in view of {camera}: ask them out, or the wrong person may have been measured"


def face_advice(face: FaceMeasure, *, rides: bool = False) -> Iterator[str]:
    """What would make the face better; a camera that rides on the head sees one side of it only."""
    photos = face.rest_s == 0.0
    if photos and face.used < _FEW_PHOTOS:
        yield f"photos that could be used: {face.used}; take {_FEW_PHOTOS} to 8, from several sides"
    if face.unrest > _RESTLESS:
        yield "the face was not at rest: hold still, mouth closed, eyes open"
    if face.directions < _FEW_DIRECTIONS and not rides and not photos:
        yield f"too few sides of the face were seen ({face.directions}): turn the head slowly left, right, up and down"
    if face.size_px < _SMALL_PX:
        yield f"the face is {face.size_px:.0f} px large, {_SMALL_PX:.0f} are better: come nearer, or add a face camera"
    if face.sharpness < _BLURRED:
        yield "the pictures of the face are blurred: mind focus, light and shutter time"
    if face.misfit_m > _MISFIT_M:
        yield "the landmarks fit no face well: look for a mask, a hand, glasses, or a mirrored picture"
    if face.spread_m > _SPREAD_M:
        yield "the sides of the face tell different faces: sharper pictures, even light, the face at rest throughout"
