from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stage.errors import BodyModelError
from stage.faces.profile import FILE_NAME, NEUTRAL_COUNT, FaceProfile, load_face, save_face
from tests.body_model import body_model


def _profile(value: float = 0.5) -> FaceProfile:
    random = np.random.default_rng(1)
    neutral = random.normal(size=NEUTRAL_COUNT).astype(np.float32)
    return FaceProfile(np.full(body_model().face_count, value), neutral)


def test_what_is_kept_comes_back(tmp_path: Path):
    path = save_face(tmp_path / "alice", _profile())
    found = load_face(tmp_path / "alice", body_model())
    assert path.name == FILE_NAME
    assert found is not None
    np.testing.assert_allclose(found.identity, _profile().identity)
    np.testing.assert_array_equal(found.neutral, _profile().neutral)


def test_irises_that_were_never_read_are_kept_as_such(tmp_path: Path):
    profile = _profile()
    profile.neutral[-4:] = np.nan
    save_face(tmp_path, profile)
    found = load_face(tmp_path, body_model())
    assert found is not None and np.isnan(found.neutral[-4:]).all()


def test_no_profile_is_none(tmp_path: Path):
    assert load_face(tmp_path, body_model()) is None


def test_an_older_face_is_moved_aside(tmp_path: Path):
    for value in (0.1, 0.2, 0.3):
        save_face(tmp_path, _profile(value))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["face-1.npz", "face-2.npz", "face.npz"]
    newest = load_face(tmp_path, body_model())
    assert newest is not None and newest.identity[0] == pytest.approx(0.3)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a face", b"version = 1\n"])
def test_a_damaged_file_says_so(tmp_path: Path, content: bytes):
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(BodyModelError, match="damaged"):
        load_face(tmp_path, body_model())


@pytest.mark.parametrize(
    ("field", "value"),
    [("version", np.array(9)), ("model", np.array("other")), ("network", np.array("other")), ("identity", np.zeros(3))],
)
def test_a_foreign_file_says_what_it_is(tmp_path: Path, field: str, value: np.ndarray):
    path = save_face(tmp_path, _profile())
    with np.load(path) as arrays:
        content = {**arrays, field: value}
    np.savez(path, **content)
    with pytest.raises(BodyModelError, match="not of"):
        load_face(tmp_path, body_model())


def test_numbers_that_are_no_face_are_refused(tmp_path: Path):
    save_face(tmp_path, _profile(1000.0))
    with pytest.raises(BodyModelError, match="not those of a face"):
        load_face(tmp_path, body_model())


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BodyModelError, match="cannot be written"):
        save_face(tmp_path / "file" / "alice", _profile())
