"""A thousand damaged takes: an error that says where, or all that is whole; never a hang, never a wrong number.

Takes with performances, landmarks, video, the solver's states and marks, with an end and without one, are cut at random
places and have random bits flipped, now and then bytes taken out or replaced by noise. Each is read whole, by topic and
by time through its index, checked, listed and mended. What is read without an error must be what was written, or the
beginning of it in a take that says that it has no end; what was mended holds nothing that was not there, verifies, and
says what is missing. The slowest is of one file and all of these. Arguments: files (1000), seed (default: the time).
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks.report import Figure, progress, report
from tests.stage.takes.managed_take import managed_take
from tests.take_damage import Judge, damaged

FILES = 1000


def main() -> int:
    """Prints what became of them, and the slowest."""
    files = int(sys.argv[1]) if len(sys.argv) > 1 else FILES
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns()
    chance = random.Random(seed)
    outcomes: Counter[str] = Counter()
    escaped = 0
    slowest_s = 0.0
    with tempfile.TemporaryDirectory() as folder:
        judges = []
        for finish in (True, False):
            place = Path(folder) / f"whole{finish}"
            place.mkdir()
            judges.append(Judge(managed_take(place, finish=finish)))
        path = Path(folder) / "scene_001.mcap"
        for number in range(files):
            judge = judges[number % 2]
            for left in Path(folder).glob("scene_001*"):
                left.unlink()
            path.write_bytes(damaged(judge.data, chance))
            began_s = time.perf_counter()
            try:
                seen = [
                    judge.reading(path, (), part=False),
                    judge.reading(path, ("performance.",), part=False),
                    judge.reading(path, ("performance.", "video."), part=True),
                    judge.checking(path),
                    judge.mending(path),
                ]
            except Exception as error:  # that is what is looked for
                escaped += 1
                progress(f"file {number} of seed {seed}: {type(error).__name__}: {error}")
                continue
            slowest_s = max(slowest_s, time.perf_counter() - began_s)
            if "WRONG" in seen:
                progress(f"file {number} of seed {seed}: {seen} {judge.wrong}")
            outcomes["WRONG" if "WRONG" in seen else seen[0]] += 1
    figures: dict[str, Figure] = {
        "files": files,
        "take_kb": len(judges[0].data) / 1e3,
        "told": outcomes["told"],
        "cut": outcomes["cut"],
        "harmless": outcomes["harmless"],
        "wrong": outcomes["WRONG"],
        "escaped": escaped,
        "slowest_s": slowest_s,
        "seed": seed,
    }
    targets = {"wrong": "== 0", "escaped": "== 0", "slowest_s": "<= 5"}
    return 0 if report("take_damage", figures, targets) else 1


if __name__ == "__main__":
    sys.exit(main())
