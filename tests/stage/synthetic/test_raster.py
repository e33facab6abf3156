from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stage.synthetic.raster import Fragments, rasterise

WIDTH, HEIGHT = 40, 30
_coordinate = st.floats(-15.0, 50.0, allow_nan=False)
_point = st.tuples(_coordinate, _coordinate)


def _cells(found: Fragments) -> np.ndarray:
    return found.y * WIDTH + found.x


def _inside(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixel centres strictly inside a triangle, and those on or inside it, by brute force."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    sides = []
    for i in range(3):
        (x0, y0), (x1, y1) = corners[i], corners[(i + 1) % 3]
        sides.append((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0))
    u, v = corners[1] - corners[0], corners[2] - corners[0]
    signed = np.stack(sides) * np.sign(u[0] * v[1] - u[1] * v[0])
    return (signed > 1e-9).all(axis=0), (signed >= -1e-9).all(axis=0)


@settings(max_examples=200, deadline=None)
@given(st.tuples(_point, _point, _point))
def test_covers_the_pixels_whose_centres_lie_inside(triangle: tuple) -> None:
    corners = np.array(triangle)
    found = rasterise(corners, np.ones(3), np.array([[0, 1, 2]]), WIDTH, HEIGHT, cull=False)
    covered = np.zeros((HEIGHT, WIDTH), bool)
    covered[found.y, found.x] = True
    strictly, touching = _inside(corners)
    u, v = corners[1] - corners[0], corners[2] - corners[0]
    if abs(u[0] * v[1] - u[1] * v[0]) > 1e-6:  # slivers are dropped
        assert not (strictly & ~covered).any()
        assert not (covered & ~touching).any()


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**31))
def test_neighbouring_triangles_cover_each_pixel_exactly_once(seed: int) -> None:
    """A fan of triangles about a point tiles a polygon: no gap, no overlap, whatever the coordinates."""
    random = np.random.default_rng(seed)
    angles = (np.arange(9) + random.uniform(0.0, 0.5, 9)) * 2.0 * np.pi / 9
    rim = np.array([20.5, 15.5]) + 11.0 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    if random.random() < 0.5:
        rim = np.floor(rim) + 0.5  # then edges run through pixel centres
    corners = np.vstack([[20.5, 15.5], rim])
    faces = np.array([[0, 1 + i, 1 + (i + 1) % 9] for i in range(9)])
    counts = np.zeros(WIDTH * HEIGHT, int)
    for face in faces:
        one = rasterise(corners, np.ones(10), face[None], WIDTH, HEIGHT, cull=False)
        np.add.at(counts, _cells(one), 1)
    together = rasterise(corners, np.ones(10), faces, WIDTH, HEIGHT, cull=False)
    assert counts.max() <= 1
    assert len(together.x) == counts.sum()
    assert counts.reshape(HEIGHT, WIDTH)[10:20, 15:25].all()


def test_the_nearest_surface_wins_every_pixel() -> None:
    random = np.random.default_rng(0)
    corners = random.uniform(0.0, 30.0, (60, 2))
    depth = random.uniform(1.0, 5.0, 60)
    faces = np.arange(60).reshape(20, 3)
    together = rasterise(corners, depth, faces, WIDTH, HEIGHT, cull=False)
    nearest = np.full(WIDTH * HEIGHT, np.inf)
    for face in faces:
        one = rasterise(corners, depth, face[None], WIDTH, HEIGHT, cull=False)
        nearest[_cells(one)] = np.minimum(nearest[_cells(one)], one.depth)
    assert len(together.x) == np.isfinite(nearest).sum()
    np.testing.assert_allclose(together.depth, nearest[_cells(together)], rtol=1e-5)


def test_interpolation_is_perspective_correct() -> None:
    """World coordinates interpolated over a slanted triangle lie where the pixel's ray meets its plane."""
    points = np.array([[-1.0, -0.8, 2.0], [1.5, -0.5, 6.0], [0.0, 1.2, 3.0]])
    focal, centre = 25.0, np.array([20.0, 15.0])
    pixels = points[:, :2] / points[:, 2:] * focal + centre
    face = np.array([[0, 1, 2]], np.int32)
    found = rasterise(pixels, points[:, 2], face, WIDTH, HEIGHT, cull=False)
    assert len(found.x) > 30
    interpolated = found.interpolate(points.astype(np.float32), face)
    normal = np.cross(points[1] - points[0], points[2] - points[0])
    rays = np.column_stack([(found.x - centre[0]) / focal, (found.y - centre[1]) / focal, np.ones(len(found.x))])
    expected = rays * (normal @ points[0] / (rays @ normal))[:, None]
    np.testing.assert_allclose(interpolated, expected, atol=1e-4)
    np.testing.assert_allclose(found.weights.sum(axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(found.depth, expected[:, 2], rtol=1e-5)


def test_backs_are_culled_and_only_backs() -> None:
    pixels = np.array([[5.0, 5.0], [30.0, 6.0], [15.0, 25.0]])
    counter_clockwise_in_the_world = np.array([[0, 2, 1]])  # image y points down
    assert len(rasterise(pixels, np.ones(3), counter_clockwise_in_the_world, WIDTH, HEIGHT).x) > 100
    assert len(rasterise(pixels, np.ones(3), counter_clockwise_in_the_world[:, ::-1], WIDTH, HEIGHT).x) == 0


@pytest.mark.parametrize("depth", [(-1.0, 2.0, 2.0), (0.0, 1.0, 1.0), (0.01, 1.0, 1.0)])
def test_what_reaches_behind_the_camera_is_dropped(depth: tuple[float, float, float]) -> None:
    pixels = np.array([[5.0, 5.0], [30.0, 6.0], [15.0, 25.0]])
    assert len(rasterise(pixels, np.array(depth), np.array([[0, 1, 2]]), WIDTH, HEIGHT, cull=False).x) == 0


def test_nothing_to_see_gives_no_fragments() -> None:
    outside = np.array([[50.0, 5.0], [90.0, 6.0], [60.0, 25.0]])
    found = rasterise(outside, np.ones(3), np.array([[0, 1, 2]]), WIDTH, HEIGHT, cull=False)
    assert [len(part) for part in found] == [0] * 5
