"""What the operator is told: a sentence, and how bad it is. Whoever has some keeps it; a worker makes events of it."""

from __future__ import annotations

from typing import NamedTuple


class News(NamedTuple):
    """A sentence for the operator."""

    kind: str
    """"info", "warning" or "error"."""
    text: str
