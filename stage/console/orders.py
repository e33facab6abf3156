"""What the operator clicks, on its way from viser's threads to the worker's and the bus, and what became of it."""

from __future__ import annotations

import queue
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from protocols.show import Command, CommandReply
from stage.command_book import PATIENCE_S, CommandBook
from stage.surfaces import CONSOLE

Make = Callable[[str, str], Command]
"""Makes the command of an id and a surface."""

MOST_WISHES = 64


class Said(NamedTuple):
    """A sentence for the list of events."""

    worker: str
    kind: str
    """"info" or "warning"."""
    text: str


class Orders:
    """Takes wishes from any thread; the rest belongs to the worker's."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing wished; `clock` returns seconds."""
        self.said: deque[Said] = deque(maxlen=16)
        """What became of the commands; whoever shows it takes it out."""
        self._clock = clock
        self._wishes: queue.Queue[tuple[float, Make]] = queue.Queue(MOST_WISHES)
        self._book = CommandBook(CONSOLE, clock)

    def wish(self, make: Make) -> bool:
        """Leaves a command to be given; False, and forgotten, while too many wait. Any thread may call it."""
        try:
            self._wishes.put_nowait((self._clock(), make))
        except queue.Full:
            return False
        return True

    def commands(self) -> list[Command]:
        """Takes out what is to be sent now; a click that nobody has noticed for long is not meant any more."""
        commands = []
        while not self._wishes.empty():
            wished_s, make = self._wishes.get_nowait()
            command = make(self._book.new_id(), CONSOLE)
            if self._clock() - wished_s > PATIENCE_S:
                self.said.append(Said(CONSOLE, "warning", "a click came too late, the page was held up; click again"))
            elif self._book.enter(command, self._tell):
                commands.append(command)
            else:
                self.said.append(Said(CONSOLE, "warning", "too many commands wait for their replies; try again"))
        return commands

    def take(self, reply: CommandReply) -> None:
        """A reply from the bus; those to other surfaces are left alone."""
        self._book.take(reply)

    def expire(self) -> None:
        """Tells of commands that nobody has carried out; to be called now and then."""
        self._book.expire()

    def _tell(self, reply: CommandReply) -> None:
        self.said.append(Said(reply.worker or CONSOLE, "info" if reply.ok else "warning", reply.text))
