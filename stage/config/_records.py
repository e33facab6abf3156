"""The records of stage.toml: every key, its default and what it means.

`stage.config.load` decodes the file into them and resolves it: paths become absolute, and defaults
that depend on other keys (a camera's calibration, an output's port and actor) are filled in. What a stage
sends stands in `_outputs`, what it listens to in `_surfaces`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from stage.config._outputs import AnyOutputSection
from stage.config._section import Count, NotNegative, Port, Positive, Section, Size
from stage.config._surfaces import (
    AnyInputSection,
    ControlSection,
    RecordSection,
    ReplaySection,
    TimecodeSection,
    Video,
)


class StageSection(Section, frozen=True):
    """[stage]: name, rate and how framesets are put together."""

    name: str = "stage"
    rate: Positive = 30.0
    """Framesets per second."""
    calibration: str = ""
    """Calibration file of all cameras that name none of their own."""
    tolerance_ms: NotNegative = 0.0
    """Frames further apart are not of one frameset; 0 is half a frame interval."""
    deadline_ms: Positive = 40.0
    """A frameset is solved with the cameras that have arrived this long after its first one."""
    max_age_ms: Positive = 500.0
    """An older frameset is dropped, and counted, instead of solved."""


class CameraSection(Section, frozen=True):
    """[[cameras]]: one source of images."""

    id: str
    source: str
    """"file:PATH", "device:INDEX", "rtsp://...", "images:FOLDER", "synthetic:NAME" or "take:PATH#CAMERA"."""
    calibration: str = ""
    calibration_id: str = ""
    """The camera's name in the calibration file, where it differs from `id`."""
    width: Size = 0
    """Requested of a device; 0 leaves the device's own."""
    height: Size = 0
    rate: NotNegative = 0.0
    """Requested of a device, or the rate of an image folder; 0 is the source's own, else the stage's."""
    loop: bool = False
    """Play a file again when it ends."""
    offset_ms: float = 0.0
    """Added to the time stamps, for a camera that runs early or late."""
    face_of: str = ""
    """The actor whose face alone this camera films; it needs no calibration and takes no part in the body solve."""
    mount: Literal["head", "stand"] = "head"
    """How a face camera is held: "head" rides on the performer's head, "stand" stands before the face."""
    video: Literal["", Video] = ""
    """How its pictures go into takes; "" as [record] says."""


class ActorSection(Section, frozen=True):
    """[[actors]]: a performer."""

    id: str
    profile: str = ""
    """Folder that keeps the actor's body shape; default actors/<id> beside the stage.toml."""
    height_m: Annotated[float, msgspec.Meta(ge=0, le=3)] = 0.0
    """Standing height; 0 lets the views decide (one camera alone then assumes 1.70 m)."""


class BodySection(Section, frozen=True):
    """[body]: the landmark network and the body solve."""

    network: str = "mediapipe-pose"
    """A known network, or the path of a network description (TOML) beside an ONNX file."""
    engine: Literal["openvino", "torch"] = "openvino"
    device: Literal["cpu", "cuda"] = "cpu"
    precision: Literal["auto", "bf16", "f32"] = "auto"
    threads: Count = 2
    """Threads of the landmarks worker; two halve the age of landmarks for the same work."""
    solve_threads: Count = 1
    solve_device: Literal["cpu", "cuda"] = "cpu"
    """Where poses are fitted; one actor live is quicker on a CPU, many at once on a GPU."""
    views: Annotated[int, msgspec.Meta(ge=0, le=256)] = 0
    """In how many cameras, in turn, a followed actor is read in each frameset; 0 is all. Saves processor time."""
    max_people: Count = 4
    """People per camera looked at while looking for the actors."""
    smoothing: NotNegative = 1.0
    """Strength of the temporal prior: 1 is tuned for people, 0 is off."""
    shape_seconds: NotNegative = 3.0
    """How long the body shape is estimated before it is frozen."""
    mesh: bool = True
    floor: bool = True
    """The floor is at z = 0 and feet do not sink into it."""


class HandsSection(Section, frozen=True):
    """[hands]: fingers."""

    enabled: bool = True
    network: str = "mediapipe-hand"
    views: Count = 2
    """In how many of its best views a hand is read."""
    alternate: bool = True
    """Read the left and the right hand in turn, frame by frame; False reads both in every frame."""
    smoothing: NotNegative = 1.0


class FaceSection(Section, frozen=True):
    """[face]: face, eyes and head."""

    enabled: bool = True
    network: str = "mediapipe-face"
    views: Count = 2
    """In how many of its best body views a face is read, where no camera is bound to it."""
    rate: NotNegative = 0.0
    """Upper bound in Hz at which a face camera is read; 0 is its own rate."""
    eyes: bool = True
    """Read lids and irises by their own network."""
    threads: Count = 1
    """Threads of the landmarks worker of the face cameras."""
    smoothing: NotNegative = 1.0
    """1 is tuned for people, 0 is off; blinks are never smoothed."""
    neutral_seconds: NotNegative = 2.0
    """How long the face at rest is averaged where the actor's profile has none."""


class LatencySection(Section, frozen=True):
    """[latency]: budget per leg in milliseconds at p99; a leg above it is shown in red."""

    capture_ms: Positive = 15.0
    landmarks_ms: Positive = 60.0
    solve_ms: Positive = 30.0
    send_ms: Positive = 5.0
    total_ms: Positive = 100.0
    face_total_ms: Positive = 25.0
    """Of faces from face cameras, capture to last datagram."""


class ConsoleSection(Section, frozen=True):
    """[console]: the page in the browser."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: Port = 8765
    token: str = ""
    """Asked of browsers while `host` is not loopback; "" makes one for each run (see the run folder)."""
    mesh_rate: Positive = 20.0
    thumbnail_rate: Positive = 5.0


class MetricsSection(Section, frozen=True):
    """[metrics]: the Prometheus endpoint."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: Port = 9464


class BusSection(Section, frozen=True):
    """[bus]: frames for subscribers on other hosts (JPEG over ZeroMQ)."""

    jpeg_host: str = ""
    """Address to publish JPEG frames on; "" publishes none. Beyond loopback it needs CURVE keys."""
    jpeg_port: Port = 5600
    jpeg_quality: Annotated[int, msgspec.Meta(ge=1, le=100)] = 80
    curve_secret_key_file: str = ""


class Config(Section, frozen=True):
    """A whole stage.toml."""

    stage: StageSection = StageSection()
    cameras: tuple[CameraSection, ...] = ()
    actors: tuple[ActorSection, ...] = ()
    """Empty: one actor named "actor"."""
    body: BodySection = BodySection()
    hands: HandsSection = HandsSection()
    face: FaceSection = FaceSection()
    outputs: tuple[AnyOutputSection, ...] = ()
    inputs: tuple[AnyInputSection, ...] = ()
    control: ControlSection = ControlSection()
    timecode: TimecodeSection = TimecodeSection()
    record: RecordSection = RecordSection()
    replay: ReplaySection = ReplaySection()
    latency: LatencySection = LatencySection()
    console: ConsoleSection = ConsoleSection()
    metrics: MetricsSection = MetricsSection()
    bus: BusSection = BusSection()

    @property
    def body_cameras(self) -> tuple[CameraSection, ...]:
        """The cameras that film the volume."""
        return tuple(camera for camera in self.cameras if not camera.face_of)

    @property
    def face_cameras(self) -> tuple[CameraSection, ...]:
        """The cameras that film one actor's face."""
        return tuple(camera for camera in self.cameras if camera.face_of)
