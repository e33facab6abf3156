from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.foxglove import COMPRESSED_VIDEO, Picture, encode_video
from stage.takes.video.decoder import VideoDecoder
from stage.takes.video.lanes import VideoLanes
from stage.takes.video.message import VideoMessage, picture_in
from tests.stage.takes.video.filming import config, packet_message, play, write_with_b_frames

CODECS = ("libx264", "libx265", "mpeg4", "libvpx-vp9")


@cache
def messages(codec: str) -> list[VideoMessage]:
    with TemporaryDirectory() as folder:
        video = write_with_b_frames(Path(folder) / ("x.webm" if "vp9" in codec else "x.mp4"), 24, codec)
        lanes = VideoLanes(config("copy"), Path(folder))
        for number, packet in enumerate(packet for _, packets in play(video) for packet in packets):
            lanes.take(packet_message(packet, number))
        return lanes.ready()


@settings(max_examples=25)
@given(st.sampled_from(CODECS), st.data())
def test_whatever_comes_times_rise_and_nothing_breaks(codec: str, data: st.DataObject) -> None:
    decoder = VideoDecoder()
    times = []
    for message in messages(codec):
        content = bytearray(message.data)
        for _ in range(data.draw(st.sampled_from([0, 0, 0, 1, 8]))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        whole = bytes(content[: data.draw(st.sampled_from([len(content), len(content), len(content) // 2]))])
        times += [decoded.time_ns for decoded in decoder.decode(message.schema_name, whole)]
    times += [decoded.time_ns for decoded in decoder.flush()]
    assert times == sorted(set(times))


@given(
    st.sampled_from(["h264", "h265", "vp9", "ffv1", "magicyuv", "mpeg4", "aac", "no such", ""]),
    st.binary(max_size=200),
    st.binary(max_size=60),
    st.integers(0, 2**31 - 1),
    st.integers(0, 2**31 - 1),
    st.integers(0, 2**66),
)
def test_nonsense_ends_nothing(form: str, data: bytes, extradata: bytes, width: int, height: int, time_ns: int) -> None:
    decoder = VideoDecoder()
    picture = Picture(time_ns, "left", form, data, extradata, width=width, height=height)
    message = encode_video(picture)
    for _ in range(2):
        assert len(decoder.decode(COMPRESSED_VIDEO.name, message)) <= 1  # some nonsense is a picture
    decoder.flush()


def test_a_run_that_overlaps_the_last_takes_over_where_it_begins() -> None:
    """As after a jump of the capture worker: packets back to the keyframe come again."""
    decoder, half = VideoDecoder(), messages("libx264")
    times = [picture_in(message.schema_name, message.data).time_ns for message in half]
    decoded = [one for message in [*half[:18], *half[9:]] for one in decoder.decode(message.schema_name, message.data)]
    decoded += decoder.flush()
    assert [one.time_ns for one in decoded] == sorted(times)
    assert [one.number for one in decoded] == list(range(24))
