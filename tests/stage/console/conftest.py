from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator

import numpy as np
import pytest
import viser

from stage.cameras.camera import Camera


@pytest.fixture
def server() -> Iterator[viser.ViserServer]:
    with contextlib.redirect_stdout(io.StringIO()):
        server = viser.ViserServer(host="127.0.0.1", port=0, verbose=False)
        yield server
        server.stop()


@pytest.fixture
def ring_of_cameras() -> list[Camera]:
    return [camera_at(f"cam{number}", azimuth) for number, azimuth in enumerate(np.radians([45, 135, 225, 315]))]


def camera_at(name: str, azimuth: float, distance: float = 3.0, height: float = 2.0, target_z: float = 0.9) -> Camera:
    """A 640x480 camera on a circle, looking at the middle of a performer."""
    center = np.array([distance * np.cos(azimuth), distance * np.sin(azimuth), height])
    forward = np.array([0.0, 0.0, target_z]) - center
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    R = np.stack([right, np.cross(forward, right), forward])
    K = np.array([[500.0, 0.0, 319.5], [0.0, 500.0, 239.5], [0.0, 0.0, 1.0]])
    return Camera(name, 640, 480, K, np.zeros(5), R, -R @ center)
