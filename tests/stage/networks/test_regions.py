from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage.networks.regions import Circle, Region, letterbox, square_about, warp

coordinates = st.floats(-1000.0, 1000.0)
sides = st.floats(8.0, 2000.0)
regions = st.builds(Region, coordinates, coordinates, sides, sides, st.floats(-np.pi, np.pi))


@given(regions, st.tuples(st.floats(-1.0, 2.0), st.floats(-1.0, 2.0)))
def test_unit_to_image_and_back_is_the_same(region: Region, point: tuple[float, float]) -> None:
    unit = np.array([point])
    np.testing.assert_allclose(region.to_unit(region.to_image(unit)), unit, atol=1e-6)


@given(regions)
def test_the_middle_of_a_region_is_its_centre_and_its_sides_have_their_length(region: Region) -> None:
    middle, right, below = region.to_image(np.array([[0.5, 0.5], [1.0, 0.5], [0.5, 1.0]]))
    np.testing.assert_allclose(middle, [region.x, region.y], atol=1e-6)
    assert np.hypot(*(right - middle)) == pytest.approx(region.width / 2)
    assert np.hypot(*(below - middle)) == pytest.approx(region.height / 2)


@given(regions, st.tuples(st.floats(-1.0, 2.0), st.floats(-1.0, 2.0)))
def test_a_mirrored_region_is_the_same_place_with_left_and_right_exchanged(
    region: Region, point: tuple[float, float]
) -> None:
    unit, mirror = np.array([point]), region.mirrored()
    np.testing.assert_allclose(mirror.to_image(unit), region.to_image(np.array([[1.0, 0.0]]) + unit * (-1.0, 1.0)))
    np.testing.assert_allclose(mirror.to_unit(mirror.to_image(unit)), unit, atol=1e-6)
    assert mirror.mirrored() == region
    image = np.zeros((480, 640, 3), np.uint8)
    assert mirror.is_usable(image) == region.is_usable(image)


def test_a_mirrored_crop_is_the_crop_mirrored() -> None:
    image = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    region = Region(30.0, 22.0, 24.0, 24.0, 0.3)
    plain, mirrored = np.zeros((2, 24, 24, 3), np.uint8)
    warp(image, region, plain)
    warp(image, region.mirrored(), mirrored)
    assert np.abs(mirrored[:, ::-1].astype(int) - plain).max() <= 12  # the weights of cv2 are rounded


@given(st.floats(-np.pi, np.pi), st.floats(10.0, 500.0))
def test_the_person_stands_upright_in_its_square(angle: float, radius: float) -> None:
    circle = Circle(100.0, 50.0, radius * float(np.sin(angle)), -radius * float(np.cos(angle)))
    region = square_about(circle, 1.25)
    top = region.to_unit(np.array([circle.x + circle.up_x, circle.y + circle.up_y]))
    np.testing.assert_allclose(top, [0.5, 0.5 - 0.5 / 1.25], atol=1e-6)


@pytest.mark.parametrize("angle", [0.0, 0.4, -2.0])
@pytest.mark.parametrize("size", [(64, 64), (48, 64)])
def test_what_is_seen_in_a_crop_is_where_it_is_in_the_image(angle: float, size: tuple[int, int]) -> None:
    spot = np.array([203.0, 148.0])
    image = np.zeros((300, 400, 3), np.uint8)
    y, x = np.mgrid[0:300, 0:400]
    image[:] = (255.0 * np.exp(-((x - spot[0]) ** 2 + (y - spot[1]) ** 2) / 50.0))[:, :, None]
    region = Region(190.0, 160.0, 100.0, 100.0 * size[1] / size[0], angle)
    crop = np.zeros((size[1], size[0], 3), np.uint8)
    warp(image, region, crop)
    mass = crop[:, :, 0].astype(float)
    rows, columns = np.mgrid[0 : size[1], 0 : size[0]]
    center = np.array([(mass * columns).sum(), (mass * rows).sum()]) / mass.sum()
    unit = (center + 0.5) / size
    np.testing.assert_allclose(region.to_image(unit), spot, atol=0.1)


def test_an_unturned_region_of_the_image_is_the_image() -> None:
    image = np.random.default_rng(0).integers(0, 255, (40, 30, 3), np.uint8)
    crop = np.zeros_like(image)
    warp(image, letterbox(30, 40, 30, 40), crop)
    np.testing.assert_array_equal(crop, image)


def test_outside_of_the_image_is_black() -> None:
    image = np.full((20, 20, 3), 255, np.uint8)
    crop = np.full((32, 32, 3), 7, np.uint8)
    warp(image, Region(9.5, 9.5, 64.0, 64.0, 0.0), crop)
    assert (crop[:10] == 0).all() and (crop[16, 16] == 255).all()


def test_grey_images_and_views_are_read_like_others() -> None:
    ring = np.random.default_rng(1).integers(0, 255, (3, 50, 60), np.uint8)
    grey = ring[1]
    grey.flags.writeable = False
    colour = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    crops = np.zeros((3, 24, 24, 3), np.uint8)
    region = Region(30.0, 20.0, 40.0, 40.0, 0.3)
    for image, crop in zip((grey, grey[:, :, None], colour), crops, strict=True):
        warp(image, region, crop)
    assert (crops == crops[2]).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (3, 2)])
def test_tiny_images_do_no_harm(size: tuple[int, int]) -> None:
    image = np.full((*size, 3), 200, np.uint8)
    crop = np.zeros((64, 64, 3), np.uint8)
    whole = letterbox(size[1], size[0], 64, 64)
    warp(image, whole, crop)
    assert (crop <= 200).all()


@pytest.mark.parametrize(
    ("region", "usable"),
    [
        (Region(50.0, 50.0, 80.0, 80.0, 0.0), True),
        (Region(-30.0, 50.0, 80.0, 80.0, 0.0), True),
        (Region(-50.0, 50.0, 80.0, 80.0, 0.0), False),
        (Region(50.0, 250.0, 80.0, 80.0, 0.0), False),
        (Region(50.0, 50.0, 4.0, 80.0, 0.0), False),
        (Region(50.0, 50.0, 5000.0, 5000.0, 0.0), False),
        (Region(float("nan"), 50.0, 80.0, 80.0, 0.0), False),
        (Region(50.0, 50.0, 80.0, 80.0, float("inf")), False),
    ],
)
def test_a_usable_region_is_finite_sane_and_touches_the_image(region: Region, usable: bool) -> None:
    assert region.is_usable(np.zeros((100, 100, 3), np.uint8)) is usable
