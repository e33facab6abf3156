"""A take with everything that cutting it must not break: video in groups, the solver's states and steps, marks."""

from __future__ import annotations

from pathlib import Path

from protocols.codec import encode
from protocols.foxglove import COMPRESSED_VIDEO, ENCODING, Picture, encode_video
from protocols.messages import Event, Record
from protocols.show import Mark
from protocols.solve_log import SolverKeyframe, SolveStep
from protocols.takefile import TakeWriter, captured_ns
from stage.config import ActorSection, Config
from stage.takes.about import attached_files
from tests.stage.takes.small_take import BEGAN_NS, FRAME_NS, a_performance

FRAMES = 300
GROUP = 30
"""Pictures from one that needs no other to the next."""
KEYFRAME = 60
"""Steps from one state of the solver to the next."""


def managed_take(folder: Path, *, finish: bool = True, frames: int = FRAMES) -> Path:
    """Ten seconds at 30 Hz."""
    path = folder / "scene_001.mcap"
    writer = TakeWriter(path)
    facts = {
        "name": path.stem,
        "slate": "scene",
        "number": "1",
        "began": "2023-11-14T22:13:20.000+00:00",
        "began_ns": str(BEGAN_NS),
        "timecode": "22:13:20:00",
        "timecode_rate": "30",
        "timecode_source": "day",
    }
    writer.note("take", facts)
    writer.note("clock", {"offset_ns": "0", "epoch_ns": str(BEGAN_NS)})
    for file in attached_files(Config(actors=(ActorSection(id="anna"),))):
        writer.attach(file.name, file.data, file.media_type, BEGAN_NS)
    for number in range(frames):
        at_ns = BEGAN_NS + number * FRAME_NS
        _put(writer, "landmarks.left", Event("landmarks", at_ns, "info", "seen"), number, 10)
        picture = Picture(at_ns, "left", "h264", bytes(200), keyframe=number % GROUP == 0, frame=number)
        writer.write_foreign(
            "video.left",
            COMPRESSED_VIDEO.name,
            COMPRESSED_VIDEO.encoding,
            COMPRESSED_VIDEO.data,
            ENCODING,
            encode_video(picture),
            at_ns,
            at_ns + 15_000_000,
        )
        if number % KEYFRAME == 0:
            _put(writer, "keyframe.solve", SolverKeyframe(1, number, at_ns, b"state"), number, 19)
        _put(writer, "step.solve", SolveStep(1, number, "bodies", at_ns), number, 20)
        _put(writer, "performance.anna", a_performance(number), number, 30)
        if number == 100:
            _put(writer, "command.console", Mark("1", "console", "good [one]"), number, 31, at_ns)
        if number % 15 == 14:
            writer.close_chunk()
    if finish:
        writer.attach("actors/anna/body.toml", b"at the end", "application/toml", BEGAN_NS)
        writer.finish({"records": str(writer.records), "marks": "1", "lost": "0", "fault": "", "frames": str(frames)})
    else:
        writer.close_chunk()
        writer.close()
    return path


def _put(
    writer: TakeWriter, topic: str, record: Record, number: int, latency_ms: int, log_ns: int | None = None
) -> None:
    log_ns = captured_ns(record, 0) if log_ns is None else log_ns
    received_ns = BEGAN_NS + number * FRAME_NS + latency_ms * 1_000_000
    writer.write(topic, type(record).__name__, encode(record, number, received_ns), log_ns, received_ns, number)
