from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.report import percentiles_ms, report

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("value", "bound", "met"),
    [
        (0.5, "<= 0.6", True),
        (0.7, "<= 0.6", False),
        (30, ">= 30", True),
        (0, "== 0", True),
        (1, "== 0", False),
        (math.nan, "<= 1", False),
        ("absent", "<= 1", False),
    ],
)
def test_one_line_says_what_was_measured_and_whether_it_is_good(
    value: float | str, bound: str, met: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report("frame_hop", {"figure": value, "other": 3.14159265}, {"figure": bound}) is met
    output = capsys.readouterr().out
    assert output.count("\n") == 1
    line = json.loads(output)
    assert list(line) == ["name", "commit", "machine", "figures", "targets", "met"]
    assert line["targets"] == {"figure": bound}
    assert line["figures"]["other"] == 3.142
    assert line["met"] is met


def test_a_target_without_a_figure_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        report("frame_hop", {}, {"figure": "<= 1"})


def test_percentiles() -> None:
    assert percentiles_ms("hop", [1_000_000] * 50 + [3_000_000] * 50) == {"hop_p50_ms": 2.0, "hop_p99_ms": 3.0}


def test_benchmarks_are_listed_with_their_claims_and_helpers_are_not() -> None:
    listed = subprocess.check_output([sys.executable, "-m", "benchmarks", "--list"], cwd=ROOT, text=True).splitlines()
    claims = dict(line.split(maxsplit=1) for line in listed)
    assert "frame_hop" in claims
    assert "report" not in claims


def test_an_unknown_benchmark_is_named() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "no_such"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "no_such" in done.stderr
