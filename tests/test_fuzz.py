"""Parsers of bytes from outside: whatever comes, nothing but typed errors, and packets that are right are taken."""

from __future__ import annotations

import random
from itertools import islice

import pytest

from tests.fuzzing import mutations, targets

NAMES = list(targets())
INPUTS = 1500


@pytest.mark.parametrize("name", NAMES)
def test_right_packets_are_taken_and_nothing_escapes(name: str) -> None:
    target = targets()[name]
    taken = [target.feed(seed) for seed in target.seeds]
    assert any(taken)
    results = [target.feed(data) for data in islice(mutations(target.seeds, random.Random(7)), INPUTS)]
    assert 0 < sum(results) < INPUTS
