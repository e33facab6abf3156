"""Hips of an avatar: its legs are where the performer's are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from protocols.axes import UNITY_FROM_WORLD
from protocols.names import HUMAN_BODY_BONES
from stage.avatars import Avatar, built_in, read_avatar
from stage.outputs.stance import stance
from stage.outputs.t_pose import t_pose
from tests.stage.outputs.performers import REST_JOINTS, bone
from tests.vrm_files import skeleton, vrm0, write_glb

STANDING = t_pose(REST_JOINTS.tobytes()).joints
STRAIGHT = (0.0, 0.0, 0.0, 1.0)


def avatar(folder: Path, size: float, *without: str) -> Avatar:
    return read_avatar(write_glb(folder / "a.vrm", vrm0(*skeleton(REST_JOINTS, size), without=without)))


def hips(of: Avatar) -> np.ndarray:
    return UNITY_FROM_WORLD.inverse.positions(of.places("Hips")[0])


@pytest.mark.parametrize("size", [0.5, 1.0, 2.0])
def test_in_the_t_pose_the_hips_are_where_they_rest(tmp_path: Path, size: float) -> None:
    small = avatar(tmp_path, size)
    there = stance(small, STANDING, travel=True).hips(STANDING, STRAIGHT)
    np.testing.assert_allclose(there, hips(small), atol=2e-3)


def test_steps_and_heights_are_those_of_the_legs(tmp_path: Path) -> None:
    small = avatar(tmp_path, 0.5)
    moved = STANDING + np.array([1.0, -2.0, 0.3])
    for travels, share in ((True, 0.5), (False, 1.0)):
        of = stance(small, STANDING, travel=travels)
        step = np.subtract(of.hips(moved, STRAIGHT), of.hips(STANDING, STRAIGHT))
        np.testing.assert_allclose(step, [share * 1.0, share * -2.0, 0.5 * 0.3], atol=2e-3)


def test_the_built_in_humanoid_is_the_performer_itself() -> None:
    of = stance(built_in(STANDING), STANDING, travel=True)
    assert (of.travel, of.rise) == (pytest.approx(1.0), pytest.approx(1.0))
    np.testing.assert_allclose(of.hips(STANDING, STRAIGHT), STANDING[bone("pelvis")], atol=1e-9)


def test_an_avatar_without_legs_floats_at_its_share_of_the_height(tmp_path: Path) -> None:
    legs = tuple(name for name in HUMAN_BODY_BONES if name.endswith(("Leg", "Foot", "Toes")))
    torso = avatar(tmp_path, 0.5, *legs)
    there = stance(torso, STANDING, travel=True).hips(STANDING, STRAIGHT)
    np.testing.assert_allclose(there[2], hips(torso)[2], atol=1e-6)


def test_a_body_of_which_nothing_is_known_is_no_division_by_zero(tmp_path: Path) -> None:
    nothing = np.zeros_like(STANDING)
    assert np.isfinite(stance(avatar(tmp_path, 1.0), nothing, travel=True).hips(nothing, STRAIGHT)).all()
