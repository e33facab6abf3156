"""How the machine fares, in the terms in which a phone is asked: its battery and its heat."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psutil

NOMINAL, FAIR, SERIOUS, CRITICAL = range(4)
_NEAR_C = 10.0


def battery_level() -> float:
    """Charge in [0, 1]; 1 where there is no battery."""
    ask = getattr(psutil, "sensors_battery", None)
    battery = ask() if ask is not None else None
    return 1.0 if battery is None else min(max(battery.percent / 100.0, 0.0), 1.0)


def thermal_state() -> int:
    """The state of the hottest part: 0 nominal, 1 fair, 2 serious, 3 critical; 0 where there are no sensors."""
    ask = getattr(psutil, "sensors_temperatures", None)
    parts = ask() if ask is not None else {}
    return max((state_of(part) for part in _all(parts.values())), default=NOMINAL)


def state_of(part: Any) -> int:
    """The state of one part with `current`, `high` and `critical` degrees Celsius; None, or 0, is unknown."""
    if part.critical and part.current >= part.critical:
        return CRITICAL
    high = part.high or part.critical
    if not high or part.current < high - _NEAR_C:
        return NOMINAL
    return SERIOUS if part.current >= high else FAIR


def _all(groups: Iterable[Iterable[Any]]) -> Iterable[Any]:
    return (part for group in groups for part in group)
