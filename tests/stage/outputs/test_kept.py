"""What is reckoned together is what is reckoned alone, and one that is not fit harms no other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from protocols.arrays import stacked, to_bytes
from protocols.errors import DecodeError
from stage.outputs.kept import Kept, Reckoned

GOOD = [to_bytes(np.array([number, 1.0])) for number in range(5)]
UNFIT, SHORT = to_bytes(np.array([np.nan, 1.0])), b"1234"


class Doubling:
    """Twice the two numbers; remembers how many were asked for at once."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.kept = Kept(self.reckon)

    def reckon(self, keys: Sequence[bytes]) -> Reckoned:
        self.asked.append(len(keys))
        rows = 2.0 * stacked(keys, (2,))
        return rows, np.logical_and.reduce(np.isfinite(rows), 1)


def test_the_first_who_asks_has_all_that_were_announced_reckoned() -> None:
    doubling = Doubling()
    doubling.kept.announce(GOOD)
    for number in (3, 0, 1, 2, 4, 3):
        np.testing.assert_array_equal(doubling.kept(GOOD[number]), (2.0 * number, 2.0))
    assert doubling.asked == [5]


def test_who_was_not_announced_is_reckoned_alone() -> None:
    doubling = Doubling()
    doubling.kept.announce(GOOD[:3])
    doubling.kept(GOOD[4])
    assert doubling.asked == [1]


@pytest.mark.parametrize("bad", [UNFIT, SHORT])
def test_one_that_is_not_fit_harms_no_other(bad: bytes) -> None:
    doubling = Doubling()
    doubling.kept.announce([GOOD[1], bad, GOOD[2]])
    for number in (1, 2):
        np.testing.assert_array_equal(doubling.kept(GOOD[number]), (2.0 * number, 2.0))
    if bad is UNFIT:
        assert doubling.kept(bad) is None
    else:
        with pytest.raises(DecodeError):
            doubling.kept(bad)


def test_results_cannot_be_written_to_and_are_forgotten_in_the_end() -> None:
    doubling = Doubling()
    row = doubling.kept(GOOD[0])
    assert row is not None and not row.flags.writeable
    for number in range(1000):
        doubling.kept(to_bytes(np.array([number, 2.0])))
    assert len(doubling.asked) == 1001
    doubling.kept(GOOD[0])
    assert len(doubling.asked) == 1002
