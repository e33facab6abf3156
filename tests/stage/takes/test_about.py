from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from protocols.clock import ClockFile
from stage.config import ActorSection, CameraSection, Config, ConsoleSection, MqttSection
from stage.takes.about import MAX_FILE_BYTES, attached_files, clock_facts, library, redacted, software


def test_no_secret_is_in_the_config_of_a_take() -> None:
    config = Config(
        cameras=(CameraSection(id="a", source="rtsp://anna:s3cret@10.0.0.1/x", calibration="c"),),
        outputs=(MqttSection(id="m", host="broker", username="anna", password="s3cret"),),
        console=ConsoleSection(token="s3cret"),
    )
    text = redacted(config).decode()
    assert "s3cret" not in text and "anna" not in text
    assert "rtsp://***@10.0.0.1/x" in text and '"broker"' in text
    again = msgspec.json.decode(text, type=Config)
    assert again.cameras[0].calibration == "c" and again.console.port == config.console.port


def test_every_text_of_the_config_that_is_called_a_secret_is_hidden() -> None:
    """A key that is added later and called password, token or secret is found here."""
    config = Config(outputs=(MqttSection(id="m", password="x"),), console=ConsoleSection(token="x"))

    def keys(value: Any) -> list[str]:
        if isinstance(value, dict):
            return [key for key in value if isinstance(value[key], str)] + [k for v in value.values() for k in keys(v)]
        return [k for v in value for k in keys(v)] if isinstance(value, list | tuple) else []

    secret = {
        key for key in keys(msgspec.to_builtins(config)) if any(word in key for word in ("passw", "token", "secr"))
    }
    assert {key for key in secret if not key.endswith("_file")} == {"password", "token"}


def test_calibrations_and_profiles_come_along(tmp_path: Path) -> None:
    calibration, profile = tmp_path / "calibration.toml", tmp_path / "anna"
    calibration.write_text("c")
    profile.mkdir()
    (profile / "body.toml").write_text("b")
    (profile / "face.npz").write_bytes(b"f")
    (profile / "photo.jpg").write_bytes(b"p")
    (profile / "large.npz").write_bytes(bytes(MAX_FILE_BYTES + 1))
    cameras = tuple(CameraSection(id=i, source="device:0", calibration=str(calibration)) for i in "ab")
    actors = (ActorSection(id="anna", profile=str(profile)), ActorSection(id="ben", profile=str(tmp_path / "none")))
    files = {file.name: file.data for file in attached_files(Config(cameras=cameras, actors=actors))}
    assert set(files) == {
        "config.json",
        "calibration/0/calibration.toml",
        "actors/anna/body.toml",
        "actors/anna/face.npz",
    }
    assert files["actors/anna/face.npz"] == b"f"


def test_software_and_clock_are_text() -> None:
    assert software()["schema"].isdigit() and software()["mcap"][0].isdigit() and library().startswith("stage ")
    assert clock_facts(ClockFile(offset_ns=1, epoch_ns=2))["epoch_ns"] == "2"
