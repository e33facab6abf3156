"""From stage.toml to a solver."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from stage.bodies.body import BodyModel
from stage.cameras.calibration import camera_for, load_calibration
from stage.cameras.camera import Camera
from stage.config import CameraSection, Config
from stage.correspondence.landmark_map import load_landmark_map
from stage.errors import CalibrationError
from stage.solving.solver import Solver


def make_solver(
    config: Config,
    body: BodyModel,
    sizes: Mapping[str, tuple[int, int]] | None = None,
    shapes: Mapping[str, np.ndarray] | None = None,
) -> Solver:
    """The solver of a stage.

    Args:
        config: The stage.
        body: The body model.
        sizes: Width and height of each camera's pictures; where not given, cameras are scaled to the first picture.
        shapes: Shape coefficients known from profiles, by actor.

    Raises:
        CalibrationError: A camera is not calibrated, or for pictures of another aspect.
        NetworkError: Nobody has learned what this network's landmarks mean.
    """
    cameras = calibrated_cameras(config, sizes or {})
    return Solver(body, cameras, config.actors, config.body, load_landmark_map(config.body.network), dict(shapes or {}))


def calibrated_cameras(config: Config, sizes: Mapping[str, tuple[int, int]]) -> list[Camera]:
    """The cameras of a stage, in the order of the configuration, at the size of their pictures where it is given."""
    return [_calibrated(section, sizes.get(section.id)) for section in config.cameras]


def _calibrated(section: CameraSection, size: tuple[int, int] | None) -> Camera:
    if section.calibration == "":
        raise CalibrationError(
            f"camera {section.id!r} has no calibration; set calibration in [stage] or in its [[cameras]] section"
        )
    calibrations = load_calibration(section.calibration)
    if size is None:
        own = calibrations.get(section.calibration_id or section.id)
        size = (own.width, own.height) if own is not None else (0, 0)
    return camera_for(section, calibrations, size)
