"""Frame rings: the pixels of one camera in shared memory, written once, read by any number of processes.

Slots are reused in turn and the writer waits for nobody. A slot's *generation* is its sequence
lock: the writer makes it odd, writes the pixels, and makes it even and higher than any before. A
reader is told (slot, generation) in a `FrameNote`, uses the pixels where they lie, and asks
afterwards whether the generation is still the same; if not, it was overtaken and forgets what it
computed from them.

    writer                                    reader
    slot, generation = ring.write(image)  ->  image = ring.view(slot, generation)
                                              ... use image ...
                                              ring.still_valid(slot, generation)

Generations start from the monotonic clock in nanoseconds, so no note of a dead writer fits the
ring of its successor. A reader that finds another generation than it was told looks whether the
file has been replaced, and follows. (The layout of the file: `protocols._ring_file`.)
"""

from __future__ import annotations

import threading
import time

import numpy as np
from numpy.typing import NDArray

from protocols import _ring_file
from protocols._ring_file import RING_PREFIX, SHARED_MEMORY, RingShape, remove_stale_rings, ring_name
from protocols.errors import OvertakenError, RingError, RingGoneError

__all__ = [
    "RING_PREFIX",
    "SHARED_MEMORY",
    "RingReader",
    "RingShape",
    "RingWriter",
    "remove_stale_rings",
    "ring_name",
]

_fence_lock = threading.Lock()


def _fence() -> None:
    """Keeps memory accesses before it before those after it, also on processors that reorder them."""
    with _fence_lock:
        pass
    with _fence_lock:
        pass


class RingWriter:
    """Creates a ring, writes images into it, and removes it when closed."""

    def __init__(self, name: str, slots: int, height: int, width: int) -> None:
        """Makes /dev/shm/NAME, readable by this user only; a stale one of that name is replaced.

        Args:
            name: File name, see `ring_name`.
            slots: Images it holds; a reader has the time of `slots` - 1 frames for one.
            height: Rows of every image.
            width: Columns of every image.

        Raises:
            RingSpaceError: Shared memory is full.
            RingError: A living process has that name, or the arguments are absurd.
        """
        self.name = name
        self.shape = RingShape(slots, height, width)
        self._descriptor, memory = _ring_file.create(name, self.shape)
        self._generations = _ring_file.generations_of(memory, self.shape)
        self._images = _ring_file.images_of(memory, self.shape)
        self._next = (0, time.monotonic_ns() // 2 * 2)
        self._reserved = False
        self._closed = False

    def reserve(self) -> NDArray[np.uint8]:
        """The next slot, to write an image straight into; `commit` publishes it.

        Until then the slot holds nothing for readers. Reserving again without a commit (the camera
        gave no image) gives the same slot.

        Returns:
            uint8 (height, width, 3), writable.
        """
        self._refuse_if_closed()
        slot, generation = self._next
        self._generations[slot] = generation - 1
        _fence()
        self._reserved = True
        return self._images[slot]

    def commit(self) -> tuple[int, int]:
        """Publishes the reserved slot.

        Returns:
            Its slot and generation, for the note.

        Raises:
            RingError: Nothing is reserved.
        """
        self._refuse_if_closed()
        if not self._reserved:
            raise RingError(f"frame ring {self.name}: commit without reserve")
        slot, generation = self._next
        _fence()
        self._generations[slot] = generation
        self._reserved = False
        self._next = ((slot + 1) % self.shape.slots, generation + 2)
        return slot, generation

    def write(self, image: NDArray[np.uint8]) -> tuple[int, int]:
        """Copies an image, uint8 (height, width, 3), into the next slot and publishes it.

        Returns:
            Its slot and generation, for the note.

        Raises:
            RingError: The image has another size or type than the ring.
        """
        expected = self._images[0]
        if image.shape != expected.shape or image.dtype != expected.dtype:
            raise RingError(
                f"frame ring {self.name} holds uint8 {expected.shape}, got {image.dtype} {image.shape}: "
                f"make a new ring when a camera changes its size"
            )
        np.copyto(self.reserve(), image)
        return self.commit()

    def close(self) -> None:
        """Removes the ring; readers keep what they have mapped."""
        if not self._closed:
            self._closed = True
            _ring_file.remove(self.name, self._descriptor)

    def __enter__(self) -> RingWriter:
        """The writer itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise RingError(f"frame ring {self.name} is closed")


class RingReader:
    """Reads the images of one camera; follows its writer through restarts."""

    def __init__(self, name: str) -> None:
        """Opens /dev/shm/NAME.

        Raises:
            RingGoneError: There is no such ring.
            RingError: The name or the file is not that of a ring.
        """
        self.name = name
        self.reopened = 0
        """How often the writer was found restarted."""
        self._open()

    def view(self, slot: int, generation: int) -> NDArray[np.uint8]:
        """The image where it lies; nothing is copied.

        Use it at once and then ask `still_valid`.

        Returns:
            uint8 (height, width, 3), read-only.

        Raises:
            OvertakenError: The writer has reused the slot.
            RingGoneError: The ring was closed, and this image with it.
            RingError: The ring has no such slot.
        """
        if self._found(slot) != generation:
            self._follow_writer()
            found = self._found(slot)
            if found is None:
                raise RingError(f"frame ring {self.name} has {self.shape.slots} slots, a note names slot {slot}")
            if found != generation:
                raise OvertakenError(self.name, slot, generation, found)
        _fence()
        return self._images[slot]

    def still_valid(self, slot: int, generation: int) -> bool:
        """Whether everything read from the view so far belonged to that image."""
        _fence()
        return self._found(slot) == generation

    def copy(self, slot: int, generation: int, out: NDArray[np.uint8]) -> None:
        """Copies the image into `out`, uint8 (height, width, 3).

        Raises:
            OvertakenError: The writer has reused the slot; `out` holds a torn image.
            RingError: As for `view`, or `out` has another size.
        """
        image = self.view(slot, generation)
        if out.shape != image.shape or out.dtype != image.dtype:
            raise RingError(f"frame ring {self.name} holds uint8 {image.shape}, asked for {out.dtype} {out.shape}")
        np.copyto(out, image)
        if not self.still_valid(slot, generation):
            raise OvertakenError(self.name, slot, generation, int(self._generations[slot]))

    def close(self) -> None:
        """Lets go of the ring; views that are still used keep their memory."""
        self.shape = RingShape(0, 0, 0)
        self._generations, self._images = self._generations[:0].copy(), []

    def __enter__(self) -> RingReader:
        """The reader itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()

    def _open(self) -> None:
        self._identity, memory, self.shape = _ring_file.open_for_reading(self.name)
        self._generations = _ring_file.generations_of(memory, self.shape)
        self._images = _ring_file.images_of(memory, self.shape)

    def _found(self, slot: int) -> int | None:
        """Generation of a slot; None when there is no such slot."""
        return int(self._generations[slot]) if 0 <= slot < self.shape.slots else None

    def _follow_writer(self) -> None:
        identity = _ring_file.identity(self.name)
        if identity is None:
            raise RingGoneError(f"frame ring {self.name} is gone: its camera has stopped")
        if identity != self._identity:
            self._open()
            self.reopened += 1
