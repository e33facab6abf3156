"""What can go wrong at the edge of a process, as types.

A protocol error carries its facts and says what to do, in one line. Most of them are *counted* by
the worker that meets them (a corrupt message, an overtaken reader) and the show goes on; those
met at the start of a stage (no room in shared memory, a port in use) end the start.
"""

from __future__ import annotations


class ProtocolError(Exception):
    """Base of all errors of the bus, the rings, the clock file and the wire formats."""


class EncodeError(ProtocolError):
    """A record that does not have the layout its class promises."""


class DecodeError(ProtocolError):
    """Bytes from outside that are not what they should be."""


class BusError(ProtocolError):
    """A bus address that cannot be bound or connected."""


class TakeError(ProtocolError):
    """A take file that cannot be written, or is damaged."""


class RingError(ProtocolError):
    """A frame ring that cannot be made, opened or used."""


class RingSpaceError(RingError):
    """Shared memory has no room for a ring.

    Attributes:
        needed_bytes: Size of the ring.
        free_bytes: What shared memory has left.
    """

    def __init__(self, name: str, folder: str, needed_bytes: int, free_bytes: int) -> None:
        self.needed_bytes = needed_bytes
        self.free_bytes = free_bytes
        super().__init__(
            f"frame ring {name} needs {needed_bytes / 1e6:.1f} MB but {folder} has {free_bytes / 1e6:.1f} MB free: "
            f"enlarge it (docker: --shm-size=1g) or use fewer or smaller cameras"
        )


class RingGoneError(RingError):
    """The ring's writer has closed it, or has not made it yet."""


class OvertakenError(RingError):
    """The writer has reused the slot before the reader was done with it.

    Attributes:
        slot: The slot that was asked for.
        expected: The generation the reader was told of.
        found: The generation that lies there now; odd while it is being written.
    """

    def __init__(self, name: str, slot: int, expected: int, found: int) -> None:
        self.slot = slot
        self.expected = expected
        self.found = found
        super().__init__(
            f"frame ring {name}, slot {slot}: expected generation {expected}, found {found}; the reader was too slow"
        )
