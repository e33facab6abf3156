"""What a camera before the face sees: the face in full detail, clothes and arms around it, the room out of focus.

    room (a few pixels, enlarged) --> head (`stage.synthetic.faces`) --> clothes and arms, where nearer --> sensor

A small lamp rides beside the lens, as on real helmets, so that the face never lies in the dark.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import cv2
import numpy as np

from stage.bodies.body import mesh_faces
from stage.cameras.camera import Camera
from stage.synthetic import garments
from stage.synthetic.appearance import Appearance
from stage.synthetic.atlas import load_atlas
from stage.synthetic.faces.look import FaceLight, FaceLook
from stage.synthetic.faces.renderer import FaceRenderer
from stage.synthetic.raster import Floats
from stage.synthetic.room import Room, backdrop
from stage.synthetic.scene import Light, Scene, fragments, sense, shaded

_ROOM_CELL_PX = 8
_FILL = 0.22
_EDGE_BLUR_PX = 0.6


class CloseUp(NamedTuple):
    """A scene of one figure, and its face as it really is, without hair or cloth upon it."""

    scene: Scene
    bare: Floats
    """(V, 3) the true vertices in the world, metres."""
    appearance: Appearance


def render_close_up(shown: CloseUp, camera: Camera, noise_seed: int = 0) -> np.ndarray:
    """The picture in a camera that rides before the face: (H, W, 3) uint8, blue green red."""
    room = _far_room(shown.scene.room, camera)
    light = _light(shown.scene.light, camera, shown.bare)
    image = _renderer().render(shown.bare, camera, _look(shown.appearance), light, room).astype(np.float32)
    _draw_worn(image, shown, camera)
    return sense(image, shown.scene.sensor, noise_seed)


def _draw_worn(image: Floats, shown: CloseUp, camera: Camera) -> None:
    """Lay clothes and arms over an image (H, W, 3), in place, where no part of the head is nearer."""
    (figure,), faces = shown.scene.figures, mesh_faces()
    found = fragments(figure.vertices, faces, camera, 1)
    worn = found.interpolate(_worn(shown.appearance), faces)[:, 0] > 0.5
    found = found._replace(
        x=found.x[worn],
        y=found.y[worn],
        triangle=found.triangle[worn],
        weights=found.weights[worn],
        depth=found.depth[worn],
    )
    if len(found.x) == 0:
        return
    layer = np.zeros((*image.shape[:2], 4), np.float32)
    layer[found.y, found.x, :3] = shaded(found, shown.scene.lit[0], figure.texture)
    layer[found.y, found.x, 3] = 1.0
    layer = np.asarray(cv2.GaussianBlur(layer, (0, 0), _EDGE_BLUR_PX))
    image *= 1.0 - layer[..., 3:]
    image += layer[..., :3]


@functools.cache
def _worn(appearance: Appearance) -> Floats:
    """(V, 1) which vertices belong to clothes or arms."""
    surface = load_atlas().vertex_surface
    cloth = np.maximum(garments.shirt(appearance, surface), garments.trousers(appearance, surface))
    return np.maximum(cloth, surface.arm > 0.5)[:, None].astype(np.float32)


def _far_room(room: Room, camera: Camera) -> np.ndarray:
    """The room as a lens sees it that is focused on what is near."""
    cells = 1.0 / _ROOM_CELL_PX
    width, height = max(1, camera.width // _ROOM_CELL_PX), max(1, camera.height // _ROOM_CELL_PX)
    K = camera.K * [[cells], [cells], [1.0]]
    K[:2, 2] += 0.5 * cells - 0.5
    small = Camera(camera.id, width, height, K, camera.distortion, camera.R_camera_world, camera.t_camera_world)
    image = cv2.GaussianBlur(backdrop(room, small).image, (0, 0), 0.8)
    return np.asarray(cv2.resize(image, (camera.width, camera.height), interpolation=cv2.INTER_CUBIC))


def _light(light: Light, camera: Camera, vertices: Floats) -> FaceLight:
    lamp, towards = light.lamp, np.array(light.towards) / np.linalg.norm(light.towards)
    rider = camera.center_world - vertices[:, :3].mean(axis=0)
    rider[2] = 0.0  # the middle of the body lies far below the face
    rider /= np.linalg.norm(rider) + 1e-9
    return FaceLight(
        sky=(light.sky, light.sky, light.sky),
        ground=(light.ground, light.ground, light.ground),
        key=(lamp * (1.0 + light.warmth), lamp, lamp * (1.0 - light.warmth)),
        key_towards=(float(towards[0]), float(towards[1]), float(towards[2])),
        fill=(_FILL, _FILL, _FILL),
        fill_towards=(float(rider[0]), float(rider[1]), float(rider[2])),
    )


@functools.cache
def _look(appearance: Appearance) -> FaceLook:
    red, green, blue = (0.75 * hair + 0.1 * skin for hair, skin in zip(appearance.hair, appearance.skin, strict=True))
    return FaceLook(
        skin=appearance.skin,
        hair=appearance.hair,
        hair_volume_m=appearance.hair_volume_m,
        brows=(red, green, blue),
        eyes=appearance.eyes,
        blotches=0.7,
        cloth=appearance.shirt,
    )


@functools.cache
def _renderer() -> FaceRenderer:
    return FaceRenderer()
