from __future__ import annotations

from typing import Any

import pytest

from protocols.show import SetOutput
from stage.errors import OutputError
from stage.outputs.live_state import LiveState
from tests.sections import output_section

START_NS = 1_700_000_000_000_000_000
SECOND_NS = 1_000_000_000


def live(kind: str, actors: tuple[str, ...] = ("anna", "ben"), **options: Any) -> LiveState:
    return LiveState(output_section(kind, actors=actors, id="out", **options), actors)


def wish(**wishes: Any) -> SetOutput:
    return SetOutput("1", "console", "out", **wishes)


@pytest.mark.parametrize("kind", ["livelink", "osc", "mqtt"])
def test_no_actor_is_all_of_them(kind: str) -> None:
    state = live(kind, actor="ben")
    assert state.actors == ("ben",)
    state.change(wish(actor=""))
    assert state.actors == ("anna", "ben")
    assert state.text == "out is on: all actors, every frame"


def test_a_vmc_output_has_exactly_one_actor() -> None:
    state = live("vmc", actor="anna")
    with pytest.raises(OutputError, match="one avatar; name one actor of anna, ben"):
        state.change(wish(actor=""))
    alone = live("vmc", ("anna",))
    alone.change(wish(actor=""))
    assert alone.actors == ("anna",)


@pytest.mark.parametrize("options", [{"subject": "Ann"}, {"device_id": "x" * 36}])
def test_a_subject_of_its_own_is_one_actor_s(options: dict[str, Any]) -> None:
    state = live("livelink", actor="anna", **options)
    with pytest.raises(OutputError, match="name one of anna, ben"):
        state.change(wish(actor=""))
    state.change(wish(actor="ben"))
    assert state.actor == "ben"


@pytest.mark.parametrize(
    "wishes", [{"actor": "nobody"}, {"rate": -1.0}, {"rate": float("inf")}, {"rate": float("nan")}]
)
def test_refused_whole(wishes: dict[str, Any]) -> None:
    state = live("osc")
    with pytest.raises(OutputError, match="out: "):
        state.change(wish(**({"enabled": False, "actor": "anna", "rate": 5.0} | wishes)))
    assert (state.enabled, state.actor, state.rate) == (True, "", 0.0)


def test_what_is_not_asked_for_stays() -> None:
    state = live("osc", actor="anna", rate=30.0)
    state.change(wish(enabled=False))
    assert (state.enabled, state.actor, state.rate) == (False, "anna", 30.0)
    assert state.facts == {"enabled": "false", "actor": "anna", "rate": "30"}
    before = state.wish
    state.change(wish(enabled=True, actor="ben", rate=0.0))
    state.change(before)
    assert (state.enabled, state.actor, state.rate) == (False, "anna", 30.0)


def test_due_at_every_change_and_once_a_second() -> None:
    state = live("osc")
    assert state.due(START_NS, "")
    said = state.state(START_NS, 0, 0, "there", "")
    assert (said.id, said.kind, said.worker, said.target, said.rate_hz) == ("out", "osc", "broadcast", "there", 0.0)
    assert not state.due(START_NS + SECOND_NS - 1, "")
    assert state.due(START_NS + 1, "broken")
    state.state(START_NS + 1, 0, 0, "there", "broken")
    assert not state.due(START_NS + 2, "broken")
    state.change(wish(rate=10.0))
    assert state.due(START_NS + 2, "broken")
    assert state.state(START_NS + 2, 3, 4, "there", "broken").lost == 4
    assert state.due(START_NS + SECOND_NS, "broken")
    assert state.state(START_NS + 2 * SECOND_NS, 60, 4, "there", "").rate_hz == 30.0


def test_the_owner_of_an_mqtt_output_is_the_mqtt_worker() -> None:
    assert live("mqtt").state(START_NS, 0, 0, "", "").worker == "mqtt"
