from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from protocols import osc
from protocols.errors import EncodeError
from protocols.osc_template import FrameTemplate, split


def position(number: int, *values: float) -> bytes:
    return osc.message(f"/m/{'x' * number}", "sfff", f"name{number}", *(values or (0.0,) * 3))


@pytest.mark.parametrize("bundled", [True, False])
def test_rewritten_template_is_the_packet_built_anew(bundled: bool) -> None:
    values = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    groups = [[position(0), position(1), position(2)], [position(3)], [position(4), position(5), position(6)]]
    template = FrameTemplate(groups, bundled=bundled)
    template.write(template.trailing(0, 7, 3), values)
    anew = [[position(number, *values[number].tolist()) for number in group] for group in ([0, 1, 2], [3], [4, 5, 6])]
    expected = [osc.bundle(group) for group in anew] if bundled else [message for group in anew for message in group]
    assert [bytes(datagram) for datagram in template.datagrams] == expected


def test_numbers_are_written_together_and_known_to_be_finite() -> None:
    template = FrameTemplate([[position(0), position(1)], [position(2)]])
    numbers = template.numbers(template.trailing(2, 1, 3), template.trailing(0, 2, 1))
    numbers.values[:] = range(1, 6)
    assert numbers.finite
    numbers.write()
    expected = [[position(0, 0.0, 0.0, 4.0), position(1, 0.0, 0.0, 5.0)], [position(2, 1.0, 2.0, 3.0)]]
    assert [bytes(datagram) for datagram in template.datagrams] == [osc.bundle(group) for group in expected]
    for bad in (np.nan, np.inf, -np.inf):
        numbers.values[3] = bad
        assert not numbers.finite
    numbers.values[3] = np.finfo(np.float32).max
    assert numbers.finite


def test_single_numbers_and_texts() -> None:
    template = FrameTemplate([[osc.message("/a/i", "if", 0, 0.0), osc.message("/a/s", "s", "0000"), position(1)]])
    template.write_int(template.end(0) - 2, -5)
    template.write_float(template.end(0) - 1, 2.5)
    template.write_text(template.end(1), b"12.5")
    expected = osc.bundle([osc.message("/a/i", "if", -5, 2.5), osc.message("/a/s", "s", "12.5"), position(1)])
    assert bytes(template.datagrams[0]) == expected


def test_datagrams_cannot_be_written_to() -> None:
    with pytest.raises(TypeError):
        FrameTemplate([[position(0)]]).datagrams[0][0] = 1


def test_split_keeps_order_count_and_size() -> None:
    messages = [position(number % 9) for number in range(100)]
    groups = split(messages, 7, lead=[position(9)])
    assert [message for group in groups for message in group] == [position(9), *messages]
    assert [len(group) for group in groups] == [8, *[7] * 13, 2]
    by_size = split(messages, 1000)
    assert all(len(osc.bundle(group)) <= osc.MAX_DATAGRAM_BYTES for group in by_size)
    assert all(len(osc.bundle([*a, b[0]])) > osc.MAX_DATAGRAM_BYTES for a, b in pairwise(by_size))


def test_split_of_nothing_is_nothing() -> None:
    assert split([], 5) == []


def test_a_message_larger_than_a_datagram_is_refused() -> None:
    with pytest.raises(EncodeError, match="does not fit"):
        split([osc.message("/a", "s", "x" * 1200)], 5)
