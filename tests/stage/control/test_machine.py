from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from stage.control import machine


def part(current: float, high: float | None, critical: float | None) -> Any:
    return SimpleNamespace(current=current, high=high, critical=critical)


@pytest.mark.parametrize(
    ("current", "high", "critical", "state"),
    [
        (50.0, 80.0, 100.0, 0),
        (71.0, 80.0, 100.0, 1),
        (80.0, 80.0, 100.0, 2),
        (100.0, 80.0, 100.0, 3),
        (100.0, None, 100.0, 3),
        (95.0, None, 100.0, 1),
        (95.0, None, None, 0),
        (95.0, 0.0, 0.0, 0),
    ],
)
def test_states_by_the_parts_own_limits(current: float, high: float, critical: float, state: int) -> None:
    assert machine.state_of(part(current, high, critical)) == state


def test_the_hottest_part_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = {"cpu": [part(20.0, 80.0, 100.0), part(85.0, 80.0, 100.0)], "disk": [part(30.0, None, None)]}
    monkeypatch.setattr(psutil, "sensors_temperatures", lambda: parts, raising=False)
    assert machine.thermal_state() == 2
    monkeypatch.setattr(psutil, "sensors_temperatures", dict, raising=False)
    assert machine.thermal_state() == 0


@pytest.mark.parametrize(("percent", "level"), [(40.0, 0.4), (101.0, 1.0)])
def test_the_battery(monkeypatch: pytest.MonkeyPatch, percent: float, level: float) -> None:
    monkeypatch.setattr(psutil, "sensors_battery", lambda: SimpleNamespace(percent=percent), raising=False)
    assert machine.battery_level() == pytest.approx(level)


def test_a_machine_without_a_battery_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "sensors_battery", lambda: None, raising=False)
    assert machine.battery_level() == 1.0


def test_this_machine_has_an_answer() -> None:
    assert 0.0 <= machine.battery_level() <= 1.0 and machine.thermal_state() in range(4)
