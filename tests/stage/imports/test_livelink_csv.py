"""Tables of faces become faces at their times; and what was exported comes back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from protocols.names import ARKIT_SHAPES
from protocols.takefile import TakeReader
from stage.errors import ForeignFileError
from stage.export import ExportOptions, Wanted, gather
from stage.export.csv import write_csv
from stage.imports import import_files
from stage.imports._livelink_csv import read_livelink_csv
from tests.demo_take import write_demo_take
from tests.shared_data import shared_data
from tests.stage.imports.small_files import small_csv

_JAW_OPEN, _JAW_RIGHT, _JAW_LEFT = (ARKIT_SHAPES.index(name) for name in ("JawOpen", "JawRight", "JawLeft"))
_CLOCK_NS = (10 * 3600 + 20 * 60 + 30) * 1_000_000_000


def test_columns_are_found_by_name_and_times_by_timecode(tmp_path: Path) -> None:
    imported = read_livelink_csv(small_csv(tmp_path))
    motion = imported.motion
    assert motion is not None
    np.testing.assert_allclose(motion.shapes[:, _JAW_OPEN], [0.0, 0.1, 0.2, 0.4, 0.5, 0.6, 0.7], atol=1e-7)
    assert (motion.shapes[:, _JAW_RIGHT] == 0.25).all() and (motion.shapes[:, _JAW_LEFT] == 0.0).all()
    assert imported.begin_ns == _CLOCK_NS + round(0.123 / 60 * 1e9)
    np.testing.assert_allclose(motion.face_ns * 60e-9, [0, 2, 4, 8, 10, 16, 18], atol=1e-4)  # one came 67 ms late
    np.testing.assert_allclose(imported.lost_ns * 60e-9, [6], atol=1e-4)
    yaw = 2.0 * np.arctan2(motion.head[:, 2], motion.head[:, 3])
    np.testing.assert_allclose(np.abs(yaw), [0.0, 0.05, 0.1, 0.2, 0.25, 0.3, 0.35], atol=1e-6)


def test_lost_moments_are_in_the_take_as_absent(tmp_path: Path) -> None:
    take = TakeReader(import_files([small_csv(tmp_path)], out=tmp_path / "a_001.mcap", progress=lambda _: None))
    states = [record.decoded().record.face.state for record in take.records("face.")]  # type: ignore[attr-defined]
    assert states == ["tracking"] * 3 + ["absent"] + ["tracking"] * 4
    assert take.facts["take"]["timecode"] == "10:20:30:00"


def test_export_import_export_gives_the_same_values(tmp_path: Path) -> None:
    demo = write_demo_take(tmp_path / "scene_001.mcap", 2.0)
    (first,) = write_csv(gather(demo, Wanted(rate="60"))[0], tmp_path / "first.csv", ExportOptions())
    again = import_files([first], out=tmp_path / "again_001.mcap", progress=lambda _: None)
    (second,) = write_csv(gather(again, Wanted(rate="60"))[0], tmp_path / "second.csv", ExportOptions())
    before, after = (path.read_text().splitlines() for path in (first, second))
    assert [row.split(",")[0] for row in before] == [row.split(",")[0] for row in after]
    values = [np.array([row.split(",")[2:] for row in rows[1:]], float) for rows in (before, after)]
    np.testing.assert_allclose(values[0], values[1], atol=1e-6)


def test_over_midnight_time_goes_on(tmp_path: Path) -> None:
    path = small_csv(tmp_path, rows=3, begin="23:59:59")
    path.write_text(
        path.read_text() + small_csv(tmp_path, "later.csv", rows=3, begin="00:00:00").read_text().split("\n", 1)[1]
    )
    motion = read_livelink_csv(path).motion
    assert motion is not None
    np.testing.assert_allclose(motion.face_ns[3] - motion.face_ns[0], 1e9, atol=1e4)
    assert len(motion.face_ns) == 6


def test_unreals_own_table(tmp_path: Path) -> None:
    path = tmp_path / "unreal.csv"
    path.write_text(
        "Timecode, FrameRate, JawOpen, EyeBlinkLeft\n"
        "01:00:00:12, 24.000, 0.500, 1.000\n01:00:00:13, 24.000, 0.250, 0.000\n"
    )
    imported = read_livelink_csv(path)
    assert imported.motion is not None
    assert imported.begin_ns == 3600_500_000_000
    np.testing.assert_allclose(imported.motion.shapes[:, _JAW_OPEN], [0.5, 0.25])
    assert any("taken as 0" in line for line in imported.told)


def test_degrees_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "degrees.csv"
    path.write_text("Timecode,BlendShapeCount,JawOpen,HeadYaw\n01:00:00:12.000,61,0.5,30.0\n")
    imported = read_livelink_csv(path)
    assert imported.motion is not None
    assert 2.0 * np.arccos(imported.motion.head[0, 3]) == pytest.approx(np.radians(30.0), abs=1e-6)
    with pytest.raises(ForeignFileError, match="say --angles degrees"):
        path.write_text(path.read_text().replace("30.0", "300.0"))
        read_livelink_csv(path, "radians")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("10:20:30:02.123", "10:20:30:72.123", "line 3: no timecode"),
        ("10:20:30:02.123", "soon", "line 3: 'soon' is no timecode"),
        ("10:20:30:02.123,61,", "10:20:30:02.123,61,1.0,", "line 3: 64 fields"),
        ("10:20:30:02.123,61,0.0", "10:20:30:02.123,61,x", "line 3: a value that is no number"),
        ("10:20:30:02.123,61,0.0000000000", "10:20:30:02.123,61,nan", "line 3: a value that cannot be"),
        ("Timecode", "Time", "no table of the Live Link Face app"),
    ],
)
def test_a_bad_line_is_told(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    path = small_csv(tmp_path)
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(ForeignFileError, match=complaint):
        read_livelink_csv(path)


def test_a_file_that_was_cut_ends_with_its_last_whole_row(tmp_path: Path) -> None:
    path = small_csv(tmp_path)
    path.write_text(path.read_text()[:-200])
    motion = read_livelink_csv(path).motion
    assert motion is not None and len(motion.face_ns) == 6


def test_real_takes(tmp_path: Path) -> None:
    folder = shared_data("livelinkface")
    lost = read_livelink_csv(folder / "S88-001.csv")
    assert lost.motion is not None
    assert len(lost.lost_ns) == 277 and len(lost.motion.face_ns) == 1662
    whole = read_livelink_csv(folder / "alex_rom_3.csv")
    assert whole.motion is not None
    assert len(whole.motion.face_ns) == 4030 and whole.told == ()
    assert np.diff(whole.motion.face_ns).max() == pytest.approx(67e6, rel=0.02)
