"""Messages that Foxglove shows without being told how: pictures and transforms, as protobuf.

    foxglove.CompressedVideo    one access unit of a video: timestamp, frame_id, data, format
    foxglove.CompressedImage    one picture: the same
    foxglove.FrameTransforms    coordinate frames of one instant: timestamp, parent, child, translation, rotation each

Field numbers are those that Foxglove publishes; the fields it added later (message_id, lineage) are left out, which
protobuf permits. Readers that know no Foxglove find the description of the messages in the file: `Schema.data` is a
serialised `FileDescriptorSet`, as MCAP wants it. Times are nanoseconds of stage time. (Transforms written many times
a second: `protocols.foxglove_transforms`.)
"""

from __future__ import annotations

from typing import Any, NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2
from google.protobuf.message import DecodeError as ProtobufError
from google.protobuf.message import EncodeError as ProtobufEncodeError

from protocols.errors import DecodeError, EncodeError

PACKAGE = "foxglove"
ENCODING = "protobuf"
"""Of messages and schemas, in MCAP's words."""
NS = 1_000_000_000

_TIMESTAMP = "google.protobuf.Timestamp"
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
    ),
    "CompressedVideo": (
        ("timestamp", 1, _TIMESTAMP),
        ("frame_id", 2, "string"),
        ("data", 3, "bytes"),
        ("format", 4, "string"),
    ),
}
"""Per message: name, number and type of its fields; "*" is repeated. What a message needs stands before it."""


class Schema(NamedTuple):
    """How a message is described in an MCAP file."""

    name: str
    data: bytes
    """A serialised `FileDescriptorSet`."""
    encoding: str = ENCODING


class Picture(NamedTuple):
    """A compressed picture, of a video or alone."""

    time_ns: int
    """When it was taken."""
    camera: str
    format: str
    """"h264", "h265", "vp9", "av1", "jpeg" are what Foxglove shows; others are named as FFmpeg names them."""
    data: bytes


class Transform(NamedTuple):
    """Where a coordinate frame is in another."""

    time_ns: int
    parent: str
    child: str
    translation: tuple[float, float, float]
    """Metres, origin of the child in the parent."""
    rotation: tuple[float, float, float, float]
    """xyzw, from the child's axes to the parent's."""


def encode_video(picture: Picture) -> bytes:
    """A `foxglove.CompressedVideo`.

    Raises:
        EncodeError: It has no such form: a time before 1970, more than 2 GB.
    """
    return _encode_picture(_VIDEO(), picture)


def encode_image(picture: Picture) -> bytes:
    """A `foxglove.CompressedImage`.

    Raises:
        EncodeError: As for `encode_video`.
    """
    return _encode_picture(_IMAGE(), picture)


def decode_video(data: bytes) -> Picture:
    """The picture in a `foxglove.CompressedVideo`.

    Raises:
        DecodeError: It is none.
    """
    return _decode_picture(_VIDEO(), data)


def decode_image(data: bytes) -> Picture:
    """The picture in a `foxglove.CompressedImage`.

    Raises:
        DecodeError: It is none.
    """
    return _decode_picture(_IMAGE(), data)


def encode_transforms(transforms: list[Transform]) -> bytes:
    """A `foxglove.FrameTransforms`, by protobuf itself."""
    message = _TRANSFORMS()
    for transform in transforms:
        one = message.transforms.add()
        _set_time(one.timestamp, transform.time_ns)
        one.parent_frame_id, one.child_frame_id = transform.parent, transform.child
        for part, values in ((one.translation, transform.translation), (one.rotation, transform.rotation)):
            part.SetInParent()
            for name, value in zip("xyzw", values, strict=False):
                setattr(part, name, value)
    return message.SerializeToString()


def decode_transforms(data: bytes) -> list[Transform]:
    """The transforms in a `foxglove.FrameTransforms`.

    Raises:
        DecodeError: It is none.
    """
    return [
        Transform(
            _time_ns(one.timestamp),
            one.parent_frame_id,
            one.child_frame_id,
            (one.translation.x, one.translation.y, one.translation.z),
            (one.rotation.x, one.rotation.y, one.rotation.z, one.rotation.w),
        )
        for one in _parsed(_TRANSFORMS(), data).transforms
    ]


def _encode_picture(message: Any, picture: Picture) -> bytes:
    _set_time(message.timestamp, picture.time_ns)
    message.frame_id, message.format, message.data = picture.camera, picture.format, picture.data
    try:
        return message.SerializeToString()
    except (ProtobufEncodeError, ValueError) as error:
        raise EncodeError(f"a picture of {len(picture.data)} bytes cannot be written: {error}") from error


def _decode_picture(message: Any, data: bytes) -> Picture:
    message = _parsed(message, data)
    return Picture(_time_ns(message.timestamp), message.frame_id, message.format, message.data)


def _parsed(message: Any, data: bytes) -> Any:
    try:
        message.ParseFromString(data)
    except (ProtobufError, ValueError) as error:
        raise DecodeError(f"{len(data)} bytes that are no {message.DESCRIPTOR.full_name}: {error}") from error
    return message


def _set_time(timestamp: Any, time_ns: int) -> None:
    if time_ns < 0:
        raise EncodeError(f"time {time_ns} ns: is before 1970")
    timestamp.SetInParent()
    timestamp.seconds, timestamp.nanos = divmod(time_ns, NS)


def _time_ns(timestamp: Any) -> int:
    return timestamp.seconds * NS + timestamp.nanos


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


def _schema(message: str) -> Schema:
    files = _needed_by(_FILES[f"{PACKAGE}/{message}.proto"])
    described = descriptor_pb2.FileDescriptorSet(file=files)
    return Schema(f"{PACKAGE}.{message}", described.SerializeToString(deterministic=True))


def _class(message: str) -> Any:
    return message_factory.GetMessageClass(_pool.FindMessageTypeByName(f"{PACKAGE}.{message}"))


_VIDEO, _IMAGE, _TRANSFORMS = _class("CompressedVideo"), _class("CompressedImage"), _class("FrameTransforms")

COMPRESSED_VIDEO = _schema("CompressedVideo")
COMPRESSED_IMAGE = _schema("CompressedImage")
FRAME_TRANSFORMS = _schema("FrameTransforms")
SCHEMAS = {schema.name: schema for schema in (COMPRESSED_VIDEO, COMPRESSED_IMAGE, FRAME_TRANSFORMS)}
"""By the names that stand in a take."""
