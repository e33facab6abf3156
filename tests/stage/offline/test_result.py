from __future__ import annotations

from pathlib import Path

import numpy as np
from msgspec.structs import replace

from protocols.messages import FacePerformance, Performance
from protocols.names import ARKIT_SHAPES, RIG_BONES
from stage.offline import Result, load_result
from tests.stage.outputs.faces import any_face, face_performance
from tests.stage.outputs.performers import random_pose

MS = 1_000_000
SHAPE = np.arange(12, dtype=np.float32)


def bodies(count: int, *, faces: bool) -> list[Performance]:
    return [
        replace(random_pose(number, capture_ns=number * 33 * MS).performance, face=any_face(number) if faces else None)
        for number in range(count)
    ]


def stream(count: int) -> list[FacePerformance]:
    return [face_performance(any_face(100 + number), number, capture_ns=number * 16 * MS) for number in range(count)]


def result(performances: list[Performance], faces: list[FacePerformance]) -> Result:
    return Result.of(RIG_BONES, performances, [np.zeros((17, 3))] * len(performances), SHAPE, faces=faces)


def kept(of: Result, folder: Path) -> Result:
    of.save(folder / "out.npz")
    return load_result(folder / "out.npz")


def test_faces_of_performances_have_their_times(tmp_path: Path) -> None:
    loaded = kept(result(bodies(3, faces=True), []), tmp_path)
    np.testing.assert_array_equal(loaded.face_capture_ns, loaded.capture_ns)
    np.testing.assert_array_equal(loaded.face_shapes[2], np.frombuffer(any_face(2).shapes, "<f4"))
    np.testing.assert_array_equal(loaded.face_gaze[0], np.frombuffer(any_face(0).gaze, "<f4").reshape(2, 2))
    assert loaded.face_confidence.shape == (3, 52) and loaded.face_head.shape == (3, 4)
    assert tuple(loaded.face_names) == ARKIT_SHAPES
    assert list(loaded.face_state) == ["tracking"] * 3


def test_a_stream_of_faces_has_its_own_rate(tmp_path: Path) -> None:
    loaded = kept(result(bodies(3, faces=True), stream(7)), tmp_path)
    assert len(loaded.joints) == 3 and len(loaded.face_shapes) == 7
    np.testing.assert_array_equal(loaded.face_capture_ns, np.arange(7) * 16 * MS)
    assert loaded.face_at(33 * MS) == 2
    assert loaded.face_at(500 * MS) == -1


def test_a_frame_without_a_face_is_absent(tmp_path: Path) -> None:
    performances = bodies(3, faces=True)
    performances[1] = replace(performances[1], face=None)
    loaded = kept(result(performances, []), tmp_path)
    assert list(loaded.face_state) == ["tracking", "absent", "tracking"]
    assert loaded.face_shapes[1].max() == 0.0
    np.testing.assert_array_equal(loaded.face_head[1], [0.0, 0.0, 0.0, 1.0])


def test_nobody_s_face_is_no_rows(tmp_path: Path) -> None:
    loaded = kept(result(bodies(3, faces=False), []), tmp_path)
    assert loaded.face_shapes.shape == (0, 52) and loaded.face_at(0) == -1


def test_a_stage_of_face_cameras_alone_has_no_bodies(tmp_path: Path) -> None:
    loaded = kept(result([], stream(5)), tmp_path)
    assert loaded.joints.shape == (0, 53, 3) and loaded.coco.shape == (0, 17, 3) and loaded.root.shape == (0, 7)
    assert str(loaded.actor) == "anna" and len(loaded.face_state) == 5


def test_files_of_before_there_were_faces_are_read(tmp_path: Path) -> None:
    result(bodies(2, faces=False), []).save(tmp_path / "new.npz")
    with np.load(tmp_path / "new.npz") as arrays:
        old = {name: arrays[name] for name in arrays if not name.startswith("face_")}
    np.savez(tmp_path / "old.npz", **old)
    loaded = load_result(tmp_path / "old.npz")
    assert len(loaded.joints) == 2 and loaded.face_shapes.shape == (0, 52)


def test_the_actor_s_own_face_is_kept(tmp_path: Path) -> None:
    identity = np.linspace(-1.0, 1.0, 5)
    of = Result.of(RIG_BONES, bodies(1, faces=True), [np.zeros((17, 3))], SHAPE, face_identity=identity)
    np.testing.assert_allclose(kept(of, tmp_path).face_identity, identity, atol=1e-7)
