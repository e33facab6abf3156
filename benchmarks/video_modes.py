"""Pictures of a 1080p camera made ready for a take: one core encodes four such cameras as JPEG, a copy is nearly free.

Milliseconds of one core per frame (median) and MB per minute at 30 Hz, for every mode, of the same real pictures, and
beside them the usual ways to write video: OpenCV's `VideoWriter`, x264 as PyAV's examples have it, FFV1, raw pixels
under zstd. `take` is what a frame costs the recorder's own loop: its copy out of the ring.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import zstandard

from benchmarks.accuracy_real import DATA
from benchmarks.report import Figure, percentiles_ms, progress, report
from protocols.bus import Message
from protocols.codec import decode, encode
from protocols.messages import FrameNote
from protocols.ring import RingWriter, ring_name
from protocols.video import VideoPacket
from stage.cameras.sources.file import FileSource
from stage.cameras.sources.source import Image
from stage.config import CameraSection, Config, RecordSection
from stage.takes.video.encoders import encoder_maker
from stage.takes.video.h264 import nvenc_fault
from stage.takes.video.lanes import VideoLanes

WIDTH, HEIGHT = 1920, 1080
RATE = 30
COUNT = 32
ROUNDS = 3
DEMO = Path(__file__).resolve().parents[1] / "recordings" / "demo" / "cam1.mp4"

Encode = Callable[[Image, int], int]
"""Encodes the picture of this number; returns how many bytes it became."""


def main() -> None:
    """Measure every mode and its peers on the same pictures."""
    cv2.setNumThreads(1)
    video = next(iter(sorted(DATA.rglob("*.mp4"))), DEMO)
    pictures = real_pictures(video)
    figures: dict[str, Figure] = {"material": video.name, "nvenc": nvenc_fault() or "found"}
    with tempfile.TemporaryDirectory(dir="/dev/shm") as scratch:
        for name, make in (ways(Path(scratch))).items():
            progress(name)
            milliseconds, size = timed(make, pictures)
            figures[f"{name}_ms"] = milliseconds
            figures[f"{name}_mb_per_min"] = size * RATE * 60 / 1e6
        figures |= copying(video, Path(scratch))
        figures |= taking(pictures, Path(scratch))
    targets = {"mjpeg_ms": f"<= {1000 / (4 * RATE):.3g}", "copy_packet_ms": "<= 0.5", "take_p99_ms": "<= 2"}
    report("video_modes", figures, targets)


def real_pictures(video: Path) -> list[Image]:
    """Consecutive pictures of a recording, on their side or enlarged where they are not 1080p."""
    source = FileSource(video)
    source.open()
    pictures = []
    while len(pictures) < COUNT and (frame := source.read()) is not None:
        image = np.rot90(frame.image) if frame.image.shape[0] > frame.image.shape[1] else frame.image
        pictures.append(np.ascontiguousarray(cv2.resize(image, (WIDTH, HEIGHT)), np.uint8))
    source.close()
    return pictures


def ways(folder: Path) -> dict[str, Callable[[], Encode]]:
    """What makes each encoder: ours, then peers."""
    record = RecordSection()
    ours = {mode: own(mode, record) for mode in ("mjpeg", "h264", "lossless")}
    peers = {
        "peer_opencv_mp4v": lambda: written(folder / "peer.mp4", "mp4v"),
        "peer_opencv_mjpg": lambda: written(folder / "peer.avi", "MJPG"),
        "peer_av_x264_veryfast": lambda: coded("libx264", "yuv420p", {"preset": "veryfast", "tune": "zerolatency"}),
        "peer_av_ffv1": lambda: coded("ffv1", "bgr0", {}),
        "peer_zstd_raw": raw,
    }
    return {**ours, **peers}


def own(mode: str, record: RecordSection) -> Callable[[], Encode]:
    """An encoder as a camera's lane has it."""

    def make() -> Encode:
        encoder = encoder_maker(mode, record)(HEIGHT, WIDTH)
        return lambda image, number: len(encoder.encode(image, number * 1_000_000_000 // RATE, False).data)

    return make


def written(path: Path, codec: str) -> Encode:
    """OpenCV's writer, to a file in memory."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), RATE, (WIDTH, HEIGHT))
    sizes = [0]

    def write(image: Image, _number: int) -> int:
        writer.write(image)
        sizes.append(path.stat().st_size)
        return sizes[-1] - sizes[-2]

    return write


def coded(codec: str, pix_fmt: str, options: dict[str, str]) -> Encode:
    """PyAV by one thread, as its examples do it."""
    context = av.CodecContext.create(codec, "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = WIDTH, HEIGHT, pix_fmt
    context.time_base, context.thread_count, context.options = Fraction(1, RATE), 1, options
    context.gop_size = 1 if codec == "ffv1" else RATE

    def encode_one(image: Image, number: int) -> int:
        frame = av.VideoFrame.from_ndarray(image, format="bgr24")
        frame.pts, frame.time_base = number, Fraction(1, RATE)
        return sum(packet.size for packet in context.encode(frame))

    return encode_one


def raw() -> Encode:
    """The pixels under zstd at its fastest level."""
    compressor = zstandard.ZstdCompressor(level=1)
    return lambda image, _number: len(compressor.compress(image.data))


def timed(make: Callable[[], Encode], pictures: list[Image]) -> tuple[float, float]:
    """Milliseconds of processor time per picture (median), and bytes per picture (mean)."""
    durations, sizes = [], []
    encode_one = make()
    for number, image in enumerate(pictures * ROUNDS):
        begin = time.process_time_ns()
        sizes.append(encode_one(image, number))
        durations.append(time.process_time_ns() - begin)
    return float(np.median(durations)) / 1e6, float(np.mean(sizes[len(pictures) :]))


def copying(video: Path, folder: Path) -> dict[str, Figure]:
    """A packet's way from the demuxer over the bus's encoding to a message, without the bus itself."""
    source = FileSource(video)
    source.keep_packets()
    source.open()
    while source.read() is not None:
        pass
    packets = source.packets()
    lanes = VideoLanes(stage("copy"), folder)
    durations, size = [], 0
    for number, packet in enumerate(packets):
        begin = time.process_time_ns()
        coding = packet.coding
        extradata = coding.extradata if packet.keyframe else b""
        about = (packet.number, packet.pts_ns, packet.pts_ns, packet.dts_ns, packet.keyframe, packet.shown)
        record = VideoPacket(
            "left", coding.codec, *about, coding.width, coding.height, coding.rotation, packet.data, extradata
        )
        envelope = decode(encode(record, number, 0))
        lanes.take(Message("packet.left", envelope.record, number, 0))
        size += sum(message.bytes for message in lanes.ready())
        durations.append(time.process_time_ns() - begin)
    milliseconds = float(np.median(durations)) / 1e6
    return {"copy_packet_ms": milliseconds, "copy_mb_per_min": size / len(packets) * RATE * 60 / 1e6}


def taking(pictures: list[Image], folder: Path) -> dict[str, Figure]:
    """What handing over a frame costs the recorder's loop."""
    lanes = VideoLanes(stage("mjpeg"), folder)
    durations = []
    with RingWriter(ring_name(folder, "left"), 6, HEIGHT, WIDTH) as ring:
        for number, image in enumerate(pictures * ROUNDS):
            slot, generation = ring.write(image)
            note = FrameNote("left", number, number + 1, 0, ring.name, slot, generation, WIDTH, HEIGHT)
            message = Message("frame.left", note, number, 0)
            begin = time.thread_time_ns()
            lanes.take(message)
            durations.append(time.thread_time_ns() - begin)
            while lanes.waiting > 0:
                time.sleep(0.001)
            lanes.ready()
    lanes.close()
    return {**percentiles_ms("take", durations), "take_dropped": lanes.dropped.total()}


def stage(mode: str) -> Config:
    """A stage of one camera."""
    camera = CameraSection(id="left", source="file:left.mp4")
    return Config(cameras=(camera,), record=RecordSection(video=mode))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
