"""A take file on the disk: written wholly or not at all, locked while somebody writes it, safe from a power cut."""

from __future__ import annotations

import fcntl
import os
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from protocols.errors import TakeError


class DiskFile:
    """A file that nobody else has made. One thread owns it."""

    def __init__(self, path: Path) -> None:
        """Makes the file and locks it against those who look for unfinished takes.

        Raises:
            FileExistsError: There is such a file; it is not touched.
            TakeError: The file cannot be made.
        """
        self.path = path
        self.size = 0
        """Bytes of all that was written."""
        self.crc = 0
        """Checksum of all that was written."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            self._descriptor = os.open(path, flags, 0o644)
        except FileExistsError:
            raise
        except OSError as error:
            raise TakeError(f"{path}: {error.strerror}; a take cannot be written there") from error
        self._fault = ""
        with suppress(OSError):  # some network disks know no locks
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        sync_folder(path.parent)

    @property
    def is_there(self) -> bool:
        """Whether the file still has its name: a deleted one takes all that is written, and keeps nothing of it."""
        try:
            return os.path.samestat(os.fstat(self._descriptor), os.stat(self.path))
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:  # a disk that does not answer now; writing will tell
            return True

    def begin(self, parts: Sequence[bytes]) -> None:
        """Writes what stands at the beginning; a file that cannot even have that is taken away.

        Raises:
            TakeError: So it is.
        """
        try:
            self.put(parts)
        except TakeError as error:
            self.close()
            self.path.unlink(missing_ok=True)
            cause = error.__cause__
            why = cause.strerror if isinstance(cause, OSError) else error
            raise TakeError(f"{self.path}: {why}; a take cannot be written there") from error

    def put(self, parts: Sequence[bytes]) -> None:
        """Writes parts wholly or not at all: what a full disk has cut is taken back.

        After a failure nothing more is written: the books of who writes no longer fit the file.

        Raises:
            TakeError: They cannot be written.
        """
        if self._fault:
            raise TakeError(self._fault)
        try:
            for part in parts:
                view = memoryview(part)
                while len(view) > 0:
                    view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            with suppress(OSError):  # then the reader finds where the last whole part ends
                os.ftruncate(self._descriptor, self.size)
                os.lseek(self._descriptor, self.size, os.SEEK_SET)
            raise self._failure(error) from error
        for part in parts:
            self.crc = zlib.crc32(part, self.crc)
            self.size += len(part)

    def sync(self) -> None:
        """Waits until all of it is on the disk.

        Raises:
            TakeError: It cannot be.
        """
        try:
            os.fdatasync(self._descriptor)
        except OSError as error:
            raise self._failure(error) from error

    def close(self) -> None:
        """Closes the file as it is."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _failure(self, error: OSError) -> TakeError:
        self._fault = f"{self.path}: {error.strerror}; the take ends there, what was written before is whole"
        return TakeError(self._fault)


def sync_folder(folder: Path) -> None:
    """Has the names in a folder on the disk, where the disk knows how: a new file is only safe when its folder is."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
