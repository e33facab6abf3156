from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage.solving.presence import BLEND_S, Presence

MS = 1_000_000
TIMEOUT_NS = 500 * MS


def heard(*times_ms: int) -> Presence:
    presence = Presence(TIMEOUT_NS)
    for time_ms in times_ms:
        presence.heard(time_ms * MS)
    return presence


def test_nothing_counts_before_it_was_heard():
    assert heard().share(0) == 0.0 and not heard().fresh(0)
    assert heard(100).share(99 * MS) == 0.0


def test_it_comes_in_and_goes_out_within_the_blend():
    presence = heard(*range(0, 1001, 100))
    assert presence.share(0) == 0.0
    assert presence.share(100 * MS) == pytest.approx(0.5)
    assert presence.share(200 * MS) == 1.0 == presence.share(1500 * MS)
    assert presence.fresh(1500 * MS) and not presence.fresh(1501 * MS)
    assert presence.share(1600 * MS) == pytest.approx(0.5)
    assert presence.share(1700 * MS) == 0.0


def test_a_source_that_comes_back_while_fading_goes_on_from_there():
    presence = heard(0, 200, 400, 1000)
    assert presence.share(1000 * MS) == pytest.approx(0.5)
    assert presence.share(1050 * MS) == pytest.approx(0.75)
    assert presence.share(899 * MS) == 1.0  # those who are behind still see what was


def test_a_source_of_one_sample_never_counts_in_full_for_a_short_timeout():
    presence = Presence(50 * MS)
    presence.heard(0)
    assert presence.share(50 * MS) == pytest.approx(0.25)
    assert presence.share(100 * MS) == pytest.approx(0.0)


@given(st.lists(st.integers(1, 2000), min_size=1, max_size=30))
def test_the_share_is_steady_and_moves_no_faster_than_the_blend(gaps):
    presence = heard(*np.cumsum(gaps).tolist())
    end_ms = sum(gaps) + 1000
    times = np.arange(max(0, end_ms - 8000), end_ms, 7)
    shares = np.array([presence.share(int(t) * MS) for t in times])
    assert np.all((shares >= 0.0) & (shares <= 1.0))
    recent = shares[times > end_ms - 4000]
    assert np.all(np.abs(np.diff(recent)) <= 0.007 / BLEND_S + 1e-9)
    assert shares[-1] == 0.0
