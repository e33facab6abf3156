"""What a control surface wants sent: commands to the bus, packets to those who asked, news to the operator.

Whoever reads a message leaves it here; the worker takes it out. News about what strangers send come at most every
`NEWS_S` per kind, with how many there were in between, so that nobody can fill the operator's screen.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from typing import NamedTuple

from protocols.errors import EncodeError
from protocols.phone_app import Address
from protocols.show import Command, CommandReply, Mark, SetSlate, StartRecording, StopRecording
from stage.command_book import Answer, CommandBook
from stage.news import News
from stage.surfaces import CONTROL

NEWS_S = 5.0
_TEXT = 300
"""Characters of a text that goes out."""


class Packet(NamedTuple):
    """Bytes for somebody."""

    data: bytes
    target: Address


class Outgoing:
    """Holds what is to go out until it is taken."""

    def __init__(self, recorder: bool, clock: Callable[[], float] = time.monotonic) -> None:
        """Empty.

        Args:
            recorder: Whether the stage has one.
            clock: Returns seconds.
        """
        self.commands: deque[Command] = deque()
        """No more than a `CommandBook` holds, here and on their way."""
        self.packets: deque[Packet] = deque(maxlen=1024)
        self.news: deque[News] = deque(maxlen=64)
        self.counters: Counter[str] = Counter()
        self._recorder = recorder
        self._clock = clock
        self._book = CommandBook(CONTROL, clock)
        self._told_s: dict[str, float] = {}
        self._untold: Counter[str] = Counter()

    def order(self, make: Callable[[str, str], Command], answer: Answer) -> None:
        """Sends a command; `answer` gets its reply, or ours when there can be none."""
        command = make(self._book.new_id(), CONTROL)
        refusal = ""
        if not self._recorder and isinstance(command, StartRecording | StopRecording | SetSlate | Mark):
            refusal = "this stage has no recorder; set record.enabled = true in stage.toml"
        elif not self._book.enter(command, answer):
            refusal = "too many commands wait for their replies; try again"
        if refusal:
            answer(CommandReply(command.id, CONTROL, CONTROL, False, refusal))
        else:
            self.commands.append(command)
            self.counters["items"] += 1

    def take(self, reply: CommandReply) -> None:
        """A reply from the bus."""
        self._book.take(reply)

    def expire(self) -> None:
        """Answers those whose command nobody has carried out; to be called now and then."""
        self._book.expire()

    def close(self) -> None:
        """Answers those who still wait."""
        self._book.close()

    def send(self, target: Address, make: Callable[..., bytes], *arguments: float | str) -> None:
        """Sends the packet that `make` builds; texts without what OSC cannot carry."""
        shown = [sendable(value) if isinstance(value, str) else value for value in arguments]
        try:
            self.packets.append(Packet(make(*shown), target))
        except EncodeError as error:
            self.complain("unsent", str(error))

    def complain(self, counter: str, text: str, key: str = "") -> None:
        """Counts something that was not done, and tells the operator of one of a kind every `NEWS_S`.

        Args:
            counter: What is counted.
            text: What the operator is told.
            key: Its kind, one of a bounded number; default: the counter.
        """
        self.counters[counter] += 1
        key = key or counter
        now_s = self._clock()
        if now_s - self._told_s.get(key, -NEWS_S) < NEWS_S:
            self._untold[key] += 1
            return
        self._told_s[key] = now_s
        more = self._untold.pop(key, 0)
        self.news.append(News("warning", f"{text} (and {more} more of this kind)" if more else text))


def sendable(text: str) -> str:
    """A text as an OSC string can carry it."""
    return text.replace("\0", "")[:_TEXT]
