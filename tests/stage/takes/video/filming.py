"""Small videos on their way into a take and out of it again, without processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.video.stream import VideoStream

from protocols import foxglove
from protocols.bus import Message
from protocols.messages import FrameNote
from protocols.takefile import TakeWriter
from protocols.video import VideoPacket
from stage.cameras.playback import Playback
from stage.cameras.sources import Frame
from stage.cameras.sources.file import FileSource
from stage.cameras.sources.packets import Packet
from stage.config import CameraSection, Config, RecordSection
from stage.config import Video as Mode
from stage.takes.video.message import VideoMessage
from tests.stage.cameras.videos import HEIGHT, WIDTH, picture

NS = 1_000_000_000
EPOCH_NS = 1_700_000_000 * NS + 123_456_789


def write_with_b_frames(
    path: Path, count: int, codec: str = "libx264", pix_fmt: str = "yuv420p", rotated: bool = False
) -> Path:
    """A video whose pictures are not stored in the order of their times, where its codec knows such."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pix_fmt
        stream.codec_context.gop_size = 12
        if codec in ("libx264", "mpeg4"):
            stream.codec_context.max_b_frames = 3
        if codec == "libx264":
            stream.options = {"preset": "veryfast", "x264-params": "b-adapt=0:open-gop=1"}
        if codec == "libvpx-vp9":
            stream.options = {"deadline": "realtime", "cpu-used": "8"}
        if codec == "libx265":
            stream.options = {"preset": "ultrafast", "x265-params": "log-level=none:bframes=3"}
        stream.codec_context.time_base = Fraction(1, 30)
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(picture(number), format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def config(mode: Mode, *cameras: str, **record: object) -> Config:
    """A stage of cameras whose pictures are recorded in one way."""
    sections = tuple(CameraSection(id=camera, source="file:x.mp4") for camera in cameras or ("left",))
    return Config(cameras=sections, record=RecordSection(video=mode, **record))  # type: ignore[arg-type]


def play(path: Path, period_ns: int = 0, most: int = 1000, offset_ns: int = 0) -> Iterator[tuple[Frame, list[Packet]]]:
    """The frames of a file and the packets that came with them, as capture gets them."""
    source = FileSource(path)
    source.keep_packets()
    playback = Playback(source, source.open(), EPOCH_NS, period_ns, offset_ns)
    for _ in range(most):
        frame = playback.next()
        if frame is None:
            yield_last = playback.packets()
            assert all(not packet.shown for packet in yield_last)
            break
        yield frame, playback.packets()
    playback.close()


def packet_message(packet: Packet, sequence: int, camera: str = "left") -> Message:
    """A packet as it comes over the bus."""
    coding = packet.coding
    record = VideoPacket(
        camera,
        coding.codec,
        packet.number,
        packet.capture_ns or 0,
        packet.pts_ns,
        packet.dts_ns,
        packet.keyframe,
        packet.shown,
        coding.width,
        coding.height,
        coding.rotation,
        packet.data,
        coding.extradata if packet.keyframe else b"",
        coding.colorspace,
        coding.color_range,
    )
    return Message(f"packet.{camera}", record, sequence, 0)


def note(ring: str, slot: int, generation: int, number: int, size: tuple[int, int] = (HEIGHT, WIDTH)) -> Message:
    """The note of a frame that was taken at 30 Hz."""
    capture_ns = EPOCH_NS + number * NS // 30
    record = FrameNote("left", number, capture_ns, capture_ns, ring, slot, generation, size[1], size[0])
    return Message("frame.left", record, number, capture_ns)


def write_take(path: Path, messages: Iterable[VideoMessage], begin_ns: int = EPOCH_NS - NS) -> Path:
    """A take with these pictures, a first message at `begin_ns`, and nothing else."""
    writer = TakeWriter(path)
    writer.write("event.solve", "Event", b"", begin_ns, begin_ns)
    for message in messages:
        put(writer, message)
    writer.finish({})
    return path


def put(writer: TakeWriter, message: VideoMessage) -> None:
    schema = foxglove.SCHEMAS[message.schema_name]
    form = (schema.name, schema.encoding, schema.data, foxglove.ENCODING)
    writer.write_foreign(message.topic, *form, message.data, message.log_ns, message.log_ns, message.sequence)
