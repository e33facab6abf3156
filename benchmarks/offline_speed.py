"""Four 1080p recordings are decoded and solved at 15 framesets a second on two cores.

`../shared/data/pose2sim_balancing` (1080 x 1920, H.264 and VP9), the second of two runs, whose actor's shape is
known from the first; loading of models is not counted.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from msgspec.structs import replace

from benchmarks.accuracy_real import DATA, balancing_config
from benchmarks.report import progress, report
from stage.bodies.body import load_body
from stage.bodies.profile import save_shape
from stage.offline import load_result, solve

ROUNDS = 3


def main() -> None:
    """Solve it several times."""
    if not DATA.exists():
        progress(f"offline_speed needs {DATA}")
        sys.exit(0)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        config = balancing_config(folder)
        actor = replace(config.actors[0], profile=str(folder / "walker"))
        config = replace(config, actors=(actor,))
        out = folder / "result.npz"
        solve(config, out, report=progress)
        if not (folder / "walker" / "body.toml").exists():  # the recording is shorter than the shape takes to be final
            save_shape(folder / "walker", load_body(), load_result(out).shape)
        runs = [solve(config, out, report=progress) for _ in range(ROUNDS)]
    rates = sorted(run.framesets / run.seconds for run in runs)
    figures = {"framesets": runs[0].framesets, "framesets_per_s": rates[len(rates) // 2], "best": rates[-1]}
    report("offline_speed", figures, {"framesets_per_s": ">= 15"})


if __name__ == "__main__":
    main()
