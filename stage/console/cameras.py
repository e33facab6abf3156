"""Which of the configured cameras can be drawn: those with a calibration."""

from __future__ import annotations

from stage.cameras.calibration import camera_for, load_calibration
from stage.cameras.camera import Camera
from stage.config import CameraSection, Config
from stage.errors import CalibrationError


def calibrated_cameras(config: Config) -> tuple[list[Camera], list[str]]:
    """The body cameras of a stage at the size of their calibration, and a sentence per one that has none."""
    cameras, complaints = [], []
    for section in config.body_cameras:
        try:
            cameras.append(_calibrated(section))
        except CalibrationError as error:
            complaints.append(str(error))
    return cameras, complaints


def _calibrated(section: CameraSection) -> Camera:
    if not section.calibration:
        raise CalibrationError(f"camera {section.id!r} has no calibration file and is not drawn")
    calibrations = load_calibration(section.calibration)
    camera = calibrations.get(section.calibration_id or section.id)
    size = (camera.width, camera.height) if camera is not None else (0, 0)
    return camera_for(section, calibrations, size)
