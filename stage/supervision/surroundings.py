"""What is around a running stage: the signals that end it, and the metrics that others fetch."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

from stage.config import MetricsSection
from stage.errors import SupervisionError
from stage.latency import LatencyBoard


@contextlib.contextmanager
def heard_signals(on_signal: Callable[[], None]) -> Iterator[None]:
    """Calls `on_signal`, in the running loop, at Ctrl-C and its like."""
    loop = asyncio.get_running_loop()
    wanted = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    wanted = [number for number in wanted if signal.getsignal(number) is not signal.SIG_IGN]
    for number in wanted:
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    finally:
        for number in wanted:
            loop.remove_signal_handler(number)


@contextlib.contextmanager
def served_metrics(
    section: MetricsSection, board: LatencyBoard, say: Callable[[str, str, str], None]
) -> Iterator[None]:
    """Serves the metrics; a stage goes on without when their port is taken.

    Args:
        section: Where.
        board: The numbers.
        say: Tells the operator: kind, worker, text.
    """
    server = None
    if section.enabled:
        from stage.supervision.metrics import MetricsServer

        try:
            server = MetricsServer(section, board)
            say("info", "", f"metrics: {server.address}")
        except SupervisionError as error:
            say("error", "", str(error))
    try:
        yield
    finally:
        if server is not None:
            server.close()
