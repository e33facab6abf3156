from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stage.cameras.sources import Frame, Seekable, TruncatedError
from stage.cameras.sources.file import FileSource
from stage.errors import SourceError
from tests.shared_data import shared_data
from tests.stage.cameras.videos import HEIGHT, WIDTH, number_in, write_video

NS = 1_000_000_000


def frames(source: FileSource) -> Iterator[Frame]:
    while (frame := source.read()) is not None:
        yield frame


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write_video(tmp_path / "take: 1.mp4", 40)  # a colon must not be taken for a protocol


def test_every_frame_comes_once_with_its_own_time(video: Path) -> None:
    source = FileSource(video)
    info = source.open()
    assert (info.width, info.height, info.rate_achieved, info.live) == (WIDTH, HEIGHT, 30.0, False)
    assert info.duration_ns == pytest.approx(40 * NS / 30, abs=1e6)
    seen = list(frames(source))
    assert [number_in(frame.image) for frame in seen] == list(range(40))
    assert [frame.number for frame in seen] == list(range(40))
    assert [frame.pts_ns for frame in seen] == pytest.approx([n * NS / 30 for n in range(40)], abs=1e5)
    assert all(frame.capture_ns is None for frame in seen)
    assert source.read() is None
    source.close()


def test_frames_are_written_to_the_given_buffer_in_blue_green_red(video: Path) -> None:
    source = FileSource(video)
    source.open()
    buffer = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    frame = source.read(buffer)
    assert frame is not None and frame.image is buffer
    blue, green, red = buffer[2:10].mean(axis=(0, 1))
    assert blue > 180 and max(green, red) < 60
    with pytest.raises(SourceError, match="does not fit"):
        source.read(np.zeros((HEIGHT, WIDTH + 1, 3), np.uint8))
    source.close()


@pytest.mark.parametrize("number", [0, 1, 11, 12, 13, 39])
def test_seeking_finds_the_frame_at_or_after_a_time(video: Path, number: int) -> None:
    source = FileSource(video)
    source.open()
    for _ in range(5):
        source.read()
    assert isinstance(source, Seekable)
    source.seek(round(number * NS / 30))
    assert [number_in(frame.image) for frame in frames(source)] == list(range(number, 40))
    source.seek(round((number - 0.5) * NS / 30))
    frame = source.read()
    assert frame is not None and number_in(frame.image) == frame.number == number
    source.seek(100 * NS)
    assert source.read() is None
    source.close()


def test_opening_again_begins_again(video: Path) -> None:
    source = FileSource(video)
    source.open()
    list(frames(source))
    source.open()
    assert len(list(frames(source))) == 40
    source.close()
    source.close()
    with pytest.raises(SourceError, match="expected an open file"):
        source.read()


def test_a_video_held_sideways_comes_upright(tmp_path: Path, video: Path) -> None:
    turned = tmp_path / "turned.mov"
    with av.open(str(video)) as source, av.open(str(turned), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    # The display matrix in the track header, for a turn by 90 degrees.
    data = turned.read_bytes()
    upright = bytes.fromhex("00010000 00000000 00000000 00000000 00010000 00000000 00000000 00000000 40000000")
    sideways = bytes.fromhex("00000000 00010000 00000000 ffff0000 00000000 00000000 00000000 00000000 40000000")
    header = data.index(b"tkhd")
    place = data.index(upright, header)
    turned.write_bytes(data[:place] + sideways + data[place + len(upright) :])

    source = FileSource(turned)
    info = source.open()
    frame = source.read()
    assert frame is not None
    assert (info.width, info.height) == (HEIGHT, WIDTH) and frame.image.shape == (WIDTH, HEIGHT, 3)
    # The file asks to be shown turned clockwise: what was up is on the right.
    blue = frame.image[..., 0].astype(int) - frame.image[..., 2]
    assert blue[:, -8:].mean() > 100 and blue[:, :8].mean() < 20
    source.close()


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_file_that_ends_early_says_so_after_its_last_frame(tmp_path: Path, suffix: str) -> None:
    options = {"movflags": "faststart"} if suffix == ".mp4" else {}
    whole = write_video(tmp_path / f"whole{suffix}", 60, options=options).read_bytes()
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(whole[: len(whole) * 2 // 3])
    source = FileSource(cut)
    source.open()
    seen = []
    with pytest.raises(TruncatedError, match=r"ends after .* but states 2\.00 s") as caught:
        for frame in frames(source):
            seen.append(number_in(frame.image))
    assert "\n" not in str(caught.value)
    assert seen == list(range(len(seen))) and 10 < len(seen) < 50
    assert source.read() is None, "it is said once"
    source.close()


@pytest.mark.parametrize("content", [b"", b"no video at all", bytes(5000)])
def test_what_is_no_video_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="unreadable or truncated"):
        FileSource(path).open()


def test_a_file_without_its_index_is_refused(tmp_path: Path, video: Path) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(video.read_bytes()[:-400])
    with pytest.raises(SourceError, match="unreadable or truncated"):
        FileSource(cut).open()


def test_missing_files_and_files_without_video_are_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such video file"):
        FileSource(tmp_path / "none.mp4").open()
    sound = tmp_path / "sound.wav"
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    with pytest.raises(SourceError, match="holds no video"):
        FileSource(sound).open()


def test_labels_that_are_no_text_do_not_matter(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "take.mp4", 5).read_bytes()
    (tmp_path / "take.mp4").write_bytes(whole.replace(b"VideoHandler", b"Video\xff\xfendler"))
    source = FileSource(tmp_path / "take.mp4")
    source.open()
    assert len(list(frames(source))) == 5
    source.close()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage=st.lists(st.tuples(st.floats(0.0, 0.999), st.binary(min_size=1, max_size=40)), min_size=1, max_size=6))
def test_a_damaged_file_is_read_to_its_end_or_refused(
    tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[float, bytes]]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    whole = folder / "whole.mkv"
    if not whole.exists():
        write_video(whole, 30)
    data = bytearray(whole.read_bytes())
    for place, junk in damage:
        begin = int(place * len(data))
        data[begin : begin + len(junk)] = junk
    (folder / "damaged.mkv").write_bytes(data)
    source = FileSource(folder / "damaged.mkv")
    try:
        source.open()
        assert sum(1 for _ in frames(source)) <= 60
    except SourceError as error:
        assert "\n" not in str(error)
    finally:
        source.close()


@pytest.mark.parametrize(
    ("name", "size", "rate", "count"),
    [
        ("pose2sim_balancing/cam01.mp4", (1080, 1920), 60.0, 100),
        ("pose2sim_balancing/cam02.mp4", (1080, 1920), 60.0, 100),
        ("pose2sim_balancing/cam03.mp4", (1088, 1920), 60.0, 100),
        ("signing/book.mkv", (640, 480), 30.0, 109),
        ("caliscope_charuco/calibration/extrinsic/cam_0.mp4", (1280, 720), 6.0, 57),
    ],
)
def test_real_recordings(name: str, size: tuple[int, int], rate: float, count: int) -> None:
    source = FileSource(shared_data(name))
    info = source.open()
    assert ((info.width, info.height), info.rate_achieved) == (size, rate)
    buffer = np.empty((info.height, info.width, 3), np.uint8)
    times = []
    while (frame := source.read(buffer)) is not None:
        times.append(frame.pts_ns)
    assert len(times) == count and times[0] == 0
    assert np.diff(times) == pytest.approx(np.full(count - 1, NS / rate), abs=1.1e6)  # Matroska rounds to 1 ms
    assert info.duration_ns == pytest.approx(count * NS / rate, abs=2e6)
    assert not source.faults
    source.close()
