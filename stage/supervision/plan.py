"""What processes a stage consists of: their modules, threads, and what the stage cannot do without.

The order of a plan is the start order. Sources come last: nothing is captured before somebody can
look at it, so that a file plays from its first frame and a show starts without a burst of old frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stage.config import Config
from stage.readers import BODY_READER, FACE_READER, readers
from stage.surfaces import (
    BROADCAST,
    CONSOLE,
    CONTROL,
    MESH,
    MQTT,
    RECEIVE,
    RECORD,
    REPLAY,
    RESOLVE,
    SOLVE,
    mqtt_outputs,
    receives,
    replays,
)

WORKER_MODULES: Mapping[str, str] = {
    kind: f"workers.{kind}"
    for kind in (
        *("capture", "landmarks", "solve", "broadcast", "mqtt", "record", "console", "control", "receive"),
        *("replay", "resolve", "mesh"),
    )
}

SPARED_KINDS = frozenset({"landmarks", "solve"})
"""Kinds that load networks and models for seconds, so that one spare is kept ready."""

_NICENESS = {"console": 10, "mesh": 10, "record": 9}
"""The page is a look at the show, and the recorder has its queues: neither must cost it frames."""

_LOADING_LIMIT_S = 900.0
"""They may have to download what they load, once."""

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


@dataclass(frozen=True)
class WorkerPlan:
    """One worker to be kept alive."""

    name: str
    """Unique in the stage: the kind, or what it does of that kind: "capture.<camera>", "landmarks.faces"."""
    module: str
    """Started as `python -m MODULE`."""
    vital_group: str = ""
    """When every worker of a group refuses to start, the stage is impossible; "" is in no group."""
    source: bool = False
    """Started last, and asked whether it has finished."""
    spare: bool = False
    """Keep a prepared standby."""
    niceness: int = 0
    """How far it stands back when processor time is short, 0 to 19."""
    start_limit_s: float = 60.0
    """A worker that has not come up after this long is started again."""
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """First part of the name."""
        return self.name.partition(".")[0]


def plan_stage(
    config: Config, *, console: bool = True, modules: Mapping[str, str] = WORKER_MODULES
) -> tuple[WorkerPlan, ...]:
    """List the workers of a stage in start order.

    A stage that plays a take has the replay worker in the place of cameras, landmarks and solver, or the solver that
    follows its steps.

    Args:
        config: The stage.
        console: False leaves the page in the browser out, whatever the config says.
        modules: Python module per kind; a kind that is absent is left out.
    """
    replaying = replays(config)
    solved_again = replaying and config.replay.source == "landmarks"
    names = [SOLVE, *readers(config)] if not replaying else [SOLVE] if solved_again else []
    names += [BROADCAST]
    names += [MQTT] if mqtt_outputs(config) else []
    names += [RECORD] if config.record.enabled else []
    names += [RECEIVE] if receives(config) and not replaying else []
    names += [CONTROL] if config.control.enabled else []
    names += [CONSOLE] if console and config.console.enabled else []
    names += [MESH] if replaying and not solved_again and CONSOLE in names and config.body.mesh else []
    names += [REPLAY] if replaying else [f"capture.{camera.id}" for camera in config.cameras]
    threads = {
        BODY_READER: config.body.threads,
        FACE_READER: config.face.threads,
        SOLVE: config.body.solve_threads,
    }
    plans = []
    for name in names:
        kind = name.partition(".")[0]
        module = modules.get(RESOLVE if solved_again and name == SOLVE else kind)
        if module is None:
            continue
        plans.append(
            WorkerPlan(
                name=name,
                module=module,
                vital_group=_vital_group(kind, name, replaying),
                source=kind in ("capture", REPLAY),
                spare=kind in SPARED_KINDS,
                niceness=_NICENESS.get(kind, 0),
                start_limit_s=_LOADING_LIMIT_S if kind in SPARED_KINDS else WorkerPlan.start_limit_s,
                environment=_environment(threads.get(name, 1)),
            )
        )
    return tuple(plans)


def _vital_group(kind: str, name: str, replaying: bool) -> str:
    if replaying:  # without landmarks and solver, its outputs are what it waits for
        return kind if kind in (REPLAY, BROADCAST, SOLVE) else ""
    return {"capture": kind, "landmarks": name, "solve": kind}.get(kind, "")


def _environment(threads: int) -> dict[str, str]:
    """Thread pools as wide as planned, that sleep when idle; few malloc arenas keep memory flat."""
    return {
        **dict.fromkeys(_THREAD_VARIABLES, str(threads)),
        "OMP_WAIT_POLICY": "PASSIVE",
        "MALLOC_ARENA_MAX": "2",
        "PYTHONUNBUFFERED": "1",
    }
