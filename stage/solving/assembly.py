"""From stage.toml to a solver."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from stage.bodies.body import BodyModel
from stage.cameras.configured import calibrated_camera
from stage.config import Config
from stage.correspondence.face_map import load_face_map
from stage.correspondence.hand_map import load_hand_map
from stage.correspondence.landmark_map import load_landmark_map
from stage.errors import ConfigError
from stage.faces.profile import FaceProfile
from stage.faces.regressor import FaceRegressor
from stage.faces.solver import FaceSolver
from stage.solving.solver import HandSettings, Solver


def make_solver(
    config: Config,
    body: BodyModel,
    sizes: Mapping[str, tuple[int, int]] | None = None,
    shapes: Mapping[str, np.ndarray] | None = None,
    faces: Mapping[str, FaceProfile] | None = None,
) -> Solver:
    """The solver of a stage.

    Args:
        config: The stage.
        body: The body model.
        sizes: Width and height of each camera's pictures; where not given, cameras are scaled to the first picture.
        shapes: Shape coefficients known from profiles, by actor.
        faces: Faces known from profiles, by actor.

    Raises:
        CalibrationError: A body camera is not calibrated, or for pictures of another aspect.
        ConfigError: The device to solve on is not there.
        NetworkError: Nobody has learned what this network's landmarks mean.
    """
    cameras = [calibrated_camera(section, (sizes or {}).get(section.id)) for section in config.body_cameras]
    if config.body.solve_device == "cuda" and not torch.cuda.is_available():
        raise ConfigError('[body] solve_device is "cuda", but torch finds no GPU here; set it to "cpu"')
    meaning = load_landmark_map(config.body.network)
    hands = None
    if config.hands.enabled and len(cameras) > 0:
        hands = HandSettings(load_hand_map(config.hands.network), config.hands.smoothing)
    face_solver = make_face_solver(config, body, faces) if config.face.enabled else None
    device = config.body.solve_device
    known = dict(shapes or {})
    return Solver(
        body, cameras, config.actors, config.body, meaning, known, device, hands, face_solver, inputs=config.inputs
    )


def make_face_solver(config: Config, body: BodyModel, faces: Mapping[str, FaceProfile] | None = None) -> FaceSolver:
    """The solver of a stage's faces.

    Raises:
        NetworkError: Nobody has learned what this network's points mean.
    """
    meaning, regressor = load_face_map(config.face.network), FaceRegressor.load()
    return FaceSolver(
        body, meaning, regressor, config.actors, config.face, config.face_cameras, faces, inputs=config.inputs
    )
