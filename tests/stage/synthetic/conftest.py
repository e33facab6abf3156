"""A small shot that is quick to render, shared by the tests of this folder."""

from __future__ import annotations

import numpy as np
import pytest

from protocols.names import RIG_BONES
from stage.bodies.body import RestBody, body_cache_path, load_body
from stage.synthetic.appearance import Appearance
from stage.synthetic.choreography import GRID_HZ, choreograph
from stage.synthetic.face_motion import animate
from stage.synthetic.face_script import natural_face
from stage.synthetic.head_camera import mounted
from stage.synthetic.kinematics import forward
from stage.synthetic.motions import scripted
from stage.synthetic.performer import Performer
from stage.synthetic.shot import Shot, camera_looking


@pytest.fixture(scope="session")
def rest() -> RestBody:
    """The average body."""
    if not body_cache_path().exists():
        pytest.skip("the body model is not prepared; run `stage models`")
    body = load_body()
    return body.rest_body(np.zeros(body.shape_count, np.float32))


@pytest.fixture(scope="session")
def other_rest(rest: RestBody) -> RestBody:
    """A body of another shape."""
    body = load_body()
    shape = np.zeros(body.shape_count, np.float32)
    shape[:4] = (1.2, -0.8, 1.0, 0.6)
    return body.rest_body(shape)


@pytest.fixture(scope="session")
def shot(rest: RestBody) -> Shot:
    """A wave before two small, distorting cameras and one on the head."""
    cameras = [
        camera_looking("a", (0.4, -3.2, 1.5), (0.0, 0.0, 0.95), 120.0, (-0.15, 0.05, 0.001, 0.0, 0.0), (160, 120)),
        camera_looking("b", (2.9, 1.4, 1.2), (0.0, 0.0, 0.95), 120.0, (), (160, 120)),
    ]
    poses = choreograph(scripted("wave"), rest)
    x, y, z = (float(value) for value in rest.joints[RIG_BONES.index("head")] + [0.0, -0.11, 0.0])
    close = camera_looking("face", (x, y - 0.21, z - 0.04), (x, y, z), 80.0, (), (96, 96))
    return Shot(
        performer=Performer(rest, Appearance(seed=5)),
        poses=poses,
        grid_hz=GRID_HZ,
        cameras={camera.id: camera for camera in cameras},
        face=animate(natural_face(len(poses) / GRID_HZ, 1), len(poses), GRID_HZ),
        head_cameras={"face": mounted(close, rest.joints, *forward(rest.joints, poses), rate=60, grid_hz=GRID_HZ)},
    )
