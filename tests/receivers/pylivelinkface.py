from __future__ import annotations

import struct
from dataclasses import dataclass


@dataclass
class PyLiveLinkFace:
    """PyLiveLinkFace 0.1: reads the version as little-endian, and takes a byte of the id's length into an id of 37."""

    uuid: str = ""
    name: str = ""
    values: tuple[float, ...] = ()

    def take(self, datagram: bytes) -> None:
        """Reads one packet, in its own places; raises on what it chokes on."""
        struct.unpack_from("<i", datagram)
        self.uuid = datagram[4:41].decode()
        (size,) = struct.unpack_from(">i", datagram, 41)
        self.name = datagram[45 : 45 + size].decode()
        if len(datagram) > 61 + size:
            _frame, _subframe, _rate, denominator, count = struct.unpack_from(">ifiiB", datagram, 45 + size)
            if denominator == 0 or count != 61:
                raise ValueError(f"{count} values at a denominator of {denominator}")
            self.values = struct.unpack_from(">61f", datagram, 62 + size)
