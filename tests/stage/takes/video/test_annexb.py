from __future__ import annotations

from pathlib import Path

import av
import pytest
from av.bitstream import BitStreamFilterContext
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import DecodeError
from stage.takes.video.annexb import AnnexB
from tests.stage.takes.video.filming import write_with_b_frames


def units(data: bytes) -> list[bytes]:
    """NAL units, whatever length their start codes have."""
    return data.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")[1:]


def is_set(unit: bytes, codec: str) -> bool:
    return unit[0] >> 1 & 0x3F in (32, 33, 34) if codec == "hevc" else unit[0] & 0x1F in (7, 8)


def without_sets(units: list[bytes], codec: str) -> list[bytes]:
    return [unit for unit in units if not is_set(unit, codec)]


@pytest.mark.parametrize(("codec", "name"), [("libx264", "h264"), ("libx265", "hevc")])
@pytest.mark.parametrize("container", ["mp4", "ts"])
def test_it_is_what_ffmpegs_own_filter_makes(tmp_path: Path, codec: str, name: str, container: str) -> None:
    video = write_with_b_frames(tmp_path / f"x.{container}", 26, codec)
    ours = AnnexB(name)
    with av.open(str(video)) as file:
        stream = file.streams.video[0]
        extradata = bytes(stream.codec_context.extradata or b"")
        theirs = BitStreamFilterContext(f"{name}_mp4toannexb", stream)
        for packet in file.demux(stream):
            if packet.size == 0:
                continue
            keyframe = bool(packet.is_keyframe)
            converted = units(ours.convert(bytes(packet), keyframe, extradata))
            (expected,) = theirs.filter(packet)
            wanted = units(bytes(expected))
            # Theirs puts the parameter sets behind what is said of the picture, and not before every keyframe.
            assert without_sets(converted, name) == without_sets(wanted, name)
            sets = [unit for unit in converted if is_set(unit, name)]
            assert len(sets) >= 2 if keyframe else sets == []
            assert [unit for unit in wanted if is_set(unit, name)] in ([], sets)


@given(
    st.sampled_from(["h264", "hevc"]),
    st.lists(st.tuples(st.binary(max_size=60), st.booleans(), st.binary(max_size=60))),
)
def test_damage_is_a_decode_error(codec: str, packets: list[tuple[bytes, bool, bytes]]) -> None:
    stream = AnnexB(codec)
    for data, keyframe, extradata in packets:
        for header in (extradata, b"\1" + extradata):
            try:
                assert isinstance(stream.convert(data, keyframe, header), bytes)
            except DecodeError:
                pass


def test_units_stay_as_they_are() -> None:
    stream = AnnexB("h264")
    header = bytes((1, 66, 0, 30, 0xFC | 3, 0xE1, 0, 2)) + b"\x67S" + bytes((1, 0, 2)) + b"\x68P"
    packet = (3).to_bytes(4, "big") + b"\x65ab" + (2).to_bytes(4, "big") + b"\x41c"
    start = b"\0\0\0\1"
    assert (
        stream.convert(packet, True, header)
        == start + b"\x67S" + start + b"\x68P" + start + b"\x65ab" + start + b"\x41c"
    )
    assert stream.convert(packet, False) == start + b"\x65ab" + start + b"\x41c"
    delimited = (2).to_bytes(4, "big") + b"\x09\xf0" + packet
    assert stream.convert(delimited, True).startswith(start + b"\x09\xf0" + start + b"\x67S" + start + b"\x68P")
