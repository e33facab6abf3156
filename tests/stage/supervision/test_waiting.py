from __future__ import annotations

import asyncio
import time

from stage.supervision.waiting import all_within, first_of


def test_the_first_ends_the_wait_and_the_others() -> None:
    async def scenario() -> None:
        never, now = asyncio.Event(), asyncio.Event()
        now.set()
        await first_of(never.wait(), now.wait())
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(scenario())


def test_waiting_for_all_has_a_limit() -> None:
    async def scenario() -> None:
        await all_within(0.01, [asyncio.Event().wait(), asyncio.sleep(0.0)])
        await all_within(60.0, [])

    began_s = time.monotonic()
    asyncio.run(scenario())
    assert time.monotonic() - began_s < 30.0
