"""What every format is made of: one actor's motion in one take, on the frames of the export."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from protocols.takefile import TakeReader
from protocols.timecode import FrameRate, Timecode
from stage.export._grid import hertz
from stage.takes.motion import Motion
from stage.takes.worn_body import WornBody, worn_body


@dataclass(frozen=True)
class ExportOptions:
    """What an operator may choose beside actor, range and rate."""

    style: str = ""
    """One of the format's styles; "" is its first."""
    overwrite: bool = False
    """Whether a file may take the place of another; see `stage.export._files.placed`."""


@dataclass(frozen=True, eq=False)
class ExportSource:
    """T frames of one actor. A format that holds a scene gets one of these for each actor, all with the same frames."""

    take: TakeReader
    """The take."""
    performed: TakeReader
    """Where the performances come from: the take, or a track of it."""
    name: str
    """Name of the take, with that of the track behind it: "scene_001", "scene_001.clean"."""
    motion: Motion
    """At `times_ns`: poses and faces alike have T entries, or none (no body, no face)."""
    times_ns: NDArray[np.int64]
    """(T,) recorded stage times; frames of `rate`, on boundaries of the timecode where the take has one."""
    rate: FrameRate
    timecodes: tuple[Timecode | None, ...]
    """(T,) in the take's own rate; the subframe is 0 wherever both rates have a boundary."""
    present: NDArray[np.bool_]
    """(T,) False while the actor was absent: the pose of these frames is the last one, held."""
    face_present: NDArray[np.bool_]
    """(T,) likewise of the face."""

    def __len__(self) -> int:
        return len(self.times_ns)

    @property
    def actor(self) -> str:
        """The actor's id."""
        return self.motion.actor

    @property
    def hertz(self) -> float:
        """Frames per second."""
        return hertz(self.rate)

    @property
    def seconds(self) -> NDArray[np.floating]:
        """(T,) since the first frame, exactly k / rate: what formats with a fixed rate mean."""
        return np.arange(len(self.times_ns), dtype=np.float64) * (self.rate.denominator / self.rate.numerator)

    def timecode_at(self, frame: int) -> Timecode | None:
        """The timecode of a frame; None where the take has none."""
        return self.timecodes[frame]

    @property
    def start_timecode(self) -> str:
        """Label of the first frame, "" where the take has none."""
        first = self.timecodes[0]
        return "" if first is None else first.text

    @cached_property
    def worn(self) -> WornBody:
        """The actor's rest body: of the profile in the take, else fitted to the motion's rest joints.

        Raises:
            BodyModelError: The body model is not prepared, or a profile in the take is damaged.
        """
        return worn_body(self.motion, (self.performed, self.take))

    @property
    def shape(self) -> NDArray[np.floating] | None:
        """(S,) of the profile in the take; None where it has none, or one of another body."""
        return self.worn.shape if self.worn.from_profile else None

    @property
    def face_identity(self) -> NDArray[np.floating] | None:
        """(I,) as `BodyModel.rest_body` takes it; None where the take knows no face."""
        return self.worn.face_identity

    @property
    def rest_joints(self) -> NDArray[np.floating]:
        """(53, 3) metres: the skeleton that the motion was solved on, to the bit; that of `worn` without a body."""
        return self.motion.rest_joints.astype(np.float64) if len(self.motion.capture_ns) else self.worn.joints

    @cached_property
    def gaps(self) -> tuple[tuple[float, float], ...]:
        """(begin, end) in seconds since the first frame: where the actor was absent."""
        present = self.present if len(self.motion.capture_ns) else self.face_present
        edges = np.flatnonzero(np.diff(np.concatenate([[True], present, [True]]).astype(np.int8)))
        return tuple((float(a / self.hertz), float(b / self.hertz)) for a, b in edges.reshape(-1, 2))
