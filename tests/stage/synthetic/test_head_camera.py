from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from protocols.names import RIG_BONES
from stage.bodies.body import RestBody
from stage.cameras.geometry import project
from stage.synthetic.choreography import GRID_HZ, choreograph
from stage.synthetic.head_camera import HeadCamera, mounted
from stage.synthetic.kinematics import Poses, forward
from stage.synthetic.motions import scripted
from stage.synthetic.shot import camera_looking

HEAD = RIG_BONES.index("head")


@pytest.fixture(scope="module")
def motion(rest: RestBody) -> Poses:
    return choreograph(scripted("kick"), rest)


@pytest.fixture(scope="module")
def rider(rest: RestBody, motion: Poses) -> HeadCamera:
    nose = rest.joints[HEAD] + [0.0, -0.11, 0.0]
    x, y, z = (float(value) for value in nose)
    camera = camera_looking("face", (x, y - 0.2, z - 0.04), (x, y, z), 390.0, (), (480, 480))
    return mounted(camera, rest.joints, *forward(rest.joints, motion), rate=60, grid_hz=GRID_HZ, seed=1)


def test_slip_is_some_millimetres_and_loops(rider: HeadCamera) -> None:
    place = rider.mounts[:, :3]
    off = place - place.mean(axis=0)
    assert 0.0008 < off.std() < 0.004
    assert np.abs(off).max() < 0.012
    steps = np.abs(np.diff(np.concatenate([place, place[:1]]), axis=0))
    assert steps.max() < 0.001  # metres per 1/120 s


def test_the_face_stays_in_the_middle_however_the_head_moves(rider: HeadCamera, rest: RestBody, motion: Poses) -> None:
    G, heads = forward(rest.joints, motion)
    for index in range(0, len(motion), 40):
        nose = heads[index, HEAD] + G[index, HEAD] @ [0.0, -0.11, 0.0]
        pixels, depth = project(rider.at(index, G, heads), nose[None])
        assert np.abs(pixels[0] - 239.5).max() < 25.0
        assert depth[0] == pytest.approx(0.2, abs=0.02)


def test_without_slip_the_camera_is_rigid_to_the_head(rider: HeadCamera, rest: RestBody, motion: Poses) -> None:
    rigid = dataclasses.replace(rider, mounts=np.tile(rider.mounts[:1], (len(motion), 1)))
    G, heads = forward(rest.joints, motion)
    local = np.array([0.02, -0.1, 0.03])
    seen = [
        project(rigid.at(index, G, heads), (heads[index, HEAD] + G[index, HEAD] @ local)[None])[0]
        for index in (0, 70, 130)
    ]
    np.testing.assert_allclose(seen[1], seen[0], atol=1e-6)
    np.testing.assert_allclose(seen[2], seen[0], atol=1e-6)
