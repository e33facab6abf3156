"""Waiting for several things at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any


async def first_of(*waits: Coroutine[Any, Any, object]) -> None:
    """Wait until the first of several is over, and cancel the others."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def all_within(limit_s: float, waits: list[Coroutine[Any, Any, object]]) -> None:
    """Wait for all of them, but no longer than that."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.gather(*waits), limit_s)
