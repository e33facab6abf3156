"""BVH files become motion of the rig: limbs where the file has them, in metres, at the file's times."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from protocols.names import RIG_BONES
from stage.errors import ForeignFileError
from stage.export import ExportOptions, Wanted, gather
from stage.export.bvh import write_bvh
from stage.imports._bvh import read_bvh
from tests.demo_take import write_demo_take
from tests.shared_data import shared_data
from tests.stage.imports.small_files import small_bvh


def _limb(joints: np.ndarray, bone: str, child: str) -> np.ndarray:
    return joints[:, RIG_BONES.index(child)] - joints[:, RIG_BONES.index(bone)]


def test_limbs_point_where_the_file_has_them_and_are_as_long(tmp_path: Path) -> None:
    imported = read_bvh(small_bvh(tmp_path))
    motion = imported.motion
    assert motion is not None
    arm = _limb(motion.joints, "upperarm_l", "lowerarm_l")
    angles = np.degrees(np.arctan2(arm[:, 2], arm[:, 0]))
    np.testing.assert_allclose(angles, 10.0 * np.arange(6), atol=0.01)
    assert np.linalg.norm(arm, axis=1) == pytest.approx(0.28, abs=0.012)
    assert np.linalg.norm(_limb(motion.joints, "thigh_r", "calf_r"), axis=1) == pytest.approx(0.42, abs=0.012)
    pelvis = motion.joints[:, RIG_BONES.index("pelvis")]
    np.testing.assert_allclose(np.diff(pelvis, axis=0)[:, :2], [[0.0, -0.02]] * 5, atol=6e-4)  # it faces -y
    assert abs(pelvis[0, 1]) < 0.05  # and stays where the file has it
    assert imported.rate == 60.0
    np.testing.assert_allclose(np.diff(motion.capture_ns), 1e9 / 60, atol=1)
    assert (motion.state == "tracking").all() and len(motion.face_ns) == 0


@pytest.mark.parametrize(("scale", "unit"), [(1.0, "cm"), (0.01, "m"), (10.0, "mm"), (1 / 2.54, "inch")])
def test_units_follow_from_the_height(tmp_path: Path, scale: float, unit: str) -> None:
    imported = read_bvh(small_bvh(tmp_path, scale=scale))
    assert imported.motion is not None
    assert any(f"taken for {unit}" in line for line in imported.told)
    (span,) = _limb(imported.motion.joints[:1], "foot_l", "head")
    assert span[2] == pytest.approx(1.51, abs=0.05)


def test_a_height_of_no_unit_is_told(tmp_path: Path) -> None:
    imported = read_bvh(small_bvh(tmp_path, scale=0.2))
    assert any("no usual unit" in line for line in imported.told)


def test_a_known_body_is_kept(tmp_path: Path) -> None:
    shape = np.zeros(20)
    shape[0] = 1.0
    imported = read_bvh(small_bvh(tmp_path), shape=shape)
    assert imported.shape is shape


def test_the_stages_own_file_comes_back_as_it_was(tmp_path: Path) -> None:
    (source,) = gather(write_demo_take(tmp_path / "scene_001.mcap", 1.0, begin_s=13.0), Wanted())
    (path,) = write_bvh(source, tmp_path / "a.bvh", ExportOptions(style="rig"))
    motion = read_bvh(path).motion
    assert motion is not None
    np.testing.assert_allclose(motion.joints, source.motion.joints, atol=1e-4)
    turned = np.abs((motion.rotations * source.motion.rotations).sum(-1))
    assert np.degrees(2.0 * np.arccos(np.clip(turned, 0.0, 1.0))).max() < 0.1


@pytest.mark.parametrize("style", ["mixamo", "manny"])
def test_other_skeletons_of_the_stage_come_back_with_limbs_in_place(tmp_path: Path, style: str) -> None:
    (source,) = gather(write_demo_take(tmp_path / "scene_001.mcap", 0.5, begin_s=13.0), Wanted())
    (path,) = write_bvh(source, tmp_path / "a.bvh", ExportOptions(style=style))
    motion = read_bvh(path).motion
    assert motion is not None
    for bone, child in (
        ("upperarm_l", "lowerarm_l"),
        ("lowerarm_r", "hand_r"),
        ("thigh_l", "calf_l"),
        ("calf_r", "foot_r"),
    ):
        a, b = _limb(motion.joints, bone, child), _limb(source.motion.joints, bone, child)
        cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
        assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() < 1.0
    assert np.linalg.norm(motion.joints - source.motion.joints, axis=2).mean() < 0.05


def test_a_real_motion(tmp_path: Path) -> None:
    lines = (shared_data("bvh") / "vrm10viewer_test_motion.bvh").read_text().splitlines()
    motion = lines.index("MOTION")
    path = tmp_path / "walk.bvh"
    path.write_text(
        "\n".join([*lines[: motion + 1], "Frames: 300", lines[motion + 2], *lines[motion + 1003 : motion + 1303]])
    )
    imported = read_bvh(path)
    assert imported.motion is not None
    assert imported.rate == 120.0 and imported.span_ns == round(299 / 120 * 1e9)
    assert imported.motion.rest_joints[RIG_BONES.index("head"), 2] == pytest.approx(1.45, abs=0.1)
    lowest = imported.motion.joints[..., 2].min(1)
    assert -0.03 < np.quantile(lowest, 0.1) < 0.05


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("JOINT LeftForeArm", "JOINT Tentacle", "no joint for lowerarm_l"),
        ("HIERARCHY", "HIER", "does not begin"),
        ("MOTION", "MOVE", "no MOTION"),
        ("Frames: 6", "Frames: 7", "need"),
    ],
)
def test_what_is_wrong_is_told_with_the_file(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    path = small_bvh(tmp_path)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ForeignFileError, match=complaint) as caught:
        read_bvh(path)
    assert "walk.bvh" in str(caught.value)


def test_names_of_several_words_are_read(tmp_path: Path) -> None:
    path = small_bvh(tmp_path)
    path.write_text(path.read_text().replace("LeftUpLeg", "Bip01 L Thigh"))
    assert read_bvh(path).motion is not None


def test_a_million_joints_are_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "deep.bvh"
    joint = "JOINT J { "
    path.write_text("HIERARCHY ROOT Hips { OFFSET 0 0 0 CHANNELS 0 " + joint * 1_000_000 + "} MOTION")
    with pytest.raises(ForeignFileError, match="more than 1000 joints"):
        read_bvh(path)
