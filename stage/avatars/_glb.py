"""The JSON of a GLB file, which is all that a humanoid at rest needs; meshes and textures stay unread.

    "glTF", version, length of the file | length of the chunk, "JSON", the chunk | more chunks

Numbers are little-endian uint32. The lengths are the file's word, so each is checked before it is believed.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

from stage.errors import AvatarError

MOST_JSON_BYTES = 64 << 20
"""A large avatar's is about 1 MB."""

_HEAD = struct.Struct("<4sIIII")  # the file's head and the first chunk's
_MAGIC, _JSON, _VERSION = b"glTF", int.from_bytes(b"JSON", "little"), 2


def read_json(path: Path) -> bytes:
    """The JSON chunk.

    Raises:
        AvatarError: The file cannot be read, is no GLB, or ends early.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            head = file.read(_HEAD.size)
            if head[:4] != _MAGIC:
                raise AvatarError(f"{path}: not a .vrm: no GLB file; export the avatar as VRM again")
            if len(head) < _HEAD.size:
                raise AvatarError(f"{path}: ends after {len(head)} bytes; copy or download it again")
            _, version, length, chunk, kind = _HEAD.unpack(head)
            if version != _VERSION or kind != _JSON:
                raise AvatarError(f"{path}: a GLB of version {version} without JSON first; export it as glTF 2")
            if length > size or chunk > size - _HEAD.size:
                raise AvatarError(f"{path}: ends after {size} of {max(length, chunk)} bytes; copy or download it again")
            if chunk > MOST_JSON_BYTES:
                raise AvatarError(f"{path}: {chunk >> 20} MB of JSON, more than {MOST_JSON_BYTES >> 20}; no avatar")
            return file.read(chunk)
    except OSError as error:
        raise AvatarError(f"{path}: cannot be read: {error.strerror or error}") from error
