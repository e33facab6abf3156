from __future__ import annotations

from stage.networks.best_views import MEMORY_NS, BestViews

FRAME_NS = 33_333_333


def chosen(best: BestViews, worth: dict[str, float], at_ns: int) -> set[str]:
    for view, value in worth.items():
        best.note("hand", view, value, at_ns)
    return {view for view in worth if best.is_chosen("hand", view)}


def test_the_best_are_chosen_and_no_more() -> None:
    best = BestViews(2)
    assert chosen(best, {"a": 10.0, "b": 30.0, "c": 20.0}, 0) == {"b", "c"}
    assert not best.is_chosen("other hand", "a")


def test_what_is_worth_nothing_is_not_chosen() -> None:
    best = BestViews(2)
    assert chosen(best, {"a": 0.0, "b": 1.0}, 0) == {"b"}
    assert best.is_any_worth("hand")
    assert chosen(best, {"a": 0.0, "b": 0.0}, FRAME_NS) == set()
    assert not best.is_any_worth("hand") and not best.is_any_worth("nothing")


def test_views_of_equal_worth_are_told_apart() -> None:
    assert len(chosen(BestViews(1), {"a": 5.0, "b": 5.0, "c": 5.0}, 0)) == 1


def test_a_view_that_works_is_not_left_for_a_slightly_better_one() -> None:
    best = BestViews(1)
    for k in range(10):
        assert chosen(best, {"a": 10.0, "b": 9.0}, k * FRAME_NS) == {"a"}
        best.learn("hand", "a", 0.95)
    assert chosen(best, {"a": 10.0, "b": 11.0}, 10 * FRAME_NS) == {"a"}
    assert chosen(best, {"a": 10.0, "b": 20.0}, 11 * FRAME_NS) == {"b"}


def test_a_view_that_fails_loses_its_place_and_is_forgiven_later() -> None:
    best, now = BestViews(1), set[str]()
    for k in range(10):
        now = chosen(best, {"a": 10.0, "b": 9.0}, k * FRAME_NS)
        for view in now:
            best.learn("hand", view, 0.0 if view == "a" else 0.7)
    assert now == {"b"}
    for k in range(10, 300):
        now = chosen(best, {"a": 14.0, "b": 9.0}, k * FRAME_NS)
        if now == {"a"}:
            break
    assert now == {"a"}


def test_a_view_not_heard_of_is_gone() -> None:
    best = BestViews(1)
    assert chosen(best, {"a": 10.0, "b": 5.0}, 0) == {"a"}
    assert chosen(best, {"b": 5.0}, MEMORY_NS + 1) == {"b"}
    assert not best.is_chosen("hand", "a")


def test_a_hopeless_view_is_tried_now_and_then() -> None:
    best, tries = BestViews(1, rest_ns=4 * FRAME_NS), 0
    for k in range(50):
        for view in chosen(best, {"a": 10.0}, k * FRAME_NS):
            best.learn("hand", view, 0.0)
            tries += 1
    assert 10 < tries < 25
    best.note("hand", "a", 10.0, 55 * FRAME_NS)
    for _ in range(3):
        best.learn("hand", "a", 1.0)
    assert all(chosen(best, {"a": 10.0}, k * FRAME_NS) == {"a"} for k in (56, 57))
