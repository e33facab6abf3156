"""Messages that Foxglove shows without being told how: pictures and transforms, as protobuf.

    foxglove.CompressedVideo    one access unit of a video: timestamp, frame_id, data, format
    foxglove.CompressedImage    one picture: the same
    foxglove.FrameTransforms    coordinate frames of one instant: timestamp, parent, child, translation, rotation each

Field numbers are those that Foxglove publishes; the fields it added later (message_id, lineage) are left out, and
some of our own, `stage_...`, stand far behind them: protobuf permits both. Readers that know no Foxglove find the
description of the messages in the file: `Schema.data` is a serialised `FileDescriptorSet`, as MCAP wants it. Times are
nanoseconds of stage time. (Transforms written many times a second: `protocols.foxglove_transforms`.)
"""

from __future__ import annotations

from typing import Any, NamedTuple

from google.protobuf.message import DecodeError as ProtobufError
from google.protobuf.message import EncodeError as ProtobufEncodeError

from protocols._foxglove_schemas import ENCODING, Schema, class_of, schema_of
from protocols.errors import DecodeError, EncodeError

__all__ = [
    "COMPRESSED_IMAGE",
    "COMPRESSED_VIDEO",
    "ENCODING",
    "FRAME_TRANSFORMS",
    "SCHEMAS",
    "Picture",
    "Schema",
    "Transform",
    "decode_image",
    "decode_transforms",
    "decode_video",
    "encode_image",
    "encode_transforms",
    "encode_video",
]

NS = 1_000_000_000
_UNSPECIFIED = 2
"""FFmpeg's number of a colour space that nobody states."""


class Picture(NamedTuple):
    """A compressed picture, of a video or alone."""

    time_ns: int
    """When it was taken."""
    camera: str
    format: str
    """"h264", "h265", "vp9", "av1", "jpeg" are what Foxglove shows; others are named as FFmpeg names them."""
    data: bytes
    extradata: bytes = b""
    """With a keyframe: the codec's global header, where it is not in the data."""
    keyframe: bool = True
    """It can be decoded without those before it."""
    shown: bool = True
    """False: the picture is not part of the show, others need it to be decoded."""
    frame: int = -1
    """The camera's number of the frame; -1 where it is not known."""
    rotation: int = 0
    """Degrees, counterclockwise, by which the decoded picture has to be turned."""
    width: int = 0
    """Pixels, as coded; 0 where the data says it."""
    height: int = 0
    colorspace: int = _UNSPECIFIED
    """FFmpeg's number; 2 where it is not known, or the data says it."""
    color_range: int = 0
    """Likewise, 0 where it is not known."""


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
    try:
        message.frame_id, message.format, message.data = picture.camera, picture.format, picture.data
        message.stage_extradata = picture.extradata
        message.stage_delta, message.stage_hidden = not picture.keyframe, not picture.shown
        message.stage_frame = picture.frame + 1  # so that 0, which protobuf leaves out, is not known
        message.stage_rotation, message.stage_width, message.stage_height = (
            picture.rotation,
            picture.width,
            picture.height,
        )
        message.stage_colorspace = 0 if picture.colorspace == _UNSPECIFIED else picture.colorspace + 1
        message.stage_color_range = picture.color_range
        return message.SerializeToString()
    except (ProtobufEncodeError, ValueError) as error:
        raise EncodeError(f"a picture of {len(picture.data)} bytes cannot be written: {error}") from error


def _decode_picture(message: Any, data: bytes) -> Picture:
    message = _parsed(message, data)
    return Picture(
        _time_ns(message.timestamp),
        message.frame_id,
        message.format,
        message.data,
        message.stage_extradata,
        not message.stage_delta,
        not message.stage_hidden,
        message.stage_frame - 1,
        message.stage_rotation,
        message.stage_width,
        message.stage_height,
        message.stage_colorspace - 1 if message.stage_colorspace > 0 else _UNSPECIFIED,
        message.stage_color_range,
    )


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


_VIDEO, _IMAGE, _TRANSFORMS = class_of("CompressedVideo"), class_of("CompressedImage"), class_of("FrameTransforms")

COMPRESSED_VIDEO = schema_of("CompressedVideo")
COMPRESSED_IMAGE = schema_of("CompressedImage")
FRAME_TRANSFORMS = schema_of("FrameTransforms")
SCHEMAS = {schema.name: schema for schema in (COMPRESSED_VIDEO, COMPRESSED_IMAGE, FRAME_TRANSFORMS)}
"""By the names that stand in a take."""
