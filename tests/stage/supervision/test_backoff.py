from __future__ import annotations

from stage.supervision.backoff import HEALTHY_S, MAX_DELAY_S, BackOff


def test_delays_double_up_to_a_bound() -> None:
    backoff = BackOff()
    assert [backoff.after(0.1) for _ in range(8)] == [0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


def test_a_healthy_life_starts_over() -> None:
    backoff = BackOff()
    for _ in range(5):
        backoff.after(0.1)
    assert backoff.after(HEALTHY_S) == 0.0
    assert backoff.after(0.1) == 0.25


def test_thousands_of_deaths_do_not_overflow() -> None:
    backoff = BackOff()
    assert [backoff.after(0.0) for _ in range(5000)][-1] == MAX_DELAY_S
