"""The calibrated cameras that a stage.toml names."""

from __future__ import annotations

from dataclasses import replace

from stage.cameras.calibration import camera_for, load_calibration
from stage.cameras.camera import Camera
from stage.config import CameraSection
from stage.errors import CalibrationError


def calibrated_camera(section: CameraSection, size: tuple[int, int] | None = None) -> Camera:
    """One camera of a stage.

    Args:
        section: The camera's part of stage.toml.
        size: Width and height of its pictures; None leaves the calibration's own.

    Raises:
        CalibrationError: It is not calibrated, or for pictures of another aspect.
    """
    if section.calibration == "":
        if not section.source.startswith("synthetic:"):
            raise CalibrationError(
                f"camera {section.id!r} has no calibration; set calibration in [stage] or in its [[cameras]] section"
            )
        from stage.synthetic.source import synthetic_camera

        return replace(synthetic_camera(section.source.partition(":")[2]), id=section.id)
    calibrations = load_calibration(section.calibration)
    if size is None:
        own = calibrations.get(section.calibration_id or section.id)
        size = (own.width, own.height) if own is not None else (0, 0)
    return camera_for(section, calibrations, size)
