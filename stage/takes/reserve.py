"""Keeps room on the disk behind a file that grows, so that its end can be written when the disk is full.

The room is allocated without changing the file's size (Linux: fallocate with FALLOC_FL_KEEP_SIZE); what is written
later goes into it. File systems that cannot do that have no reserve.
"""

from __future__ import annotations

import ctypes
import errno
import os
from contextlib import suppress
from pathlib import Path

STEP_BYTES = 16 << 20
_KEEP_SIZE = 1
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Reserve:
    """Room behind one file."""

    def __init__(self, path: Path) -> None:
        """Of a file that another descriptor writes; none is kept yet.

        Raises:
            OSError: The file cannot be opened.
        """
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        self._until = 0

    def reaches(self, size: int) -> bool:
        """Whether the file may grow to a size, as far as can be told; False: the disk is full."""
        if self._descriptor < 0 or size <= self._until:
            return True
        for until in (size + STEP_BYTES, size):
            try:
                _allocate(self._descriptor, self._until, until - self._until)
            except OSError as error:
                if error.errno not in _FULL:  # no such thing here; writing will tell
                    self._until = 1 << 62
                    return True
            else:
                self._until = until
                return True
        return False

    def close(self) -> None:
        """Gives back what the file does not need."""
        if self._descriptor >= 0:
            with suppress(OSError):
                os.ftruncate(self._descriptor, os.fstat(self._descriptor).st_size)
            os.close(self._descriptor)
            self._descriptor = -1


def _allocate(descriptor: int, offset: int, length: int) -> None:
    fallocate = getattr(ctypes.CDLL(None, use_errno=True), "fallocate", None)
    if fallocate is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if fallocate(descriptor, _KEEP_SIZE, ctypes.c_longlong(offset), ctypes.c_longlong(length)) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
