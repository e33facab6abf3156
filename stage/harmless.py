"""Text that may hold words of others, for a terminal."""

from __future__ import annotations

from typing import TextIO

_KEPT = "\n\t"


def harmless(text: str) -> str:
    """Without what a terminal would obey: some of what is told to an operator came over the network."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in _KEPT else "\N{REPLACEMENT CHARACTER}" for one in text)


def say(text: str, file: TextIO | None = None) -> None:
    """Prints a line that may hold words of others: what a take says, what a file is called."""
    print(harmless(text), file=file, flush=True)
