"""The file behind a frame ring: its name, layout, room, lock and end.

    byte 0     magic "STAGERNG", version, slots, height, width       (int64 each)
    byte 128   generation of slot 0                                  (int64, a cache line of its own)
    byte 192   generation of slot 1 ...
    page       pixels of slot 0, uint8 (height, width, 3) BGR, page aligned; slot 1 ...

The writer holds a file lock for as long as it lives, whatever ends it. A ring whose lock is free is
stale: the next writer of that name removes it, or `remove_stale_rings` does.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import mmap
import os
import re
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.errors import RingError, RingGoneError, RingSpaceError

SHARED_MEMORY = Path("/dev/shm")
RING_PREFIX = "stage."
"""Beginning of the name of every ring made by `ring_name`."""

CHANNELS = 3
MAX_SLOTS = 60
MAX_SIDE = 16384

_MAGIC = b"STAGERNG"
_VERSION = 1
_HEADER = struct.Struct("<8s4q")
_INT64S_PER_LINE = 8
_FIRST_LINE = 2  # cache lines before the generation of slot 0
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,120}")


class RingShape(NamedTuple):
    """What a ring holds."""

    slots: int
    height: int
    width: int

    @property
    def image_bytes(self) -> int:
        """Bytes of one image."""
        return self.height * self.width * CHANNELS

    @property
    def total_bytes(self) -> int:
        """Bytes of the whole file."""
        return self.slot_offset(self.slots)

    def slot_offset(self, slot: int) -> int:
        """Where the pixels of a slot begin: always at a page."""
        return mmap.PAGESIZE * (1 + slot * -(-self.image_bytes // mmap.PAGESIZE))

    def check(self, name: str) -> RingShape:
        """The shape itself.

        Raises:
            RingError: It is empty or absurdly large.
        """
        if not (1 <= self.slots <= MAX_SLOTS and 1 <= self.height <= MAX_SIDE and 1 <= self.width <= MAX_SIDE):
            raise RingError(
                f"frame ring {name}: {self.slots} slots of {self.width}x{self.height}; "
                f"permitted are 1 to {MAX_SLOTS} slots and sides of 1 to {MAX_SIDE} pixels"
            )
        return self


def ring_name(run_dir: Path, camera: str) -> str:
    """A ring's name, different for every camera of every stage on this host."""
    run = hashlib.sha256(str(run_dir.resolve()).encode()).hexdigest()[:8]
    readable = re.sub(r"[^A-Za-z0-9_-]", "_", camera)[:40]
    if readable != camera:
        readable += "-" + hashlib.sha256(camera.encode()).hexdigest()[:8]
    return f"{RING_PREFIX}{run}.{readable}"


def ring_path(name: str) -> Path:
    """Where a ring lies.

    Raises:
        RingError: The name could lead elsewhere; it may come from a message.
    """
    if not _NAME.fullmatch(name):
        raise RingError(f"{name!r} is no name of a frame ring: letters, digits, '_', '-' and '.' make one")
    return SHARED_MEMORY / name


def create(name: str, shape: RingShape) -> tuple[int, mmap.mmap]:
    """Makes the file, locked, with room for all its pages and a complete header.

    Returns:
        Its descriptor, which carries the lock, and its writable map.

    Raises:
        RingSpaceError: Shared memory is full.
        RingError: A living process has a ring of that name, or the file cannot be made.
    """
    shape.check(name)
    path = ring_path(name)
    descriptor = _create_locked(path)
    try:
        _reserve_room(name, descriptor, shape.total_bytes)
        memory = mmap.mmap(descriptor, shape.total_bytes, flags=mmap.MAP_SHARED | _POPULATE)
        # The magic comes last: a reader that finds it finds a whole header.
        memory[len(_MAGIC) : _HEADER.size] = _HEADER.pack(_MAGIC, _VERSION, *shape)[len(_MAGIC) :]
        memory[: len(_MAGIC)] = _MAGIC
    except BaseException:
        path.unlink(missing_ok=True)
        os.close(descriptor)
        raise
    return descriptor, memory


def remove(name: str, descriptor: int) -> None:
    """Unlinks the writer's own file, gives its lock back and closes it."""
    path = ring_path(name)
    if _is_at(descriptor, path):
        path.unlink(missing_ok=True)
    fcntl.flock(descriptor, fcntl.LOCK_UN)  # a view that outlives the writer keeps the file, not the lock
    os.close(descriptor)


def open_for_reading(name: str) -> tuple[tuple[int, int], mmap.mmap, RingShape]:
    """Maps an existing ring.

    Returns:
        The file's identity (device, inode), its read-only map, its shape.

    Raises:
        RingGoneError: There is no such ring.
        RingError: The file is not a ring of this version.
    """
    path = ring_path(name)
    with _opened(path, os.O_RDONLY) as descriptor:
        status = os.fstat(descriptor)
        header = os.pread(descriptor, _HEADER.size, 0) if stat.S_ISREG(status.st_mode) else b""
        if len(header) < _HEADER.size or not header.startswith(_MAGIC):
            raise RingError(f"{path} is not a frame ring")
        _, version, *sides = _HEADER.unpack(header)
        if version != _VERSION:
            raise RingError(f"{path} is a frame ring of version {version}, this program reads version {_VERSION}")
        shape = RingShape(*sides).check(name)
        if status.st_size != shape.total_bytes:
            raise RingError(f"frame ring {path} has {status.st_size} bytes where its header needs {shape.total_bytes}")
        memory = mmap.mmap(descriptor, shape.total_bytes, flags=mmap.MAP_SHARED | _POPULATE, prot=mmap.PROT_READ)
    return (status.st_dev, status.st_ino), memory, shape


def identity(name: str) -> tuple[int, int] | None:
    """(device, inode) of the ring that has this name now; None when there is none."""
    try:
        status = ring_path(name).stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def generations_of(memory: mmap.mmap, shape: RingShape) -> NDArray[np.int64]:
    """int64 (slots,) view of the generations, a cache line apart."""
    lines = np.frombuffer(memory, "<i8", count=(_FIRST_LINE + shape.slots) * _INT64S_PER_LINE)
    return lines[_FIRST_LINE * _INT64S_PER_LINE :: _INT64S_PER_LINE]


def images_of(memory: mmap.mmap, shape: RingShape) -> list[NDArray[np.uint8]]:
    """uint8 (height, width, 3) view of every slot."""
    size = (shape.height, shape.width, CHANNELS)
    return [np.ndarray(size, np.uint8, memory, shape.slot_offset(slot)) for slot in range(shape.slots)]


def remove_stale_rings(prefix: str = RING_PREFIX) -> list[str]:
    """Removes the rings whose writers are dead; rings in use are left alone.

    Args:
        prefix: Beginning of the names of the rings to look at.

    Returns:
        The names of the rings removed.
    """
    if not SHARED_MEMORY.is_dir():
        return []
    paths = [path for path in SHARED_MEMORY.iterdir() if path.name.startswith(prefix) and _NAME.fullmatch(path.name)]
    return sorted(path.name for path in paths if _remove_if_stale(path))


_POPULATE = getattr(mmap, "MAP_POPULATE", 0)  # no page faults in the first frames


def _create_locked(path: Path) -> int:
    """A new, empty, locked file; a stale one of that name is replaced."""
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except FileExistsError:
            if not _remove_if_stale(path):
                raise RingError(f"{path} is in use: is this stage running twice?") from None
            continue
        except OSError as error:
            raise RingError(f"{path}: {error.strerror}") from error
        # Between the two calls another process may have taken the new file for a stale one.
        if _try_lock(descriptor) and _is_at(descriptor, path):
            return descriptor
        os.close(descriptor)


def _reserve_room(name: str, descriptor: int, needed_bytes: int) -> None:
    """Gets all pages now: later, a missing one would kill the process with SIGBUS."""
    space = os.statvfs(SHARED_MEMORY)
    free_bytes = space.f_bavail * space.f_frsize
    full = RingSpaceError(name, str(SHARED_MEMORY), needed_bytes, free_bytes)
    if needed_bytes > free_bytes:
        raise full
    try:
        os.posix_fallocate(descriptor, 0, needed_bytes)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EFBIG, errno.ENOMEM):
            raise full from error
        raise RingError(f"{SHARED_MEMORY / name}: {error.strerror}") from error


def _remove_if_stale(path: Path) -> bool:
    """Whether the name is free now: it was free, or named a ring whose writer is dead."""
    try:
        with _opened(path, os.O_RDWR) as descriptor:
            if not (_is_ring(descriptor) and _try_lock(descriptor)):
                return False
            if _is_at(descriptor, path):
                path.unlink(missing_ok=True)
            return True
    except RingGoneError:
        return True
    except RingError:
        return False


def _is_ring(descriptor: int) -> bool:
    """Whether the file begins as a ring does, or not at all because its writer died while making it."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        return False
    return os.pread(descriptor, len(_MAGIC), 0) in (b"", bytes(len(_MAGIC)), _MAGIC)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether the open file is the one that has this name now."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    # Never a link, and never waiting for the other end of a pipe.
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise RingGoneError(f"{path} is gone: its camera has stopped or not started") from error
    except OSError as error:
        raise RingError(f"{path}: {error.strerror}") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)
