"""One body step, four views of landmarks in and a pose out, takes 4 ms on one core; fingers 1.5 ms more.

Exact landmarks of a moving body with 3 px of noise; the whole of `Solver.step`: association, prediction, fit,
update, and the performance as bytes. The prediction for the next frame and the mesh are timed beside it. Then the same
with hands in two of the views, left and right in turn, and both at once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import torch

from benchmarks.report import percentiles_ms, report
from stage.bodies.body import BodyModel, load_body
from stage.config import ActorSection, BodySection
from stage.solving.solver import HandSettings, Solver
from tests.stage.solving.hands.synthetic_hands import Hands, exact_hand_map, frameset_with_hands
from tests.stage.solving.synthetic_views import Actress, exact_map, frameset, ring_of_cameras

FRAMES = 400
WARM_UP = 50
RATE = 30.0
NOISE_PX = 3.0


def main() -> None:
    """Solve a few seconds."""
    torch.set_num_threads(1)
    body = load_body()
    actress = Actress(body)
    figures: dict[str, float] = {}
    for views in (4, 1, 12):
        rig = ring_of_cameras(views)
        solver = Solver(body, rig, [ActorSection(id="anna")], BodySection(), exact_map(body), {"anna": actress.shape})
        step_ns, rest_ns = [], []
        for frame in range(FRAMES + WARM_UP):
            given = frameset(rig, frame / RATE, [actress.landmarks(frame / RATE)], NOISE_PX)
            begin = time.perf_counter_ns()
            solver.step(given)
            solved = time.perf_counter_ns()
            solver.predictions(given.capture_ns + 33_333_333)
            solver.vertices("anna")
            step_ns.append(solved - begin)
            rest_ns.append(time.perf_counter_ns() - solved)
        name = "" if views == 4 else f"_{views}_views"
        figures |= percentiles_ms(f"step{name}", np.array(step_ns[WARM_UP:]).tolist())
        if views == 4:
            figures |= percentiles_ms("prediction_and_mesh", rest_ns[WARM_UP:])
    for name, turns in (("alternating", ((0,), (1,))), ("both", ((0, 1),))):
        figures |= percentiles_ms(f"step_{name}_hands", _with_hands(body, actress, turns))
        figures[f"{name}_hands_extra_p50_ms"] = float(figures[f"step_{name}_hands_p50_ms"] - figures["step_p50_ms"])
    report("body_step", figures, {"step_p50_ms": "<= 4", "alternating_hands_extra_p50_ms": "<= 1.5"})


def _with_hands(body: BodyModel, actress: Actress, turns: Sequence[Sequence[int]]) -> list[int]:
    """Durations of steps with hands, those of `turns` in turn, in two of four views, ns."""
    meaning = exact_hand_map(body)
    hands, rig = Hands(actress, meaning), ring_of_cameras(4)
    cast = [ActorSection(id="anna")]
    shapes = {"anna": actress.shape}
    solver = Solver(body, rig, cast, BodySection(), exact_map(body), shapes, hands=HandSettings(meaning))
    durations_ns = []
    for frame in range(FRAMES + WARM_UP):
        sides = turns[frame % len(turns)]
        given = frameset_with_hands(rig, frame / RATE, hands, sides=sides, noise_px=1.0)
        begin = time.perf_counter_ns()
        solver.step(given)
        durations_ns.append(time.perf_counter_ns() - begin)
    return durations_ns[WARM_UP:]


if __name__ == "__main__":
    main()
