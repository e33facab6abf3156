"""Tables of faces and arrays hold the take's own numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from protocols.livelink_face import write_face
from protocols.names import ARKIT_SHAPES, RIG_BONES
from stage.errors import ExportError
from stage.export import ExportOptions, Wanted, gather
from stage.export.csv import write_csv
from stage.export.npz import write_npz
from stage.takes.face_table import COLUMNS, HEADER
from tests.demo_take import write_demo_take


def test_a_table_has_the_apps_header_and_a_row_for_each_face(tmp_path: Path) -> None:
    take = write_demo_take(tmp_path / "scene_001.mcap", 2.0, away=(0.5, 1.2))
    (source,) = gather(take, Wanted(rate="60"))
    (path,) = write_csv(source, tmp_path / "a.csv", ExportOptions())
    header, *rows = path.read_text().splitlines()
    assert header == HEADER
    assert len(rows) == int(source.face_present.sum()) < len(source)
    times = [row.split(",")[0] for row in rows]
    assert times == sorted(times) and times[0].startswith("10:00:00:")
    frame = int(np.flatnonzero(source.face_present)[40])
    motion = source.motion
    values = dict(zip(COLUMNS, (float(value) for value in rows[40].split(",")[2:]), strict=True))
    expected = write_face(motion.shapes[frame], motion.head[frame], motion.gaze[frame])
    assert values["JawOpen"] == pytest.approx(float(expected[ARKIT_SHAPES.index("JawOpen")]), abs=1e-9)
    assert values["LeftEyeYaw"] == pytest.approx(float(expected[55]), abs=1e-9)


def test_a_body_alone_has_no_table(tmp_path: Path) -> None:
    from stage.imports import import_files
    from tests.stage.imports.small_files import small_bvh

    take = import_files([small_bvh(tmp_path)], out=tmp_path / "a_001.mcap", progress=lambda _: None)
    with pytest.raises(ExportError, match="there is no face"):
        write_csv(gather(take, Wanted())[0], tmp_path / "a.csv", ExportOptions())


def test_arrays_are_the_motions_and_need_no_pickle(tmp_path: Path) -> None:
    (source,) = gather(write_demo_take(tmp_path / "scene_001.mcap", 1.0), Wanted(rate="24"))
    (path,) = write_npz(source, tmp_path / "a.npz", ExportOptions())
    with np.load(path, allow_pickle=False) as arrays:
        assert str(arrays["take"]) == "scene_001" and str(arrays["actor"]) == "anna"
        assert tuple(arrays["bones"]) == RIG_BONES and tuple(arrays["shape_names"]) == ARKIT_SHAPES
        assert float(arrays["rate"]) == 24.0
        assert str(arrays["timecode"][0]).startswith("10:00:00:")
        for name in ("root", "rotations", "joints", "shapes", "gaze"):
            np.testing.assert_array_equal(arrays[name], getattr(source.motion, name))
        assert len(arrays["time_s"]) == len(source)
