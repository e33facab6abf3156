from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage.networks.landmarks import body_circle
from tests.stage.networks.scripted import body


@given(st.floats(-500.0, 500.0), st.floats(-500.0, 500.0), st.floats(20.0, 500.0), st.floats(-3.1, 3.1))
def test_the_circle_moves_and_turns_with_the_body(x: float, y: float, scale: float, angle: float) -> None:
    still = body_circle(body(0.0, 0.0, 1.0))
    c, s = np.cos(angle), np.sin(angle)
    circle = body_circle(body(0.0, 0.0, scale) @ np.array([[c, s], [-s, c]]) + (x, y))
    assert (circle.x, circle.y) == (pytest.approx(x, abs=0.01), pytest.approx(y, abs=0.01))
    up = np.array([[c, -s], [s, c]]) @ (still.up_x, still.up_y)
    np.testing.assert_allclose((circle.up_x, circle.up_y), scale * up, atol=1e-3 * scale)


def test_the_circle_holds_every_known_point() -> None:
    points = body(0.0, 0.0, 100.0)
    points[15] = (300.0, 0.0)
    known = np.ones(33, bool)
    assert body_circle(points, known).radius >= 300.0
    known[15] = False
    assert body_circle(points, known).radius < 200.0


def test_a_body_without_direction_stands_upright() -> None:
    flat = np.zeros((33, 2))
    flat[25] = (50.0, 0.0)
    circle = body_circle(flat)
    assert circle.up_x == 0.0 and circle.up_y < 0.0
