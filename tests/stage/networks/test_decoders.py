from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage.errors import NetworkError
from stage.networks.decoders import check_shapes, decode_coordinates, decode_heatmap, decode_simcc

WIDTH, HEIGHT = 48, 64
inside_x, inside_y = st.floats(2.0, WIDTH - 3.0), st.floats(2.0, HEIGHT - 3.0)


def bump(center: float, bins: int, width: float) -> np.ndarray:
    return np.exp(-((np.arange(bins) - center) ** 2) / (2.0 * width**2)).astype(np.float32)


def pixels(points: np.ndarray) -> np.ndarray:
    """Pixels of the crop from unit coordinates."""
    return points * (WIDTH, HEIGHT) - 0.5


@given(inside_x, inside_y)
def test_simcc_finds_the_peaks_of_columns_and_rows(x: float, y: float) -> None:
    columns, rows = bump(2.0 * x, 2 * WIDTH, 6.0)[None], bump(2.0 * y, 2 * HEIGHT, 6.0)[None]
    points, confidences = decode_simcc([columns, np.float32(0.7) * rows], WIDTH, HEIGHT, 2.0)
    np.testing.assert_allclose(pixels(points)[0], [x, y], atol=0.05)
    assert confidences[0] == pytest.approx(0.7, abs=0.01)


@given(inside_x, inside_y)
def test_a_heat_map_spans_the_crop_from_first_to_last_pixel(x: float, y: float) -> None:
    row = bump(y * 15.0 / (HEIGHT - 1), 16, 1.5)
    column = bump(x * 11.0 / (WIDTH - 1), 12, 1.5)
    points, confidences = decode_heatmap([np.outer(row, column)[None]], WIDTH, HEIGHT, 1.0)
    # The parabola is not quite the bump, by a twentieth of a cell of four pixels; none fits at the border.
    np.testing.assert_allclose(pixels(points)[0], [x, y], atol=0.3 if 4 < x < 44 and 4 < y < 60 else 2.3)
    assert 0.8 < confidences[0] <= 1.0


@given(inside_x, inside_y, st.floats(-1.0, 2.0))
def test_coordinates_are_taken_as_they_are(x: float, y: float, confidence: float) -> None:
    points, confidences = decode_coordinates([np.array([[x, y, confidence]], np.float32)], WIDTH, HEIGHT, 1.0)
    np.testing.assert_allclose(pixels(points)[0], [x, y], atol=1e-4)
    assert confidences[0] == pytest.approx(min(max(confidence, 0.0), 1.0), abs=1e-6)
    _, sure = decode_coordinates([np.array([[x, y]], np.float32)], WIDTH, HEIGHT, 1.0)
    assert sure[0] == 1.0


@pytest.mark.parametrize(
    ("decoder", "shapes"),
    [("simcc", [(5, 96), (5, 128)]), ("heatmap", [(5, 16, 12)]), ("coordinates", [(5, 3)]), ("coordinates", [(5, 2)])],
)
def test_shapes_that_fit_pass_and_others_are_named(decoder: str, shapes: list[tuple[int, ...]]) -> None:
    check_shapes(decoder, shapes, 5, (WIDTH, HEIGHT), 2.0)
    for wrong in ([*shapes, (1,)], [(6, *shapes[0][1:]), *shapes[1:]], [(5,)], []):
        with pytest.raises(NetworkError, match=f"decoder '{decoder}' expects"):
            check_shapes(decoder, wrong, 5, (WIDTH, HEIGHT), 2.0)
