"""What changes in what follows bodies; see `stage.solving._state_parts`."""

from __future__ import annotations

from typing import Any

import torch

from stage.solving._state_columns import Columns, MaybeColumns, Table
from stage.solving._state_kinds import (
    BOOL,
    FLOAT,
    INT,
    STATE,
    Array,
    Fields,
    Kind,
    Maybe,
    Plain,
    Row,
    Several,
    Tensor,
    Unfit,
)
from stage.solving._state_objects import Each, Inside
from stage.solving._state_times import presence, timeline
from stage.solving.actor import ActorTrack
from stage.solving.cast import Member
from stage.solving.chains import Chain, ChainSample
from stage.solving.evidence import Evidence
from stage.solving.external_bones import BodyPose, ExternalBody
from stage.solving.hands.motion import HandMotion
from stage.solving.motion import Motion
from stage.solving.pose import Pose
from stage.solving.presence import KEPT
from stage.solving.shape_estimate import MOST_KEYFRAMES
from stage.solving.solver import Solver
from stage.solving.whole_body import Posed

_HANDS, _ANGLES, _FINGER_BONES = 2, 20, 15
_WORN = ("_body", "_placed", "_rest_landmarks", "_pelvis_height", "_expected")
"""Of an actor's track: what follows from its shape, and what is only remembered within a frameset."""


def posed(solver: Solver) -> Fields:
    """The body that was shown last."""
    joints = len(solver.body.bones)
    pose = Fields(BodyPose, place=Array(3), quaternions=Array(joints, 4), confidence=Array(joints))
    rotations, heads = Tensor(solver.device, None, 3, 3), Tensor(solver.device, None, 3)
    return Fields(Posed, state=STATE, pose=pose, G=rotations, joints=heads, head=Array(4))


class Bodies:
    """The state of what follows bodies."""

    def __init__(self, solver: Solver) -> None:
        model = solver._model
        self._device, self._cameras = solver.device, len(solver.rig.ids)
        self._bones, self._points = model.skeleton.bone_count, model.points.weight.shape[1]
        self._evidence, self._shapes = model.evidence, solver.body.shape_count
        self._coordinates = 3 + 3 * self._bones

    def member(self, member: Member) -> Inside:
        """Of one of the cast."""
        head = Inside({"_turn": Array(3), "_own": Array(3), "_own_s": FLOAT, "_last_ns": INT})
        kinds = {"track": self._track(member.track), "head": head, "external": _external_body(member.external)}
        return Inside(kinds, ["section"])

    def _track(self, track: ActorTrack) -> Inside:
        kinds = {
            "_estimate": self._estimate(),
            "_contacts": _contacts(track._sole_count),
            "_motion": Maybe(self._motion()),
            "_shown": Maybe(self._pose(1)),
            "_state": STATE,
            "_time_ns": INT,
            "_unseen_s": FLOAT,
            "_gliding_s": FLOAT,
            "_confidence": Array(self._bones),
            "_lag_s": FLOAT,
            "_steps": INT,
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
            "frozen": BOOL,
            "information": Maybe(Tensor(self._device, S, S)),
            "keyframes": INT,
            "_evidence": evidence,
            "_poses": Maybe(self._pose(None)),
            "_first_ns": INT,
            "_last_ns": INT,
            "_calls": INT,
        }
        return Inside(kinds, ["_fitter", "_seconds"])

    def _pose(self, batch: int | None) -> Fields:
        D = Tensor(self._device, batch, self._bones, 3, 3)
        return Fields(Pose, position=Tensor(self._device, batch, 3), D=D)

    def _motion(self) -> Fields:
        n = self._coordinates
        P = Tensor(self._device, n, n)
        return Fields(Motion, pose=self._pose(1), velocity=Tensor(self._device, n), P_pose=P, P_cross=P, P_velocity=P)


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
        "_time_ns": INT,
    }
    return Inside(kinds, ["_model", "_reader", "_motions", "_geometry"])


def _external_body(external: ExternalBody) -> Inside:
    sources = []
    for source in external._sources.values():
        chains = Each([_chain(chain) for chain in source.chains])
        sources.append(Inside({"chains": chains, "late": INT}))
    return Inside({"_sources": Each(sources)}, ["_rest", "_maps"], lambda target: target.forget_rest())


def _chain(chain: Chain) -> Inside:
    count = len(chain.bones)
    given = Several(Row(*[BOOL] * count), list, KEPT)
    samples = Table(ChainSample, given=given, rotations=Columns(list, KEPT, count, 4), hips=MaybeColumns(KEPT, 3))
    return Inside({"presence": presence(), "_samples": timeline(samples, KEPT)}, ["bones", "rig", "_optional"])
