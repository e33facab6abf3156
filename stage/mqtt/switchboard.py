"""The switchboard of MQTT: all its outputs, and the commands that come through their brokers.

What `stage.outputs.switchboard` is to the engines. A command from a broker is not carried out where it comes in: it
goes to the bus as those of all surfaces do, also when it is about an output of this very switchboard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from protocols.clock import StageClock
from protocols.messages import FacePerformance, Performance
from protocols.show import Command, CommandReply, OutputState, SetOutput
from stage.command_book import CommandBook
from stage.config import Config
from stage.mqtt.command_desk import CommandDesk
from stage.mqtt.news import News
from stage.mqtt.output import MqttOutput
from stage.surfaces import MQTT, mqtt_outputs


class MqttSwitchboard:
    """All outputs of a stage that go to brokers."""

    def __init__(self, config: Config, clock: StageClock, began_ns: int, give: Callable[[Command], None]) -> None:
        """Starts connecting to the brokers; returns at once.

        Args:
            config: The stage.
            clock: Stage time.
            began_ns: When the stage began.
            give: Publishes a command on the bus.
        """
        self._clock = clock
        self._book = CommandBook(MQTT)
        self._outputs: dict[str, MqttOutput] = {}
        self._desks: dict[str, CommandDesk] = {}
        self._faults: dict[str, str] = {}
        for section in mqtt_outputs(config):
            output = MqttOutput(section, config, clock, began_ns)
            self._outputs[output.id] = output
            if output.commands:
                self._desks[output.id] = CommandDesk(output.topics, self._book, give, output.answer)

    @property
    def counters(self) -> Iterator[tuple[str, int]]:
        """The counts of every output and its desk, named by the output's id."""
        for name, output in self._outputs.items():
            desk = self._desks.get(name)
            for count, number in (output.counters | (desk.counters if desk is not None else {})).items():
                yield f"{name}.{count}", number

    @property
    def facts(self) -> dict[str, str]:
        """Broker and connection of every output."""
        return {name: output.target for name, output in self._outputs.items()}

    def send(self, record: Performance | FacePerformance) -> None:
        """Leaves a record for every output it is for; never blocks, never raises."""
        for output in self._outputs.values():
            output.send(record, self._clock.now_ns())

    def tell(self, news: News) -> None:
        """Leaves news of the stage for every broker."""
        for output in self._outputs.values():
            output.tell(news)

    def hear(self) -> None:
        """Takes in what the brokers have sent; commands go to the bus."""
        for name, output in self._outputs.items():
            for message in output.received():
                if name in self._desks:
                    self._desks[name].take(message)

    def answer(self, reply: CommandReply) -> None:
        """A reply from the bus, for whoever asked through a broker; others are left alone."""
        self._book.take(reply)

    def expire(self) -> None:
        """Answers those whose command nobody has carried out; to be called now and then."""
        self._book.expire()

    def answers_for(self, output: str) -> bool:
        """Whether a command for an output is to be answered from here."""
        return output in self._outputs

    def change(self, wish: SetOutput) -> tuple[str, dict[str, str]]:
        """Carries a command for one of these outputs out.

        Returns:
            What is so now: in words, and for programs.

        Raises:
            OutputError: It cannot be as asked; then nothing has changed.
        """
        output = self._outputs[wish.output]
        output.change(wish)
        return output.text, output.facts

    def states(self) -> Iterator[OutputState]:
        """The states to publish now: of outputs that have changed, and of each once a second."""
        now_ns = self._clock.now_ns()
        for output in self._outputs.values():
            if (state := output.news(now_ns)) is not None:
                yield state

    def news(self) -> Iterator[tuple[str, str]]:
        """Events since the last call, kind and text: outputs that fail or work again."""
        for name, output in self._outputs.items():
            fault, before = output.fault, self._faults.get(name, "")
            self._faults[name] = fault
            if bool(fault) != bool(before):
                yield "warning" if fault else "info", f"output {name}: {fault or 'works again'}"

    def close(self) -> None:
        """Answers those who still wait, and takes leave of the brokers, of all at the same time."""
        self._book.close()
        for output in self._outputs.values():
            output.leave()
        for output in self._outputs.values():
            output.close()
