"""What a recorder hears of a solver at work: its inputs, its steps and states, and what it makes of them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from protocols.codec import encode
from protocols.external import ExternalBones, ExternalFace
from protocols.messages import CameraLandmarks, FacePerformance, Performance, Record
from protocols.takefile import TakeWriter, captured_ns
from stage.cameras.calibration import save_calibration
from stage.config import ActorSection, BodySection, CameraSection, Config, StageSection
from stage.solving.assembly import make_solver
from stage.solving.framesets import Frameset
from stage.solving.solver import Solver
from stage.solving.step_log import StepLog
from tests.body_model import body_model
from tests.stage.solving.stories import CAMERAS, TICK_NS
from tests.stage.solving.synthetic_views import Actress, frameset

TICKS = 66
STATE_TICKS = 16
"""A state is told every so many framesets."""
BEGIN_NS = 5_000_000_000

Heard = tuple[str, Record]


class Show:
    """A solver that is driven as its worker drives it."""

    def __init__(self, solver: Solver, run_ns: int = 7) -> None:
        self.heard: list[Heard] = []
        self.solver = solver
        self._log = StepLog(solver, lambda topic, record: self.heard.append((topic, record)), run_ns)
        self._now_ns = run_ns

    def state(self) -> None:
        self._now_ns += 1 << 40  # due, however recent the last one
        self._log.keyframe(self._now_ns, resting=True)

    def bodies(self, seen: Frameset) -> None:
        self.heard += [(f"landmarks.{camera}", view) for camera, view in seen.views.items()]
        self._made(self.solver.step(seen))
        self._log.bodies(seen)

    def face(self, seen: CameraLandmarks) -> None:
        self.heard.append((f"landmarks.{seen.camera}", seen))
        face = self.solver.step_face(seen)
        self._made([] if face is None else [face])
        self._log.face(seen)

    def external(self, record: ExternalFace | ExternalBones, *, overtaken: bool) -> None:
        self.heard.append((f"external.{record.actor}", record))
        self._made(self.solver.take_external(record, overtaken=overtaken))
        self._log.external(record, overtaken=overtaken)

    def time(self, now_ns: int) -> None:
        made = self.solver.pass_time(now_ns)
        self._made(made)
        if len(made) > 0:
            self._log.time(now_ns)

    def measure(self, actor: str, now_ns: int) -> None:
        self.solver.measure_again(actor)
        self._log.measure(actor, now_ns)

    def _made(self, made: list) -> None:
        for one in made:
            kind = "face" if isinstance(one, FacePerformance) else "performance"
            if isinstance(one, Performance):
                self.solver.vertices(one.actor)
            self.heard.append((f"{kind}.{one.actor}", one))


def config_in(folder: Path) -> Config:
    """A stage with three calibrated cameras and one actor nobody knows."""
    path = folder / "calibration.toml"
    save_calibration(path, CAMERAS)
    return Config(
        stage=StageSection(rate=30.0),
        cameras=tuple(CameraSection(id=c.id, source="device:0", calibration=str(path)) for c in CAMERAS),
        actors=(ActorSection(id="anna", profile=str(folder / "anna")),),
        body=BodySection(shape_seconds=1.0),
    )


def show_of(config: Config, ticks: int = TICKS) -> list[Heard]:
    """An actress before the cameras, lost once and measured again once; what a recorder hears of it."""
    actress = Actress(body_model(), np.full(body_model().shape_count, 0.2))
    show = Show(make_solver(config, body_model()))
    for tick in range(ticks):
        if tick % STATE_TICKS == 0:
            show.state()
        seconds = (BEGIN_NS + tick * TICK_NS) * 1e-9
        people = [] if 36 <= tick < 40 else [actress.landmarks(seconds)]
        show.bodies(frameset(CAMERAS, seconds, people, noise_px=1.0))
        if tick == 44:
            show.measure("anna", round(seconds * 1e9))
    return show.heard


def write_take(path: Path, config: Config, heard: list[Heard]) -> Path:
    """A finished take of what was heard."""
    writer = TakeWriter(path)
    writer.note("take", {"name": path.stem, "began_ns": str(BEGIN_NS)})
    writer.attach("config.json", msgspec.json.encode(config), "application/json", 0)
    calibration = Path(config.cameras[0].calibration)
    writer.attach(f"calibration/0/{calibration.name}", calibration.read_bytes(), "application/toml", 0)
    for number, (topic, record) in enumerate(heard):
        sent_ns = BEGIN_NS + number * 5_000_000
        data = encode(record, number, sent_ns)
        writer.write(topic, type(record).__name__, data, captured_ns(record, sent_ns), sent_ns, number)
    writer.finish({})
    return path
