"""The solver: framesets of landmarks in, performances out.

A state machine without I/O or clock. Live stage, offline solve and solving a take again drive this same object, so
the same landmarks give the same performances.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch

from protocols.arrays import to_bytes
from protocols.external import ExternalBones, ExternalFace
from protocols.messages import CameraLandmarks, FacePerformance, Performance, Prediction, Trace
from stage.bodies.body import BodyModel
from stage.bodies.hands import SIDES
from stage.cameras.camera import Camera
from stage.config import ActorSection, AnyInputSection, BodySection
from stage.correspondence.hand_map import PALM, HandMap
from stage.correspondence.landmark_map import LandmarkMap
from stage.faces.profile import FaceProfile
from stage.faces.solver import FaceSolver
from stage.solving.actor import ActorModel
from stage.solving.anatomy import Anatomy
from stage.solving.association import claims
from stage.solving.cast import Casting, Member
from stage.solving.contact import sole_vertices
from stage.solving.external_bones import with_head
from stage.solving.framesets import Frameset
from stage.solving.hands.track import HandKit
from stage.solving.head import HEAD
from stage.solving.meshes import Meshes
from stage.solving.newcomers import Newcomers
from stage.solving.observation import EvidenceBuilder
from stage.solving.people import CameraRig
from stage.solving.shape_estimate import ShapeEstimate
from stage.solving.skeleton import Skeleton
from stage.solving.visibility import body_seen, hands_seen, in_cameras
from stage.solving.whole_body import Posed, WholeBody

_BREAK_NS = 1_000_000_000
_ABSENT_NS = 1_500_000_000


class HandSettings(NamedTuple):
    """How fingers are solved."""

    meaning: HandMap
    smoothing: float = 1.0


class Solver:
    """All actors of a stage.

    Args:
        body: The body model.
        cameras: Calibrated cameras, in the order of the configuration.
        actors: Who performs.
        settings: The [body] section.
        landmark_map: Meaning of the network's landmarks.
        shapes: Shape coefficients (S,) known from profiles, by actor.
        device: Where to solve.
        hands: Meaning of the hand network's landmarks and smoothing of fingers; None leaves fingers as at rest.
        faces: Solves the faces; None leaves performances without.
        inputs: The [[inputs]], whose data `take_external` gets.
    """

    def __init__(
        self,
        body: BodyModel,
        cameras: Sequence[Camera],
        actors: Sequence[ActorSection],
        settings: BodySection,
        landmark_map: LandmarkMap,
        shapes: dict[str, np.ndarray] | None = None,
        device: torch.device | str = "cpu",
        hands: HandSettings | None = None,
        faces: FaceSolver | None = None,
        inputs: Sequence[AnyInputSection] = (),
    ) -> None:
        self.body = body
        self.faces = faces
        self.rig = CameraRig(cameras)
        skeleton = Skeleton(body, device)
        soles = np.zeros((len(sole_vertices(body)), len(body.mean_vertices)))
        soles[np.arange(len(soles)), sole_vertices(body)] = 1.0
        rows = [landmark_map.combination(soles.shape[1]), soles]
        if hands is not None:
            rows += [hands.meaning.combination(side, soles.shape[1])[list(PALM)] for side in SIDES]
        points = skeleton.points_of_vertices(np.concatenate(rows))
        evidence = EvidenceBuilder(self.rig, landmark_map, device)
        kit = None if hands is None else HandKit.of(body, self.rig, hands.meaning, hands.smoothing)
        self._model = ActorModel(skeleton, points, Anatomy(body, device), evidence, self.rig, kit)
        self._casting = Casting(body, self._model, settings, inputs)
        self._cast = [self._casting.member(actor, (shapes or {}).get(actor.id)) for actor in actors]
        self._whole = WholeBody(skeleton)
        self._posed: dict[str, Posed] = {}
        self._meshes = Meshes(body, skeleton, faces)
        self._number = self._external_number = 0
        self._last_ns: int | None = None
        self._newcomers = Newcomers(self.rig)

    @property
    def device(self) -> torch.device:
        """Where it solves."""
        return self._model.skeleton.device

    @property
    def lag_s(self) -> float:
        """Delay of a 1 Hz movement through the smoothing, the largest of all actors, seconds."""
        return max((member.track.lag_s for member in self._cast), default=0.0)

    def shapes(self) -> dict[str, np.ndarray]:
        """Shape coefficients (S,) by actor, as good as they are now."""
        return {member.section.id: member.track.shape.cpu().numpy() for member in self._cast}

    def final_shapes(self) -> dict[str, np.ndarray]:
        """Those of actors whose shape does not change any more: what profiles should keep."""
        return {
            member.section.id: member.track.shape.cpu().numpy() for member in self._cast if member.track.estimate.frozen
        }

    def estimate(self, actor: str) -> ShapeEstimate:
        """How an actor's shape is known."""
        return next(member.track.estimate for member in self._cast if member.section.id == actor)

    def final_faces(self) -> dict[str, FaceProfile]:
        """Faces of which there is nothing more to learn, by actor: what profiles should keep."""
        return {} if self.faces is None else self.faces.final_faces()

    def face_facts(self) -> dict[str, str]:
        """What an operator may ask of the faces."""
        return {} if self.faces is None else self.faces.facts()

    def wear(self, actor: str, shape: np.ndarray) -> None:
        """Give an actor a known shape (S,); for one that is not followed yet."""
        place = next(i for i, member in enumerate(self._cast) if member.section.id == actor)
        self._cast[place] = self._casting.member(self._cast[place].section, shape)

    def measure_again(self, actor: str) -> None:
        """Measure an actor's body shape and face at rest anew while it is followed; what is known is used until then.

        `final_shapes` and `final_faces` are without this actor until they are measured.
        """
        next(member for member in self._cast if member.section.id == actor).track.measure_again()
        if self.faces is not None:
            self.faces.measure_again(actor)

    @torch.inference_mode()
    def warm_up(self) -> None:
        """Solve a body in the rest pose once, so that the first real frameset finds everything loaded."""
        if self.faces is not None:
            self.faces.warm_up()
        if len(self.rig.ids) > 0:
            track = self._casting.track(ActorSection(id="warm-up"), np.zeros(self.body.shape_count))
            track.rehearse(self.rig.centers.mean(0))

    @torch.inference_mode()
    def step(self, frameset: Frameset) -> list[Performance]:
        """Solve one frameset; framesets come in the order of time.

        Raises:
            CalibrationError: A camera's pictures do not fit its calibration.
        """
        back_ns = self._last_ns - frameset.capture_ns if self._last_ns is not None else -1
        if 0 <= back_ns < _BREAK_NS:
            return []  # solved already, or out of order
        self._last_ns = frameset.capture_ns
        people = self.rig.people(frameset.views)
        followed = [member for member in self._cast if member.track.followed]
        expected = [member.track.expected_landmarks(frameset.capture_ns) for member in followed]
        claimed = claims(people, *in_cameras(self.rig, expected))
        taken = {claim.position for row in claimed for claim in row}
        for member, row in zip(followed, claimed, strict=True):
            if len(row) > 0:
                member.track.follow([claim.person for claim in row], frameset.capture_ns)
            else:
                member.track.miss(frameset.capture_ns)
        for member in self._cast:
            if member not in followed:
                self._newcomers.look_for(member.track, people, taken, frameset.capture_ns)
        self._number += 1
        if self.faces is not None:
            self._see_faces(self.faces, frameset)
        trace = trace_of(frameset.views.values())
        return self._performances(self._cast, self._number - 1, frameset.capture_ns, trace)

    @torch.inference_mode()
    def take_external(
        self, record: ExternalFace | ExternalBones, *, overtaken: bool = False
    ) -> list[Performance | FacePerformance]:
        """Take in what another performer provides; records of one input come in the order of time.

        Args:
            record: Of any actor and input.
            overtaken: A newer one of this input waits already: this one is remembered, but makes nothing.

        Returns:
            What it makes at once: a face at the pace of the input; a body where there is no camera to see one.
        """
        if isinstance(record, ExternalFace):
            face = None if self.faces is None else self.faces.take_external(record)
            return [] if face is None or overtaken else [face]
        cast = [member for member in self._cast if member.section.id == record.actor]
        for member in cast:
            member.external.take(record)
        if overtaken or len(self.rig.ids) > 0 or not any(member.external.places(record.input) for member in cast):
            return []
        self._last_ns = record.capture_ns
        self._external_number += 1
        trace = Trace(record.capture_ns, 0, 0, 0, 0)
        return [*self._performances(cast, self._external_number - 1, record.capture_ns, trace)]

    def step_face(self, seen: CameraLandmarks) -> FacePerformance | None:
        """Solve one frame of a face camera; frames of one camera come in the order of time.

        None before its actor's face was ever seen, or where the stage solves no faces.
        """
        return None if self.faces is None else self.faces.see_camera(seen)

    def pass_time(self, now_ns: int) -> list[Performance | FacePerformance]:
        """What becomes of actors whom only other performers show, and who are silent now.

        A face fades to rest. A body keeps its pose; its state becomes "holding", and a second later "absent".
        """
        out: list[Performance | FacePerformance] = [] if self.faces is None else [*self.faces.pass_time(now_ns)]
        for member in self._cast if len(self.rig.ids) == 0 else ():
            posed, last_ns = self._posed.get(member.section.id), member.external.last_placed_ns
            if posed is None or last_ns is None or member.external.placed(now_ns):
                continue
            state = "absent" if now_ns - last_ns > _ABSENT_NS else "holding"
            if state != posed.state:
                self._posed[member.section.id] = posed = posed._replace(state=state)
                self._external_number += 1
                trace = Trace(now_ns, 0, 0, 0, 0)
                out.append(self._performance(member, posed, self._external_number - 1, now_ns, trace))
        return out

    @torch.inference_mode()
    def predictions(self, capture_ns: int) -> list[Prediction]:
        """Where followed actors' landmarks are expected in each camera at a time to come."""
        predictions = []
        for member in self._cast:
            if member.track.followed:
                cameras = body_seen(self.rig, member.track.expected_landmarks(capture_ns))
                hands = hands_seen(self.rig, member.track.expected_hands(capture_ns), tuple(cameras))
                predictions.append(Prediction(member.section.id, capture_ns, cameras, hands))
        return predictions

    @torch.inference_mode()
    def vertices(self, actor: str, out: torch.Tensor | None = None) -> torch.Tensor:
        """(V, 3) float32: the mesh an actor shows now, world, metres."""
        track = next(member.track for member in self._cast if member.section.id == actor)
        posed = self._posed.get(actor)
        if posed is None:
            raise ValueError(f"{actor} has not been seen yet")
        return self._meshes.vertices(actor, track.shape, posed, self._last_ns or 0, out)

    def _see_faces(self, faces: FaceSolver, frameset: Frameset) -> None:
        """Take in the faces of a frameset; where the body is followed, they correct its head."""
        faces.see_frameset(frameset, self.rig, self.shapes())
        for member in self._cast:
            shown = member.track.shown()
            if shown is None:
                continue
            found = faces.head_in_world(member.section.id) if shown.state == "tracking" else None
            G_head = shown.G[HEAD].cpu().numpy()
            R_face, worth = (None, 0.0) if found is None else (found.pose.R, found.worth)
            member.head.update(G_head, R_face, worth, frameset.capture_ns)

    def _performances(self, cast: Sequence[Member], number: int, capture_ns: int, trace: Trace) -> list[Performance]:
        performances = []
        for member in cast:
            posed = self._pose_of(member, capture_ns)
            if posed is not None:
                self._posed[member.section.id] = posed
                performances.append(self._performance(member, posed, number, capture_ns, trace))
        return performances

    def _pose_of(self, member: Member, capture_ns: int) -> Posed | None:
        """What an actor shows at a time, what other performers provide included; None before anybody saw it."""
        shown, external = member.shown, member.external
        if shown is None and not external.placed(capture_ns):
            return None
        rest_joints = self._model.skeleton.rest_joints(member.track.shape)
        own = self._whole.at_rest() if shown is None else self._whole.shown(rest_joints, shown)
        head = None if self.faces is None else self.faces.external_head(member.section.id, capture_ns)
        turned = head is not None and not external.provides("head", capture_ns)
        if shown is not None and not turned and not external.counts(capture_ns):
            return own
        pose, state = own.pose, own.state
        if shown is None or external.counts(capture_ns):
            pose = external.merged(pose, rest_joints.cpu().numpy(), capture_ns, alone=shown is None)
            state = "tracking" if external.placed(capture_ns) else state
        if head is not None and turned:
            pose = with_head(pose, head.turn, head.share)
        return self._whole.posed(state, pose, rest_joints)

    def _performance(self, member: Member, posed: Posed, number: int, capture_ns: int, trace: Trace) -> Performance:
        actor, faces, pose = member.section.id, self.faces, posed.pose
        return Performance(
            actor=actor,
            number=number,
            capture_ns=capture_ns,
            state=posed.state,
            root=to_bytes(np.concatenate([posed.joints[0].cpu().numpy(), pose.quaternions[0]])),
            rotations=to_bytes(pose.quaternions),
            joints=to_bytes(posed.joints.cpu().numpy()),
            rest_joints=to_bytes(self._model.skeleton.rest_joints(member.track.shape).cpu().numpy()),
            confidence=to_bytes(pose.confidence),
            cameras=tuple(self.rig.ids[camera] for camera in member.track.cameras),
            trace=trace,
            face=None if faces is None else faces.face_at(actor, capture_ns, posed.head),
        )


def trace_of(views: Iterable[CameraLandmarks]) -> Trace:
    """The way of a frameset so far: each leg that of the camera that came last."""
    seen = list(views)
    return Trace(
        capture_ns=min(v.capture_ns for v in seen),
        published_ns=max(v.captured_ns for v in seen),
        landmarks_begin_ns=max(v.begin_ns for v in seen),
        landmarks_end_ns=max(v.end_ns for v in seen),
        solve_begin_ns=0,
    )
