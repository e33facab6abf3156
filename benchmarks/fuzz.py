"""A million spoiled packets: no parser of bytes from outside raises what it does not promise, and memory stays flat.

Real packets with bits, words and lengths changed, cut, spliced and doubled, and noise, go into every parser that bytes
from outside reach: OSC and its framings over TCP, Live Link Face, VMC input, timecode, MQTT commands, the control
surface, the inspectors of `stage probe`, and the bus. What cannot be used must be refused by a typed error, or counted.
Growth is that of resident memory after the first fifth. Arguments: inputs (1,050,000), seed (default: the time).
"""

from __future__ import annotations

import gc
import random
import sys
import time

import psutil

from benchmarks.report import Figure, progress, report
from tests.fuzzing import mutations, targets

INPUTS = 1_050_000
_PREPARED = 2000
_SHOWN = 5


def main() -> int:
    """Prints inputs, escapes, growth and speed."""
    inputs = int(sys.argv[1]) if len(sys.argv) > 1 else INPUTS
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns()
    chance, process = random.Random(seed), psutil.Process()
    chosen = targets()
    share = inputs // (5 * len(chosen))
    taken = refused = escaped = resident = 0
    busy_s = 0.0
    slowest: dict[str, float] = {}
    streams = {name: mutations(target.seeds, chance) for name, target in chosen.items()}
    for fifth in range(5):
        for name, target in chosen.items():
            progress(f"{name}, part {fifth + 1} of 5")
            left = share
            while left > 0:
                prepared = [next(streams[name]) for _ in range(min(_PREPARED, left))]
                left -= len(prepared)
                began_s = time.perf_counter()
                for data in prepared:
                    try:
                        fine = target.feed(data)
                    except Exception as error:  # that is what is looked for
                        escaped += 1
                        if escaped <= _SHOWN:
                            progress(f"{name}: {type(error).__name__}: {error} at {data.hex()}")
                        continue
                    taken += fine
                    refused += not fine
                spent_s = time.perf_counter() - began_s
                busy_s += spent_s
                slowest[name] = max(slowest.get(name, 0.0), spent_s / len(prepared) * 1e6)
        if fifth == 0:
            gc.collect()
            resident = process.memory_info().rss
    gc.collect()
    figures: dict[str, Figure] = {
        "seed": str(seed),
        "parsers": len(chosen),
        "inputs": taken + refused + escaped,
        "taken": taken,
        "refused_or_counted": refused,
        "escaped": escaped,
        "growth_mb": (process.memory_info().rss - resident) / 1e6,
        "inputs_per_s": (taken + refused + escaped) / busy_s,
        "slowest_parser": max(slowest, key=lambda name: slowest[name]),
        "slowest_us": max(slowest.values()),
    }
    targets_met = {"inputs": ">= 1000000", "escaped": "== 0", "growth_mb": "<= 8"}
    return 0 if report("fuzz", figures, targets_met) else 1


if __name__ == "__main__":
    sys.exit(main())
