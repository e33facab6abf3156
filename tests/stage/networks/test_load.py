from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stage.config import ActorSection, BodySection, CameraSection, Config
from stage.errors import NetworkError
from stage.networks.load import load_landmark_network, load_tracker


def test_a_stage_gets_a_tracker_for_its_cameras(
    pose_file: Path, detector_file: Path, performer_image: np.ndarray
) -> None:
    cameras = (CameraSection(id="left", source="device:0"), CameraSection(id="right", source="device:1"))
    config = Config(cameras=cameras, actors=(ActorSection(id="ann"),), body=BodySection(threads=2))
    tracker = load_tracker(config)
    people = tracker.step({"right": (performer_image, 0), "left": (np.zeros((64, 64, 3), np.uint8), 0)})
    assert list(people) == ["right", "left"] and people["left"] == ()
    assert people["right"][0].score > 0.9
    assert {"engine", "device", "precision", "threads", "ms per crop"} <= set(tracker.facts)
    assert tracker.facts["threads"] == "2"


def test_an_unknown_network_is_refused() -> None:
    with pytest.raises(NetworkError, match="no network named 'mediapipe-pos'; known are"):
        load_landmark_network(BodySection(network="mediapipe-pos"))


def test_no_engine_falls_back_to_another_device(pose_file: Path) -> None:
    with pytest.raises(NetworkError, match=r'engine "openvino" runs on the cpu, not on cuda'):
        load_landmark_network(BodySection(device="cuda"))
