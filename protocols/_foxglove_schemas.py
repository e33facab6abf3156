"""Descriptions of the messages in `protocols.foxglove`, and their classes, made without a compiler."""

from __future__ import annotations

from typing import Any, NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

PACKAGE = "foxglove"
ENCODING = "protobuf"
"""Of messages and schemas, in MCAP's words."""

_TIMESTAMP = "google.protobuf.Timestamp"
_OWN_FIELDS = (
    ("stage_extradata", 1000, "bytes"),
    ("stage_delta", 1001, "bool"),
    ("stage_hidden", 1002, "bool"),
    ("stage_frame", 1003, "int64"),
    ("stage_rotation", 1004, "int32"),
    ("stage_width", 1005, "int32"),
    ("stage_height", 1006, "int32"),
    ("stage_colorspace", 1007, "int32"),
    ("stage_color_range", 1008, "int32"),
)
"""Of pictures, far from Foxglove's own numbers: what a decoder needs to know besides, see `foxglove.Picture`."""
_FIELDS: dict[str, tuple[tuple[str, int, str], ...]] = {
    "Vector3": (("x", 1, "double"), ("y", 2, "double"), ("z", 3, "double")),
    "Quaternion": (("x", 1, "double"), ("y", 2, "double"), ("z", 3, "double"), ("w", 4, "double")),
    "FrameTransform": (
        ("timestamp", 1, _TIMESTAMP),
        ("parent_frame_id", 2, "string"),
        ("child_frame_id", 3, "string"),
        ("translation", 4, "foxglove.Vector3"),
        ("rotation", 5, "foxglove.Quaternion"),
    ),
    "FrameTransforms": (("transforms", 1, "foxglove.FrameTransform*"),),
    "CompressedImage": (
        ("timestamp", 1, _TIMESTAMP),
        ("data", 2, "bytes"),
        ("format", 3, "string"),
        ("frame_id", 4, "string"),
        *_OWN_FIELDS,
    ),
    "CompressedVideo": (
        ("timestamp", 1, _TIMESTAMP),
        ("frame_id", 2, "string"),
        ("data", 3, "bytes"),
        ("format", 4, "string"),
        *_OWN_FIELDS,
    ),
}
"""Per message: name, number and type of its fields; "*" is repeated. What a message needs stands before it."""


class Schema(NamedTuple):
    """How a message is described in an MCAP file."""

    name: str
    data: bytes
    """A serialised `FileDescriptorSet`."""
    encoding: str = ENCODING


def _file_of(message: str) -> descriptor_pb2.FileDescriptorProto:
    """The description of one message, in a file of its own as Foxglove has it."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name=f"{PACKAGE}/{message}.proto", package=PACKAGE, syntax="proto3")
    described = file.message_type.add(name=message)
    for name, number, stated in _FIELDS[message]:
        repeated, kind = stated.endswith("*"), stated.rstrip("*")
        field = described.field.add(name=name, number=number, json_name=_camel_case(name))
        field.label = kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL
        if "." not in kind:
            field.type = kinds.Type.Value(f"TYPE_{kind.upper()}")
            continue
        field.type, field.type_name = kinds.TYPE_MESSAGE, f".{kind}"
        needed = timestamp_pb2.DESCRIPTOR.name if kind == _TIMESTAMP else kind.replace(".", "/") + ".proto"
        if needed not in file.dependency:
            file.dependency.append(needed)
    return file


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _timestamp_file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto()
    timestamp_pb2.DESCRIPTOR.CopyToProto(file)
    return file


_FILES = {file.name: file for file in (_timestamp_file(), *map(_file_of, _FIELDS))}
_pool = descriptor_pool.DescriptorPool()  # of our own: a program may have Foxglove's messages beside ours
for _file in _FILES.values():
    _pool.Add(_file)


def _needed_by(file: descriptor_pb2.FileDescriptorProto) -> list[descriptor_pb2.FileDescriptorProto]:
    """A file and those it needs, the needed ones first."""
    files: list[descriptor_pb2.FileDescriptorProto] = []
    for name in file.dependency:
        files += [needed for needed in _needed_by(_FILES[name]) if needed not in files]
    return [*files, file]


def schema_of(message: str) -> Schema:
    """The schema of one of the messages, and of what it needs."""
    files = _needed_by(_FILES[f"{PACKAGE}/{message}.proto"])
    described = descriptor_pb2.FileDescriptorSet(file=files)
    return Schema(f"{PACKAGE}.{message}", described.SerializeToString(deterministic=True))


def class_of(message: str) -> Any:
    """The class of one of the messages."""
    return message_factory.GetMessageClass(_pool.FindMessageTypeByName(f"{PACKAGE}.{message}"))
