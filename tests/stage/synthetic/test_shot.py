from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from stage.cameras.geometry import project
from stage.errors import SourceError
from stage.synthetic.kinematics import forward
from stage.synthetic.shot import Shot, camera_looking


def test_frames_are_taken_from_the_grid_of_poses(shot: Shot) -> None:
    assert shot.frame_count == len(shot.poses) // 4
    np.testing.assert_array_equal(shot.frame_poses.root, shot.poses.root[::4])
    assert shot.frame_ns[30] == 1_000_000_000
    G, heads = forward(shot.performer.rest.joints, shot.poses.at(4 * 7))
    assert shot.face is not None
    np.testing.assert_allclose(shot.vertices(7), shot.performer.vertices(G[0], heads[0], shot.face[28]), atol=1e-6)


def test_a_rate_that_does_not_divide_the_grid_is_refused(shot: Shot) -> None:
    with pytest.raises(SourceError, match="50 Hz"):
        dataclasses.replace(shot, rate=50)


def test_faces_and_head_cameras_must_fit_the_grid(shot: Shot) -> None:
    assert shot.face is not None
    with pytest.raises(SourceError, match="faces do not fit"):
        dataclasses.replace(shot, face=shot.face[1:])
    slow = dataclasses.replace(shot.head_cameras["face"], rate=50)
    with pytest.raises(SourceError, match="50 Hz"):
        dataclasses.replace(shot, head_cameras={"face": slow})


def test_a_head_camera_has_a_rate_of_its_own_and_sees_the_face_large(shot: Shot) -> None:
    assert shot.camera_ids == ("a", "b", "face")
    assert (shot.rate_of("a"), shot.rate_of("face")) == (30, 60)
    assert (shot.size_of("a"), shot.size_of("face")) == ((160, 120), (96, 96))
    picture = shot.picture("face", 61)
    middle = picture[30:66, 30:66].reshape(-1, 3).mean(axis=0)
    assert picture.shape == (96, 96, 3)
    assert middle[2] > middle[1] > middle[0]  # skin
    blinking = int(shot.face[:, 0].argmax()) // 2 if shot.face is not None else 0
    assert np.abs(picture.astype(float) - shot.picture("face", blinking)).mean() > 1.0


def test_what_is_drawn_moves_as_far_as_the_shutter_is_open(shot: Shot) -> None:
    still = dataclasses.replace(shot, exposure_s=0.0)
    assert still.scene(20).figures[0].motion is None
    motion = dataclasses.replace(shot, exposure_s=1.0 / 120.0).scene(20).figures[0].motion
    assert motion is not None
    before, after = still.scene(19).figures[0].vertices, still.scene(21).figures[0].vertices
    np.testing.assert_allclose(motion, (after - before) / 8.0, atol=2e-3)  # 8 grid steps between these frames


def test_a_camera_sees_upright_and_in_its_middle_what_it_looks_at() -> None:
    camera = camera_looking("c", (2.0, -3.0, 1.5), (0.1, 0.2, 0.9), 500.0)
    pixels, depth = project(camera, np.array([[0.1, 0.2, 0.9], [0.1, 0.2, 1.4]]))
    np.testing.assert_allclose(pixels[0], [319.5, 239.5], atol=1e-9)
    assert depth[0] == pytest.approx(np.linalg.norm([1.9, -3.2, 0.6]))
    assert pixels[1, 0] == pytest.approx(319.5)
    assert pixels[1, 1] < 239.5
    np.testing.assert_allclose(camera.center_world, [2.0, -3.0, 1.5], atol=1e-12)
