"""BVH files put every joint where the take has it, as other readers read them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from protocols.names import RIG_BONES
from stage.errors import ExportError
from stage.export import ExportOptions, ExportSource, Wanted, gather
from stage.export._bvh_skeletons import places_of, skeleton
from stage.export.bvh import BVH_FROM_WORLD, write_bvh
from stage.outputs.manny import MANNY_BONES
from stage.synthetic.bvh import BvhClip, load_bvh
from tests.demo_take import write_demo_take
from tests.motion_files import read_bvh

STYLES = ("rig", "mixamo", "manny")
AS_NEAR_M = 1e-4


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> ExportSource:
    path = tmp_path_factory.mktemp("bvh") / "scene_001.mcap"
    return gather(write_demo_take(path, 3.0, begin_s=13.0), Wanted())[0]


@pytest.fixture(scope="module", params=STYLES)
def made(source: ExportSource, request: pytest.FixtureRequest) -> tuple[str, Path]:
    path = source.take.path.with_name(f"{request.param}.bvh")
    assert write_bvh(source, path, ExportOptions(style=request.param)) == [path]
    return request.param, path


def test_joints_are_where_the_take_has_them(made: tuple[str, Path], source: ExportSource) -> None:
    style, path = made
    clip = load_bvh(path)
    places = BVH_FROM_WORLD.inverse.positions(clip.forward()[1])
    joints = places_of(skeleton(style, source.rest_joints))
    assert len(joints) == len(RIG_BONES) - (style != "rig")
    for name, bone in joints.items():
        apart = np.linalg.norm(places[:, clip.names.index(name)] - source.motion.joints[:, bone], axis=1)
        assert apart.max() < AS_NEAR_M, name
    assert len(places) == len(source)
    assert clip.frame_s == pytest.approx(1 / 30, abs=1e-9)


def test_an_independent_reader_sees_the_same(made: tuple[str, Path], source: ExportSource) -> None:
    pytest.importorskip("bvhio")
    style, path = made
    frames = (0, 37, len(source) - 1)
    places = read_bvh(path, frames)
    assert len(places) == len(skeleton(style, source.rest_joints).names)
    for name, bone in places_of(skeleton(style, source.rest_joints)).items():
        place = BVH_FROM_WORLD.inverse.positions(places[name])
        assert np.linalg.norm(place - source.motion.joints[frames, bone], axis=1).max() < AS_NEAR_M, name


def rest(clip: BvhClip) -> dict[str, np.ndarray]:
    """Places at rest, Y up, centimetres."""
    return dict(zip(clip.names, clip.rest_places(), strict=True))


def test_mixamo_rests_in_a_t_pose_facing_z(source: ExportSource, tmp_path: Path) -> None:
    (path,) = write_bvh(source, tmp_path / "a.bvh", ExportOptions(style="mixamo"))
    places = rest(load_bvh(path))
    arm = [places[f"mixamorig:Left{part}"] for part in ("Arm", "ForeArm", "Hand", "HandMiddle1", "HandMiddle3")]
    assert np.diff([place[0] for place in arm]).min() > 2.0
    assert np.ptp([place[1:] for place in arm], axis=0).max() < 0.5
    assert places["mixamorig:LeftToeBase"][2] > places["mixamorig:LeftFoot"][2] + 5.0
    assert places["mixamorig:Head"][1] > 140.0
    assert 3.0 < places["mixamorig:RightFoot"][1] < 15.0
    assert places["mixamorig:RightHand"][0] < 0.0


def test_manny_has_the_joints_that_are_sent_live_and_its_root_never_turns(source: ExportSource, tmp_path: Path) -> None:
    (path,) = write_bvh(source, tmp_path / "a.bvh", ExportOptions(style="manny"))
    clip = load_bvh(path)
    assert set(clip.names) == {"root"} | {bone for bone in MANNY_BONES if not bone.startswith("ik_")}
    np.testing.assert_allclose(clip.rotations[:, 0], np.broadcast_to(np.eye(3), (len(source), 3, 3)), atol=1e-9)


def test_angles_run_on_without_flips(made: tuple[str, Path]) -> None:
    rows = np.array([line.split() for line in made[1].read_text().split("Frame Time:")[1].splitlines()[1:]], float)
    assert np.abs(np.diff(rows[:, 3:], axis=0)).max() < 90.0


def test_an_actor_without_a_body_is_refused(tmp_path: Path) -> None:
    take = write_demo_take(tmp_path / "scene_001.mcap", 0.3, bodies=False)
    with pytest.raises(ExportError, match="a face but no body"):
        write_bvh(gather(take, Wanted())[0], tmp_path / "a.bvh", ExportOptions())
    assert not (tmp_path / "a.bvh").exists()
