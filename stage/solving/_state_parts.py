"""What changes in a solver while it solves: every attribute of every object, with its kind.

What a solver is made with (body model, cameras, settings) is not among it, nor what follows from the rest: a body in
its shape, what has been placed or skinned already. `kept` names those, so that a test finds what nobody thought of.
"""

from __future__ import annotations

from typing import Any

import torch

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
from stage.solving._state_kinds import (
    Array,
    Columns,
    Each,
    Fields,
    Inside,
    Kind,
    Made,
    Maybe,
    MaybeColumns,
    Named,
    Plain,
    Row,
    Several,
    Table,
    Tensor,
    Unfit,
)
from stage.solving.actor import ActorTrack
from stage.solving.cast import Member
from stage.solving.chains import Chain, ChainSample
from stage.solving.evidence import Evidence
from stage.solving.external_bones import BodyPose, ExternalBody
from stage.solving.hands.motion import HandMotion
from stage.solving.motion import Motion
from stage.solving.pose import Pose
from stage.solving.presence import KEPT, KEPT_RUNS, Run
from stage.solving.shape_estimate import MOST_KEYFRAMES
from stage.solving.solver import Solver
from stage.solving.whole_body import Posed

_INT, _FLOAT, _BOOL, _TEXT = Plain(int), Plain(float), Plain(bool), Plain(str)
_STATE = Plain(str, ("tracking", "holding", "fading", "absent"))
_MOST_CAMERAS = 64
_NAMES = Several(_TEXT, tuple, _MOST_CAMERAS)
_HANDS, _ANGLES, _FINGER_BONES = 2, 20, 15


def solver_state(solver: Solver) -> Inside:
    """The state of a solver, and of all that are made from the same config."""
    names = [member.section.id for member in solver._cast]
    kinds: dict[str, Kind] = {
        "_number": _INT,
        "_external_number": _INT,
        "_last_ns": Maybe(_INT),
        "_newcomers": Inside({"_alone_since_ns": _INT}, ["_rig"]),
        "rig": Inside(
            {"sizes": Named(Row(_INT, _INT), solver.rig.ids)}, ["ids", "cameras", "_calibrated", "R", "t", "centers"]
        ),
        "_cast": Each([_Bodies(solver).member(member) for member in solver._cast]),
        "_posed": Named(_posed(solver), names),
    }
    if solver.faces is not None:
        kinds["faces"] = _faces(solver.faces, len(solver.body.vertex_basis), solver.rig.ids)
    kept = {"body", "faces", "_model", "_casting", "_whole", "_meshes"} - kinds.keys()
    return Inside(kinds, sorted(kept), lambda target: target._meshes.forget())


def _posed(solver: Solver) -> Fields:
    joints = len(solver.body.bones)
    pose = Fields(BodyPose, place=Array(3), quaternions=Array(joints, 4), confidence=Array(joints))
    rotations, heads = Tensor(solver.device, None, 3, 3), Tensor(solver.device, None, 3)
    rotations, heads = Tensor(solver.device, None, 3, 3), Tensor(solver.device, None, 3)
    return Fields(Posed, state=_STATE, pose=pose, G=rotations, joints=heads, head=Array(4))


class _Bodies:
    """The state of what follows bodies."""

    def __init__(self, solver: Solver) -> None:
        model = solver._model
        self._device, self._cameras = solver.device, len(solver.rig.ids)
        self._bones, self._points = model.skeleton.bone_count, model.points.weight.shape[1]
        self._evidence, self._shapes = model.evidence, solver.body.shape_count
        self._coordinates = 3 + 3 * self._bones

    def member(self, member: Member) -> Inside:
        head = Inside({"_turn": Array(3), "_own": Array(3), "_own_s": _FLOAT, "_last_ns": _INT})
        kinds = {"track": self._track(member.track), "head": head, "external": _external_body(member.external)}
        return Inside(kinds, ["section"])

    def _track(self, track: ActorTrack) -> Inside:
        kinds = {
            "_estimate": self._estimate(),
            "_contacts": _contacts(track._sole_count),
            "_motion": Maybe(self._motion()),
            "_shown": Maybe(self._pose(1)),
            "_state": _STATE,
            "_time_ns": _INT,
            "_unseen_s": _FLOAT,
            "_gliding_s": _FLOAT,
            "_confidence": Array(self._bones),
            "_lag_s": _FLOAT,
            "_steps": _INT,
            "cameras": Several(Plain(int, range(self._cameras)), tuple, self._cameras),
        }
        if track._hands is not None:
            kinds["_hands"] = _hands()
        constant = {"_model", "_floor", "_motions", "_sole_count", "_nothing_read", "_hands"} - kinds.keys()
        return Inside(kinds, [*constant, *_WORN], lambda target: target.settle())

    def _estimate(self) -> Inside:
        S = self._shapes
        row = {"target": (self._cameras, 2, self._points), "scale": (self._cameras, self._points)}
        row |= dict.fromkeys(("anchor", "anchor_scale"), (3, self._points))
        evidence = _Evidence(self._evidence, {name: Tensor(self._device, None, *s) for name, s in row.items()})
        kinds = {
            "shape": Tensor(self._device, S),
            "frozen": _BOOL,
            "information": Maybe(Tensor(self._device, S, S)),
            "keyframes": _INT,
            "_evidence": evidence,
            "_poses": Maybe(self._pose(None)),
            "_first_ns": _INT,
            "_last_ns": _INT,
            "_calls": _INT,
        }
        return Inside(kinds, ["_fitter", "_seconds"])

    def _pose(self, batch: int | None) -> Fields:
        D = Tensor(self._device, batch, self._bones, 3, 3)
        return Fields(Pose, position=Tensor(self._device, batch, 3), D=D)

    def _motion(self) -> Fields:
        n = self._coordinates
        P = Tensor(self._device, n, n)
        return Fields(Motion, pose=self._pose(1), velocity=Tensor(self._device, n), P_pose=P, P_cross=P, P_velocity=P)


_WORN = ("_body", "_placed", "_rest_landmarks", "_pelvis_height", "_expected")
"""Of an actor's track: what follows from its shape, and what is only remembered within a frameset."""


class _Evidence(Kind):
    """The keyframes of a shape: what all cameras saw, as one batch; the cameras are the rig's."""

    def __init__(self, builder: Any, kinds: dict[str, Tensor]) -> None:
        self._builder, self._kinds = builder, kinds

    def told(self, value: list[Evidence]) -> Any:
        if len(value) == 0:
            return []
        return [kind.told(torch.cat([getattr(one, name) for one in value])) for name, kind in self._kinds.items()]

    def read(self, data: Any, at: str) -> Any:
        if data == []:
            return []
        if not isinstance(data, list) or len(data) != len(self._kinds):
            raise Unfit(f"{at} is no list of {len(self._kinds)}")
        batches = [kind.read(part, f"{at}.{n}") for (n, kind), part in zip(self._kinds.items(), data, strict=True)]
        counts = {len(batch) for batch in batches}
        if len(counts) != 1 or max(counts) > MOST_KEYFRAMES:
            raise Unfit(f"{at} has more than {MOST_KEYFRAMES} rows, or not as many of each")
        R, t = self._builder.views
        return [Evidence(R, t, *(batch[row : row + 1].clone() for batch in batches)) for row in range(counts.pop())]


def _contacts(soles: int) -> Inside:
    kinds = {
        "_last": Maybe(Array(soles, 3)),
        "_speed": Array(soles),
        "_slow_s": Array(soles),
        "_held": Array(soles, dtype="b1"),
        "_anchor": Array(soles, 3),
    }
    return Inside(kinds, ["_floor"])


def _hands() -> Inside:
    P = Array(_HANDS, _ANGLES, _ANGLES)
    angles = Array(_HANDS, _ANGLES)
    motion = Fields(HandMotion, angles=angles, velocity=angles, P_angles=P, P_cross=P, P_velocity=P)
    kinds = {
        "_motion": Maybe(motion),
        "_followed": Array(_HANDS, dtype="b1"),
        "_read_ns": Array(_HANDS, dtype="i8"),
        "_misfits": Array(_HANDS, dtype="i8"),
        "_gliding_s": Array(_HANDS),
        "_angles": angles,
        "_sureness": Array(_HANDS, _FINGER_BONES),
        "_time_ns": _INT,
    }
    return Inside(kinds, ["_model", "_reader", "_motions", "_geometry"])


def _presence() -> Inside:
    run = Row(Fields(Run, begin_ns=_INT, share=_FLOAT), _INT)
    return Inside({"_runs": Several(run, list, KEPT_RUNS)}, ["_timeout_ns", "_blend_ns"])


def _timeline(samples: Table, most: int) -> Inside:
    return Inside({"_times": Several(_INT, list, most), "_samples": samples}, ["__orig_class__"], _matching)


def _matching(timeline: Any) -> None:
    if len(timeline._times) != len(timeline._samples):
        raise Unfit("a timeline has not as many samples as times")


def _external_body(external: ExternalBody) -> Inside:
    sources = []
    for source in external._sources.values():
        chains = Each([_chain(chain) for chain in source.chains])
        sources.append(Inside({"chains": chains, "late": _INT}))
    return Inside({"_sources": Each(sources)}, ["_rest", "_maps"], lambda target: target.forget_rest())


def _chain(chain: Chain) -> Inside:
    count = len(chain.bones)
    given = Several(Row(*[_BOOL] * count), list, KEPT)
    samples = Table(ChainSample, given=given, rotations=Columns(list, KEPT, count, 4), hips=MaybeColumns(KEPT, 3))
    return Inside({"presence": _presence(), "_samples": _timeline(samples, KEPT)}, ["bones", "rig", "_optional"])


def _faces(faces: FaceSolver, shapes: int, cameras: tuple[str, ...]) -> Inside:
    identities = faces._identities.count
    parts = [_part(part, shapes, identities, (*cameras, *faces.cameras)) for part in faces._parts.values()]
    return Inside(
        {"_parts": Each(parts)},
        ["_inputs", "_model", "_regressor", "_settings", "_identities", "_actors", "_cameras"],
    )


def _part(part: Part, shapes: int, identities: int, cameras: tuple[str, ...]) -> Inside:
    kinds: dict[str, Kind] = {
        "number": _INT,
        "last_ns": _INT,
        "shown_ns": _INT,
        "shown_state": _STATE,
        "body_head": Maybe(Row(_INT, Array(4))),
        "known": _knowledge(shapes, identities),
        "body": _face_track(part.body, shapes, cameras),
        "timeline": Inside({"_states": _timeline(_face_states(), KEPT_FACES)}),
        "external": _external_faces(part),
    }
    if part.own is not None:
        kinds["own"] = _face_track(part.own, shapes, cameras)
    return Inside(kinds, sorted({"actor", "camera", "in_world", "own"} - kinds.keys()))


def _face_state() -> Fields:
    return Fields(
        FaceState,
        state=_STATE,
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
        state=Several(_STATE, list, most),
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
        "_seen_ns": _INT,
        "_last_ns": _INT,
        "_gliding_s": _FLOAT,
        "_version": _INT,
        "_rest_turn": Maybe(Array(3, 3)),
        "_rest_s": _FLOAT,
        "_turn": Array(3, 3),
        "_turn_version": _INT,
        "_shape": Array(shapes),
        "_neutral_points": Array(*track._neutral_points.shape),
        "worth": _FLOAT,
    }
    return Inside(kinds, ["_model", "_regressor", "known", "_rides", "_learns_neutral"])


def _new_source(track: FaceTrack) -> FaceSource:
    return FaceSource(Expression(track._regressor))


def _face_source() -> Inside:
    pose = Fields(HeadPose, R=Array(3, 3), t=Array(3))
    window = Columns(list, 64, FEATURE_COUNT, dtype="f4")
    return Inside(
        {
            "expression": Inside({"_window": window, "_last_ns": _INT}, ["_regressor"]),
            "pose": Maybe(pose),
            "last_ns": _INT,
            "weight": _FLOAT,
            "worth": _FLOAT,
            "fit": Maybe(Fields(Fit, pose=pose, information=Array(6, 6), error_m=_FLOAT)),
            "features": Array(FEATURE_COUNT, dtype="f4"),
        }
    )


def _one_euro(count: int) -> Inside:
    kinds = {"_x": Maybe(Array(count)), "_speed": Array(count)}
    return Inside(kinds, ["_slowest", "_gain", "_speed_hz", "_strength"])


def _knowledge(shapes: int, identities: int) -> Inside:
    neutral = Array(FEATURE_COUNT + OFFSETS, dtype="f4")
    profile = Fields(FaceProfile, identity=Array(identities), neutral=neutral, log_size=_FLOAT)
    resting = {
        "_frames": Columns(list, MOST_FRAMES, FEATURE_COUNT + OFFSETS, dtype="f4"),
        "_last": Maybe(neutral),
        "_usual": _FLOAT,
        "_rest_s": _FLOAT,
        "_passed_s": _FLOAT,
        "value": Maybe(neutral),
    }
    kinds = {
        "_neutral": Inside(resting, ["_seconds"]),
        "_identity": Maybe(Array(identities)),
        "_log_size": _FLOAT,
        "_size": Inside({"_sum": _FLOAT, "_weight": _FLOAT}),
        "_seen_s": _FLOAT,
        "_next_s": _FLOAT,
        "_shape": Array(None, longest=shapes),
        "_worn": Maybe(Array(identities)),
        "_worn_log_size": _FLOAT,
        "_sized": _BOOL,
        "_before": Maybe(profile),
        "version": _INT,
    }
    return Inside(kinds, ["_map", "_seconds"])


def _external_faces(part: Part) -> Inside:
    most = KEPT
    samples = Table(
        FaceSample, shapes=MaybeColumns(most, SHAPE_COUNT), head=MaybeColumns(most, 4), gaze=MaybeColumns(most, 2, 2)
    )
    kinds: dict[str, Kind] = {
        "presence": _presence(),
        "heard_ns": Maybe(_INT),
        "late": _INT,
        "_samples": _timeline(samples, most),
    }
    sources = [Inside(kinds, ["take", "shapes"]) for _ in part.external.names]
    return Inside({"_sources": Each(sources)})
