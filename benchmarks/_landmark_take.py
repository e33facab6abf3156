"""A take of landmarks from recordings: what benchmarks of solving again start from."""

from __future__ import annotations

from pathlib import Path

from protocols.codec import encode
from protocols.takefile import TakeReader, TakeWriter
from stage.bodies.body import load_body
from stage.config import Config
from stage.networks.load import load_reader
from stage.offline import Recordings, read_views
from stage.solving.assembly import make_solver
from stage.solving.framesets import Frameset
from stage.takes.about import attached_files

BEGAN_NS = 1_700_000_000_000_000_000
"""Stage time of the recordings' beginning."""


def landmark_take(config: Config, path: Path) -> TakeReader:
    """Reads all pictures once, as the live stage does, each frameset's prediction guiding the next."""
    reader = load_reader(config)
    writer = TakeWriter(path)
    writer.note("take", {"name": path.stem, "began_ns": str(BEGAN_NS)})
    for file in attached_files(config):
        writer.attach(file.name, file.data, file.media_type, BEGAN_NS)
    predictions, last_ns = [], -1
    with Recordings(config) as recordings:
        solver = make_solver(config, load_body(), recordings.sizes)
        for number, tick in enumerate(recordings.pictures()):
            now_ns = tick.time_ns + BEGAN_NS
            views = read_views(reader, tick, now_ns, predictions)
            for camera, view in views.items():
                writer.write(f"landmarks.{camera}", "CameraLandmarks", encode(view, number, now_ns), now_ns, now_ns)
            bodies = {camera: view for camera, view in views.items() if camera not in reader.face_camera_ids}
            if len(bodies) > 0:
                solver.step(Frameset(now_ns, bodies))
                predictions = solver.predictions(2 * now_ns - last_ns if last_ns > 0 else now_ns)
                last_ns = now_ns
    writer.finish({})
    return TakeReader(path)
