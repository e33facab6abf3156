"""From [body], [hands] and [face] of stage.toml to networks that run."""

from __future__ import annotations

from pathlib import Path

from stage.config import BodySection, Config
from stage.errors import NetworkError
from stage.networks import face, hands, pose
from stage.networks.detector import PoseDetector
from stage.networks.engine import Engine, Normalisation, OpenVinoEngine
from stage.networks.face import FaceNetwork
from stage.networks.hands import HandNetwork
from stage.networks.landmarks import LandmarkNetwork
from stage.networks.people import PeopleTracker
from stage.networks.store import ensure

DETECTOR = "mediapipe-pose-detector"
FACE = "mediapipe-face"
EYE = "mediapipe-eye"
HAND = "mediapipe-hand"


def load_tracker(config: Config) -> PeopleTracker:
    """The tracker of all people in all cameras of a stage, networks compiled and warm.

    Raises:
        NetworkError: A network cannot be had, read or run.
    """
    body = config.body
    cameras = [camera.id for camera in config.cameras]
    return PeopleTracker(
        cameras,
        [actor.id for actor in config.actors],
        PoseDetector(ensure(DETECTOR), precision=body.precision),
        load_landmark_network(body, batch=max(1, len(cameras))),
        max_people=body.max_people,
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


def load_face_network(precision: str = "auto", threads: int = 1, batch: int = 1, *, eyes: bool = True) -> FaceNetwork:
    """The networks of faces and, unless told otherwise, of their eyes, on the CPU.

    Args:
        precision: "auto", "bf16" or "f32"; "auto" is f32 for the face (see `stage.networks.face`).
        threads: Crops that run beside each other.
        batch: Faces that are looked at in one go.
        eyes: Whether eyes will be read.

    Raises:
        NetworkError: A network cannot be had, read or run.
    """
    exact = "f32" if precision == "auto" else precision
    return FaceNetwork(
        OpenVinoEngine(ensure(FACE), face.OUTPUTS, face.NORMALISATION, batch=batch, threads=threads, precision=exact),
        OpenVinoEngine(
            ensure(EYE), face.OUTPUTS, face.NORMALISATION, batch=2 * batch, threads=threads, precision=precision
        )
        if eyes
        else None,
    )


def load_hand_network(precision: str = "auto", threads: int = 1, batch: int = 1) -> HandNetwork:
    """The network of hands, on the CPU.

    Args:
        precision: "auto", "bf16" or "f32".
        threads: Crops that run beside each other.
        batch: Hands that are looked at in one go.

    Raises:
        NetworkError: The network cannot be had, read or run.
    """
    engine = OpenVinoEngine(
        ensure(HAND), hands.OUTPUTS, hands.NORMALISATION, batch=batch, threads=threads, precision=precision
    )
    return HandNetwork(engine)


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
