from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from protocols.clock import StageClock
from protocols.foxglove import COMPRESSED_VIDEO, Picture, encode_video
from stage.cameras.sources import Frame, stream
from stage.cameras.sources.live import LiveSource
from stage.cameras.sources.stream import stream_source, without_password
from stage.errors import SourceError
from stage.takes.video.decoder import VideoDecoder
from tests.stage.cameras.videos import HEIGHT, WIDTH, number_in

ROOT = Path(__file__).resolve().parents[4]
CLOCK = StageClock.start()

Serve = Callable[..., "subprocess.Popen[str]"]


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a sender of numbered pictures in a process of its own."""
    processes: list[subprocess.Popen[str]] = []

    def start(url: str, form: str = "mpegts") -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.stage.cameras.stream_server", url, form]
        processes.append(subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE))
        assert processes[-1].stdout is not None and processes[-1].stdout.readline() == "ready\n"
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def sources() -> Iterator[list[LiveSource]]:
    made: list[LiveSource] = []
    yield made
    for source in made:
        source.close()


def read(source: LiveSource, timeout_s: float = 20.0) -> Frame:
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        frame = source.read()
        if frame is not None:
            return frame
    raise AssertionError(f"no frame came: {source.trouble}")


def connect(source: LiveSource, timeout_s: float = 20.0) -> None:
    source.start()
    deadline_s = time.monotonic() + timeout_s
    while source.info is None:
        assert time.monotonic() < deadline_s, source.trouble
        time.sleep(0.01)


def test_frames_over_tcp_keep_the_cameras_own_times(serve: Serve, sources: list[LiveSource]) -> None:
    port = free_port()
    serve(f"tcp://127.0.0.1:{port}?listen=1")
    source = stream_source(f"tcp://127.0.0.1:{port}", CLOCK)
    sources.append(source)
    source.keep_packets()
    connect(source)
    assert source.info is not None
    assert (source.info.width, source.info.height, source.info.live) == (WIDTH, HEIGHT, True)
    frames = [read(source) for _ in range(30)]
    first = number_in(frames[0].image)
    for frame in frames:
        assert number_in(frame.image) == (first + frame.number - frames[0].number) % 256
        assert frame.capture_ns is not None and frame.capture_ns <= CLOCK.now_ns()
    elapsed_ns = (frames[-1].number - frames[0].number) * 1_000_000_000 // 30
    assert frames[-1].pts_ns - frames[0].pts_ns == pytest.approx(elapsed_ns, abs=2e6)
    # Low delay: no frame waits for its successors.
    ages_ms = sorted((CLOCK.now_ns() - (read(source).capture_ns or 0)) / 1e6 for _ in range(15))
    assert ages_ms[0] < 200.0
    # The packets that the camera sent have the times and numbers of the frames they became.
    packets = source.packets()
    times = {packet.number: (packet.capture_ns, packet.pts_ns) for packet in packets}
    for frame in frames:
        assert times[frame.number] == (frame.capture_ns, frame.pts_ns)
    decoder = VideoDecoder()
    for packet in packets:
        assert packet.capture_ns is not None
        picture = Picture(packet.capture_ns, "left", "h264", packet.data, keyframe=packet.keyframe, frame=packet.number)
        for decoded in decoder.decode(COMPRESSED_VIDEO.name, encode_video(picture)):
            assert (
                number_in(decoded.frame.to_ndarray(format="bgr24")) == (first + decoded.number - frames[0].number) % 256
            )


def test_a_server_that_dies_and_comes_back(serve: Serve, sources: list[LiveSource]) -> None:
    port = free_port()
    url = f"tcp://127.0.0.1:{port}"
    first = serve(f"{url}?listen=1")
    source = stream_source(url, CLOCK)
    sources.append(source)
    source.keep_packets()
    connect(source)
    last = read(source).number
    first.kill()
    first.wait()
    deadline_s = time.monotonic() + 20.0
    while source.info is not None:
        assert time.monotonic() < deadline_s
        source.read()
    assert "lost" in source.trouble or "cannot be opened" in source.trouble
    serve(f"{url}?listen=1")
    assert read(source).number > last
    assert source.faults["losses"] == 1 and source.faults["reconnects"] == 1
    packets = source.packets()
    jumps = [after for before, after in pairwise(packets) if after.dts_ns <= before.dts_ns]
    assert packets[0].keyframe and all(packet.keyframe for packet in jumps)


def test_rtsp(serve: Serve, sources: list[LiveSource]) -> None:
    # A camera that pushes: the session, and RTP inside it, are those of a camera that is asked.
    url = f"rtsp://127.0.0.1:{free_port()}/stage"
    source = stream_source(url, CLOCK, {"rtsp_flags": "listen", "listen_timeout": "5"})
    sources.append(source)
    source.keep_packets()
    source.start()
    serve(url, "rtsp")
    frames = [read(source) for _ in range(10)]
    first = number_in(frames[0].image)
    for frame in frames:
        assert number_in(frame.image) == (first + frame.number - frames[0].number) % 256
    elapsed_ns = (frames[-1].number - frames[0].number) * 1_000_000_000 // 30
    assert frames[-1].pts_ns - frames[0].pts_ns == pytest.approx(elapsed_ns, abs=2e6)
    times = {packet.number: packet.capture_ns for packet in source.packets()}
    assert all(times[frame.number] == frame.capture_ns for frame in frames)


def test_udp_streams_are_read_too(serve: Serve, sources: list[LiveSource]) -> None:
    port = free_port(socket.SOCK_DGRAM)
    serve(f"udp://127.0.0.1:{port}?pkt_size=1316")
    source = stream_source(f"udp://127.0.0.1:{port}", CLOCK)
    sources.append(source)
    connect(source)
    numbers = [number_in(read(source).image) for _ in range(5)]
    assert len(set(numbers)) == 5


def test_nobody_answering_is_said_quickly_and_without_the_password() -> None:
    source = stream_source(f"rtsp://operator:secret@127.0.0.1:{free_port()}/stage", CLOCK)
    begin_s = time.monotonic()
    with pytest.raises(SourceError, match=r"rtsp://\*\*\*@127\.0\.0\.1.*cannot be opened") as caught:
        source.open()
    assert "secret" not in str(caught.value) and "\n" not in str(caught.value)
    assert time.monotonic() - begin_s < 5.0


def test_a_server_that_says_nothing_does_not_hang_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "OPEN_TIMEOUT_S", 0.3)
    monkeypatch.setattr(stream, "READ_TIMEOUT_S", 0.3)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        begin_s = time.monotonic()
        with pytest.raises(SourceError):
            stream_source(f"tcp://127.0.0.1:{server.getsockname()[1]}", CLOCK).open()
        assert time.monotonic() - begin_s < 5.0


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://user:pass@cam/1", "rtsp://***@cam/1"),
        ("rtsp://user@cam/1", "rtsp://***@cam/1"),
        ("rtsp://cam/1?mail=a@b", "rtsp://cam/1?mail=a@b"),
    ],
)
def test_passwords_are_never_shown(url: str, shown: str) -> None:
    assert without_password(url) == shown
