"""Motions are read out of takes and resampled by their timestamps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from protocols.errors import TakeError
from protocols.names import RIG_BONES
from protocols.takefile import TakeReader
from stage.outputs.quaternions import conjugate, multiply
from stage.synthetic.kinematics import Poses, forward
from stage.synthetic.truth import load_truth
from stage.takes.between import presence
from stage.takes.motion import Motion, frame_times, load_motions
from stage.takes.posing import world_joints, world_pose
from tests.demo_take import TRUTH, write_demo_take
from tests.stage.takes.small_take import a_face, a_face_performance, a_performance, write_take

BONES = len(RIG_BONES)
NS = 1_000_000_000


def turning(times_ns: np.ndarray, seed: int = 3) -> Motion:
    """Every bone turns evenly about an axis of its own, Root goes on evenly."""
    random = np.random.default_rng(seed)
    rates, start = random.normal(size=(BONES, 3)), Rotation.from_rotvec(random.normal(size=(BONES, 3)))
    seconds = times_ns * 1e-9

    def at(second: float) -> np.ndarray:
        return (start * Rotation.from_rotvec(rates * second)).as_quat()

    turns = np.array([at(second) for second in seconds])
    place = np.array([0.1, -0.2, 1.0]) + seconds[:, None] * (0.4, 0.3, -0.2)
    root = np.concatenate([place, turns[:, 0]], 1)
    rest = random.normal(size=(BONES, 3)) * 0.3
    return Motion(
        actor="anna",
        capture_ns=times_ns,
        root=root.astype(np.float32),
        rotations=turns.astype(np.float32),
        joints=world_joints(rest, root, turns),
        rest_joints=rest.astype(np.float32),
        confidence=np.full((len(turns), BONES), 0.5, np.float32),
        state=np.full(len(turns), "tracking"),
        face_ns=times_ns,
        shapes=np.repeat(seconds[:, None], 52, 1).astype(np.float32),
        head=turns[:, 1].astype(np.float32),
        gaze=np.zeros((len(turns), 2, 2), np.float32),
    )


def angle(a: np.ndarray, b: np.ndarray) -> float:
    """The largest angle between two sets of rotations."""
    apart = multiply(conjugate(a.astype(float)), b.astype(float))
    return float(2 * np.arcsin(np.clip(np.linalg.norm(apart[..., :3], axis=-1), 0, 1)).max())


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 4))
def test_even_motion_is_the_same_at_any_rate(seed: int, factor: int) -> None:
    random = np.random.default_rng(seed)
    samples = np.cumsum(random.integers(10_000_000, 80_000_000, 40))
    wanted = np.sort(random.integers(samples[0], samples[-1], 20 * factor))
    found, expected = turning(samples, seed).resampled(wanted), turning(wanted, seed)
    assert angle(found.rotations, expected.rotations) < 1e-3
    np.testing.assert_allclose(found.joints, expected.joints, atol=2e-3)
    np.testing.assert_allclose(found.root[:, :3], expected.root[:, :3], atol=1e-5)
    np.testing.assert_allclose(found.shapes, expected.shapes, atol=1e-5)
    assert (found.state == "tracking").all()


def test_at_its_own_times_a_motion_is_itself() -> None:
    motion = turning(np.arange(20, dtype=np.int64) * 33_333_333)
    again = motion.resampled(motion.capture_ns)
    for name in ("root", "rotations", "joints", "confidence", "shapes", "head"):
        np.testing.assert_allclose(getattr(again, name), getattr(motion, name), atol=1e-6)
    assert (again.state == motion.state).all()


def test_before_and_after_it_stands_still() -> None:
    motion = turning(np.arange(5, dtype=np.int64) * 33_333_333 + NS)
    found = motion.resampled(np.array([0, 3 * NS], np.int64))
    np.testing.assert_allclose(found.joints, motion.joints[[0, -1]], atol=1e-6)
    np.testing.assert_allclose(found.shapes, motion.shapes[[0, -1]], atol=1e-6)
    assert found.state.tolist() == ["absent", "absent"]
    assert (found.confidence == 0).all()


def test_in_a_gap_the_last_pose_is_held_and_told_absent() -> None:
    samples = np.concatenate([np.arange(10), np.arange(40, 50)]).astype(np.int64) * 33_333_333
    wanted = np.arange(50, dtype=np.int64) * 33_333_333
    motion = turning(samples)
    found = motion.resampled(wanted)
    np.testing.assert_allclose(found.joints[10:40], np.repeat(motion.joints[9:10], 30, 0), atol=1e-6)
    np.testing.assert_allclose(found.joints[40:], motion.joints[10:], atol=1e-6)
    assert (found.state[11:39] == "absent").all()
    assert (found.confidence[11:39] == 0).all()
    assert (found.state[[0, 9, 40, 49]] == "tracking").all()


def test_absent_poses_say_nothing() -> None:
    motion = turning(np.arange(30, dtype=np.int64) * 33_333_333)
    state = motion.state.astype("<U8")
    state[10:20] = "absent"
    moved = motion.root.copy()
    moved[10:20, :3] = 100.0
    found = replace(motion, state=state, root=moved).resampled(motion.capture_ns)
    assert np.abs(found.root[:, :3]).max() < 3.0
    assert (found.state[11:19] == "absent").all()
    assert not presence(motion.capture_ns[state != "absent"], motion.capture_ns)[12:18].any()


def test_a_slow_camera_leaves_no_gaps() -> None:
    samples = np.arange(10, dtype=np.int64) * NS
    assert presence(samples, np.arange(0, 9 * NS, NS // 4)).all()
    assert not presence(samples[:0], samples).any()


def test_joints_are_those_of_the_last_rest_body() -> None:
    motion = turning(np.arange(10, dtype=np.int64) * 33_333_333)
    grown = replace(motion, rest_joints=1.1 * motion.rest_joints)
    found = grown.resampled(motion.capture_ns)
    np.testing.assert_allclose(found.joints, world_joints(grown.rest_joints, motion.root, motion.rotations), atol=1e-6)


def test_posing_agrees_with_the_truths_own() -> None:
    truth = load_truth(TRUTH)
    frames = slice(0, 798, 40)
    poses = Poses(truth.root[frames].astype(float), truth.rotations[frames].astype(float))
    G, heads = forward(truth.rest_joints, poses)
    turned, joints = world_pose(truth.rest_joints, truth.root[frames], truth.rotations[frames])
    np.testing.assert_allclose(joints, heads, atol=1e-6)
    np.testing.assert_allclose(Rotation.from_quat(turned.reshape(-1, 4)).as_matrix(), G.reshape(-1, 3, 3), atol=1e-6)


def test_frame_times_reach_from_the_begin_to_the_end() -> None:
    times = frame_times((NS, 2 * NS), 30.0)
    assert (times[0], times[-1], len(times)) == (NS, 2 * NS, 31)


def test_a_take_gives_every_actors_motion(tmp_path: Path) -> None:
    take = TakeReader(write_demo_take(tmp_path / "a.mcap", 1.0, actors=("ben", "anna")))
    motions = load_motions(take)
    assert list(motions) == ["anna", "ben"]
    anna, ben = motions.values()
    assert len(anna.capture_ns) == 30 and len(anna.face_ns) == 60
    np.testing.assert_allclose(anna.root[:, 0] - ben.root[:, 0], 2.0, atol=1e-6)
    first, last = (int(anna.capture_ns[edge]) for edge in (5, 20))
    part = load_motions(take, first, last)["anna"]
    np.testing.assert_array_equal(part.capture_ns, anna.capture_ns[5:20])
    np.testing.assert_array_equal(part.joints, anna.joints[5:20])
    with pytest.raises(TakeError, match="no performance of anybody"):
        load_motions(take, last_of(anna) + NS)


def last_of(motion: Motion) -> int:
    """Its end."""
    return motion.span_ns[1]


def test_times_that_do_not_rise_say_nothing_twice(tmp_path: Path) -> None:
    records = [a_performance(number) for number in (0, 1, 2, 1, 2, 3)]
    motion = load_motions(TakeReader(write_take(tmp_path / "a.mcap", records)))["anna"]
    assert len(motion.capture_ns) == 4
    assert np.diff(motion.capture_ns).min() > 0


def test_a_face_camera_counts_and_a_lost_face_does_not(tmp_path: Path) -> None:
    records = [a_face_performance(0, jaw=0.5), a_performance(0, face=a_face(0.1)), a_face_performance(1, jaw=0.6)]
    records += [a_performance(9, face=a_face(0.2)), a_performance(10, face=a_face(0.3, state="absent"))]
    motion = load_motions(TakeReader(write_take(tmp_path / "a.mcap", records)))["anna"]
    np.testing.assert_allclose(motion.shapes[:, 0], [0.5, 0.6, 0.2])
    assert len(motion.capture_ns) == 3
