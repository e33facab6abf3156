"""Manny's bones against those of the rig: what hangs on a chain is where it was, and a chain bends evenly."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from protocols.axes import UNREAL_FROM_WORLD
from protocols.names import RIG_BONES
from stage.outputs.manny import MANNY_BONES, METACARPAL, Manny
from stage.outputs.world_pose import WorldPose
from tests.stage.outputs.performers import pose, random_pose

RIG_OF_HELPER = {
    "ik_foot_root": "Root",
    "ik_foot_l": "foot_l",
    "ik_foot_r": "foot_r",
    "ik_hand_root": "Root",
    "ik_hand_gun": "hand_r",
    "ik_hand_l": "hand_l",
    "ik_hand_r": "hand_r",
}


def both(rig: NDArray[np.float32]) -> tuple[dict[str, NDArray[np.float32]], dict[str, NDArray[np.float32]]]:
    ours = dict(zip(RIG_BONES, rig, strict=True))
    return ours, dict(zip(MANNY_BONES, Manny().bones(rig).copy(), strict=True))


def turn(row: NDArray[np.float32]) -> Rotation:
    return Rotation.from_quat(row[3:7])


def degrees_between(a: Rotation, b: Rotation) -> float:
    return float(np.degrees((a.inv() * b).magnitude()))


def test_names_are_those_of_unreal() -> None:
    assert len(set(MANNY_BONES)) == len(MANNY_BONES) == 70
    assert set(RIG_BONES[1:]) <= set(MANNY_BONES)
    added = {*(f"{f}_metacarpal_{s}" for f in ("index", "middle", "ring", "pinky") for s in "lr"), *RIG_OF_HELPER}
    assert set(MANNY_BONES) - set(RIG_BONES) == {"spine_04", "spine_05", "neck_02", *added}


@pytest.mark.parametrize("seed", range(3))
def test_limbs_and_helpers_are_those_of_the_rig(seed: int) -> None:
    ours, manny = both(WorldPose().bones(random_pose(seed).performance))
    same = [bone for bone in RIG_BONES[1:] if not bone.startswith(("spine", "neck"))]
    for bone, rig in {**dict(zip(same, same, strict=True)), **RIG_OF_HELPER}.items():
        np.testing.assert_array_equal(manny[bone], ours[rig])


@pytest.mark.parametrize("seed", range(3))
def test_what_hangs_on_the_trunk_hangs_where_it_did(seed: int) -> None:
    ours, manny = both(WorldPose().bones(random_pose(seed).performance))
    np.testing.assert_array_equal(manny["spine_05"][3:], ours["spine_03"][3:])
    np.testing.assert_array_equal(manny["neck_02"][3:], ours["neck_01"][3:])
    np.testing.assert_allclose(manny["spine_01"][:3], ours["spine_01"][:3], atol=1e-6)
    np.testing.assert_allclose(manny["neck_01"][:3], ours["neck_01"][:3], atol=1e-6)
    middle = (ours["neck_01"][:3] + ours["head"][:3]) / 2
    np.testing.assert_allclose(manny["neck_02"][:3], middle, atol=1e-6)


def test_an_even_bend_stays_even() -> None:
    bend = Rotation.from_euler("xyz", [20.0, 5.0, -8.0], degrees=True)
    posed = pose({bone: bend for bone in ("spine_01", "spine_02", "spine_03")})
    _, manny = both(WorldPose().bones(posed.performance))
    chain = ["pelvis", *(f"spine_0{number}" for number in range(1, 6))]
    steps = [degrees_between(turn(manny[a]), turn(manny[b])) for a, b in pairwise(chain)]
    np.testing.assert_allclose(steps, np.degrees(bend.magnitude()) * 3 / 5, atol=1e-3)


def test_places_along_the_spine_are_in_order_and_on_it() -> None:
    ours, manny = both(WorldPose().bones(pose().performance))
    heights = [manny[f"spine_0{number}"][2] for number in range(1, 6)] + [manny["neck_01"][2]]
    assert all(np.diff(heights) > 0.02)
    share = (ours["spine_01"] + 0.6 * (ours["spine_02"] - ours["spine_01"]))[:3]
    np.testing.assert_allclose(manny["spine_02"][:3], share, atol=1e-6)


def test_metacarpals_lie_between_wrist_and_knuckle() -> None:
    ours, manny = both(WorldPose().bones(random_pose(4).performance))
    for side in "lr":
        hand, bone = ours[f"hand_{side}"], manny[f"ring_metacarpal_{side}"]
        np.testing.assert_allclose(bone[:3] - hand[:3], METACARPAL * (ours[f"ring_01_{side}"] - hand)[:3], atol=1e-6)
        np.testing.assert_array_equal(bone[3:], hand[3:])


def test_other_axes_change_nothing_else() -> None:
    rig = WorldPose().bones(random_pose(5).performance).copy()
    turned = rig.copy()
    turned[:, :3], turned[:, 3:7] = UNREAL_FROM_WORLD.positions(rig[:, :3]), UNREAL_FROM_WORLD.rotations(rig[:, 3:7])
    before, after = Manny().bones(rig), Manny().bones(turned)
    np.testing.assert_allclose(after[:, :3], UNREAL_FROM_WORLD.positions(before[:, :3]), atol=1e-4)
    expected = UNREAL_FROM_WORLD.rotations(before[:, 3:7])
    np.testing.assert_allclose(np.abs(np.sum(after[:, 3:7] * expected, axis=-1)), 1.0, atol=1e-6)
