"""A take with video: what happened in the demo recording, and the pictures of two of its cameras as JPEG."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
from msgspec.structs import replace

from protocols import foxglove
from protocols.foxglove import Picture
from protocols.takefile import TakeReader, TakeWriter
from stage.config import CameraSection
from stage.takes.about import redacted
from stage.takes.contents import recorded_config
from stage.takes.video.message import video_message
from tests.demo_take import write_demo_take

DEMO = Path(__file__).resolve().parents[3] / "recordings" / "demo"
START_S = 5.0
FIRST_NS = 11_000_000
"""The demo take's first picture after its begin."""


def write_video_take(path: Path, seconds: float = 0.4, *, bodies: bool = True) -> Path:
    """Writes it: cam1 sees the volume, face the face of anna."""
    bare = TakeReader(write_demo_take(path.with_name("bare.mcap"), seconds, begin_s=START_S, bodies=bodies))
    began_ns = int(bare.facts["take"]["began_ns"])
    calibration = DEMO / "calibration.toml"
    cameras = (
        CameraSection(id="cam1", source="file:cam1.mp4", calibration=str(calibration), calibration_id="cam1"),
        CameraSection(id="face", source="file:face.mp4", face_of="anna"),
    )
    writer = TakeWriter(path)
    for name in ("take", "clock"):
        writer.note(name, bare.facts[name])
    config = redacted(replace(recorded_config(bare), cameras=cameras))
    writer.attach("config.json", config, "application/json", began_ns)
    writer.attach("calibration/0/calibration.toml", calibration.read_bytes(), "application/toml", began_ns)
    for record in bare.records():
        writer.write(record.topic, record.kind, record.data, record.log_ns, record.received_ns)
    for camera in cameras:
        _write_pictures(writer, camera.id, began_ns + FIRST_NS, seconds)
    writer.finish({})
    return path


def _write_pictures(writer: TakeWriter, camera: str, begin_ns: int, seconds: float) -> None:
    with av.open(str(DEMO / f"{camera}.mp4")) as video:
        number = 0
        for frame in video.decode(video=0):
            since_s = float(frame.time or 0.0) - START_S
            if since_s < -1e-4:
                continue
            if since_s >= seconds:
                break
            jpeg = cv2.imencode(".jpg", frame.to_ndarray(format="bgr24"))[1].tobytes()
            picture = Picture(begin_ns + round(since_s * 1e9), camera, "jpeg", jpeg, frame=number)
            message = video_message(picture, number)
            schema = foxglove.SCHEMAS[message.schema_name]
            writer.write_foreign(
                message.topic,
                schema.name,
                schema.encoding,
                schema.data,
                "protobuf",
                message.data,
                message.log_ns,
                message.log_ns,
                number,
            )
            number += 1
