from __future__ import annotations

from itertools import count
from pathlib import Path

import av
import numpy as np
import pytest

from protocols import foxglove
from stage.cameras.playback import Playback
from stage.cameras.sources.file import FileSource
from stage.cameras.sources.take import TakeSource
from stage.takes.video.decoder import VideoDecoder
from stage.takes.video.lanes import VideoLanes
from stage.takes.video.message import VideoMessage, picture_in
from tests.shared_data import shared_data
from tests.stage.cameras.videos import number_in, write_video
from tests.stage.takes.video.filming import (
    EPOCH_NS,
    NS,
    config,
    packet_message,
    play,
    write_take,
    write_with_b_frames,
)


def copied(path: Path, period_ns: int = 0, most: int = 1000) -> tuple[list[VideoMessage], dict[int, np.ndarray]]:
    """A file's messages in a take, and the frames the stage saw by their times."""
    lanes, messages, seen = VideoLanes(config("copy"), path.parent), [], {}
    sequence = count()
    for frame, packets in play(path, period_ns, most):
        assert frame.capture_ns is not None
        seen[frame.capture_ns] = frame.image
        for packet in packets:
            assert lanes.take(packet_message(packet, next(sequence)))
        messages += lanes.ready()
    assert lanes.dropped.total() == 0
    return messages, seen


def replayed(take: Path, camera: str = "left") -> tuple[dict[int, np.ndarray], list[int]]:
    """The pictures of a take by their stage times, and their numbers."""
    source = TakeSource(f"{take}#{camera}")
    source.open()
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    zero_ns = EPOCH_NS - NS
    return {frame.pts_ns + zero_ns: frame.image for frame in frames}, [frame.number for frame in frames]


CODECS = [
    ("libx264", "b.mp4", "yuv420p"),
    ("libx264", "b.ts", "yuv420p"),
    ("libx264", "b.mkv", "yuv444p"),
    ("libx265", "b.mp4", "yuv420p"),
    ("mpeg4", "b.mp4", "yuv420p"),
    ("mjpeg", "b.avi", "yuvj420p"),
    ("libvpx-vp9", "b.webm", "yuv420p"),
    ("ffv1", "b.mkv", "bgr0"),
]


@pytest.mark.parametrize(("codec", "name", "pix_fmt"), CODECS)
def test_a_copy_decodes_to_the_pictures_and_times_that_the_stage_saw(
    tmp_path: Path, codec: str, name: str, pix_fmt: str
) -> None:
    video = write_with_b_frames(tmp_path / name, 30, codec, pix_fmt)
    messages, seen = copied(video)
    pictures, numbers = replayed(write_take(tmp_path / "take.mcap", messages))
    assert sorted(pictures) == sorted(seen)
    for time_ns, image in seen.items():
        assert np.array_equal(pictures[time_ns], image)
    assert numbers == list(range(30))


def test_a_copy_of_a_real_recording(tmp_path: Path) -> None:
    messages, seen = copied(shared_data("caliscope_charuco/calibration/extrinsic/cam_0.mp4"), most=45)
    pictures, _ = replayed(write_take(tmp_path / "take.mcap", messages))
    assert all(np.array_equal(pictures[time_ns], image) for time_ns, image in seen.items())


def test_loops_are_cut_where_the_stage_cut_them(tmp_path: Path) -> None:
    video = write_with_b_frames(tmp_path / "b.mp4", 30)
    messages, seen = copied(video, period_ns=round(17.5 * NS / 30), most=50)  # the cut is among B frames
    pictures, numbers = replayed(write_take(tmp_path / "take.mcap", messages))
    times = [time_ns for time_ns in pictures if time_ns in seen]
    assert times == sorted(seen)
    for time_ns in times:
        assert np.array_equal(pictures[time_ns], seen[time_ns])
    assert numbers[:50] == list(range(50))
    # What was demuxed ahead when the stage stopped is there too, and nothing else.
    assert all(time_ns > max(seen) for time_ns in pictures if time_ns not in seen)


def test_h264_is_a_byte_stream_of_whole_pictures(tmp_path: Path) -> None:
    messages, seen = copied(write_video(tmp_path / "plain.mp4", 30))
    stream, whole = av.CodecContext.create("h264", "r"), b""
    for message in messages:
        assert message.schema_name == foxglove.COMPRESSED_VIDEO.name
        picture = picture_in(message.schema_name, message.data)
        assert (picture.format, picture.time_ns, picture.extradata) == ("h264", message.log_ns, b"")
        assert picture.data.startswith(b"\0\0\0\1")
        kinds = [unit[0] & 0x1F for unit in picture.data.split(b"\0\0\0\1")[1:]]
        assert sum(kind in (1, 5) for kind in kinds) >= 1
        assert message.keyframe == (5 in kinds)
        assert kinds[:2] == [7, 8] if message.keyframe else 7 not in kinds
        whole += picture.data
    # A parser that cuts the stream at access units finds the messages again, and a decoder all pictures.
    parsed = [*stream.parse(whole), *stream.parse(None)]
    assert [packet.size for packet in parsed] == [len(picture_in(m.schema_name, m.data).data) for m in messages]
    frames = [frame for packet in parsed for frame in stream.decode(packet)] + list(stream.decode(None))
    assert [number_in(frame.to_ndarray(format="bgr24")) for frame in frames] == list(range(len(seen)))


def test_after_lost_packets_a_copy_goes_on_with_a_keyframe(tmp_path: Path) -> None:
    video = write_video(tmp_path / "plain.mp4", 36, gop=12)
    lanes = VideoLanes(config("copy"), tmp_path)
    packets = [packet for _, packets in play(video) for packet in packets]
    for number, packet in enumerate(packets):
        if number not in (3, 4):
            lanes.take(packet_message(packet, number))
    messages = lanes.ready()
    times = [message.log_ns - EPOCH_NS for message in messages]
    assert times == [packet.pts_ns for packet in packets[:3] + packets[12:]]
    assert lanes.dropped["left"] == 9
    pictures, numbers = replayed(write_take(tmp_path / "take.mcap", messages))
    assert [number_in(image) for image in pictures.values()] == numbers == [*range(3), *range(12, 36)]


def test_a_worker_that_was_restarted_is_not_a_loss(tmp_path: Path) -> None:
    video = write_video(tmp_path / "plain.mp4", 12)
    lanes = VideoLanes(config("copy"), tmp_path)
    packets = [packet for _, packets in play(video) for packet in packets]
    for number, packet in [*enumerate(packets), *enumerate(packets)]:
        lanes.take(packet_message(packet, number))
    assert len(lanes.ready()) == 24
    assert lanes.dropped["left"] == 0


def test_who_begins_to_listen_waits_for_a_keyframe_and_has_lost_nothing(tmp_path: Path) -> None:
    video = write_video(tmp_path / "plain.mp4", 36, gop=12)
    lanes = VideoLanes(config("copy"), tmp_path)
    packets = [packet for _, packets in play(video) for packet in packets]
    for number in range(5, 14):
        lanes.take(packet_message(packets[number], number))
    assert [message.keyframe for message in lanes.ready()] == [True, False]
    lanes.begin()  # another take, later
    for number in range(20, 26):
        lanes.take(packet_message(packets[number], number))
    assert [message.keyframe for message in lanes.ready()] == [True, False]
    assert lanes.dropped["left"] == 0


def test_colours_that_only_the_container_knows_stay_as_they_are(tmp_path: Path) -> None:
    video = write_video(tmp_path / "plain.mp4", 4)
    lanes = VideoLanes(config("copy"), tmp_path)
    for number, packet in enumerate(packet for _, packets in play(video) for packet in packets):
        tagged = packet.coding._replace(colorspace=1, color_range=2)  # BT.709, full range
        lanes.take(packet_message(packet._replace(coding=tagged), number))
    decoder = VideoDecoder()
    for message in lanes.ready():
        for decoded in decoder.decode(message.schema_name, message.data):
            assert (decoded.frame.colorspace, decoded.frame.color_range) == (1, 2)
    assert decoder.flush() == []


def test_a_video_held_sideways_comes_back_upright(tmp_path: Path) -> None:
    video = write_video(tmp_path / "plain.mp4", 12)
    messages = []
    lanes = VideoLanes(config("copy"), tmp_path)
    for number, packet in enumerate(packet for _, packets in play(video) for packet in packets):
        turned = packet._replace(coding=packet.coding._replace(rotation=90))
        lanes.take(packet_message(turned, number))
        messages += lanes.ready()
    pictures, _ = replayed(write_take(tmp_path / "take.mcap", messages))
    upright, _ = replayed(write_take(tmp_path / "upright.mcap", copied(video)[0]))
    for image, plain in zip(pictures.values(), upright.values(), strict=True):
        assert np.array_equal(image, np.rot90(plain))


@pytest.mark.parametrize("jump", [3, 13, 19])
def test_a_capture_worker_that_was_held_up_goes_on_where_the_stage_is(tmp_path: Path, jump: int) -> None:
    source = FileSource(write_with_b_frames(tmp_path / "b.mp4", 40))
    source.keep_packets()
    playback = Playback(source, source.open(), EPOCH_NS)
    lanes, seen, sequence = VideoLanes(config("copy"), tmp_path), {}, count()
    for number in range(20):
        if number == 8:
            playback.go_to(EPOCH_NS + (8 + jump) * NS // 30)
        frame = playback.next()
        assert frame is not None and frame.capture_ns is not None
        seen[frame.capture_ns] = frame.image
        for packet in playback.packets():
            lanes.take(packet_message(packet, next(sequence)))
    pictures, numbers = replayed(write_take(tmp_path / "take.mcap", lanes.ready()))
    assert set(seen) <= set(pictures)
    assert all(np.array_equal(pictures[time_ns], image) for time_ns, image in seen.items())
    assert numbers == sorted(set(numbers))
    # What was jumped over is not there, but for what the decoder had been given ahead.
    assert set(numbers) & set(range(16, 8 + jump - 1)) == set()
