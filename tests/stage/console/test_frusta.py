from __future__ import annotations

import numpy as np
import pytest
import viser
import viser.transforms
from scipy.spatial.transform import Rotation

from stage.cameras.camera import Camera
from stage.console import colours
from stage.console.frusta import Frusta, field_of_view, wxyz_of_rotation


def test_a_quaternion_for_viser_is_wxyz() -> None:
    for rotation in Rotation.random(50, np.random.default_rng(0)):
        expected = rotation.as_quat()[[3, 0, 1, 2]]
        found = wxyz_of_rotation(rotation.as_matrix())
        assert np.abs(found @ expected) == pytest.approx(1.0, abs=1e-9)
    np.testing.assert_allclose(wxyz_of_rotation(np.eye(3)), [1.0, 0.0, 0.0, 0.0])


def test_the_field_of_view_is_that_of_the_picture(ring_of_cameras: list[Camera]) -> None:
    fov, aspect = field_of_view(ring_of_cameras[0])
    assert fov == pytest.approx(2 * np.arctan(240 / 500)) and aspect == pytest.approx(640 / 480)
    unsized = Camera("a", 0, 0, ring_of_cameras[0].K, np.zeros(0), np.eye(3), np.zeros(3))
    assert field_of_view(unsized) == pytest.approx((fov, aspect), rel=0.01)


def test_cameras_stand_where_they_are_calibrated(server: viser.ViserServer, ring_of_cameras: list[Camera]) -> None:
    frusta = Frusta(server.scene, ring_of_cameras, 0.4)
    for number, camera in enumerate(ring_of_cameras):
        handle = server.scene.get_handle_by_name(f"/cameras/{number}")
        assert isinstance(handle, viser.CameraFrustumHandle)
        np.testing.assert_allclose(handle.position, camera.center_world, atol=1e-12)
        towards = viser.transforms.SO3(handle.wxyz).as_matrix() @ [0.0, 0.0, 1.0]
        np.testing.assert_allclose(towards, camera.R_camera_world[2], atol=1e-9)
    frusta.show(False)
    root = server.scene.get_handle_by_name("/cameras")
    assert root is not None and not root.visible


def test_thumbnails_and_states_reach_their_camera(server: viser.ViserServer, ring_of_cameras: list[Camera]) -> None:
    frusta = Frusta(server.scene, ring_of_cameras, 0.4)
    image = np.full((90, 120, 3), 55, np.uint8)
    frusta.show_thumbnail("cam2", image)
    frusta.show_thumbnail("unknown", image)
    frusta.show_alive("cam1", False)
    frusta.show_alive("unknown", False)
    handles = [server.scene.get_handle_by_name(f"/cameras/{number}") for number in range(4)]
    assert [isinstance(h, viser.CameraFrustumHandle) and h.image is not None for h in handles] == [
        False,
        False,
        True,
        False,
    ]
    colour = [h.color for h in handles if isinstance(h, viser.CameraFrustumHandle)]
    assert colour == [colours.CAMERA, colours.CAMERA_LOST, colours.CAMERA, colours.CAMERA]
