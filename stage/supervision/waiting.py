"""Waiting for several things at once, and leaving none of them behind."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

Wait = Coroutine[Any, Any, object]


async def first_of(*waits: Wait) -> None:
    """Wait until the first of several is over, and cancel the others."""
    await _wait(waits, asyncio.FIRST_COMPLETED, None)


async def all_within(limit_s: float, waits: Sequence[Wait]) -> None:
    """Wait for all of them, but no longer than that."""
    await _wait(waits, asyncio.ALL_COMPLETED, limit_s)


async def _wait(waits: Sequence[Wait], return_when: str, limit_s: float | None) -> None:
    tasks = [asyncio.create_task(wait) for wait in waits]
    if not tasks:
        return
    try:
        await asyncio.wait(tasks, timeout=limit_s, return_when=return_when)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
