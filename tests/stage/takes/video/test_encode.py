from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from protocols import foxglove
from protocols.foxglove import Picture
from protocols.ring import RingWriter, ring_name
from stage.cameras.sources.source import Image
from stage.cameras.sources.take import TakeSource
from stage.config import Video
from stage.takes.video import encoders
from stage.takes.video.decoder import VideoDecoder
from stage.takes.video.encode_lane import EncodeLane
from stage.takes.video.encoders import JpegEncoder, LosslessEncoder
from stage.takes.video.encoding import Encoded
from stage.takes.video.frame_pool import FEWEST
from stage.takes.video.h264 import H264Encoder, nvenc_fault
from stage.takes.video.lanes import VideoLanes
from stage.takes.video.message import VideoMessage, picture_in, video_message
from tests.stage.cameras.videos import HEIGHT, WIDTH, number_in, picture
from tests.stage.takes.video.filming import EPOCH_NS, NS, config, note, write_take
from tests.waiting import until


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[RingWriter]:
    with RingWriter(ring_name(tmp_path, "left"), 4, HEIGHT, WIDTH) as writer:
        yield writer


def noisy(number: int) -> Image:
    """A numbered picture with every bit in use."""
    noise = np.random.default_rng(number).integers(-9, 10, (HEIGHT, WIDTH, 3))
    return (picture(number) + noise).astype(np.uint8)


def encoded(mode: Video, ring: RingWriter, count: int, tmp_path: Path) -> list[VideoMessage]:
    lanes = VideoLanes(config(mode), tmp_path)
    messages: list[VideoMessage] = []
    assert lanes.topics() == {}
    for number in range(count):
        assert not lanes.take(note(ring.name, *ring.write(noisy(number)), number))
        until(lambda: lanes.waiting == 0)
        messages += lanes.ready()
    assert lanes.dropped.total() == 0
    assert mode.replace("lossless", "magicyuv") in lanes.facts()["video left"]
    lanes.close()
    return messages


@pytest.mark.parametrize(("mode", "worst"), [("h264", 40.0), ("mjpeg", 40.0), ("lossless", 0.0)])
def test_what_was_in_the_ring_comes_back(mode: Video, worst: float, ring: RingWriter, tmp_path: Path) -> None:
    messages = encoded(mode, ring, 40, tmp_path)
    assert [message.log_ns for message in messages] == [EPOCH_NS + number * NS // 30 for number in range(40)]
    source = TakeSource(f"{write_take(tmp_path / 'take.mcap', messages)}#left")
    info = source.open()
    assert (info.width, info.height) == (WIDTH, HEIGHT)
    assert info.rate_achieved == pytest.approx(30, rel=1e-3)
    for number in range(40):
        frame = source.read()
        assert frame is not None
        assert (frame.number, frame.pts_ns) == (number, NS + number * NS // 30)
        assert number_in(frame.image) == number
        assert np.abs(frame.image.astype(int) - noisy(number)).mean() <= worst / 4
    assert source.read() is None


def test_h264_begins_anew_every_second_and_can_be_decoded_without_a_container(ring: RingWriter, tmp_path: Path) -> None:
    messages = encoded("h264", ring, 65, tmp_path)
    assert [number for number, message in enumerate(messages) if message.keyframe] == [0, 30, 60]
    pictures = [picture_in(message.schema_name, message.data) for message in messages]
    for message, one in zip(messages, pictures, strict=True):
        assert message.schema_name == foxglove.COMPRESSED_VIDEO.name
        kinds = [unit[0] & 0x1F for unit in one.data.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")[1:]]
        assert {7, 8, 5} <= set(kinds) if message.keyframe else kinds == [1]
        assert kinds.count(1) + kinds.count(5) == 1
    decoder = av.CodecContext.create("h264", "r")
    parsed = [*decoder.parse(b"".join(one.data for one in pictures[30:])), *decoder.parse(None)]
    frames = [frame for packet in parsed for frame in decoder.decode(packet)] + list(decoder.decode(None))
    assert [number_in(frame.to_ndarray(format="bgr24")) for frame in frames] == list(range(30, 65))


def test_jpegs_are_images_of_their_own(ring: RingWriter, tmp_path: Path) -> None:
    (message, *_) = encoded("mjpeg", ring, 2, tmp_path)
    assert message.schema_name == foxglove.COMPRESSED_IMAGE.name
    one = picture_in(message.schema_name, message.data)
    assert (one.format, one.data[:2], one.data[-2:]) == ("jpeg", b"\xff\xd8", b"\xff\xd9")


@pytest.mark.parametrize(("height", "width"), [(HEIGHT, WIDTH), (61, 99), (16, 18), (1, 1)])
def test_pictures_of_any_size(height: int, width: int) -> None:
    image = np.random.default_rng(1).integers(0, 256, (height, width, 3)).astype(np.uint8)
    assert JpegEncoder(85).encode(image, 0, True).data
    lossless = LosslessEncoder(height, width).encode(image, 0, True)
    message = video_message(Picture(1, "left", "magicyuv", lossless.data), 0)
    (decoded,) = VideoDecoder().decode(message.schema_name, message.data)
    assert np.array_equal(decoded.frame.to_ndarray(format="bgr24"), image)
    if min(height, width) >= 16:
        first = H264Encoder(height, width, 20).encode(image, 0, True)
        assert first.keyframe and first.data.startswith(b"\0\0\0\1")


def test_lossless_has_a_second_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "LOSSLESS_CODECS", ("no such codec", "ffv1"))
    encoder, decoder = LosslessEncoder(HEIGHT, WIDTH), VideoDecoder()
    for number in range(3):
        data, keyframe, extradata = encoder.encode(noisy(number), number, False)
        one = Picture(number, "left", encoder.codec, data, extradata, keyframe, width=WIDTH, height=HEIGHT)
        message = video_message(one, number)
        (decoded,) = decoder.decode(message.schema_name, message.data)
        assert np.array_equal(decoded.frame.to_ndarray(format="bgr24"), noisy(number))


def test_a_clock_that_is_set_back_does_not_stop_the_encoder() -> None:
    encoder = H264Encoder(HEIGHT, WIDTH, 20)
    times = [5 * NS, 5 * NS, 3 * NS, 3 * NS + 1, 9 * NS]
    assert [encoder.encode(noisy(1), time_ns, False).keyframe for time_ns in times] == [True, False, True, False, True]


def test_a_machine_without_nvenc_says_so_and_uses_the_processor(ring: RingWriter, tmp_path: Path) -> None:
    if not nvenc_fault():
        pytest.skip("this machine has an NVENC")
    lanes = VideoLanes(config("h264"), tmp_path)
    lanes.take(note(ring.name, *ring.write(noisy(0)), 0))
    until(lambda: lanes.waiting == 0)
    assert "libx264" in lanes.facts()["video left"] and nvenc_fault() in lanes.facts()["video left"]
    lanes.close()


class SlowEncoder:
    """Waits to be told for every picture; one that it is told to, it fails."""

    codec, told = "magicyuv", "slow"

    def __init__(self) -> None:
        self.go = threading.Semaphore(0)
        self.fails: set[int] = set()
        self.keys: list[bool] = []

    def encode(self, image: Image, time_ns: int, key: bool) -> Encoded:
        self.go.acquire()
        self.keys.append(key)
        if number_in(image) in self.fails:
            raise ValueError("no")
        return Encoded(bytes((number_in(image),)), True)


def numbers(messages: list[VideoMessage]) -> list[int]:
    return [picture_in(message.schema_name, message.data).data[0] for message in messages]


def test_a_slow_encoder_loses_the_newest_pictures_counted_and_keeps_order(ring: RingWriter) -> None:
    encoder = SlowEncoder()
    lane = EncodeLane("left", lambda _height, _width: encoder, 10 * HEIGHT * WIDTH * 3)
    for number in range(30):
        record = note(ring.name, *ring.write(picture(number)), number).record
        lane.frame(record)  # type: ignore[arg-type]
    assert lane.dropped == 20
    assert lane.waiting == 10  # and so bounded is the memory
    for _ in range(10):
        encoder.go.release()
    until(lambda: lane.waiting == 0)
    assert numbers(lane.ready()) == list(range(10))
    record = note(ring.name, *ring.write(picture(40)), 40).record
    lane.frame(record)  # type: ignore[arg-type]
    encoder.go.release()
    until(lambda: lane.waiting == 0)
    assert numbers(lane.ready()) == [40]
    assert lane.dropped == 20
    lane.close()


def test_what_cannot_be_encoded_is_counted_and_the_next_begins_anew(ring: RingWriter) -> None:
    encoder = SlowEncoder()
    encoder.fails = {1}
    lane = EncodeLane("left", lambda _height, _width: encoder, 0)
    for number in range(4):
        lane.frame(note(ring.name, *ring.write(picture(number)), number).record)  # type: ignore[arg-type]
        encoder.go.release()
        until(lambda: lane.waiting == 0)
    assert numbers(lane.ready()) == [0, 2, 3]
    assert encoder.keys == [True, False, True, False]
    assert lane.dropped == 1
    assert "no" in lane.fact()
    lane.begin()
    lane.frame(note(ring.name, *ring.write(picture(5)), 5).record)  # type: ignore[arg-type]
    encoder.go.release()
    until(lambda: lane.waiting == 0)
    assert encoder.keys[-1]
    lane.close()


def test_a_frame_that_the_ring_no_longer_has_is_counted(ring: RingWriter, tmp_path: Path) -> None:
    lanes = VideoLanes(config("mjpeg"), tmp_path)
    first = ring.write(noisy(0))
    for number in range(1, 5):
        ring.write(noisy(number))
    lanes.take(note(ring.name, *first, 0))
    lanes.take(note("stage-of-nobody-left", 0, 2, 0))
    lanes.take(note("", 0, 2, 0))
    assert lanes.dropped["left"] == 3
    lanes.take(note(ring.name, *ring.write(noisy(5)), 5))
    until(lambda: lanes.waiting == 0)
    assert [message.log_ns for message in lanes.ready()] == [EPOCH_NS + 5 * NS // 30]
    assert lanes.dropped["left"] == 3
    lanes.close()


def test_little_memory_still_has_room_for_a_few() -> None:
    encoder = SlowEncoder()
    with RingWriter("stage-video-test-left", 6, HEIGHT, WIDTH) as ring:
        lane = EncodeLane("left", lambda _height, _width: encoder, 0)
        for number in range(6):
            lane.frame(note(ring.name, *ring.write(picture(number)), number).record)  # type: ignore[arg-type]
        assert (lane.waiting, lane.dropped) == (FEWEST, 6 - FEWEST)
        for _ in range(FEWEST):
            encoder.go.release()
        lane.close()


@pytest.mark.parametrize("mode", ["h264", "mjpeg", "lossless"])
def test_a_camera_that_comes_back_with_another_size_begins_anew(mode: Video, tmp_path: Path) -> None:
    lanes, messages = VideoLanes(config(mode), tmp_path), []
    for part, (height, width) in enumerate([(HEIGHT, WIDTH), (2 * HEIGHT, 2 * WIDTH)]):
        with RingWriter(ring_name(tmp_path, "left"), 4, height, width) as ring:
            for number in range(6 * part, 6 * part + 6):
                place = ring.write(picture(number, width, height))
                lanes.take(note(ring.name, *place, number, (height, width)))
                until(lambda: lanes.waiting == 0)
    messages = lanes.ready()
    lanes.close()
    assert messages[0].keyframe and messages[6].keyframe
    source = TakeSource(f"{write_take(tmp_path / 'take.mcap', messages)}#left")
    assert source.open().height == HEIGHT
    frames = [source.read() for _ in range(12)]
    assert [number_in(frame.image) for frame in frames if frame is not None] == list(range(12))


def test_a_camera_that_sends_no_packets_is_encoded_after_a_while(ring: RingWriter, tmp_path: Path) -> None:
    lanes = VideoLanes(config("copy"), tmp_path)
    assert lanes.topics() == {"capture.left": ("packet.left",)}
    messages: list[VideoMessage] = []
    for number in range(100):
        lanes.take(note(ring.name, *ring.write(noisy(number)), number))
        until(lambda: lanes.waiting == 0)
        messages += lanes.ready()
    assert 5 <= len(messages) <= 15
    assert messages[-1].schema_name == foxglove.COMPRESSED_IMAGE.name
    lanes.close()
