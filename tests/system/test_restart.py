"""Every worker of a real stage is killed in turn, and the stream to the engine comes back."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stage.supervision.keeper import patience
from stage.supervision.plan import plan_stage
from stage.supervision.supervisor import Supervisor
from tests.stage.test_supervisor import BACK_S, Ear
from tests.system.small_stage import Engine, small_config


async def until(condition: Callable[[], object], timeout_s: float) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s
        await asyncio.sleep(0.01)


async def hear(engine: Engine) -> None:
    while True:
        engine.listen(0)
        await asyncio.sleep(0.002)


async def kill_and_wait(supervisor: Supervisor, engine: Engine, ear: Ear, name: str) -> float:
    """Kill one worker when the stage is whole; the longest pause of the stream until it is whole again, in seconds."""
    await until(lambda: supervisor._keepers, 60.0)
    keepers = supervisor._keepers
    await until(lambda: all(keeper.up.is_set() and not keeper.down for keeper in keepers.values()), 60.0)
    for keeper in keepers.values():
        if keeper.plan.spare:
            await until(lambda spare=keeper.spare: spare.process and spare.process.prepared.is_set(), 60.0)
    await until(lambda: engine.frames and time.monotonic() - engine.frames[-1].at_s < 0.2, 60.0)
    victim = keepers[name].active
    assert victim is not None
    before = len(engine.frames) - 1
    os.kill(victim.pid, signal.SIGKILL)
    await until(lambda: ear.heard(name, "back after"), 30.0)
    back = len(engine.frames)
    await until(lambda: len(engine.frames) >= back + 10, 30.0)
    times = [frame.at_s for frame in engine.frames[before:]]
    return max(b - a for a, b in itertools.pairwise(times))


@pytest.mark.timeout(300)
def test_the_stream_survives_the_death_of_each_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    engine, ear = Engine(), Ear()
    config = small_config(tmp_path, engine.port, loop=True)
    plans = plan_stage(config)

    async def live() -> dict[str, float]:
        supervisor = Supervisor(config, plans, ear)
        running, hearing = asyncio.create_task(supervisor.run()), asyncio.create_task(hear(engine))
        try:
            return {plan.name: await kill_and_wait(supervisor, engine, ear, plan.name) for plan in plans}
        finally:
            os.kill(os.getpid(), signal.SIGINT)  # as Ctrl-C would
            await running
            hearing.cancel()

    pauses = asyncio.run(live())
    engine.close()
    backs = {plan.name: float(ear.heard(plan.name, "back after")[0].split()[2]) for plan in plans}
    limit_s = BACK_S * patience()
    assert all(pause < limit_s for pause in pauses.values()), (pauses, ear.messages)
    assert all(back < limit_s for back in backs.values()), (backs, ear.messages)
