"""The cameras on the page: where each one stands, what it sees, what it is called."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import viser
import viser.transforms

from stage.cameras.camera import Camera
from stage.console import colours

_JPEG_QUALITY = 70


def wxyz_of_rotation(R: np.ndarray) -> np.ndarray:
    """The quaternion of a rotation matrix as viser wants it, wxyz; Stage writes xyzw everywhere else."""
    return viser.transforms.SO3.from_matrix(R).wxyz


def field_of_view(camera: Camera) -> tuple[float, float]:
    """Vertical angle [rad] and aspect (width / height) of a camera's picture; its lens is taken as straight."""
    fx, fy = camera.K[0, 0], camera.K[1, 1]
    width, height = (camera.width, camera.height) if camera.width else (2 * camera.K[0, 2], 2 * camera.K[1, 2])
    return 2 * float(np.arctan(height / (2 * fy))), float(width / fx * fy / height)


class Frusta:
    """One frustum per camera, with the camera's thumbnail as its far end."""

    def __init__(self, scene: viser.SceneApi, cameras: Sequence[Camera], depth: float) -> None:
        """Draw the cameras, `depth` metres deep, without thumbnails."""
        self._root = scene.add_frame("/cameras", show_axes=False)
        self._handles: dict[str, viser.CameraFrustumHandle] = {}
        for number, camera in enumerate(cameras):
            fov, aspect = field_of_view(camera)
            name = f"/cameras/{number}"
            self._handles[camera.id] = scene.add_camera_frustum(
                name,
                fov,
                aspect,
                scale=depth,
                thickness=1.5,
                thickness_units="screen",
                color=colours.CAMERA,
                format="jpeg",
                jpeg_quality=_JPEG_QUALITY,
                wxyz=wxyz_of_rotation(camera.R_camera_world.T),
                position=camera.center_world,
                cast_shadow=False,
                receive_shadow=False,
            )
            scene.add_label(
                f"{name}/label",
                camera.id,
                position=(0.0, -0.62 * depth * np.tan(fov / 2) - 0.35 * depth, 0.5 * depth),
                font_screen_scale=0.8,
                anchor="bottom-center",
            )

    def show_thumbnail(self, camera: str, image: np.ndarray) -> None:
        """Show (h, w, 3) uint8 RGB in a camera's frustum; a camera without calibration has none."""
        if camera in self._handles:
            self._handles[camera].image = image

    def show_alive(self, camera: str, alive: bool) -> None:
        """Colour a camera by whether it delivers."""
        if camera in self._handles:
            self._handles[camera].color = colours.CAMERA if alive else colours.CAMERA_LOST

    def show(self, visible: bool) -> None:
        """Show or hide all of them."""
        self._root.visible = visible
