"""One picture of a camera as it goes into a take."""

from __future__ import annotations

from typing import NamedTuple

from protocols import foxglove
from protocols.foxglove import Picture

TOPIC = "video."
_FORMATS = {"hevc": "h265", "mjpeg": "jpeg"}
_CODECS = {name: codec for codec, name in _FORMATS.items()}


class VideoMessage(NamedTuple):
    """A message of topic `video.<camera>`; per camera in the order of decoding."""

    camera: str
    topic: str
    schema_name: str
    """A key of `protocols.foxglove.SCHEMAS`."""
    data: bytes
    log_ns: int
    """Stage time at which the picture was taken."""
    keyframe: bool
    """It can be decoded without those before it; after one that is missing, go on with such."""
    sequence: int = 0
    """Counts the messages of the camera."""

    @property
    def bytes(self) -> int:
        """Size of the message."""
        return len(self.data)


def video_message(picture: Picture, sequence: int) -> VideoMessage:
    """The message of a picture.

    Raises:
        EncodeError: It has no such form.
    """
    image = picture.format == "jpeg"
    schema = foxglove.COMPRESSED_IMAGE if image else foxglove.COMPRESSED_VIDEO
    data = foxglove.encode_image(picture) if image else foxglove.encode_video(picture)
    topic = TOPIC + picture.camera
    return VideoMessage(picture.camera, topic, schema.name, data, picture.time_ns, picture.keyframe, sequence)


def picture_in(schema_name: str, data: bytes) -> Picture:
    """The picture of a message.

    Raises:
        DecodeError: There is none in it.
    """
    decode = foxglove.decode_image if schema_name == foxglove.COMPRESSED_IMAGE.name else foxglove.decode_video
    return decode(data)


def format_of(codec: str) -> str:
    """Foxglove's name of one of FFmpeg's codecs."""
    return _FORMATS.get(codec, codec)


def codec_of(format_name: str) -> str:
    """FFmpeg's name of one of Foxglove's formats."""
    return _CODECS.get(format_name, format_name)
