"""Everything the networks read in the frames of some cameras: bodies, hands and faces.

    frames, predictions -> people -> those wanted -> hands, faces -> what was seen, per camera

Cameras of the volume and cameras bound to a face may be mixed; each part is loaded only if one of
the cameras needs it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from protocols.messages import FaceLandmarks, HandLandmarks, PersonLandmarks, Prediction
from stage.networks.face_camera import FaceCameraTracker
from stage.networks.face_tracker import FaceTracker
from stage.networks.hand_tracker import HandTracker
from stage.networks.people import PeopleTracker
from stage.networks.regions import ImageArray
from stage.networks.wanted import Wanted

Frames = Mapping[str, tuple[ImageArray, int]]
"""Per camera, the image, uint8 (H, W, 3) BGR or (H, W), and its capture time in ns."""


_EARLY = 0.75
"""A frame this share of the period after the last one is in time: cameras do not tick evenly."""

_UNITS = {"network": "crop", "hands": "hand", "faces": "face"}


class Seen(NamedTuple):
    """What was read in one frame."""

    persons: tuple[PersonLandmarks, ...] = ()
    hands: tuple[HandLandmarks, ...] = ()
    faces: tuple[FaceLandmarks, ...] = ()


class LandmarkReader:
    """Reads the landmarks of people, hands and faces in the frames of a stage."""

    def __init__(
        self,
        people: PeopleTracker | None = None,
        hands: HandTracker | None = None,
        faces: FaceTracker | None = None,
        face_cameras: FaceCameraTracker | None = None,
        face_camera_ids: Collection[str] = (),
        names: Mapping[str, str] | None = None,
        face_rate: float = 0.0,
    ) -> None:
        """Put the parts together.

        Args:
            people: Follows bodies; without it, only cameras bound to faces are read.
            hands: Follows the hands of those bodies; None reads none.
            faces: Follows their faces; None reads none.
            face_cameras: Follows the faces in the cameras bound to them.
            face_camera_ids: Which these are.
            face_rate: Upper bound in Hz at which the cameras bound to faces are read; 0 reads every frame.
            names: Of the networks for "network", "hands" and "faces", as in the config.
        """
        self._people = people
        self._hands = hands
        self._faces = faces
        self._face_cameras = face_cameras
        self.face_camera_ids = frozenset(face_camera_ids)
        """The cameras that film a face alone."""
        self._names = dict(names or {})
        self._face_period_ns = round(_EARLY * 1e9 / face_rate) if face_rate > 0.0 else 0
        self._face_read_ns: dict[str, int] = {}
        self._wanted = Wanted()

    @property
    def counters(self) -> Counter[str]:
        """Since the start, those of all parts."""
        total: Counter[str] = Counter()
        for part in (self._people, self._hands, self._faces, self._face_cameras):
            if part is not None:
                total.update(part.counters)
        return total

    @property
    def facts(self) -> dict[str, str]:
        """What an operator may ask: engine and threads, every network and its time per crop."""
        parts = {"network": self._people, "hands": self._hands, "faces": self._face_cameras or self._faces}
        facts: dict[str, str] = {}
        for what, part in parts.items():
            if part is None:
                continue
            of_part = dict(part.facts)
            ms = of_part.pop("ms per crop", "")
            facts = {**of_part, **facts}  # engine and threads are those of the first
            facts |= {what: self._names.get(what, ""), f"ms per {_UNITS[what]}": ms}
        return facts

    def step(self, frames: Frames, predictions: Iterable[Prediction] = ()) -> dict[str, Seen]:
        """Read the newest frames of some or all cameras.

        Args:
            frames: Per camera, the image and its capture time in ns.
            predictions: What has come from the solver since the last step.

        Returns:
            Per camera of `frames`, what was seen; a face camera's frame that is not its turn is left out.
        """
        close = {
            camera: frame
            for camera, frame in frames.items()
            if camera in self.face_camera_ids and self._is_due(camera, frame[1])
        }
        wide = {camera: frame for camera, frame in frames.items() if camera not in self.face_camera_ids}
        seen = self._read_bodies(wide, list(predictions)) if self._people is not None else {}
        if self._face_cameras is not None:
            seen |= {camera: Seen(faces=faces) for camera, faces in self._face_cameras.step(close).items()}
        return {camera: seen.get(camera, Seen()) for camera in (*wide, *close)}

    def _is_due(self, camera: str, capture_ns: int) -> bool:
        """Whether a face camera's frame of this time is read."""
        since_ns = capture_ns - self._face_read_ns.get(camera, capture_ns - self._face_period_ns)
        if 0 <= since_ns < self._face_period_ns:
            return False
        self._face_read_ns[camera] = capture_ns
        return True

    def _read_bodies(self, frames: Frames, predictions: list[Prediction]) -> dict[str, Seen]:
        assert self._people is not None
        people = self._people.step(frames, predictions)
        if self._hands is None and self._faces is None:
            return {camera: Seen(persons) for camera, persons in people.items()}
        wanted = self._wanted.of({camera: (persons, frames[camera][1]) for camera, persons in people.items()})
        hands = self._hands.step(frames, wanted, predictions) if self._hands is not None else {}
        faces = self._faces.step(frames, wanted) if self._faces is not None else {}
        return {
            camera: Seen(persons, hands.get(camera, ()), faces.get(camera, ())) for camera, persons in people.items()
        }
