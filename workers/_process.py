"""What a worker asks of its operating system: to die with its supervisor, and how large it is.

A supervisor that is killed with -9 cannot clean up. Its workers therefore watch it themselves:
Linux sends them SIGTERM the moment their parent is gone (PR_SET_PDEATHSIG), and a guard thread,
which also works elsewhere, notices a changed parent and ends a worker that hangs.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from pathlib import Path

PARENT_VARIABLE = "STAGE_SUPERVISOR_PID"
"""Set by the supervisor for its workers, so that a parent lost before the first look is noticed."""

_PR_SET_PDEATHSIG = 1
_GUARD_PERIOD_S = 0.5
_GRACE_S = 2.0
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_STATM = Path("/proc/self/statm")


def die_with_parent() -> None:
    """Ask for SIGTERM when the parent process ends, and for SIGKILL if that does not help."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    parent = int(os.environ.get(PARENT_VARIABLE) or os.getppid())
    threading.Thread(target=_guard, args=(parent,), name="parent-guard", daemon=True).start()


def resident_bytes() -> int:
    """Return the resident memory of this process in bytes."""
    if _STATM.exists():
        return int(_STATM.read_text().split()[1]) * _PAGE_BYTES
    import psutil  # slow to import, and only needed where there is no /proc

    return int(psutil.Process().memory_info().rss)


def _guard(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_GUARD_PERIOD_S)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_S)
    os.kill(os.getpid(), signal.SIGKILL)
