from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage.control.allowed import MOST_SOURCES, AllowList, SourceRates


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.8.7", "::1", "::ffff:127.0.0.1"])
def test_without_a_list_this_machine_is_heard(host: str) -> None:
    assert AllowList(()).admits(host)


@pytest.mark.parametrize(
    "host", ["192.168.1.20", "0.0.0.0", "fe80::1%eth0", "::ffff:8.8.8.8", "localhost", "", "1.2", "127.0.0.1%lo"]
)
def test_without_a_list_nobody_else_is(host: str) -> None:
    assert not AllowList(()).admits(host)


@pytest.mark.parametrize(
    ("host", "admitted"),
    [
        ("192.168.1.20", True),
        ("::ffff:192.168.1.20", True),
        ("192.168.1.21", False),
        ("10.1.2.3", True),
        ("10.2.2.3", False),
        ("fd00::17", True),
        ("fe80::17%eth0", True),
        ("fe81::17", False),
        ("127.0.0.1", False),
        ("stage.local", False),
    ],
)
def test_a_list_says_everything(host: str, admitted: bool) -> None:
    assert AllowList(["192.168.1.20", "10.1.0.0/16", "fd00::/8", "fe80::/64"]).admits(host) is admitted


@given(host=st.text(max_size=50))
def test_no_text_is_an_exception(host: str) -> None:
    AllowList(["10.0.0.0/8"]).admits(host)


def test_a_source_may_send_its_rate_at_once_and_then_at_that_rate() -> None:
    rates = SourceRates(20.0)
    assert sum(rates.admits("a", 0.0) for _ in range(100)) == 20
    assert not rates.admits("a", 0.04)
    assert rates.admits("a", 0.051)
    assert sum(rates.admits("a", 10.0) for _ in range(100)) == 20


def test_one_per_several_seconds() -> None:
    rates = SourceRates(0.5)
    assert [rates.admits("a", float(second)) for second in range(5)] == [True, False, True, False, True]


def test_sources_do_not_count_for_each_other() -> None:
    rates = SourceRates(1.0)
    assert rates.admits("a", 0.0) and rates.admits("b", 0.0) and not rates.admits("a", 0.0)


def test_sources_are_bounded_and_none_gains_by_the_bound() -> None:
    rates = SourceRates(2.0)
    assert all(rates.admits(f"source {number}", 0.0) for number in range(MOST_SOURCES))
    assert not rates.admits("another", 0.0)
    assert len(rates) == MOST_SOURCES
    assert rates.admits("another", 1.0) and len(rates) == MOST_SOURCES


@given(
    rate=st.floats(0.1, 50.0),
    sent=st.lists(st.tuples(st.sampled_from("abc"), st.floats(0.0, 0.5)), max_size=300),
)
def test_nobody_is_ever_heard_above_the_rate(rate: float, sent: list[tuple[str, float]]) -> None:
    rates, now_s, heard = SourceRates(rate), 0.0, dict.fromkeys("abc", 0)
    for host, pause_s in sent:
        now_s += pause_s
        heard[host] += rates.admits(host, now_s)
        assert heard[host] <= max(1.0, rate) + rate * now_s + 1e-6
