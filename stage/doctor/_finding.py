"""One line of the doctor's report."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Finding(NamedTuple):
    """What one check found."""

    level: Literal["ok", "warn", "fail"]
    subject: str
    fact: str
    advice: str = ""
    """What to do; empty when all is well."""

    def line(self) -> str:
        """The finding as one line of text."""
        advice = f" -> {self.advice}" if self.advice else ""
        return f"{self.level:<5} {self.subject:<11} {self.fact}{advice}"
