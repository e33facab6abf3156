"""The demo runs live for 30 s: 30 fps, 99 % of framesets solved, capture to datagram 50 ms (p50) and 100 ms (p99).

`stage live --seconds 30` as a user starts it, page and metrics included; a receiver listens on loopback. Once with
an actor who is not known, whose shape is estimated on the way, and once with the profile of the first run.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.report import progress, report

DEMO = Path(__file__).resolve().parents[1] / "recordings" / "demo"
SECONDS = 30


def main() -> None:
    """Run it twice."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "demo"
        shutil.copytree(DEMO, folder, ignore=shutil.ignore_patterns("actors"))
        for name in ("new_actor", "known_actor"):
            out = Path(scratch) / f"{name}.json"
            progress(f"live_demo: {name}")
            options = ["--seconds", str(SECONDS), "--json", str(out)]
            command = [sys.executable, "-m", "stage.cli", "live", str(folder / "stage.toml"), *options]
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
            prefix = "" if name == "known_actor" else "new_actor_"
            figures |= {prefix + key: value for key, value in _figures(json.loads(out.read_text())).items()}
    targets = {
        "rate_hz": ">= 29.5",
        "solved_share": ">= 0.99",
        "total_p50_ms": "<= 50",
        "total_p99_ms": "<= 100",
        "largest_growth_mb_per_minute": "<= 5",
    }
    report("live_demo", figures, targets)


def _figures(run: dict) -> dict[str, float]:
    figures = {"rate_hz": run["rate_hz"], "solved_share": run["framesets"]["solved_fraction"]}
    for leg, values in run["legs"].items():
        figures |= {f"{leg}_p50_ms": values["p50_ms"], f"{leg}_p99_ms": values["p99_ms"]}
    workers = {name: worker for name, worker in run["workers"].items() if "spare" not in name}
    figures["largest_growth_mb_per_minute"] = max(w["memory"]["slope_mb_per_minute"] or 0.0 for w in workers.values())
    figures["cpu_percent_of_a_core"] = sum(w["cpu_percent"] or 0.0 for w in workers.values())
    figures["resident_mb"] = sum(w["memory"]["last_mb"] for w in run["workers"].values())
    return figures


if __name__ == "__main__":
    main()
