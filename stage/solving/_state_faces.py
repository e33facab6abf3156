"""What changes in what follows faces; see `stage.solving._state_parts`."""

from __future__ import annotations

from stage.faces.expression import Expression
from stage.faces.external import Sample as FaceSample
from stage.faces.features import FEATURE_COUNT
from stage.faces.head_pose import Fit, HeadPose
from stage.faces.knowledge import OFFSETS
from stage.faces.neutral import MOST_FRAMES
from stage.faces.profile import FaceProfile
from stage.faces.solver import FaceSolver, Part
from stage.faces.state import SHAPE_COUNT, FaceState
from stage.faces.timeline import KEPT as KEPT_FACES
from stage.faces.track import FaceTrack
from stage.faces.track import Source as FaceSource
from stage.solving._state_columns import Columns, MaybeColumns, Table
from stage.solving._state_kinds import BOOL, FLOAT, INT, STATE, TEXT, Array, Fields, Kind, Maybe, Row, Several
from stage.solving._state_objects import Each, Inside, Made
from stage.solving._state_times import presence, timeline
from stage.solving.presence import KEPT

_MOST_CAMERAS = 64
_NAMES = Several(TEXT, tuple, _MOST_CAMERAS)


def faces(faces: FaceSolver, shapes: int, cameras: tuple[str, ...]) -> Inside:
    """Of all faces."""
    identities = faces._identities.count
    parts = [_part(part, shapes, identities, (*cameras, *faces.cameras)) for part in faces._parts.values()]
    return Inside(
        {"_parts": Each(parts)},
        ["_inputs", "_model", "_regressor", "_settings", "_identities", "_actors", "_cameras"],
    )


def _part(part: Part, shapes: int, identities: int, cameras: tuple[str, ...]) -> Inside:
    kinds: dict[str, Kind] = {
        "number": INT,
        "last_ns": INT,
        "shown_ns": INT,
        "shown_state": STATE,
        "body_head": Maybe(Row(INT, Array(4))),
        "known": _knowledge(shapes, identities),
        "body": _face_track(part.body, shapes, cameras),
        "timeline": Inside({"_states": timeline(_face_states(), KEPT_FACES)}),
        "external": _external_faces(part),
    }
    if part.own is not None:
        kinds["own"] = _face_track(part.own, shapes, cameras)
    return Inside(kinds, sorted({"actor", "camera", "in_world", "own"} - kinds.keys()))


def _face_state() -> Fields:
    return Fields(
        FaceState,
        state=STATE,
        shapes=Array(SHAPE_COUNT),
        confidence=Array(SHAPE_COUNT),
        head=Array(4),
        gaze=Array(2, 2),
        cameras=_NAMES,
    )


def _face_states() -> Table:
    most = KEPT_FACES
    return Table(
        FaceState,
        state=Several(STATE, list, most),
        shapes=Columns(list, most, SHAPE_COUNT),
        confidence=Columns(list, most, SHAPE_COUNT),
        head=Columns(list, most, 4),
        gaze=Columns(list, most, 2, 2),
        cameras=Several(_NAMES, list, most),
    )


def _face_track(track: FaceTrack, shapes: int, cameras: tuple[str, ...]) -> Inside:
    kinds = {
        "_sources": Made(_face_source(), _new_source, cameras),
        "_filter": _one_euro(SHAPE_COUNT),
        "_gaze_filter": _one_euro(4),
        "_head_filter": _one_euro(3),
        "_seen": Maybe(_face_state()),
        "_shown": Maybe(_face_state()),
        "_seen_ns": INT,
        "_last_ns": INT,
        "_gliding_s": FLOAT,
        "_version": INT,
        "_rest_turn": Maybe(Array(3, 3)),
        "_rest_s": FLOAT,
        "_turn": Array(3, 3),
        "_turn_version": INT,
        "_shape": Array(shapes),
        "_neutral_points": Array(*track._neutral_points.shape),
        "worth": FLOAT,
    }
    return Inside(kinds, ["_model", "_regressor", "known", "_rides", "_learns_neutral"])


def _new_source(track: FaceTrack) -> FaceSource:
    return FaceSource(Expression(track._regressor))


def _face_source() -> Inside:
    pose = Fields(HeadPose, R=Array(3, 3), t=Array(3))
    window = Columns(list, 64, FEATURE_COUNT, dtype="f4")
    return Inside(
        {
            "expression": Inside({"_window": window, "_last_ns": INT}, ["_regressor"]),
            "pose": Maybe(pose),
            "last_ns": INT,
            "weight": FLOAT,
            "worth": FLOAT,
            "fit": Maybe(Fields(Fit, pose=pose, information=Array(6, 6), error_m=FLOAT)),
            "features": Array(FEATURE_COUNT, dtype="f4"),
        }
    )


def _one_euro(count: int) -> Inside:
    kinds = {"_x": Maybe(Array(count)), "_speed": Array(count)}
    return Inside(kinds, ["_slowest", "_gain", "_speed_hz", "_strength"])


def _knowledge(shapes: int, identities: int) -> Inside:
    neutral = Array(FEATURE_COUNT + OFFSETS, dtype="f4")
    profile = Fields(FaceProfile, identity=Array(identities), neutral=neutral, log_size=FLOAT)
    resting = {
        "_frames": Columns(list, MOST_FRAMES, FEATURE_COUNT + OFFSETS, dtype="f4"),
        "_last": Maybe(neutral),
        "_usual": FLOAT,
        "_rest_s": FLOAT,
        "_passed_s": FLOAT,
        "value": Maybe(neutral),
    }
    kinds = {
        "_neutral": Inside(resting, ["_seconds"]),
        "_identity": Maybe(Array(identities)),
        "_log_size": FLOAT,
        "_size": Inside({"_sum": FLOAT, "_weight": FLOAT}),
        "_seen_s": FLOAT,
        "_next_s": FLOAT,
        "_shape": Array(None, longest=shapes),
        "_worn": Maybe(Array(identities)),
        "_worn_log_size": FLOAT,
        "_sized": BOOL,
        "_before": Maybe(profile),
        "version": INT,
    }
    return Inside(kinds, ["_map", "_seconds"])


def _external_faces(part: Part) -> Inside:
    most = KEPT
    samples = Table(
        FaceSample, shapes=MaybeColumns(most, SHAPE_COUNT), head=MaybeColumns(most, 4), gaze=MaybeColumns(most, 2, 2)
    )
    kinds: dict[str, Kind] = {
        "presence": presence(),
        "heard_ns": Maybe(INT),
        "late": INT,
        "_samples": timeline(samples, most),
    }
    sources = [Inside(kinds, ["take", "shapes"]) for _ in part.external.names]
    return Inside({"_sources": Each(sources)})
