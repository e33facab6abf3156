from __future__ import annotations

from pathlib import Path

from stage.cameras.calibration import save_calibration
from stage.cameras.camera import Camera
from stage.config import CameraSection, Config
from stage.console.cameras import calibrated_cameras


def test_cameras_without_calibration_are_named_and_left_out(tmp_path: Path, ring_of_cameras: list[Camera]) -> None:
    path = tmp_path / "calibration.toml"
    save_calibration(path, ring_of_cameras)
    sections = (
        CameraSection(id="left", source="device:0", calibration=str(path), calibration_id="cam1"),
        CameraSection(id="cam2", source="device:1", calibration=str(path)),
        CameraSection(id="third", source="device:2", calibration=str(path)),
        CameraSection(id="fourth", source="synthetic:x"),
        CameraSection(id="fifth", source="device:3", calibration=str(tmp_path / "missing.toml")),
    )
    cameras, complaints = calibrated_cameras(Config(cameras=sections))
    assert [camera.id for camera in cameras] == ["left", "cam2"]
    assert (cameras[0].center_world == ring_of_cameras[1].center_world).all()
    assert [name in complaint for name, complaint in zip(("third", "fourth", "missing"), complaints, strict=True)] == [
        True
    ] * 3
