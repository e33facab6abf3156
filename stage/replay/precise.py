"""Waiting that ends when it should: the system's sleep overshoots by its timer slack and by whoever else runs."""

from __future__ import annotations

import os
import time
from typing import Any

import zmq

from protocols.clock import StageClock

SPIN_NS = 300_000
"""So long before the end it is not slept any more."""
_POLLED_NS = 3_000_000


def take_precedence() -> bool:
    """Lets this thread, and those that it starts from now on, run before ordinary ones, where the system permits.

    They sleep nearly always; whoever else needs the processor loses nothing.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except (AttributeError, OSError):  # not Linux, or not permitted
        return False
    return True


def wait_until(clock: StageClock, until_ns: int, socket: zmq.Socket[Any] | None = None) -> None:
    """Waits until a stage time, or until a socket has something, if that is noticed early enough."""
    left_ns = until_ns - clock.now_ns()
    if socket is not None and left_ns > _POLLED_NS and socket.poll((left_ns - _POLLED_NS // 2) // 1_000_000):
        return
    while (left_ns := until_ns - clock.now_ns()) > SPIN_NS:
        time.sleep((left_ns - SPIN_NS) / 1e9)
    while clock.now_ns() < until_ns:
        time.sleep(0)  # lets the reader go on
