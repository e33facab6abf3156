from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage.timeline import Timeline


def filled(times: list[int], most: int = 100) -> Timeline[int]:
    timeline = Timeline[int](most)
    for time_ns in times:
        timeline.add(time_ns, time_ns)
    return timeline


@given(st.sets(st.integers(0, 10**18), min_size=1, max_size=20), st.integers(0, 10**18))
def test_a_time_lies_between_its_neighbours(times: set[int], time_ns: int) -> None:
    """Samples that say their own time: what is between them says the time that was asked for."""
    ordered = sorted(times)
    found = filled(ordered).at(time_ns)
    if time_ns < ordered[0]:
        assert found is None
        return
    assert found is not None and found.before == max(one for one in ordered if one <= time_ns)
    assert 0.0 <= found.share <= 1.0
    if time_ns >= ordered[-1]:
        assert found == (ordered[-1], ordered[-1], 0.0)
    else:
        assert (found.before, found.after) in itertools.pairwise(ordered)
        assert found.before + found.share * (found.after - found.before) == pytest.approx(time_ns, rel=1e-9)


def test_it_is_bounded_and_forgets_the_oldest() -> None:
    timeline = filled([1, 2, 3, 4, 5], most=3)
    assert len(timeline) == 3 and timeline.newest_ns == 5
    assert timeline.at(2) is None and timeline.at(3) == (3, 4, 0.0)
    timeline.clear()
    assert len(timeline) == 0 and timeline.newest_ns is None and timeline.at(9) is None
