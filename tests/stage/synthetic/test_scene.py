from __future__ import annotations

import cv2
import numpy as np
import pytest

from stage.bodies.body import RestBody, load_body
from stage.cameras.camera import Camera
from stage.cameras.geometry import project
from stage.synthetic.appearance import Appearance
from stage.synthetic.performer import Performer
from stage.synthetic.room import Room, backdrop
from stage.synthetic.scene import Figure, Light, Scene, Sensor, fragments, render
from stage.synthetic.shot import camera_looking

SHARP = Sensor(blur_px=0.0, noise=0.0)
BENT = (-0.25, 0.08, 0.002, -0.001, 0.0)


@pytest.fixture(scope="module")
def figure(rest: RestBody) -> Figure:
    return Figure(rest.vertices, Performer(rest, Appearance()).texture)


def _camera(distortion: tuple[float, ...] = ()) -> Camera:
    return camera_looking("c", (0.5, -3.0, 1.4), (0.3, 0.0, 0.9), 150.0, distortion, (200, 150))


@pytest.mark.parametrize("distortion", [(), BENT])
def test_the_silhouette_is_where_the_camera_projects_the_vertices(
    distortion: tuple[float, ...], figure: Figure
) -> None:
    camera = _camera(distortion)
    pixels, _ = project(camera, figure.vertices)
    found = fragments(figure.vertices, load_body().faces, camera, 1)
    for side, covered in ((0, found.x), (1, found.y)):
        assert abs(covered.min() - pixels[:, side].min()) < 1.5
        assert abs(covered.max() - pixels[:, side].max()) < 1.5
    mask = np.zeros((150, 200), np.uint8)
    corners = np.rint(pixels[load_body().faces] * 16).astype(np.int32)
    for corner in corners:
        cv2.fillConvexPoly(mask, corner, 1, shift=4)
    ours = np.zeros_like(mask)
    ours[found.y, found.x] = 1
    assert not (ours & ~mask).any()  # cv2 also paints pixels that an edge only touches, so it paints more
    missed = np.asarray(cv2.erode(mask, np.ones((3, 3), np.uint8)), np.uint8) & ~ours
    assert missed.sum() < 0.01 * ours.sum()  # where such borders meet between the legs


def test_pictures_are_uint8_and_the_same_in_every_run(figure: Figure) -> None:
    scene, camera = Scene((figure,), Room(seed=1)), _camera()
    first, again = render(scene, camera, 3), render(Scene((figure,), Room(seed=1)), camera, 3)
    assert first.shape == (150, 200, 3)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    other = render(scene, camera, 4)
    difference = first.astype(float) - other
    assert 1.0 < difference.std() < 4.0  # the sensor's noise, twice


def test_a_figure_changes_only_itself_and_its_shadow(figure: Figure) -> None:
    camera = _camera()
    empty = render(Scene((), sensor=SHARP), camera)
    full = render(Scene((figure,), sensor=SHARP), camera)
    found = fragments(figure.vertices, load_body().faces, camera, 1)
    body = np.zeros((150, 200), np.uint8)
    body[found.y, found.x] = 1
    outside = ~cv2.dilate(body, np.ones((3, 3), np.uint8)).astype(bool)
    changed = (empty != full).any(axis=-1) & outside
    floor = backdrop(Room(), camera).floor
    assert changed.sum() > 50
    assert not (changed & ~floor).any()
    assert (full[changed].astype(int) <= empty[changed]).all()


def test_the_shadow_lies_away_from_the_lamp(figure: Figure) -> None:
    camera = camera_looking("top", (0.0, -0.5, 2.9), (0.0, 0.0, 0.0), 60.0, (), (200, 200))
    for towards, side in (((0.9, 0.0, 0.8), -1.0), ((-0.9, 0.0, 0.8), 1.0)):
        room, light = Room(), Light(towards=towards)
        dark = render(Scene((figure,), room, light, SHARP), camera) < 0.9 * render(
            Scene((), room, light, SHARP), camera
        )
        empty = backdrop(room, camera)
        shaded = dark.all(axis=-1) & empty.floor
        far = np.abs(empty.floor_xy[..., 0]) > 0.8  # beyond the body itself
        assert (shaded & far & (np.sign(empty.floor_xy[..., 0]) == side)).sum() > 30
        assert (shaded & far & (np.sign(empty.floor_xy[..., 0]) == -side)).sum() == 0


def test_the_nearer_figure_hides_the_farther(figure: Figure) -> None:
    camera = camera_looking("c", (0.0, -3.0, 1.0), (0.0, 0.0, 0.9), 150.0, (), (200, 150))
    behind = Figure(figure.vertices + np.array([0.0, 1.0, 0.0], np.float32), np.zeros_like(figure.texture))
    black_behind = render(Scene((figure, behind), sensor=SHARP), camera)
    same = render(Scene((behind, figure), sensor=SHARP), camera)
    np.testing.assert_array_equal(black_behind, same)
    found = fragments(figure.vertices, load_body().faces, camera, 1)
    assert np.median(black_behind[found.y, found.x]) > 30


def test_motion_blur_keeps_the_middle_and_spreads_the_edges(rest: RestBody, figure: Figure) -> None:
    camera = _camera()
    still = render(Scene((figure,), sensor=SHARP), camera).astype(float)
    motion = np.tile(np.array([0.12, 0.0, 0.0], np.float32), (len(rest.vertices), 1))
    moving = render(Scene((Figure(figure.vertices, figure.texture, motion),), sensor=SHARP), camera).astype(float)
    rows = slice(40, 110)
    assert np.abs(np.diff(moving[rows], axis=1)).max() < np.abs(np.diff(still[rows], axis=1)).max()
    assert abs(moving.mean() - still.mean()) < 1.0


def test_what_lies_beside_a_strongly_bent_lens_is_not_folded_into_the_picture(figure: Figure) -> None:
    camera = _camera((-0.45, 0.0, 0.0, 0.0, 0.0))
    beside = figure.vertices + np.array([6.0, 2.0, 0.0], np.float32)
    assert len(fragments(beside, load_body().faces, camera, 1).x) == 0


def test_places_on_the_floor_project_back_to_their_pixels() -> None:
    camera = _camera(BENT)
    empty = backdrop(Room(), camera)
    rows, columns = np.nonzero(empty.floor)
    places = np.column_stack([empty.floor_xy[rows, columns], np.zeros(len(rows))])
    pixels, _ = project(camera, places)
    assert len(rows) > 3000
    np.testing.assert_allclose(pixels, np.column_stack([columns, rows]), atol=0.02)
