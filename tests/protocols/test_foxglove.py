from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given
from hypothesis import strategies as st

from protocols import foxglove
from protocols.errors import DecodeError, EncodeError
from protocols.foxglove import Picture, Transform
from protocols.foxglove_transforms import TransformsEncoder

TIMES = st.one_of(st.integers(0, 1 << 62), st.sampled_from([0, 1, 999_999_999, 1_000_000_000, 1 << 60]))
PIXELS = st.integers(0, 1 << 16)
PICTURES = st.builds(
    Picture,
    TIMES,
    st.text(max_size=20),
    st.sampled_from(["h264", "jpeg", ""]),
    st.binary(),
    st.binary(max_size=50),
    st.booleans(),
    st.booleans(),
    st.integers(-1, 1 << 40),
    st.sampled_from([0, 90, 180, 270]),
    PIXELS,
    PIXELS,
    st.integers(0, 20),
    st.integers(0, 2),
)


@given(PICTURES)
def test_pictures_round_trip(picture: Picture) -> None:
    assert foxglove.decode_video(foxglove.encode_video(picture)) == picture
    assert foxglove.decode_image(foxglove.encode_image(picture)) == picture


def test_golden_bytes() -> None:
    """Field numbers as Foxglove publishes them; they differ between the two."""
    picture = Picture(5_000_000_007, "cam", "h264", b"\x01\x02")
    time = b"\x0a\x04\x08\x05\x10\x07"
    assert foxglove.encode_video(picture) == time + b"\x12\x03cam" + b"\x1a\x02\x01\x02" + b"\x22\x04h264"
    assert foxglove.encode_image(picture) == time + b"\x12\x02\x01\x02" + b"\x1a\x04h264" + b"\x22\x03cam"
    transform = foxglove.encode_transforms([Transform(7, "a", "b", (1.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0))])
    one = bytes.fromhex("000000000000f03f")
    content = b"\x0a\x02\x10\x07" + b"\x12\x01a\x1a\x01b" + b"\x22\x09\x09" + one + b"\x2a\x09\x21" + one
    assert transform == b"\x0a" + bytes((len(content),)) + content


@pytest.mark.parametrize("schema", foxglove.SCHEMAS.values(), ids=lambda schema: schema.name)
def test_a_reader_that_knows_nothing_finds_the_description_in_the_file(schema: foxglove.Schema) -> None:
    files = descriptor_pb2.FileDescriptorSet.FromString(schema.data)
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:  # in an order in which each finds what it needs
        pool.Add(file)
    message: Any = message_factory.GetMessageClass(pool.FindMessageTypeByName(schema.name))
    assert len({file.name for file in files.file}) == len(files.file)
    if schema is foxglove.FRAME_TRANSFORMS:
        read = message.FromString(foxglove.encode_transforms([Transform(1, "world", "x", (1, 2, 3), (0, 0, 0, 1))]))
        assert read.transforms[0].translation.z == 3
        assert read.transforms[0].rotation.w == 1
    else:
        encode = foxglove.encode_video if schema is foxglove.COMPRESSED_VIDEO else foxglove.encode_image
        read = message.FromString(encode(Picture(3_000_000_001, "left", "av1", b"data")))
        assert (read.timestamp.seconds, read.timestamp.nanos) == (3, 1)
        assert (read.frame_id, read.format, read.data) == ("left", "av1", b"data")


VALUES = st.one_of(st.floats(width=32), st.sampled_from([0.0, -0.0, 1.0]))


@given(st.data(), st.lists(st.tuples(st.text(max_size=150), st.text(max_size=150)), max_size=4))
def test_transforms_are_protobufs_own_bytes(data: st.DataObject, frames: list[tuple[str, str]]) -> None:
    encoder = TransformsEncoder(frames)
    for _ in range(3):
        time_ns = data.draw(TIMES)
        values = data.draw(st.lists(st.tuples(*[VALUES] * 7), min_size=len(frames), max_size=len(frames)))
        array = np.array(values, np.float64).reshape(len(frames), 7)
        transforms = [
            Transform(time_ns, parent, child, (x, y, z), (a, b, c, d))
            for (parent, child), (x, y, z, a, b, c, d) in zip(frames, values, strict=True)
        ]
        assert encoder.encode(time_ns, array[:, :3], array[:, 3:]) == foxglove.encode_transforms(transforms)


def test_transforms_of_a_body_read_back() -> None:
    names = [f"anna/bone_{number}" for number in range(54)]
    encoder = TransformsEncoder([("world", name) for name in names])
    random = np.random.default_rng(5)
    translations, rotations = random.normal(size=(54, 3)), random.normal(size=(54, 4))
    read = foxglove.decode_transforms(encoder.encode(1_700_000_000_123_456_789, translations, rotations))
    assert [(one.parent, one.child, one.time_ns) for one in read] == [
        ("world", name, 1_700_000_000_123_456_789) for name in names
    ]
    np.testing.assert_array_equal([one.translation for one in read], translations)
    np.testing.assert_array_equal([one.rotation for one in read], rotations)


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(EncodeError, match="1970"):
        foxglove.encode_video(Picture(-1, "left", "h264", b""))
    with pytest.raises(EncodeError, match="2 transforms"):
        TransformsEncoder([("a", "b"), ("b", "c")]).encode(0, np.zeros((1, 3)), np.zeros((1, 4)))


@given(st.binary(max_size=200))
def test_random_bytes_raise_nothing_but_decode_errors(data: bytes) -> None:
    for decode in (foxglove.decode_video, foxglove.decode_image, foxglove.decode_transforms):
        try:
            decode(data)
        except DecodeError:
            pass
