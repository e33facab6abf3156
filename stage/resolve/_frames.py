"""Landmarks read anew from the pictures in a take, into a take file that lives as long as the work."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from protocols.codec import encode
from protocols.solve_log import INPUTS_BEFORE_NS
from protocols.takefile import TakeReader, TakeWriter
from stage.bodies.body import BodyModel
from stage.config import Config
from stage.errors import ReplayError
from stage.networks.load import load_reader
from stage.offline import Recordings, read_views
from stage.resolve._resolve import resolve
from stage.solving.framesets import Frameset

_VIDEO = "video."
_TOLD_S = 10.0


def read_landmarks(
    take: TakeReader,
    config: Config,
    body: BodyModel,
    path: Path,
    span_ns: tuple[int, int],
    report: Callable[[str], None],
) -> TakeReader:
    """Reads the landmarks of all pictures; bodies are solved meanwhile, to know where to look next.

    Args:
        take: The take; what other performers sent is carried over.
        config: With the networks that read them.
        body: The body model.
        path: A file that is not there yet.
        span_ns: Begin and end of what is wanted, stage time.
        report: Told how far it is.

    Raises:
        ReplayError: There are no pictures of any camera in the take.
        TakeError: The take is damaged.
        SourceError: A picture cannot be decoded.
        NetworkError: A network cannot be had, read or run.
    """
    config = _from_take(take, config)
    solver = resolve(take, config, as_live=False, body=body).solver
    reader, zero_ns = load_reader(config), take.span_ns[0]
    begin_ns, end_ns = span_ns[0] - INPUTS_BEFORE_NS, span_ns[1] + INPUTS_BEFORE_NS
    writer = TakeWriter(path)
    began_s = told_s = time.monotonic()
    count, last_ns, interval_ns = 0, -1, 0
    predictions = []
    try:
        external = take.records("external.")
        with Recordings(config) as recordings:
            for tick in recordings.pictures():
                now_ns = tick.time_ns + zero_ns
                if now_ns >= end_ns:
                    break
                if now_ns < begin_ns:
                    continue
                seen = read_views(reader, tick, now_ns, predictions)
                for number, view in enumerate(seen.values()):
                    data = encode(view, count + number, now_ns)
                    writer.write(f"landmarks.{view.camera}", "CameraLandmarks", data, now_ns, now_ns)
                count += 1
                bodies = {camera: view for camera, view in seen.items() if camera not in reader.face_camera_ids}
                if len(bodies) > 0:
                    solver.step(Frameset(now_ns, bodies))
                    interval_ns = now_ns - last_ns if last_ns >= 0 else interval_ns
                    last_ns = now_ns
                    predictions = solver.predictions(now_ns + interval_ns)
                if time.monotonic() - told_s > _TOLD_S:
                    told_s = time.monotonic()
                    report(f"{count} framesets read, {count / (told_s - began_s):.1f} per second")
            for warning in recordings.warnings:
                report(f"warning: {warning}")
        for entry in external:
            writer.write(entry.topic, entry.kind, entry.data, entry.log_ns, entry.received_ns)
        writer.finish({})
    finally:
        writer.close()
    seconds = max(time.monotonic() - began_s, 1e-9)
    report(f"{count} framesets read in {seconds:.1f} s, {count / seconds:.1f} per second")
    return TakeReader(path)


def _from_take(take: TakeReader, config: Config) -> Config:
    """The config with the take's pictures as its cameras' sources."""
    filmed = {topic.removeprefix(_VIDEO) for topic in take.counts if topic.startswith(_VIDEO)}
    cameras = tuple(
        # The times in the take have the offset in them.
        replace(camera, source=f"take:{take.path.absolute()}#{camera.id}", offset_ms=0.0, loop=False)
        for camera in config.cameras
        if camera.id in filmed
    )
    if len(cameras) == 0:
        raise ReplayError(
            f"{take.path}: holds no pictures, so its frames cannot be read again (see [record] video); solve it from "
            "landmarks"
        )
    return replace(config, cameras=cameras)
