"""Records of every class, for tests: hypothesis strategies derived from the classes themselves."""

from __future__ import annotations

from typing import Any, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st

from protocols.codec import RECORD_TYPES
from protocols.messages import Record

FLOAT32 = 4
ARRAY_BYTES: dict[str, tuple[int, ...]] = {
    "points": (33 * 3 * FLOAT32,),
    "world": (0, 33 * 3 * FLOAT32),
    "root": (7 * FLOAT32,),
    "rotations": (53 * 4 * FLOAT32,),
    "joints": (53 * 3 * FLOAT32,),
    "rest_joints": (53 * 3 * FLOAT32,),
    "confidence": (53 * FLOAT32,),
    "vertices": (3 * FLOAT32, 30 * FLOAT32),
    "cameras": (33 * 2 * FLOAT32,),
    "legs": (256 * 8,),
}
"""Permitted sizes of the arrays, by field, as the docstrings of `protocols.messages` state them."""

INT64 = st.integers(-(2**63), 2**63 - 1)


def records() -> st.SearchStrategy[Record]:
    """A record of any class."""
    return st.one_of([structs(record_type) for record_type in RECORD_TYPES])


def structs(struct: type[Any]) -> st.SearchStrategy[Any]:
    """A struct of one class, every field by its type."""
    hints = get_type_hints(struct)
    names = [field.name for field in msgspec.structs.fields(struct)]
    return st.builds(struct, **{name: _values(hints[name], name) for name in names})


def _values(kind: Any, field: str) -> st.SearchStrategy[Any]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return structs(kind)
    if get_origin(kind) is tuple:
        return st.lists(_values(get_args(kind)[0], field), max_size=3).map(tuple)
    if get_origin(kind) is dict:
        return st.dictionaries(st.text(max_size=8), _values(get_args(kind)[1], field), max_size=3)
    if kind is bytes:
        return st.sampled_from(ARRAY_BYTES[field]).map(lambda size: bytes(i % 251 for i in range(size)))
    simple = {int: INT64, str: st.text(max_size=20), float: st.floats(allow_nan=False), bool: st.booleans()}
    return simple[kind]
