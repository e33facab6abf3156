"""A command for an output, carried out by the switchboard that owns it: of the engines, or of MQTT."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from protocols.show import SetOutput
from stage.errors import OutputError


class Board(Protocol):
    """A switchboard, as far as commands go."""

    def answers_for(self, output: str) -> bool:
        """Whether a command for an output is to be answered from here."""
        ...

    def change(self, wish: SetOutput) -> tuple[str, dict[str, str]]:
        """Carries a command out; says what is so now, or raises OutputError."""
        ...


class Outcome(NamedTuple):
    """What to reply."""

    ok: bool
    text: str
    facts: dict[str, str]


def carried_out(board: Board, wish: SetOutput) -> Outcome | None:
    """What became of a command; None where another worker answers it."""
    if not board.answers_for(wish.output):
        return None
    try:
        return Outcome(True, *board.change(wish))
    except OutputError as error:
        return Outcome(False, str(error), {})
