r"""A GLB file while it is put together: glTF 2.0, its JSON and all arrays in one file.

    "glTF", 2, length
    length, "JSON", {...} padded with spaces
    length, "BIN\0", arrays, each on a boundary of four bytes

An accessor says how an array lies in the file. A sparse one holds only the rows that are not zero.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from stage.errors import ExportError

_COMPONENTS = {"float32": 5126, "uint32": 5125, "uint16": 5123, "uint8": 5121}
_TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963
"""What a GPU uses an array for: vertices; indices of triangles."""
_MAX_BYTES = 0xFFFFFFFF


class GlbFile:
    """Collects arrays, then writes them behind a JSON that speaks of them."""

    def __init__(self) -> None:
        self._accessors: list[dict[str, Any]] = []
        self._views: list[dict[str, Any]] = []
        self._arrays: list[NDArray[Any]] = []
        self._size = 0

    def accessor(self, array: NDArray[Any], *, target: int = 0, bounds: bool = False, normalised: bool = False) -> int:
        """Adds an array; returns the index of its accessor.

        Args:
            array: (N,) or (N, components), of a type that glTF has.
            target: `ARRAY_BUFFER`, `ELEMENT_ARRAY_BUFFER`, or 0 for what no GPU reads.
            bounds: Whether least and greatest are told; glTF wants them of positions and times.
            normalised: Whether the greatest integer means 1.
        """
        entry = self._described(array, len(array))
        entry["bufferView"] = self._view(array, target)
        if bounds:
            entry |= _bounds(array)
        if normalised:
            entry["normalized"] = True
        self._accessors.append(entry)
        return len(self._accessors) - 1

    def sparse(self, rows: NDArray[np.integer], values: NDArray[Any], count: int) -> int:
        """Adds an array of `count` rows of which these are not zero; returns the index of its accessor.

        Args:
            rows: (K,) rising, K >= 1.
            values: (K, components).
            count: Rows of the whole.
        """
        entry = self._described(values, count)
        whole = np.concatenate([values, np.zeros_like(values[:1])]) if len(values) < count else values
        entry |= _bounds(whole)
        kind = np.uint16 if count <= 0xFFFF else np.uint32
        entry["sparse"] = {
            "count": len(rows),
            "indices": {"bufferView": self._view(rows.astype(kind), 0), "componentType": _COMPONENTS[kind.__name__]},
            "values": {"bufferView": self._view(values, 0)},
        }
        self._accessors.append(entry)
        return len(self._accessors) - 1

    def write(self, path: Path, document: dict[str, Any]) -> None:
        """Writes the file.

        Args:
            path: A file that is not there.
            document: The JSON but for its accessors and buffers.

        Raises:
            ExportError: It would be larger than a GLB can be.
            OSError: It cannot be written.
        """
        whole = document | {
            "accessors": self._accessors,
            "bufferViews": self._views,
            "buffers": [{"byteLength": self._size}],
        }
        text = msgspec.json.encode(whole)
        text += b" " * (-len(text) % 4)
        total = 12 + 8 + len(text) + 8 + self._size
        if total > _MAX_BYTES:
            raise ExportError(f"a GLB of {total / 1e9:.1f} GB cannot be; export a part of the take, by --from and --to")
        with path.open("xb") as file:
            file.write(struct.pack("<4sII", b"glTF", 2, total))
            file.write(struct.pack("<I4s", len(text), b"JSON") + text)
            file.write(struct.pack("<I4s", self._size, b"BIN\0"))
            for array in self._arrays:
                file.write(np.ascontiguousarray(array).data)
                file.write(bytes(-array.nbytes % 4))

    def _described(self, array: NDArray[Any], count: int) -> dict[str, Any]:
        components = 1 if array.ndim == 1 else array.shape[1]
        return {"componentType": _COMPONENTS[array.dtype.name], "count": count, "type": _TYPES[components]}

    def _view(self, array: NDArray[Any], target: int) -> int:
        view: dict[str, Any] = {"buffer": 0, "byteOffset": self._size, "byteLength": array.nbytes}
        if target:
            view["target"] = target
        self._views.append(view)
        self._arrays.append(array)
        self._size += array.nbytes + -array.nbytes % 4
        return len(self._views) - 1


def _bounds(array: NDArray[Any]) -> dict[str, Any]:
    rows = array.reshape(len(array), -1)
    return {"min": rows.min(0).tolist(), "max": rows.max(0).tolist()}
