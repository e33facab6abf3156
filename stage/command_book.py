"""The commands that a surface has given and that nobody has replied to yet."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import NamedTuple

from protocols.show import Command, CommandReply

PATIENCE_S = 3.0
OBEYED_S = 1.0
"""A command that reaches who carries it out later than this is not carried out any more: its surface has given it up,
or will have by the time that it is done, and nobody expects it then."""
_MOST_OPEN = 256

Answer = Callable[[CommandReply], None]


class _Open(NamedTuple):
    due_s: float
    answer: Answer


class CommandBook:
    """Finds for each reply the one who asked; nobody waits longer than `PATIENCE_S`."""

    def __init__(self, surface: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Of the worker of this name; `clock` returns seconds."""
        self._surface = surface
        self._clock = clock
        self._open: dict[str, _Open] = {}

    def __len__(self) -> int:
        """Commands without a reply."""
        return len(self._open)

    def new_id(self) -> str:
        """An id for a command."""
        return secrets.token_hex(8)

    def enter(self, command: Command, answer: Answer) -> bool:
        """Remembers a command; False, and not to be sent, while too many are open."""
        if len(self._open) >= _MOST_OPEN:
            return False
        self._open[command.id] = _Open(self._clock() + PATIENCE_S, answer)
        return True

    def take(self, reply: CommandReply) -> None:
        """Answers the one who asked; replies to others, and late ones, are left alone."""
        if reply.surface == self._surface and (waiting := self._open.pop(reply.id, None)) is not None:
            waiting.answer(reply)

    def close(self) -> None:
        """Tells those who still wait that the surface ends."""
        for key in list(self._open):
            text = "the stage ends, or its surface starts again; whether this was carried out is not known"
            self.take(CommandReply(key, self._surface, "", False, text))

    def expire(self) -> None:
        """Tells those who have waited too long; to be called now and then."""
        now_s = self._clock()
        for key in [key for key, waiting in self._open.items() if waiting.due_s <= now_s]:
            text = "nobody has carried it out in time; is the worker running?"
            self.take(CommandReply(key, self._surface, "", False, text))
