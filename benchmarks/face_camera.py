"""A stage of one face camera alone runs live for 20 s: 60 faces a second, capture to datagram 25 ms (p99).

Real processes, as a user starts them with `stage live`: a 60 fps file at its own pace, networks, solve, VMC on
loopback. The film is the demo recording's head camera. Once with an actor whose face is measured on the way, once
with the profile of the first run.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.report import progress, report

FILM = Path(__file__).resolve().parents[1] / "recordings" / "demo" / "face.mp4"
SECONDS = 20
STAGE = """
[stage]
name = "face-camera"
rate = 60

[[cameras]]
id = "face"
source = "file:face.mp4"
loop = true
face_of = "performer"
mount = "head"

[[actors]]
id = "performer"

[[outputs]]
kind = "vmc"

[console]
enabled = false

[metrics]
enabled = false
"""


def main() -> None:
    """Run it twice."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "stage"
        folder.mkdir()
        shutil.copy(FILM, folder / "face.mp4")
        (folder / "stage.toml").write_text(STAGE)
        for name in ("new_actor", "known_actor"):
            out = Path(scratch) / f"{name}.json"
            progress(f"face_camera: {name}")
            options = ["--seconds", str(SECONDS), "--json", str(out)]
            command = [sys.executable, "-m", "stage.cli", "live", str(folder / "stage.toml"), *options]
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
            prefix = "" if name == "known_actor" else "new_actor_"
            figures |= {prefix + key: value for key, value in _figures(json.loads(out.read_text())).items()}
    report("face_camera", figures, {"rate_hz": ">= 59", "face_total_p99_ms": "<= 25"})


def _figures(run: dict) -> dict[str, float]:
    figures = {"rate_hz": run["face_rate_hz"], "drops": run["drops"]}
    for leg, values in run["legs"].items():
        figures |= {f"{leg}_p50_ms": values["p50_ms"], f"{leg}_p99_ms": values["p99_ms"]}
    figures["cpu_percent_of_a_core"] = sum(worker["cpu_percent"] or 0.0 for worker in run["workers"].values())
    return figures


if __name__ == "__main__":
    main()
