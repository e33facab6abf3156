"""Meshes of a take's actors, made of poses alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from protocols.arrays import to_bytes
from protocols.messages import FacePerformance, Performance
from protocols.names import RIG_BONES
from protocols.takefile import TakeReader
from stage.bodies.body import BodyModel
from stage.replay.flesh import Flesh
from tests.body_model import body_model
from tests.stage.replay.takes import MS, performed, write_take

IDENTITY = np.tile(np.array([0.0, 0.0, 0.0, 1.0], np.float32), (len(RIG_BONES), 1))


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return body_model()


@pytest.fixture
def flesh(tmp_path: Path) -> Flesh:
    return Flesh(TakeReader(write_take(tmp_path / "scene_001.mcap", performed(2))))


def at_rest(body: BodyModel, root: list[float]) -> Performance:
    record = next(one.record for one in performed(1, faces=False))
    assert isinstance(record, Performance)
    joints = to_bytes(body.mean_joints.astype(np.float32))
    return replace(
        record,
        rest_joints=joints,
        joints=joints,
        rotations=to_bytes(IDENTITY),
        root=to_bytes(np.array([*root, 0.0, 0.0, 0.0, 1.0], np.float32)),
        face=None,
    )


def test_at_rest_it_is_the_body_at_rest(body: BodyModel, flesh: Flesh) -> None:
    away = np.add(body.mean_joints[0], [1.0, 2.0, 0.0])
    home = flesh.vertices(at_rest(body, list(body.mean_joints[0])), 0)
    moved = flesh.vertices(at_rest(body, list(away)), 0)
    mean = body.rest_body(np.zeros(body.shape_count)).vertices
    assert home.shape == mean.shape
    assert np.abs(home - mean).max() < 2e-3
    assert np.abs(moved - home - [1.0, 2.0, 0.0]).max() < 1e-5
    assert "no body profile" in flesh.notes[0]


def test_a_face_moves_it(body: BodyModel, flesh: Flesh) -> None:
    still = at_rest(body, [0.0, 0.0, 0.0])
    before = flesh.vertices(still, 0)
    face = next(one.record for one in performed(1) if isinstance(one.record, FacePerformance))
    flesh.face(face, 0)
    changed = np.abs(flesh.vertices(still, MS) - before).max(1) > 1e-4
    assert 100 < changed.sum() < len(before) // 2
