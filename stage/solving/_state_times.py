"""What bodies and faces both keep over time: who was present, and samples of what others sent."""

from __future__ import annotations

from typing import Any

from stage.solving._state_columns import Table
from stage.solving._state_kinds import FLOAT, INT, Fields, Row, Several, Unfit
from stage.solving._state_objects import Inside
from stage.solving.presence import KEPT_RUNS, Run


def presence() -> Inside:
    """Of a `Presence`."""
    run = Row(Fields(Run, begin_ns=INT, share=FLOAT), INT)
    return Inside({"_runs": Several(run, list, KEPT_RUNS)}, ["_timeout_ns", "_blend_ns"])


def timeline(samples: Table, most: int) -> Inside:
    """Of a `Timeline` with up to `most` samples."""
    return Inside({"_times": Several(INT, list, most), "_samples": samples}, ["__orig_class__"], _matching)


def _matching(timeline: Any) -> None:
    if len(timeline._times) != len(timeline._samples):
        raise Unfit("a timeline has not as many samples as times")
