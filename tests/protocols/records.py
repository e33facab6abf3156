"""Records of every class, for tests: hypothesis strategies derived from the classes themselves."""

from __future__ import annotations

from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st

from protocols.codec import RECORD_TYPES
from protocols.messages import Record

FLOAT32 = 4
ARRAY_BYTES: dict[str, tuple[int, ...]] = {
    "PersonLandmarks.points": (33 * 3 * FLOAT32,),
    "PersonLandmarks.world": (0, 33 * 3 * FLOAT32),
    "HandLandmarks.points": (21 * 4 * FLOAT32,),
    "HandLandmarks.world": (0, 21 * 3 * FLOAT32),
    "FaceLandmarks.points": (468 * 3 * FLOAT32,),
    "FaceLandmarks.eyes": (0, 2 * 76 * 2 * FLOAT32),
    "Face.shapes": (52 * FLOAT32,),
    "Face.confidence": (52 * FLOAT32,),
    "Face.head": (4 * FLOAT32,),
    "Face.gaze": (2 * 2 * FLOAT32,),
    "Performance.root": (7 * FLOAT32,),
    "Performance.rotations": (53 * 4 * FLOAT32,),
    "Performance.joints": (53 * 3 * FLOAT32,),
    "Performance.rest_joints": (53 * 3 * FLOAT32,),
    "Performance.confidence": (53 * FLOAT32,),
    "MeshNote.vertices": (3 * FLOAT32, 30 * FLOAT32),
    "Prediction.cameras": (33 * 2 * FLOAT32,),
    "Prediction.hands": (2 * 21 * 2 * FLOAT32,),
    "Heartbeat.legs": (256 * 8,),
    "ExternalFace.shapes": (0, 52 * FLOAT32),
    "ExternalFace.head": (0, 4 * FLOAT32),
    "ExternalFace.gaze": (0, 2 * 2 * FLOAT32),
    "ExternalBones.rotations": (3 * 4 * FLOAT32,),
    "ExternalBones.hips": (0, 3 * FLOAT32),
    "MarkerFrame.points": (3 * 3 * FLOAT32,),
    "MarkerFrame.seen": (3,),
}
"""Permitted sizes of the arrays, as the docstrings of `protocols.messages` state them."""

FREE_BYTES = {"SolverKeyframe.state": (0, 300), "VideoPacket.data": (0, 100), "VideoPacket.extradata": (0, 40)}
"""Bytes that are no arrays, and some of the sizes they may have."""

INT64 = st.integers(-(2**63), 2**63 - 1)


def records() -> st.SearchStrategy[Record]:
    """A record of any class."""
    return st.one_of([structs(record_type) for record_type in RECORD_TYPES])


def structs(struct: type[Any]) -> st.SearchStrategy[Any]:
    """A struct of one class, every field by its type."""
    hints = get_type_hints(struct)
    names = [field.name for field in msgspec.structs.fields(struct)]
    return st.builds(struct, **{name: _values(hints[name], f"{struct.__name__}.{name}") for name in names})


def _values(kind: Any, field: str) -> st.SearchStrategy[Any]:
    if get_origin(kind) is UnionType:
        return st.one_of([_values(choice, field) for choice in get_args(kind)])
    if kind is type(None):
        return st.none()
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return structs(kind)
    if field in ("ExternalBones.bones", "MarkerFrame.labels"):  # as many as there are rows in the arrays
        return st.lists(st.text(max_size=8), min_size=3, max_size=3).map(tuple)
    if get_origin(kind) is tuple:
        return st.lists(_values(get_args(kind)[0], field), max_size=3).map(tuple)
    if get_origin(kind) is dict:
        return st.dictionaries(st.text(max_size=8), _values(get_args(kind)[1], field), max_size=3)
    if kind is bytes:
        sizes = ARRAY_BYTES.get(field) or FREE_BYTES[field]
        return st.sampled_from(sizes).map(lambda size: bytes(i % 251 for i in range(size)))
    simple = {int: INT64, str: st.text(max_size=20), float: st.floats(allow_nan=False), bool: st.booleans()}
    return simple[kind]
