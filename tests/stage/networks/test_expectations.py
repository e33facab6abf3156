from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from protocols.arrays import to_bytes
from protocols.messages import Prediction
from stage.networks.expectations import CONFIRMED_NS, FRESH_FRAMES, FRESH_NS, Expectations

PLACES = np.arange(66, dtype=np.float32).reshape(33, 2)


def prediction(actor: str = "ann", at_ns: int = 0, cameras: tuple[str, ...] = ("a", "b")) -> Prediction:
    return Prediction(actor, at_ns, {camera: to_bytes(PLACES) for camera in cameras})


def test_a_prediction_holds_for_its_cameras_while_it_is_fresh() -> None:
    expectations = Expectations(["ann"])
    assert expectations.places("ann", "a", 0, 0) is None
    assert not expectations.note(prediction())
    places = expectations.places("ann", "a", FRESH_NS, 0)
    assert places is not None
    np.testing.assert_array_equal(places, PLACES)
    assert expectations.places("ann", "c", 0, 0) is None
    assert expectations.places("ann", "a", FRESH_NS + 1, 0) is None
    slow_ns = 2 * FRESH_NS
    assert expectations.places("ann", "a", int(FRESH_FRAMES * slow_ns), slow_ns) is not None


def test_an_actor_is_covered_when_two_cameras_or_all_that_should_see_it_confirm() -> None:
    expectations = Expectations(["ann"])
    expectations.note(prediction(cameras=("a", "b", "c")))
    expectations.confirm("ann", "a", 0)
    assert not expectations.all_covered(0, 0)
    expectations.confirm("ann", "c", 0)
    assert expectations.all_covered(0, 0)
    assert not expectations.all_covered(FRESH_NS + 1, 0)
    expectations.note(prediction(at_ns=CONFIRMED_NS))
    assert not expectations.all_covered(CONFIRMED_NS, 0)
    expectations.note(prediction(at_ns=CONFIRMED_NS, cameras=("a",)))
    expectations.confirm("ann", "a", CONFIRMED_NS)
    assert expectations.all_covered(CONFIRMED_NS, 0)


def test_every_actor_has_to_be_covered() -> None:
    expectations = Expectations(["ann", "ben"])
    expectations.note(prediction(cameras=("a",)))
    expectations.confirm("ann", "a", 0)
    assert not expectations.all_covered(0, 0)
    assert not Expectations([]).all_covered(0, 0)


@given(st.dictionaries(st.text(), st.binary(max_size=300)), st.integers(), st.text())
def test_any_other_bytes_are_bad_and_change_nothing(cameras: dict[str, bytes], at_ns: int, actor: str) -> None:
    expectations = Expectations(["ann"])
    bad = expectations.note(Prediction(actor, at_ns, cameras))
    assert bad == (actor != "ann" or any(len(data) != 264 for data in cameras.values()))
    assert expectations.places("ann", "a", at_ns, 0) is None


def test_numbers_that_are_none_are_bad() -> None:
    assert Expectations(["ann"]).note(Prediction("ann", 0, {"a": to_bytes(np.full((33, 2), np.inf))}))
