from __future__ import annotations

from stage.inputs.hearing import Hearing

S = 1_000_000_000


def test_news_are_told_once_each():
    hearing = Hearing(S // 2)
    assert hearing.news(0) == "" and not hearing.heard
    hearing.hear(S)
    assert hearing.news(S) == "is heard" and hearing.heard
    assert hearing.news(S + S // 2) == ""
    assert hearing.news(S + S // 2 + 1) == "has fallen silent" and not hearing.heard
    assert hearing.news(9 * S) == ""
    hearing.hear(10 * S)
    assert hearing.news(10 * S) == "is heard again"


def test_the_rate_is_that_of_the_last_second_and_what_is_kept_is_bounded():
    hearing = Hearing(S)
    for tick in range(10_000):
        hearing.hear(tick * S // 60)
    assert hearing.rate_hz(9_999 * S // 60) == 61
    assert hearing.rate_hz(20_000 * S // 60) == 0
