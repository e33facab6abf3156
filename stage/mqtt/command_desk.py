"""Commands that come in through a broker: checked, handed to the bus, answered exactly once.

Refused, and counted, is whatever is not clearly meant now and meant so: a command that the broker has retained (it
would fire at every reconnect), one beyond the rate, one whose answer is wanted where the stage itself speaks, one that
does not fit (see `protocols.mqtt_commands`). The answer goes to the response topic of MQTT 5 with its correlation data,
else to <prefix>/reply with the id of the payload.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from protocols.mqtt_commands import CommandError, read_command
from protocols.mqtt_link import Received
from protocols.mqtt_payloads import ReplyReport
from protocols.mqtt_topics import Topics
from protocols.show import Command, CommandReply
from stage.command_book import CommandBook
from stage.control.allowed import SourceRates
from stage.surfaces import MQTT

COMMANDS_PER_S = 20.0
"""Of one broker; so many may also come at once after a pause."""

_LONGEST_TOPIC = 1024
_SHOWN = 80
_WHO = "broker"

Answer = Callable[[ReplyReport, str, bytes], None]
"""Report, topic ("" is the usual one), correlation data."""


class CommandDesk:
    """Takes the commands that come through one broker."""

    def __init__(
        self,
        topics: Topics,
        book: CommandBook,
        send: Callable[[Command], None],
        answer: Answer,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Has no commands yet.

        Args:
            topics: Of the output.
            book: The open commands of the worker.
            send: Publishes a command on the bus.
            answer: Publishes a reply at the broker.
            clock: Returns seconds.
        """
        self.counters: Counter[str] = Counter(commands=0, commands_refused=0, commands_over_rate=0)
        """Commands handed on, refused, and refused because too many came."""
        self._topics = topics
        self._book = book
        self._send = send
        self._answer = answer
        self._clock = clock
        self._rates = SourceRates(COMMANDS_PER_S)
        self._complained_s = -1.0

    def take(self, message: Received) -> None:
        """A message on a topic of commands; never raises, whatever it holds."""
        path = message.topic.removeprefix(self._topics.commands)
        now_s = self._clock()
        if not self._rates.admits(_WHO, now_s):
            self.counters["commands_over_rate"] += 1
            if now_s - self._complained_s < 1.0:
                return  # one answer a second, or a flood would be answered by a flood
            self._complained_s = now_s
        try:
            self._carry_out(message, path, now_s)
        except CommandError as error:
            self.counters["commands_refused"] += 1
            wanted = message.response_topic if self._may_answer(message.response_topic) else ""
            self._answer(ReplyReport(error.id, path[:_SHOWN], False, str(error)), wanted, message.correlation)

    def _carry_out(self, message: Received, path: str, now_s: float) -> None:
        if self._complained_s == now_s:
            raise CommandError(f"too many commands; at most {COMMANDS_PER_S:g} a second are obeyed")
        if message.retained:
            raise CommandError("the broker has kept this command, so it may be old; publish commands without retain")
        wanted = message.response_topic
        if wanted and not self._may_answer(wanted):
            raise CommandError(
                f'response topic "{wanted[:_SHOWN]}" is refused: it has wildcards, or is one where the stage itself '
                f"speaks or listens; use {self._topics.replies}/<yours>, or one outside {self._topics.prefix}"
            )
        order = read_command(path, message.payload, self._book.new_id(), MQTT)

        def answer(reply: CommandReply) -> None:
            report = ReplyReport(order.id, path, reply.ok, reply.text, reply.facts)
            self._answer(report, wanted, message.correlation)

        if not self._book.enter(order.command, answer):
            raise CommandError("too many commands wait for an answer; try again", order.id)
        self.counters["commands"] += 1
        self._send(order.command)

    def _may_answer(self, topic: str) -> bool:
        if not topic or len(topic) > _LONGEST_TOPIC or set(topic) & set("+#\0") or topic.startswith("$"):
            return False
        own = topic == self._topics.prefix or topic.startswith(f"{self._topics.prefix}/")
        return not own or topic == self._topics.replies or topic.startswith(f"{self._topics.replies}/")
