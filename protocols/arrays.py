"""Arrays in records: raw little-endian bytes, C order; the shape stands in the record's docstring.

No shape or dtype travels. Both ends know them, and `from_bytes` refuses data of any other size,
so a wrong array is found where it arrives and not where it is used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.errors import DecodeError


def to_bytes(array: NDArray[Any], dtype: type[np.generic] = np.float32) -> bytes:
    """Raw little-endian bytes of an array, converted to `dtype` first."""
    return np.ascontiguousarray(array, dtype=_little_endian(dtype)).tobytes()


def from_bytes(data: bytes, shape: tuple[int, ...], dtype: type[np.generic] = np.float32) -> NDArray[Any]:
    """A read-only view of the bytes as an array; nothing is copied.

    Args:
        data: Bytes made by `to_bytes`.
        shape: Expected shape; one axis may be -1, it takes what is there.
        dtype: Expected element type.

    Raises:
        DecodeError: The data have another size.
    """
    little = _little_endian(dtype)
    try:  # dozens of times per performance
        return np.frombuffer(data, little).reshape(shape)
    except ValueError:
        raise DecodeError(f"array of {len(data)} bytes where {little.name} {shape} was expected") from None


def stacked(parts: Sequence[bytes], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Several float32 arrays of one shape as one, (len(parts), *shape), read-only.

    Raises:
        DecodeError: One of them has another size.
    """
    size = 4 * math.prod(shape)
    for data in parts:
        if len(data) != size:
            raise DecodeError(f"array of {len(data)} bytes where float32 {shape} was expected")
    whole = parts[0] if len(parts) == 1 else b"".join(parts)
    return np.frombuffer(whole, _little_endian(np.float32)).reshape(len(parts), *shape)


@lru_cache
def _little_endian(dtype: type[np.generic]) -> np.dtype[Any]:
    return np.dtype(dtype).newbyteorder("<")
