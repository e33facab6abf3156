"""The faces of all actors.

    body cameras: the faces of a frameset            -> `see_frameset`, then `face_at` its capture time
    face cameras: each frame at once, at its own rate -> `see_camera`, a FacePerformance of its own

    other performers: each record at once, at its rate -> `take_external`, a FacePerformance of its own

What another performer (a phone on the helmet) says of a face replaces what is read here, while it comes; see
`stage.faces.external`.

An actor with a face camera is solved from that; what the body's cameras see of the face then only helps to place the
head, and stands in where the face camera is lost. A camera on the head says nothing of the head's turn: its rigid
pose, the slip of the helmet included, ends in the fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from protocols.arrays import to_bytes
from protocols.external import ExternalFace
from protocols.messages import CameraLandmarks, Face, FaceLandmarks, FacePerformance, Trace
from stage.bodies.body import BodyModel
from stage.config import ActorSection, AnyInputSection, CameraSection, FaceSection
from stage.correspondence.face_map import FaceMap
from stage.faces.expression import Regressor
from stage.faces.external import ExternalFaces, ExternalHead
from stage.faces.head_pose import R_CAMERA_FACING, Fit, HeadPose
from stage.faces.identity_map import IdentityMap
from stage.faces.knowledge import FaceKnowledge
from stage.faces.model import FaceModel
from stage.faces.profile import FaceProfile
from stage.faces.reading import Reading, reading_of
from stage.faces.smoothing import lag_seconds
from stage.faces.state import FaceState
from stage.faces.timeline import FaceTimeline
from stage.faces.track import FaceTrack
from stage.solving.framesets import Frameset
from stage.solving.people import CameraRig

_BACK_S = 1.0
_BODY_HEAD_S = 0.5
_FADING_NS = 30_000_000


class Part:
    """One actor's face: in a camera of its own, and in the body's cameras."""

    def __init__(
        self,
        actor: ActorSection,
        own: CameraSection | None,
        model: FaceModel,
        regressor: Regressor,
        known: FaceKnowledge,
        smoothing: float,
        inputs: Sequence[AnyInputSection],
    ) -> None:
        self.actor, self.known, self.camera = actor.id, known, own
        self.external = ExternalFaces(inputs)
        rides = own is not None and own.mount == "head"
        self.own = None if own is None else FaceTrack(model, regressor, known, smoothing, rides=rides)
        self.timeline = FaceTimeline()
        self.body = FaceTrack(model, regressor, known, smoothing, learns_neutral=own is None)
        self.number, self.last_ns = 0, -1
        self.shown_ns, self.shown_state = 0, "absent"
        self.in_world: Fit | None = None
        self.body_head: tuple[int, np.ndarray] | None = None


class HeadInWorld(NamedTuple):
    """Where calibrated views put a head."""

    pose: HeadPose
    worth: float
    """In [0, 1]."""


class FaceSolver:
    """Solves faces; numpy only, no I/O.

    Args:
        body: The body model.
        face_map: Meaning of the network's points.
        regressor: From features to coefficients.
        actors: Who performs.
        settings: The [face] section.
        cameras: Those with `face_of`.
        known: Faces from profiles, by actor.
        inputs: The [[inputs]].
    """

    def __init__(
        self,
        body: BodyModel,
        face_map: FaceMap,
        regressor: Regressor,
        actors: Sequence[ActorSection],
        settings: FaceSection,
        cameras: Sequence[CameraSection] = (),
        known: Mapping[str, FaceProfile] | None = None,
        inputs: Sequence[AnyInputSection] = (),
    ) -> None:
        self._inputs = tuple(inputs)
        self._model, self._regressor, self._settings = FaceModel(body, face_map), regressor, settings
        self._identities = IdentityMap(body, self._model)
        self._actors = {actor.id: actor for actor in actors}
        self._cameras = {camera.id: camera for camera in cameras}
        self._parts = {actor.id: self._part(actor, (known or {}).get(actor.id)) for actor in actors}

    @property
    def cameras(self) -> tuple[str, ...]:
        """The face cameras."""
        return tuple(self._cameras)

    def wear(self, actor: str, profile: FaceProfile) -> None:
        """Give an actor a known face; for one that was not seen yet."""
        self._parts[actor] = self._part(self._actors[actor], profile)

    def final_faces(self) -> dict[str, FaceProfile]:
        """Faces of which there is nothing more to learn, by actor: what profiles should keep."""
        return {part.actor: final for part in self._parts.values() if (final := part.known.final) is not None}

    def facts(self) -> dict[str, str]:
        """Smoothing and what is known of whom, for an operator."""
        lags = lag_seconds(self._settings.smoothing)
        slowest = max(lags, key=lambda region: lags[region])
        said = f"{lags['EyeBlink'] * 1e3:.0f} ms lids, {lags['Mouth'] * 1e3:.0f} ms mouth, "
        return {
            "face smoothing lag": f"{said}{lags[slowest] * 1e3:.0f} ms {slowest.lower()} at 1 Hz",
            "faces": ", ".join(f"{part.actor} {self._progress(part)}" for part in self._parts.values()),
        }

    def measure_again(self, actor: str) -> None:
        """Measure an actor's face at rest anew; what is known of it is used until then."""
        self._parts[actor].known.measure_again()

    def identity(self, actor: str) -> np.ndarray:
        """(I,) to add to the actor's body, as good as it is now."""
        return self._parts[actor].body.identity

    def version(self, actor: str) -> int:
        """Rises whenever the identity changes."""
        return self._parts[actor].known.version

    def warm_up(self) -> None:
        """Solve a face once, so that the first real one finds everything loaded."""
        points = self._model.mean @ R_CAMERA_FACING.T + (0.0, 0.0, 0.6)
        pixels = np.concatenate([points[:, :2] / points[:, 2:] * 640.0 + (319.5, 239.5), points[:, 2:] * 1000.0], 1)
        face = FaceLandmarks(track=-1, actor="", points=to_bytes(pixels), eyes=b"", score=1.0)
        seen = CameraLandmarks("warm-up", 0, 1, 1, 1, 1, 640, 480, (), faces=(face,))
        known = FaceKnowledge(self._identities, self._settings.neutral_seconds)
        track = FaceTrack(self._model, self._regressor, known, self._settings.smoothing)
        for frame in range(1, 4):
            reading = reading_of(seen, face, None)
            assert reading is not None
            track.see([reading._replace(capture_ns=frame * 16_000_000)], frame * 16_000_000)

    def see_camera(self, seen: CameraLandmarks) -> FacePerformance | None:
        """Solve one frame of a face camera; None before the face was ever seen, or out of order."""
        camera = self._cameras.get(seen.camera)
        if camera is None:
            return None
        part = self._parts[camera.face_of]
        back_s = (part.last_ns - seen.capture_ns) * 1e-9
        if part.own is None or 0.0 <= back_s < _BACK_S:
            return None
        part.last_ns = seen.capture_ns
        readings = [reading_of(seen, face, None) for face in seen.faces]
        part.own.see([reading for reading in readings[:1] if reading is not None], seen.capture_ns)
        state = part.own.shown
        if state is None:
            return None
        part.timeline.add(seen.capture_ns, state)
        if part.external.leading(seen.capture_ns):
            return None  # its next face comes with what this one says
        trace = Trace(seen.capture_ns, seen.captured_ns, seen.begin_ns, seen.end_ns, 0)
        return self._performance(part, part.external.merged(state, seen.capture_ns) or state, trace)

    def take_external(self, record: ExternalFace) -> FacePerformance | None:
        """Take in a face as another performer sees it; None where it is not the one that sets the pace."""
        part = self._parts.get(record.actor)
        if part is None or not part.external.take(record) or part.external.leading(record.capture_ns) != record.input:
            return None
        state = part.external.merged(self._own_state_at(part, record.capture_ns), record.capture_ns)
        if state is None:
            return None
        return self._performance(part, state, Trace(record.capture_ns, 0, 0, 0, 0))

    def pass_time(self, now_ns: int) -> list[FacePerformance]:
        """Faces of actors whom only another performer shows, and who now is silent: they hold and fade to rest."""
        out = []
        for part in self._parts.values():
            external = part.external
            silent = external.heard and not external.leading(now_ns) and part.own is None and part.body_head is None
            if silent and part.shown_state != "absent" and now_ns - part.shown_ns >= _FADING_NS:
                state = external.merged(None, now_ns)
                if state is not None:
                    out.append(self._performance(part, state, Trace(now_ns, 0, 0, 0, 0)))
        return out

    def external_head(self, actor: str, capture_ns: int) -> ExternalHead | None:
        """How another performer says that the head is turned; None where none does."""
        return self._parts[actor].external.head(capture_ns)

    def see_frameset(self, frameset: Frameset, rig: CameraRig, shapes: Mapping[str, np.ndarray]) -> None:
        """Take in the faces that the body's cameras saw; shapes (S,) of actors' bodies."""
        readings: dict[str, list[Reading]] = {actor: [] for actor in self._parts}
        for camera_id in rig.ids:
            seen = frameset.views.get(camera_id)
            for face in () if seen is None else seen.faces:
                if seen is not None and face.actor in readings:
                    camera = rig.camera(camera_id, seen.width, seen.height)
                    reading = reading_of(seen, face, camera)
                    if reading is not None:
                        readings[face.actor].append(reading)
        for actor, part in self._parts.items():
            if actor in shapes:
                part.body.wear(shapes[actor])
                if part.own is not None:
                    part.own.wear(shapes[actor])
            part.body.see(readings[actor], frameset.capture_ns)
            part.in_world = part.body.head_in_world(readings[actor])

    def head_in_world(self, actor: str) -> HeadInWorld | None:
        """T_world_head of the last frameset; None where no face was seen well enough."""
        part = self._parts[actor]
        return None if part.in_world is None else HeadInWorld(part.in_world.pose, part.body.worth)

    def face_at(self, actor: str, capture_ns: int, head: np.ndarray) -> Face | None:
        """The face of an actor at a frameset's time; None before it was ever seen.

        Args:
            actor: Who.
            capture_ns: Of the frameset.
            head: (4,) how the body turns the head against the uppermost spine bone.
        """
        part = self._parts[actor]
        part.body_head = (capture_ns, head)
        state = self._state_at(part, capture_ns)
        return None if state is None else state.record(head)

    def shapes_at(self, actor: str, capture_ns: int) -> np.ndarray | None:
        """(52,) coefficients at a frameset's time; None before the face was ever seen."""
        state = self._state_at(self._parts[actor], capture_ns)
        return None if state is None else state.shapes

    def _performance(self, part: Part, state: FaceState, trace: Trace) -> FacePerformance:
        face = state.record(self._body_head(part, trace.capture_ns))
        part.number += 1
        part.shown_ns, part.shown_state = trace.capture_ns, state.state
        return FacePerformance(part.actor, part.number - 1, trace.capture_ns, face, trace)

    def _progress(self, part: Part) -> str:
        """Whence the face comes now, in words."""
        body_ns = part.body_head[0] if part.body_head is not None else 0
        leading = part.external.leading(max(part.last_ns, part.external.heard_ns, body_ns))
        if leading:
            return f"from {leading}"
        if part.external.names and part.own is None and part.body.shown is None:
            return f"waits for {' or '.join(part.external.names)}"
        return part.known.progress

    def _state_at(self, part: Part, capture_ns: int) -> FaceState | None:
        return part.external.merged(self._own_state_at(part, capture_ns), capture_ns)

    def _own_state_at(self, part: Part, capture_ns: int) -> FaceState | None:
        """What the stage itself reads of a face."""
        own = part.timeline.at(capture_ns)
        if own is not None and own.state in ("tracking", "holding"):
            return own
        seen = part.body.shown
        if seen is not None and (own is None or seen.state == "tracking"):
            return seen
        return own

    def _body_head(self, part: Part, capture_ns: int) -> np.ndarray | None:
        if part.body_head is None or abs(capture_ns - part.body_head[0]) > _BODY_HEAD_S * 1e9:
            return None
        return part.body_head[1]

    def _part(self, actor: ActorSection, profile: FaceProfile | None) -> Part:
        known = FaceKnowledge(self._identities, self._settings.neutral_seconds, profile)
        own = next((camera for camera in self._cameras.values() if camera.face_of == actor.id), None)
        inputs = [section for section in self._inputs if section.actor == actor.id]
        return Part(actor, own, self._model, self._regressor, known, self._settings.smoothing, inputs)
