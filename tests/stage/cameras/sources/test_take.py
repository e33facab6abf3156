from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from protocols.takefile import TakeWriter
from stage.cameras.sources import Seekable, open_source
from stage.cameras.sources.take import TakeSource
from stage.config import CameraSection, load
from stage.errors import ConfigError, SourceError
from stage.takes.video.lanes import VideoLanes
from stage.takes.video.message import VideoMessage, picture_in, video_message
from tests.stage.cameras.videos import HEIGHT, WIDTH, number_in
from tests.stage.takes.video.filming import (
    EPOCH_NS,
    NS,
    config,
    packet_message,
    play,
    put,
    write_take,
    write_with_b_frames,
)

COUNT = 40


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> list[VideoMessage]:
    folder = tmp_path_factory.mktemp("video")
    video = write_with_b_frames(folder / "b.mp4", COUNT)
    lanes = VideoLanes(config("copy"), folder)
    for number, packet in enumerate(packet for _, packets in play(video) for packet in packets):
        lanes.take(packet_message(packet, number))
    return lanes.ready()


def numbers(source: TakeSource) -> list[int]:
    seen = []
    while (frame := source.read()) is not None:
        assert number_in(frame.image) == frame.number
        seen.append(frame.number)
    return seen


def time_of(number: int) -> int:
    """Since the take's beginning, a second before the camera's first picture."""
    return NS + number * NS // 30


def test_it_is_a_recording_on_the_takes_time_axis(messages: list[VideoMessage], tmp_path: Path) -> None:
    take = write_take(tmp_path / "take.mcap", messages)
    source = open_source(CameraSection(id="cam", source=f"take:{take}#left"))
    assert isinstance(source, TakeSource) and isinstance(source, Seekable)
    info = source.open()
    assert (info.width, info.height, info.live) == (WIDTH, HEIGHT, False)
    assert info.rate_achieved == pytest.approx(30, rel=1e-3)
    assert info.duration_ns == pytest.approx(time_of(COUNT), abs=1e6)
    assert "h264" in info.description
    buffer = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    frame = source.read(buffer)
    assert frame is not None and frame.image is buffer
    assert (frame.pts_ns, frame.number, frame.capture_ns) == (pytest.approx(time_of(0), abs=1e3), 0, None)
    assert numbers(source) == list(range(1, COUNT))
    assert source.read() is None
    source.close()
    source.close()
    with pytest.raises(SourceError, match="closed"):
        source.read()


@pytest.mark.parametrize("number", [0, 1, 9, 12, 13, 25, COUNT - 1])
def test_seeking_finds_the_picture_at_or_after_a_time(
    messages: list[VideoMessage], tmp_path: Path, number: int
) -> None:
    source = TakeSource(f"{write_take(tmp_path / 'take.mcap', messages)}#left")
    source.open()
    for _ in range(2):
        source.seek(time_of(number) - 1000)
        assert numbers(source) == list(range(number, COUNT))
    source.seek(time_of(COUNT) + NS)
    assert source.read() is None
    source.seek(0)
    assert numbers(source) == list(range(COUNT))


def test_a_take_that_begins_between_keyframes_begins_at_the_first(messages: list[VideoMessage], tmp_path: Path) -> None:
    source = TakeSource(f"{write_take(tmp_path / 'take.mcap', messages[5:])}#left")
    source.open()
    assert numbers(source) == list(range(12, COUNT))


def test_messages_that_are_damaged_or_nonsense_are_left_out(messages: list[VideoMessage], tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    broken = list(messages)
    for number in (4, 7, 17, 20):
        broken[number] = messages[number]._replace(data=random.bytes(300))
    data = bytearray(messages[30].data)
    data[40:] = random.bytes(len(data) - 40)
    broken[30] = messages[30]._replace(data=bytes(data))
    source = TakeSource(f"{write_take(tmp_path / 'take.mcap', broken)}#left")
    source.open()
    times = []
    while (frame := source.read()) is not None:
        times.append(frame.pts_ns)
    assert len(times) >= COUNT - 10
    assert times == sorted(set(times))
    assert source.faults["undecodable"] >= 4


def test_colours_that_nobody_knows_are_damage(messages: list[VideoMessage], tmp_path: Path) -> None:
    strange = []
    for message in messages:
        one = picture_in(message.schema_name, message.data)._replace(colorspace=77, color_range=9)
        strange.append(video_message(one, message.sequence))
    source = TakeSource(f"{write_take(tmp_path / 'take.mcap', strange)}#left")
    source.open()
    while source.read() is not None:
        pass
    assert source.faults["undecodable"] in (0, COUNT)


def test_a_damaged_place_of_the_file_is_left_out(messages: list[VideoMessage], tmp_path: Path) -> None:
    path = tmp_path / "take.mcap"
    writer = TakeWriter(path)
    places = []
    for message in messages:
        put(writer, message)
        places.append(writer.bytes_written)
        writer.close_chunk()
    writer.finish({})
    with path.open("r+b") as file:
        file.seek(places[14] + 200)
        file.write(b"damage")
    source = TakeSource(f"{path}#left")
    source.open()
    seen = []
    while (frame := source.read()) is not None:
        seen.append(frame.number)
    assert source.faults["damaged"] >= 1
    assert seen[:8] == list(range(8))
    assert seen[-1] == COUNT - 1


def test_cameras_with_names_that_begin_alike_are_told_apart(messages: list[VideoMessage], tmp_path: Path) -> None:
    other = [message._replace(topic="video.left2", camera="left2") for message in messages[12:24]]
    take = write_take(tmp_path / "take.mcap", [*messages, *other])
    source = TakeSource(f"{take}#left")
    source.open()
    assert numbers(source) == list(range(COUNT))
    with pytest.raises(SourceError, match=r"no video of camera 'right'; it has that of left, left2"):
        TakeSource(f"{take}#right").open()


def test_what_is_no_take_or_has_no_video_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="it has none"):
        TakeSource(f"{write_take(tmp_path / 'take.mcap', [])}#left").open()
    with pytest.raises(SourceError, match=r"gone\.mcap"):
        TakeSource(f"{tmp_path / 'gone.mcap'}#left").open()
    (tmp_path / "text.mcap").write_text("no take at all")
    with pytest.raises(SourceError, match="not a take"):
        TakeSource(f"{tmp_path / 'text.mcap'}#left").open()


def test_an_unfinished_take_plays_as_far_as_it_goes(messages: list[VideoMessage], tmp_path: Path) -> None:
    path = tmp_path / "take.mcap"
    writer = TakeWriter(path)
    for message in messages[:30]:
        put(writer, message)
    writer.sync()
    writer.close()
    source = TakeSource(f"{path}#left")
    source.open()
    assert len(numbers(source)) >= 27


def test_stage_toml_names_it(tmp_path: Path) -> None:
    write_take(tmp_path / "scene #1.mcap", [])
    toml = tmp_path / "stage.toml"
    head = '[[cameras]]\nid = "left"\nface_of = "actor"\nsource = '
    toml.write_text(head + '"take:scene #1.mcap#cam2"\n')
    assert load(toml).cameras[0].source == f"take:{tmp_path / 'scene #1.mcap'}#cam2"
    toml.write_text(head + '"take:gone.mcap#cam2"\n')
    with pytest.raises(ConfigError, match=r"cameras\[0\]\.source: .*gone\.mcap"):
        load(toml)
    (tmp_path / "plain.mcap").touch()
    toml.write_text(head + '"take:plain.mcap"\n')
    assert load(toml).cameras[0].source == f"take:{tmp_path / 'plain.mcap'}#left"


def test_av_has_what_takes_are_made_of() -> None:
    assert {"libx264", "magicyuv", "mjpeg", "h264", "hevc"} <= av.codecs_available
    assert EPOCH_NS > 0
