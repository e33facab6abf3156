"""TRC and C3D hold the joints of a take, as their descriptions and independent readers have it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import NamedTuple

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


class Trc(NamedTuple):
    facts: dict[str, str]
    names: list[str]
    frames: list[int]
    times: np.ndarray
    places: np.ndarray


def read_trc(path: Path) -> Trc:
    """Strictly as OpenSim's TRCFileAdapter: header lines of exact words, three columns per marker, tabs."""
    lines = path.read_text().split("\n")
    first = lines[0].split("\t")
    assert first[:3] == ["PathFileType", "4", "(X/Y/Z)"] and first[3] == path.name and len(first) == 4
    keys, values = lines[1].split("\t"), lines[2].split("\t")
    known = "DataRate CameraRate NumFrames NumMarkers Units OrigDataRate OrigDataStartFrame OrigNumFrames"
    assert keys == known.split()
    facts = dict(zip(keys, values, strict=True))
    labels, axes = lines[3].split("\t"), lines[4].split("\t")
    count = int(facts["NumMarkers"])
    assert labels[:2] == ["Frame#", "Time"] and len(labels) == 2 + 3 * count
    assert axes == ["", "", *(f"{axis}{number}" for number in range(1, count + 1) for axis in "XYZ")]
    assert all(cell == "" for index, cell in enumerate(labels[2:]) if index % 3)
    assert lines[5] == "" and lines[-1] == ""
    rows = [line.split("\t") for line in lines[6:-1]]
    assert len(rows) == int(facts["NumFrames"]) and {len(row) for row in rows} == {2 + 3 * count}
    numbers = np.array(rows, np.float64)
    frames = [int(row[0]) for row in rows]
    return Trc(facts, labels[2::3], frames, numbers[:, 1], numbers[:, 2:].reshape(len(rows), count, 3))


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
    c3d = pytest.importorskip("c3d")
    from stage.export.c3d import write_c3d

    (path,) = write_c3d(source, tmp_path / "scene_001_anna.c3d", ExportOptions())
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it misses analog data
        reader = c3d.Reader(file)
        assert [label.strip() for label in reader.point_labels] == list(RIG_BONES)
        assert reader.get("POINT:UNITS").string_value.strip() == "mm"
        assert (reader.first_frame, reader.last_frame) == (1, len(source))
        assert reader.point_rate == pytest.approx(30000 / 1001, abs=1e-4)
        points = np.array([frame[1] for frame in reader.read_frames()])
        assert reader.get("STAGE:TIMECODE").string_value.strip() == source.start_timecode
        assert reader.get("STAGE:TAKE").string_value.strip() == "scene_001"
        assert reader.get("POINT:X_SCREEN").string_value.strip() == "+X"
        labels = [label.strip() for label in reader.get("EVENT:LABELS").string_array]
        minutes, seconds = np.array(reader.get("EVENT:TIMES").float_array).reshape(-1, 2).T
    assert points.shape == (len(source), 53, 5)
    assert not source.present.all() and source.present.any()
    away = np.linalg.norm(points[:, :, :3] / 1000.0 - source.motion.joints, axis=2)
    assert away[source.present].max() < AS_NEAR_M
    assert (points[~source.present, :, 3] == -1).all()
    assert (points[source.present, :, 3] == 0).all()
    assert labels == ["mark 10", "mark 40"]
    told = [entry.log_ns for entry in source.take.records("command.")]
    np.testing.assert_allclose(60 * minutes + seconds, (np.array(told) - source.times_ns[0]) * 1e-9, atol=1e-6)


def test_c3d_refuses_what_it_cannot_count(
    source: ExportSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ezc3d", reason="the extra `export` is not installed")
    from stage.export import c3d

    monkeypatch.setattr(c3d, "MAX_FRAMES", 10)
    with pytest.raises(ExportError, match="more than a C3D file can count"):
        c3d.write_c3d(source, tmp_path / "a.c3d", ExportOptions())
    assert list(tmp_path.iterdir()) == []
