from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stage.console import colours
from stage.supervision.report import LEGS


@given(st.lists(st.floats(), min_size=1, max_size=60))
def test_any_confidence_has_a_colour(values: list[float]) -> None:
    found = colours.confidence_colours(np.array(values))
    assert found.shape == (len(values), 3) and found.dtype == np.uint8
    clear = np.clip(np.nan_to_num(np.array(values), nan=0.0), 0.0, 1.0)
    np.testing.assert_array_equal(found, colours.confidence_colours(clear))


def test_red_fades_and_green_grows_with_confidence() -> None:
    red, green, _ = colours.confidence_colours(np.linspace(0.0, 1.0, 50)).astype(int).T
    assert red[0] > 200 and red[-1] < 130
    assert (np.diff(green) >= 0).all()


def test_line_colours_keep_black_white_and_order() -> None:
    every = np.arange(256, dtype=np.uint8)
    lines = colours.as_line_colours(every)
    assert (lines[0], lines[255]) == (0, 255)
    assert (np.diff(lines.astype(int)) >= 0).all() and (lines <= every).all()


def test_every_leg_has_a_colour_of_its_own() -> None:
    assert tuple(colours.LEGS) == LEGS
    assert len(set(colours.LEGS.values())) == len(LEGS)
