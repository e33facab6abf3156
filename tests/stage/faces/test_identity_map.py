from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from stage.errors import NetworkError
from stage.faces.head_pose import R_CAMERA_FACING
from stage.faces.identity_map import SIZE_SD, IdentityMap, SizeEstimate, laid
from stage.faces.model import HEAD
from tests.body_model import body_model
from tests.stage.faces.exact_face import face_model


def _map() -> IdentityMap:
    return IdentityMap(body_model(), face_model())


def _face(seed: int = 0) -> np.ndarray:
    """(468, 3) of somebody, in camera axes."""
    identity = np.random.default_rng(seed).normal(0.0, 0.5, body_model().face_count)
    return face_model().neutral(np.zeros(body_model().shape_count), identity) @ R_CAMERA_FACING.T


def test_it_does_not_matter_where_how_large_and_how_turned_a_face_is_seen():
    identities = _map()
    R = Rotation.from_euler("xyz", (10, 25, -5), degrees=True).as_matrix()
    moved = 870.0 * _face() @ R.T + (300.0, 200.0, 0.0)
    np.testing.assert_allclose(identities.of_mean_size(moved), identities.of_mean_size(_face()), atol=1e-6)


def test_a_face_like_no_other_is_still_a_face():
    strange = _face() + np.random.default_rng(1).normal(0.0, 0.02, (468, 3))
    assert np.abs(_map().of_mean_size(strange)).max() <= 3.0


def test_laid_points_are_the_reference_where_they_are_alike():
    reference, stable = face_model().mean, face_model().stable
    seen = 3.0 * reference @ Rotation.from_euler("y", 0.4).as_matrix() @ R_CAMERA_FACING.T + 5.0
    np.testing.assert_allclose(laid(seen, reference, stable), reference, atol=1e-9)


@pytest.mark.parametrize("log_size", [-0.08, 0.06])
def test_a_head_is_worn_in_its_size_whatever_the_body(log_size: float):
    body, identities = body_model(), _map()
    shape = np.random.default_rng(2).normal(0.0, 0.5, body.shape_count)
    rest = body.rest_body(shape, identities.worn(np.zeros(body.face_count), log_size, shape))
    share = (body.skin_weights * (body.skin_bones == HEAD)).sum(1)
    head = np.flatnonzero(share > 0.99)
    own = rest.vertices[head] - rest.joints[HEAD]
    mean = body.mean_vertices[head] - body.mean_joints[HEAD]
    size = np.linalg.norm(own - own.mean(0)) / np.linalg.norm(mean - mean.mean(0))
    assert np.log(size) == pytest.approx(log_size, abs=0.012)


def test_the_size_of_the_mean_is_no_news():
    assert _map().log_size_of(np.zeros(body_model().shape_count)) == 0.0


def test_one_frameset_is_believed_less_than_many():
    one, many = SizeEstimate(), SizeEstimate()
    one.add(0.1)
    for _ in range(200):
        many.add(0.1)
    assert SizeEstimate().log_size == 0.0
    assert 0.0 < one.log_size < many.log_size < 0.1
    assert many.log_size == pytest.approx(0.1 * SIZE_SD**2 / (SIZE_SD**2 + 0.01**2), rel=0.02)


def test_missing_or_damaged_weights_say_so(tmp_path: Path):
    with pytest.raises(NetworkError, match="cannot be read"):
        IdentityMap(body_model(), face_model(), tmp_path / "none.npz")
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 bad")
    with pytest.raises(NetworkError, match="cannot be read"):
        IdentityMap(body_model(), face_model(), tmp_path / "bad.npz")
