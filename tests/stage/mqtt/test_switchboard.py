from __future__ import annotations

from collections.abc import Iterator

import pytest

from protocols.clock import StageClock
from protocols.show import Command, SetOutput
from stage.config import ActorSection, Config
from stage.errors import OutputError
from stage.mqtt.switchboard import MqttSwitchboard
from tests.mqtt_broker import BrokerForTests, Listener
from tests.ports import free_port
from tests.sections import output_section
from tests.waiting import until


@pytest.fixture
def given() -> list[Command]:
    """What has gone to the bus."""
    return []


@pytest.fixture
def board(broker: BrokerForTests, given: list[Command]) -> Iterator[MqttSwitchboard]:
    """An output that takes commands, one that does not, one whose broker is away, and one of an engine."""
    config = Config(
        actors=(ActorSection(id="anna"), ActorSection(id="ben")),
        outputs=(
            output_section("mqtt", id="house", port=broker.port, prefix="stage/house", commands=True),
            output_section("mqtt", id="deaf", port=broker.port, prefix="stage/deaf"),
            output_section("mqtt", id="away", port=free_port(), prefix="stage/away"),
            output_section("vmc", id="engine", actor="anna"),
        ),
    )
    board = MqttSwitchboard(config, StageClock.start(), 0, given.append)
    yield board
    board.close()


def test_it_answers_for_its_own_outputs_alone(board: MqttSwitchboard) -> None:
    assert [board.answers_for(name) for name in ("house", "deaf", "away", "engine", "nobody")] == [True] * 3 + [
        False
    ] * 2
    assert set(board.facts) == {"house", "deaf", "away"}
    assert {state.id for state in board.states()} == {"house", "deaf", "away"}


def test_a_change_is_told_at_once_and_one_that_cannot_be_changes_nothing(board: MqttSwitchboard) -> None:
    assert len(list(board.states())) == 3
    until(lambda: list(board.states()) == [])
    text, facts = board.change(SetOutput("1", "console", "deaf", enabled=False))
    assert text.startswith("deaf is off") and facts["enabled"] == "false"
    assert "deaf" in {state.id for state in board.states()}
    with pytest.raises(OutputError, match="nobody"):
        board.change(SetOutput("2", "console", "deaf", enabled=True, actor="nobody"))
    assert board.change(SetOutput("3", "console", "deaf"))[1]["enabled"] == "false"


def test_a_broker_that_is_away_is_news_once(board: MqttSwitchboard) -> None:
    news: list[tuple[str, str]] = []

    def told() -> bool:
        news.extend(item for item in board.news() if "away" in item[1])
        return len(news) > 0

    until(told)
    assert news[0][0] == "warning" and news[0][1].startswith("output away: ")
    assert not any("output away" in text for _, text in board.news())


def test_only_an_output_with_commands_takes_any(
    board: MqttSwitchboard, listener: Listener, given: list[Command]
) -> None:
    listener.wait_for("stage/house/$state", state="ready")
    listener.wait_for("stage/deaf/$state", state="ready")
    listener.say("stage/deaf/command/output/engine/enable", {"enabled": False})
    listener.say("stage/house/command/output/away/enable", {"enabled": False})

    def heard() -> bool:
        board.hear()
        return len(given) > 0

    until(heard)
    command = given[0]
    assert isinstance(command, SetOutput) and (command.output, command.surface) == ("away", "mqtt")
    assert len(given) == 1 and board.change(command)[1]["enabled"] == "false"
