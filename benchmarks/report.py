"""The one line that a benchmark prints, so that a machine can compare runs and a README can quote them.

    {"name", "commit", "machine", "figures": {...}, "targets": {...}, "met": true|false}

Figures carry their unit in their name (`p50_ms`, `error_mm`); peers' figures stand beside ours.
Targets name a figure and its bound: {"p50_ms": "<= 0.6"}.
"""

from __future__ import annotations

import json
import math
import operator
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

Figure = float | int | str
_COMPARE = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt, "==": operator.eq}
_ROOT = Path(__file__).resolve().parents[1]


def report(name: str, figures: Mapping[str, Figure], targets: Mapping[str, str]) -> bool:
    """Prints the line.

    Args:
        name: The benchmark's module name.
        figures: What was measured; numbers are rounded to four digits.
        targets: Figure name -> bound, such as "<= 0.6"; a text figure is never within bounds.

    Returns:
        Whether every target is met.

    Raises:
        KeyError: A target names no figure.
    """
    met = all(_is_met(figures[figure], bound) for figure, bound in targets.items())
    line = {
        "name": name,
        "commit": commit(),
        "machine": machine(),
        "figures": {figure: _rounded(value) for figure, value in figures.items()},
        "targets": dict(targets),
        "met": met,
    }
    print(json.dumps(line), flush=True)
    return met


def percentiles_ms(name: str, durations_ns: Sequence[int]) -> dict[str, float]:
    """Figures `<name>_p50_ms` and `<name>_p99_ms` of durations."""
    p50, p99 = np.percentile(np.asarray(durations_ns, np.float64), (50, 99)) / 1e6
    return {f"{name}_p50_ms": float(p50), f"{name}_p99_ms": float(p99)}


def commit() -> str:
    """The commit measured; with a plus sign when files were changed since."""
    try:
        short = _git("rev-parse", "--short", "HEAD")
        return short + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def machine() -> str:
    """Processor, cores, load and Python of this machine."""
    return (
        f"{_processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {platform.system()} "
        f"{platform.machine()}, Python {platform.python_version()}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if len(models) > 0 else platform.processor() or "unknown processor"


def _git(*arguments: str) -> str:
    return subprocess.check_output(["git", *arguments], cwd=_ROOT, text=True, stderr=subprocess.DEVNULL).strip()


def _is_met(value: Figure, bound: str) -> bool:
    comparison, _, limit = bound.partition(" ")
    return not isinstance(value, str) and bool(_COMPARE[comparison](value, float(limit)))


def _rounded(value: Figure) -> Figure | None:
    """Four significant digits; None, as JSON knows no not-a-number."""
    if not isinstance(value, float):
        return value
    return float(f"{value:.4g}") if math.isfinite(value) else None


def progress(text: str) -> None:
    """Says on stderr what a long benchmark does now; stdout is for the one line."""
    print(text, file=sys.stderr, flush=True)
