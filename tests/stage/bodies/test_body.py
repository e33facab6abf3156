from __future__ import annotations

import numpy as np
import pytest

from protocols.names import RIG_BONES
from stage.bodies import body as body_module
from stage.errors import BodyModelError
from tests.body_model import body_model


def test_the_mean_body_stands_on_the_floor_faces_minus_y_and_has_its_left_at_plus_x():
    body = body_model()
    joints = dict(zip(body.bones, body.mean_joints, strict=True))
    assert body.bones == RIG_BONES
    assert abs(body.mean_vertices[:, 2].min()) < 0.01
    assert 1.5 < body.mean_vertices[:, 2].max() < 2.0
    assert joints["hand_l"][0] > 0.2 > -0.2 > joints["hand_r"][0]
    assert joints["ball_l"][1] < joints["foot_l"][1]
    np.testing.assert_array_equal(joints["Root"], 0.0)


def test_skin_weights_are_shares():
    body = body_model()
    np.testing.assert_allclose(body.skin_weights.sum(1), 1.0, atol=1e-5)
    assert body.skin_bones.max() < len(body.bones)


def test_a_parent_comes_before_its_children():
    body = body_model()
    assert all(parent < bone for bone, parent in enumerate(body.parents))


def test_rest_bodies_are_linear_in_the_shape():
    body = body_model()
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, body.shape_count))
    middle = body.rest_body((a + b) / 2)
    np.testing.assert_allclose(middle.joints, (body.rest_body(a).joints + body.rest_body(b).joints) / 2, atol=1e-5)
    np.testing.assert_allclose(
        middle.vertices, (body.rest_body(a).vertices + body.rest_body(b).vertices) / 2, atol=1e-5
    )


def test_the_linear_space_holds_exact_phenotypes_to_a_millimetre():
    pytest.importorskip("anny")
    from stage.bodies.anny_model import rest_body_of_phenotype

    body = body_model()
    exact = rest_body_of_phenotype({"gender": 0.8, "height": 0.7, "weight": 0.35, "muscle": 0.6, "age": 0.6})
    basis = body.vertex_basis[:, ::20].reshape(body.shape_count, -1).T
    shape, *_ = np.linalg.lstsq(basis, (exact.vertices - body.mean_vertices)[::20].ravel(), rcond=None)
    near = body.rest_body(shape)
    assert np.linalg.norm(near.vertices - exact.vertices, axis=1).mean() < 1e-3
    assert np.linalg.norm(near.joints - exact.joints, axis=1).mean() < 1e-3


def test_a_shape_of_another_size_is_refused():
    with pytest.raises(BodyModelError, match="coefficients"):
        body_model().rest_body(np.zeros(3))


def test_a_missing_and_a_damaged_file_say_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("STAGE_CACHE", str(tmp_path))
    body_module.load_body.cache_clear()
    try:
        with pytest.raises(BodyModelError, match="stage models"):
            body_module.load_body()
        path = body_module.body_cache_path()
        path.parent.mkdir(parents=True)
        path.write_bytes(b"PK\x03\x04 not a model")
        with pytest.raises(BodyModelError, match="damaged"):
            body_module.load_body()
    finally:
        body_module.load_body.cache_clear()


def test_a_face_identity_moves_the_head_alone_and_linearly():
    body = body_model()
    plain = body.rest_body(np.zeros(body.shape_count))
    own = body.rest_body(np.zeros(body.shape_count), np.ones(body.face_count))
    twice = body.rest_body(np.zeros(body.shape_count), np.full(body.face_count, 2.0))
    moved = np.abs(own.vertices - plain.vertices).max(1) > 0
    on_head = (body.skin_weights * (body.skin_bones == RIG_BONES.index("head"))).sum(1) > 0
    assert moved.any()
    assert not moved[~on_head].any()
    np.testing.assert_allclose(twice.vertices - plain.vertices, 2.0 * (own.vertices - plain.vertices), atol=1e-5)
    np.testing.assert_array_equal(own.joints, plain.joints)


def test_a_face_identity_of_another_size_is_refused():
    body = body_model()
    with pytest.raises(BodyModelError, match="face identity"):
        body.rest_body(np.zeros(body.shape_count), np.zeros(3))


def test_the_face_space_holds_random_people_to_a_millimetre():
    pytest.importorskip("anny")
    from stage.bodies.anny_model import random_person

    body, bone = body_model(), RIG_BONES.index("head")
    head = np.flatnonzero((body.skin_weights * (body.skin_bones == bone)).sum(1) > 0.99)
    basis = body.face_basis[:, head].astype(np.float64).reshape(body.face_count, -1).T
    for seed in (1, 2, 3):
        person = random_person(seed)
        own = person.vertices[head] - person.joints[bone] - (body.mean_vertices[head] - body.mean_joints[bone])
        identity, *_ = np.linalg.lstsq(basis, own.reshape(-1), rcond=None)
        left = own - (basis @ identity).reshape(-1, 3)
        assert np.linalg.norm(left, axis=1).mean() < 1e-3


def test_a_random_person_is_the_same_for_the_same_seed():
    pytest.importorskip("anny")
    from stage.bodies.anny_model import random_person

    first, again, other = random_person(4), random_person(4), random_person(5)
    np.testing.assert_array_equal(first.vertices, again.vertices)
    assert np.abs(first.vertices - other.vertices).max() > 0.005
