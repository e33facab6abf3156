"""C3D and TRC: the numbers of an independent reader, and bodies where the points are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from protocols.markers import MarkerFrame
from protocols.names import RIG_BONES
from protocols.takefile import TakeReader
from stage.bodies.body import load_body
from stage.errors import ForeignFileError
from stage.export import ExportOptions, Wanted, gather
from stage.export.trc import write_trc
from stage.imports import _points as points_module
from stage.imports import import_files
from stage.imports._c3d import Recording, read_c3d
from stage.imports._labels import joints
from stage.imports._points import read_points
from stage.imports._sites import marker_sites
from tests.demo_take import write_demo_take
from tests.shared_data import shared_data
from tests.stage.imports.small_files import small_trc

OPENPOSE = "Hip RHip RKnee RAnkle LHip LKnee LAnkle Neck Head RShoulder RElbow RWrist LShoulder LElbow LWrist"
CENTRES = "LHJC RHJC LKJC RKJC LAJC RAJC LSJC RSJC LEJC REJC LWJC RWJC"


def test_joints_in_opensims_axes_stand_on_the_rig(tmp_path: Path) -> None:
    imported = read_points(small_trc(tmp_path))
    motion, track = imported.motion, imported.markers
    assert motion is not None and track is not None
    expected = load_body().mean_joints[1:] + np.array([[[0, -0.01 * frame, 0]] for frame in range(4)])
    np.testing.assert_allclose(track.points, expected, atol=1e-6)
    assert np.linalg.norm(motion.joints[:, 1:] - expected, axis=2).max() < 2e-3
    assert imported.rate == 100.0


def test_the_stages_own_points_come_back(tmp_path: Path) -> None:
    (source,) = gather(write_demo_take(tmp_path / "scene_001.mcap", 0.7, begin_s=13.0), Wanted())
    (path,) = write_trc(source, tmp_path / "a.trc", ExportOptions())
    motion = read_points(path).motion
    assert motion is not None
    assert np.linalg.norm(motion.joints - source.motion.joints, axis=2).mean() < 1e-3


def test_the_stages_own_c3d_comes_back_with_its_timecode(tmp_path: Path) -> None:
    pytest.importorskip("ezc3d")
    from stage.export.c3d import write_c3d

    (source,) = gather(write_demo_take(tmp_path / "scene_001.mcap", 0.3), Wanted())
    (path,) = write_c3d(source, tmp_path / "a.c3d", ExportOptions())
    take = TakeReader(import_files([path], out=tmp_path / "b_001.mcap", progress=lambda _: None))
    assert take.facts["take"]["timecode"] == source.start_timecode
    frames = [record.decoded().record for record in take.records("markers.")]
    assert len(frames) == len(source) and isinstance(frames[0], MarkerFrame)
    assert frames[0].labels == RIG_BONES


@pytest.mark.parametrize("name", ["Movement_trial", "Sample_Static", "Qualisys"])
def test_real_files_read_as_by_another_reader(name: str) -> None:
    ezc3d = pytest.importorskip("ezc3d")
    path = shared_data("c3d") / f"{name}.c3d"
    own, other = read_c3d(path), ezc3d.c3d(str(path))
    labels = other["parameters"]["POINT"]["LABELS"]["value"]
    points = other["data"]["points"][:3, [labels.index(label) for label in own.labels]].transpose(2, 1, 0)
    np.testing.assert_allclose(own.points[own.seen], points[own.seen] / 1000.0, atol=1e-9)
    assert own.rate == other["parameters"]["POINT"]["RATE"]["value"][0]
    assert own.up == "z"


@pytest.mark.parametrize(("name", "markers"), [("Movement_trial", 39), ("Qualisys", 47)])
def test_known_sets_of_markers_are_put_on_the_body(name: str, markers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def sparse(path: Path) -> Recording:
        whole = read_c3d(path)
        return whole._replace(points=whole.points[::16], seen=whole.seen[::16], rate=whole.rate / 16)

    monkeypatch.setattr(points_module, "read_c3d", sparse)
    imported = read_points(shared_data("c3d") / f"{name}.c3d")
    motion, track = imported.motion, imported.markers
    assert motion is not None and track is not None and imported.shape is not None
    told = next(line for line in imported.told if "put on the rig" in line)
    assert told.startswith(f"{markers} markers")
    assert np.abs(imported.shape).max() < 4.0  # a usual body
    columns = [track.labels.index(label) for label in ("LANK", "RANK") if label in track.labels]
    for column, bone in zip(columns, ("foot_l", "foot_r"), strict=False):
        apart = np.linalg.norm(track.points[:, column] - motion.joints[:, RIG_BONES.index(bone)], axis=1)
        assert np.median(apart[track.seen[:, column]]) < 0.08
    assert np.isfinite(motion.joints).all() and np.isfinite(track.points).all()


def test_unseen_markers_are_zeros_and_said_so(tmp_path: Path) -> None:
    path = small_trc(tmp_path)
    lines = path.read_text().splitlines()
    fields = lines[7].split("\t")
    fields[2:5] = ["", "", ""]
    fields[5:8] = ["nan", "nan", "nan"]
    lines[7] = "\t".join(fields)
    path.write_text("\n".join(lines) + "\n")
    track = read_points(path).markers
    assert track is not None
    assert track.seen.sum(1).tolist() == [52, 50, 52, 52] and (track.points[1, :2] == 0.0).all()


def test_points_that_nobody_knows_are_kept_as_markers(tmp_path: Path) -> None:
    path = small_trc(tmp_path)
    text = path.read_text()
    for number, bone in enumerate(sorted(RIG_BONES[1:], key=len, reverse=True)):
        text = text.replace(f"{bone}\t", f"M{number:03}\t")
    path.write_text(text)
    imported = read_points(path)
    assert imported.motion is None and imported.markers is not None
    assert any("kept as markers" in line for line in imported.told)


def test_names_of_joints() -> None:
    assert len(joints(RIG_BONES)) == 52
    assert {"thigh_l", "calf_r", "foot_l", "upperarm_r", "hand_l", "neck_01"} <= joints(OPENPOSE.split()).keys()
    assert len(joints(CENTRES.split())) == 12
    assert joints(["LASI", "RASI", "LKNE", "C7"]) == {}


def test_sites_lie_on_the_skin_of_their_side() -> None:
    body = load_body()
    labels = ["LKNE", "RKNE", "LELB", "C7", "R_IAS", "L_FCC", "LTHI", "nothing"]
    sites = marker_sites(labels, body)
    assert sites.columns == (0, 1, 2, 3, 4, 5, 6)
    x = body.mean_vertices[sites.vertices, 0]
    assert x[0] > 0.05 and x[1] < -0.05 and x[2] > 0.2 and abs(x[3]) < 0.02 and x[4] < -0.05
    np.testing.assert_allclose(np.linalg.norm(sites.standoff, axis=1), 0.012)


@pytest.mark.parametrize(
    ("line", "text", "complaint"),
    [
        (0, "PathFile", "PathFileType"),
        (2, "0\t0\t4\t52\tmm\t0\t1\t4", "line 3"),
        (3, "Time", "line 4"),
        (7, "2\t0.01\tx", "line 8"),
    ],
)
def test_a_bad_line_of_a_trc_is_told(tmp_path: Path, line: int, text: str, complaint: str) -> None:
    path = small_trc(tmp_path)
    lines = path.read_text().splitlines()
    lines[line] = text
    path.write_text("\n".join(lines))
    with pytest.raises(ForeignFileError, match=complaint):
        read_points(path)
