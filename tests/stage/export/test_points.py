"""TRC and C3D hold the joints of a take, as their descriptions and independent readers have it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from protocols.codec import encode
from protocols.names import RIG_BONES
from protocols.show import Mark
from protocols.takefile import TakeReader, TakeWriter
from stage.errors import ExportError
from stage.export import ExportOptions, ExportSource, Wanted, gather
from stage.export.trc import TRC_FROM_WORLD, write_trc
from tests.demo_take import BEGAN_NS, write_demo_take
from tests.motion_files import read_c3d, read_trc

AS_NEAR_M = 1e-4
AWAY = (0.5, 1.2)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> ExportSource:
    folder = tmp_path_factory.mktemp("points")
    write_demo_take(folder / "bare.mcap", 2.0, begin_s=13.0, away=AWAY)
    bare = TakeReader(folder / "bare.mcap")
    writer = TakeWriter(folder / "scene_001.mcap")
    for name, facts in bare.facts.items():
        if name != "end":
            writer.note(name, facts)
    for name in bare.attachments:
        writer.attach(name, bare.attachments[name], "", BEGAN_NS)
    for number, entry in enumerate(bare.records()):
        writer.write(entry.topic, entry.kind, entry.data, entry.log_ns, entry.received_ns, number)
        if number in (10, 40):
            mark = Mark("1", "console", f"mark {number}")
            writer.write("command.console", "Mark", encode(mark, 0, entry.log_ns), entry.log_ns, entry.received_ns, 0)
    writer.finish({})
    return gather(folder / "scene_001.mcap", Wanted(rate="29.97"))[0]


def test_trc_holds_the_joints(source: ExportSource, tmp_path: Path) -> None:
    (path,) = write_trc(source, tmp_path / "scene_001_anna.trc", ExportOptions())
    trc = read_trc(path)
    assert trc.names == list(RIG_BONES)
    assert trc.frames == list(range(1, len(source) + 1))
    assert trc.facts["Units"] == "mm"
    assert float(trc.facts["DataRate"]) == pytest.approx(30000 / 1001, abs=1e-6)
    np.testing.assert_allclose(trc.times, np.arange(len(source)) * 1001 / 30000, atol=1e-8)
    places = TRC_FROM_WORLD.inverse.positions(trc.places)
    assert np.linalg.norm(places - source.motion.joints, axis=2).max() < AS_NEAR_M


def test_trc_stands_upright_and_an_actor_at_rest_faces_x(source: ExportSource) -> None:
    rest = dict(zip(RIG_BONES, TRC_FROM_WORLD.positions(source.motion.rest_joints), strict=True))
    assert rest["head"][1] > 1300.0
    assert rest["ball_l"][0] > rest["foot_l"][0] + 50.0
    assert rest["hand_r"][2] > 300.0 > -300.0 > rest["hand_l"][2]


def test_c3d_holds_the_joints(source: ExportSource, tmp_path: Path) -> None:
    pytest.importorskip("ezc3d", reason="the extra `export` is not installed")
    pytest.importorskip("c3d")
    from stage.export.c3d import write_c3d

    (path,) = write_c3d(source, tmp_path / "scene_001_anna.c3d", ExportOptions())
    c3d = read_c3d(path)
    assert c3d.labels == list(RIG_BONES)
    assert (c3d.units, c3d.first_frame, c3d.last_frame) == ("mm", 1, len(source))
    assert c3d.rate == pytest.approx(30000 / 1001, abs=1e-4)
    assert c3d.texts["STAGE:TIMECODE"] == source.start_timecode
    assert c3d.texts["STAGE:TAKE"] == "scene_001"
    assert c3d.texts["POINT:X_SCREEN"] == "+X"
    points = c3d.points
    assert points.shape == (len(source), 53, 5)
    assert not source.present.all() and source.present.any()
    away = np.linalg.norm(points[:, :, :3] / 1000.0 - source.motion.joints, axis=2)
    assert away[source.present].max() < AS_NEAR_M
    assert (points[~source.present, :, 3] == -1).all()
    assert (points[source.present, :, 3] == 0).all()
    assert [label for label, _ in c3d.events] == ["mark 10", "mark 40"]
    told = [entry.log_ns for entry in source.take.records("command.")]
    at_s = [seconds for _, seconds in c3d.events]
    np.testing.assert_allclose(at_s, (np.array(told) - source.times_ns[0]) * 1e-9, atol=1e-6)


def test_c3d_refuses_what_it_cannot_count(
    source: ExportSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ezc3d", reason="the extra `export` is not installed")
    from stage.export import c3d

    monkeypatch.setattr(c3d, "MAX_FRAMES", 10)
    with pytest.raises(ExportError, match="more than a C3D file can count"):
        c3d.write_c3d(source, tmp_path / "a.c3d", ExportOptions())
    assert list(tmp_path.iterdir()) == []


def test_a_c3d_that_a_full_disk_has_cut_gets_no_name(
    source: ExportSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ezc3d = pytest.importorskip("ezc3d", reason="the extra `export` is not installed")
    from stage.export.c3d import write_c3d

    written = ezc3d.c3d.write

    def cut(file: Any, name: str) -> None:
        written(file, name)
        os.truncate(name, os.path.getsize(name) - 1_000)

    monkeypatch.setattr(ezc3d.c3d, "write", cut)
    with pytest.raises(ExportError, match="disk full"):
        write_c3d(source, tmp_path / "a.c3d", ExportOptions())
    assert list(tmp_path.iterdir()) == []
