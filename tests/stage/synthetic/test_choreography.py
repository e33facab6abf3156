from __future__ import annotations

import numpy as np
import pytest

from protocols.names import RIG_BONES
from stage.bodies.body import RestBody, load_body
from stage.synthetic.choreography import GRID_HZ, choreograph
from stage.synthetic.kinematics import Skin, forward
from stage.synthetic.motions import MOTIONS, demo_script, scripted
from stage.synthetic.script import Script

BALLS = {0: RIG_BONES.index("ball_l"), 1: RIG_BONES.index("ball_r")}


def _planted(script: Script, count: int, foot: int) -> np.ndarray:
    """(T,) the foot carries, by the script."""
    times = np.arange(count) / GRID_HZ
    steps = [step for step in script.steps if step.foot == foot]
    return ~np.any([(times >= s.begin_s) & (times <= s.end_s) for s in steps] + [np.zeros(count, bool)], axis=0)


@pytest.mark.parametrize("name", sorted(MOTIONS))
def test_every_motion_is_smooth_and_loops(name: str, other_rest: RestBody) -> None:
    poses = choreograph(scripted(name), other_rest)
    _, heads = forward(other_rest.joints, poses)
    closed = np.concatenate([heads, heads[:2]])  # on into the next loop
    speed = np.linalg.norm(np.diff(closed, axis=0), axis=-1) * GRID_HZ
    acceleration = np.linalg.norm(np.diff(closed, 2, axis=0), axis=-1) * GRID_HZ**2
    assert np.isfinite(heads).all()
    assert speed.max() < 9.0  # m/s, a fast hand or foot
    assert acceleration.max() < 250.0


@pytest.mark.parametrize("name", ["demo", "walk_circle", "lunge", "walk_in_place"])
def test_planted_feet_do_not_slide(name: str, other_rest: RestBody) -> None:
    script = demo_script() if name == "demo" else scripted(name)
    poses = choreograph(script, other_rest)
    _, heads = forward(other_rest.joints, poses)
    for foot, ball in BALLS.items():
        both = _planted(script, len(poses), foot)
        moved = np.linalg.norm(np.diff(heads[:, ball], axis=0), axis=-1)[both[1:] & both[:-1]]
        assert moved.max() < 1e-4  # metres per 1/120 s


def test_hands_take_the_poses_they_are_told(rest: RestBody) -> None:
    script = Script()
    script.hand(1.0, "fist", 1.0, side="r")
    script.advance(3.0)
    poses = choreograph(script, rest, seed=1)
    bones = [RIG_BONES.index(f"{finger}_02_r") for finger in ("index", "middle", "ring", "pinky")]
    angle = 2.0 * np.degrees(np.arccos(np.clip(np.abs(poses.rotations[:, bones, 3]), 0.0, 1.0)))
    assert angle[round(1.5 * GRID_HZ)].min() > 70.0
    assert angle[round(2.9 * GRID_HZ)].max() < 35.0
    left = [RIG_BONES.index(f"index_0{part}_l") for part in (1, 2, 3)]
    assert np.abs(np.diff(poses.rotations[:, left], axis=0)).max() < 0.01


def test_soles_touch_the_floor_and_do_not_sink(other_rest: RestBody) -> None:
    poses = choreograph(demo_script(), other_rest)
    G, heads = forward(other_rest.joints, poses)
    skin = Skin(load_body(), other_rest.vertices)
    lowest = [skin.vertices(other_rest.joints, G[i], heads[i])[:, 2].min() for i in range(0, len(poses), 60)]
    assert min(lowest) > -0.006  # bent toes deform
    assert max(lowest) < 0.004


def test_stands_still_upright_facing_minus_y(rest: RestBody) -> None:
    poses = choreograph(scripted("idle"), rest)
    G, heads = forward(rest.joints, poses)
    assert abs(heads[0, RIG_BONES.index("head"), 2] - rest.joints[RIG_BONES.index("head"), 2]) < 0.03
    facing = G[0, RIG_BONES.index("pelvis")] @ [0.0, -1.0, 0.0]
    assert facing @ [0.0, -1.0, 0.0] > 0.99


def test_the_same_seed_gives_the_same_poses_and_another_others(rest: RestBody) -> None:
    first, again, other = (choreograph(scripted("box"), rest, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.rotations, again.rotations)
    assert np.abs(first.rotations - other.rotations).max() > 1e-3


def test_a_turn_by_half_faces_away_and_the_script_turns_back(rest: RestBody) -> None:
    script = scripted("turn", "turn")
    poses = choreograph(script, rest)
    G, _ = forward(rest.joints, poses)
    facing = G[:, RIG_BONES.index("pelvis")] @ np.array([0.0, -1.0, 0.0])
    assert facing[:, 1].max() > 0.95
    assert facing[-1, 1] < -0.95
