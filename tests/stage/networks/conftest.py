"""Networks and images that several tests look at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stage.errors import NetworkError
from stage.networks.store import ensure
from tests.shared_data import shared_data


def network_file(name: str) -> Path:
    """A network file of the store; skips the test on a machine that has neither it nor a connection."""
    try:
        return ensure(name)
    except NetworkError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def pose_file() -> Path:
    return network_file("mediapipe-pose")


@pytest.fixture(scope="session")
def detector_file() -> Path:
    return network_file("mediapipe-pose-detector")


@pytest.fixture(scope="session")
def performer_image() -> np.ndarray:
    """The first frame of cam03 of a real recording, uint8 (1920, 1088, 3): a man on a beam."""
    import av

    with av.open(str(shared_data("pose2sim_balancing") / "cam03.mp4")) as container:
        return next(container.decode(video=0)).to_ndarray(format="bgr24")


def signing_frame(clip: str, index: int) -> np.ndarray:
    """One frame of a clip of sign language, uint8 (480, 640, 3)."""
    import av

    with av.open(str(shared_data("signing") / f"{clip}.mkv")) as container:
        for k, frame in enumerate(container.decode(video=0)):
            if k == index:
                return frame.to_ndarray(format="bgr24")
    raise IndexError(index)


@pytest.fixture(scope="session")
def signer_image() -> np.ndarray:
    """A woman who faces the camera, her face 65 pixels high."""
    return signing_frame("book", 0)


@pytest.fixture(scope="session")
def signing_image() -> np.ndarray:
    """A man with both hands in view."""
    return signing_frame("thanks", 25)
