"""From [body], [hands] and [face] of stage.toml to networks that run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stage.config import BodySection, Config
from stage.errors import NetworkError
from stage.networks import face, face_detector, hands, pose
from stage.networks.detector import PoseDetector
from stage.networks.engine import Engine, Normalisation, OpenVinoEngine
from stage.networks.face import FaceNetwork
from stage.networks.face_camera import FaceCameraTracker
from stage.networks.face_detector import FaceDetector
from stage.networks.face_tracker import FaceTracker
from stage.networks.hand_tracker import HandTracker
from stage.networks.hands import HandNetwork
from stage.networks.landmarks import LandmarkNetwork
from stage.networks.people import PeopleTracker
from stage.networks.reader import LandmarkReader
from stage.networks.store import ensure
from stage.networks.turns import hand_hold

DETECTOR = "mediapipe-pose-detector"
FACE_DETECTOR = "mediapipe-face-detector"
FACE = "mediapipe-face"
EYE = "mediapipe-eye"
HAND = "mediapipe-hand"


def load_reader(config: Config, cameras: Sequence[str] | None = None) -> LandmarkReader:
    """What reads bodies, hands and faces in some cameras of a stage, networks compiled and warm.

    Nothing is loaded that these cameras do not need: no body network for cameras bound to faces, no face network
    for the others if every actor has a camera for the face.

    Args:
        config: The stage.
        cameras: The ids of the cameras whose frames will come; None is all.

    Raises:
        NetworkError: A network cannot be had, read or run.
    """
    bodies = [camera for camera in config.body_cameras if cameras is None or camera.id in cameras]
    close = [camera for camera in config.face_cameras if cameras is None or camera.id in cameras]
    actors = [actor.id for actor in config.actors]
    bound = {camera.face_of for camera in config.face_cameras}
    in_bodies = config.face.enabled and len(bodies) > 0 and not bound.issuperset(actors)
    in_close = config.face.enabled and len(close) > 0
    threads = config.body.threads if len(bodies) > 0 else config.face.threads
    views = config.face.views * max(1, len(actors)) if in_bodies else 0
    network = _face_network(config, threads, max(views, len(close))) if in_bodies or in_close else None
    faces = face_cameras = None
    if network is not None and in_bodies:
        faces = FaceTracker(network, views=config.face.views, eyes=config.face.eyes, elsewhere=bound)
    if network is not None and in_close:
        actors_of = {camera.id: camera.face_of for camera in close}
        detector = load_face_detector(config.body.precision)
        face_cameras = FaceCameraTracker(actors_of, detector, network, eyes=config.face.eyes)
    return LandmarkReader(
        load_tracker(config) if len(bodies) > 0 else None,
        _hand_tracker(config) if config.hands.enabled and len(bodies) > 0 else None,
        faces,
        face_cameras,
        [camera.id for camera in close],
        {"network": config.body.network, "hands": config.hands.network, "faces": config.face.network},
        config.face.rate,
    )


def load_tracker(config: Config) -> PeopleTracker:
    """The tracker of all people in the body cameras of a stage, networks compiled and warm.

    Raises:
        NetworkError: A network cannot be had, read or run.
    """
    body = config.body
    cameras = [camera.id for camera in config.body_cameras]
    return PeopleTracker(
        cameras,
        [actor.id for actor in config.actors],
        PoseDetector(ensure(DETECTOR), precision=body.precision),
        load_landmark_network(body, batch=max(1, len(cameras))),
        max_people=body.max_people,
        views=body.views,
        period_ns=round(1e9 / config.stage.rate),
    )


def load_landmark_network(body: BodySection, batch: int = 1) -> LandmarkNetwork:
    """The landmark network that [body] names: one of ours, or a description (.toml) of an ONNX file.

    Args:
        body: Network, engine, device, precision and threads.
        batch: Crops that are looked at in one go.

    Raises:
        NetworkError: The network cannot be had, read or run.
    """
    if body.network.endswith(".toml"):
        from stage.networks.onnx import OnnxNetwork, read_description

        description = read_description(Path(body.network))
        engine = _engine(description.path, description.outputs, description.normalisation, body, batch)
        return OnnxNetwork(description, engine)
    return pose.PoseNetwork(_engine(ensure(body.network), pose.OUTPUTS, pose.NORMALISATION, body, batch))


def load_face_detector(precision: str = "auto") -> FaceDetector:
    """The detector of faces, on the CPU.

    Args:
        precision: "auto", "bf16" or "f32".

    Raises:
        NetworkError: The network cannot be had, read or run.
    """
    path = ensure(FACE_DETECTOR)
    return FaceDetector(OpenVinoEngine(path, face_detector.OUTPUTS, face_detector.NORMALISATION, precision=precision))


def load_face_network(
    precision: str = "auto", threads: int = 1, batch: int = 1, *, eyes: bool = True, name: str = FACE
) -> FaceNetwork:
    """The networks of faces and, unless told otherwise, of their eyes, on the CPU.

    Args:
        precision: "auto", "bf16" or "f32"; "auto" is f32 for the face (see `stage.networks.face`).
        threads: Crops that run beside each other.
        batch: Faces that are looked at in one go.
        eyes: Whether eyes will be read.
        name: Which network.

    Raises:
        NetworkError: A network cannot be had, read or run.
    """
    exact = "f32" if precision == "auto" else precision
    return FaceNetwork(
        OpenVinoEngine(
            ensure(name), face.FACE_OUTPUTS, face.NORMALISATION, batch=batch, threads=threads, precision=exact
        ),
        OpenVinoEngine(
            ensure(EYE), face.OUTPUTS, face.NORMALISATION, batch=2 * batch, threads=threads, precision=precision
        )
        if eyes
        else None,
    )


def load_hand_network(precision: str = "auto", threads: int = 1, batch: int = 1, *, name: str = HAND) -> HandNetwork:
    """The network of hands, on the CPU.

    Args:
        precision: "auto", "bf16" or "f32".
        threads: Crops that run beside each other.
        batch: Hands that are looked at in one go.
        name: Which network.

    Raises:
        NetworkError: The network cannot be had, read or run.
    """
    engine = OpenVinoEngine(
        ensure(name), hands.OUTPUTS, hands.NORMALISATION, batch=batch, threads=threads, precision=precision
    )
    return HandNetwork(engine)


def _face_network(config: Config, threads: int, batch: int) -> FaceNetwork:
    section = config.face
    return load_face_network(config.body.precision, threads, batch, eyes=section.eyes, name=section.network)


def _hand_tracker(config: Config) -> HandTracker:
    section = config.hands
    batch = section.views * max(1, len(config.actors)) * (1 if section.alternate else 2)
    network = load_hand_network(config.body.precision, config.body.threads, batch, name=section.network)
    hold = hand_hold(len(config.body_cameras), config.body.views)
    return HandTracker(network, views=section.views, alternate=section.alternate, rate=config.stage.rate, hold=hold)


def _engine(
    path: Path, outputs: tuple[int, ...], normalisation: Normalisation, body: BodySection, batch: int
) -> Engine:
    if body.engine == "openvino" and body.device != "cpu":
        raise NetworkError(f'engine "openvino" runs on the cpu, not on {body.device}; set body.engine = "torch"')
    if body.engine == "torch":
        from stage.networks.torch_engine import TorchEngine

        return TorchEngine(
            path,
            outputs,
            normalisation,
            batch=batch,
            device=body.device,
            threads=body.threads,
            precision=body.precision,
        )
    return OpenVinoEngine(path, outputs, normalisation, batch=batch, threads=body.threads, precision=body.precision)
