"""The face of a VMC stream: which expressions are sent, which are missing, what they say now, and how often."""

from __future__ import annotations

import math

from protocols import osc, vmc
from protocols.names import ARKIT_SHAPES, VRM0_PRESETS, VRM1_PRESETS
from stage.probing.findings import Findings
from stage.probing.timing import Timing, told

EYE_BONES = ("LeftEye", "RightEye")

_SETS = {"ARKit": ARKIT_SHAPES, "VRM 0": VRM0_PRESETS, "VRM 1": VRM1_PRESETS}
_KNOWN = frozenset(name for names in _SETS.values() for name in names)
_LOWER = {name.lower(): name for name in ARKIT_SHAPES}
_MOST_NAMES = 300
_MOST_TOLD = 8
_STRONGEST = 5


class FaceInspector:
    """Takes the expressions and eyes of a performer."""

    def __init__(self, findings: Findings) -> None:
        self.timing = Timing(findings)
        """Of the faces, which may come more often than the frames of the body."""
        self._findings = findings
        self._values: dict[str, float] = {}
        self._eyes: set[str] = set()
        self._waiting = 0

    def blend(self, message: osc.Message) -> None:
        """One expression."""
        name, value = str(message.arguments[0]), message.floats[0]
        if name in self._values or len(self._values) < _MOST_NAMES:
            self._values[name] = value
        self._waiting += 1
        if name not in _KNOWN and name.lower() in _LOWER:
            self._findings.add(
                "expression in another case than ARKit's: strict receivers do not know it",
                f"{name}: {_LOWER[name.lower()]}",
            )
        if not -0.001 <= value <= 1.001 and math.isfinite(value):
            self._findings.add("expression beyond 0 to 1: it tears the avatar's face", f"{name}: {value:.2f}")

    def apply(self, arrival_ns: int) -> None:
        """All expressions of a face have come."""
        if self._waiting > 0:
            self.timing.frame(arrival_ns)
        self._waiting = 0

    def eye(self, name: str) -> None:
        """One bone of an eye."""
        self._eyes.add(name)

    def frame(self) -> None:
        """A frame of the body has ended: whatever was sent for it should have been applied."""
        if self._waiting > 2 * max(1, len(self._values)):
            self._findings.add("expressions without Apply: receivers that wait for it never show them", vmc.BLEND)
            self._waiting = 0

    def facts(self) -> dict[str, str]:
        """Sets of names and what is missing of them, the strongest expressions, eyes, rate and latency."""
        facts = {"expressions": self._sets() or "none"}
        for title, names in _SETS.items():
            missing = [name for name in names if name not in self._values]
            if 0 < len(missing) < len(names):
                more = f" and {len(missing) - _MOST_TOLD} more" if len(missing) > _MOST_TOLD else ""
                facts[f"missing of {title}"] = ", ".join(missing[:_MOST_TOLD]) + more
        finite = [(name, value) for name, value in self._values.items() if math.isfinite(value)]
        moved = sorted((item for item in finite if item[0].lower() != "neutral"), key=lambda item: -item[1])
        if now := [f"{name} {value:.2f}" for name, value in moved[:_STRONGEST] if value > 0.0]:
            facts["strongest now"] = ", ".join(now)
        facts["eyes"] = " and ".join(sorted(self._eyes)) or "not sent"
        report = self.timing.report()
        if report.frames > 0:
            facts["faces"] = told(report)
        return facts

    def _sets(self) -> str:
        counts = {title: sum(name in self._values for name in names) for title, names in _SETS.items()}
        parts = [f"{count} of {len(_SETS[title])} {title}" for title, count in counts.items() if count > 0]
        others = sum(name not in _KNOWN for name in self._values)
        return ", ".join([*parts, f"{others} others"] if others else parts)
