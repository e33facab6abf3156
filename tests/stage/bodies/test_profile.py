from __future__ import annotations

import numpy as np
import pytest

from stage.bodies.profile import load_shape, save_shape
from stage.errors import BodyModelError
from tests.body_model import body_model


def test_a_shape_comes_back(tmp_path):
    body = body_model()
    shape = np.linspace(-1.0, 1.0, body.shape_count)
    save_shape(tmp_path / "alice", body, shape)
    loaded = load_shape(tmp_path / "alice", body)
    assert loaded is not None
    np.testing.assert_allclose(loaded, shape, atol=1e-5)


def test_no_profile_is_no_error(tmp_path):
    assert load_shape(tmp_path / "nobody", body_model()) is None


def test_an_older_profile_is_moved_aside_not_overwritten(tmp_path):
    body = body_model()
    for value in (0.1, 0.2, 0.3):
        save_shape(tmp_path, body, np.full(body.shape_count, value))
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == ["body-1.toml", "body-2.toml", "body.toml"]
    newest = load_shape(tmp_path, body)
    assert newest is not None and newest[0] == pytest.approx(0.3)


@pytest.mark.parametrize(
    "text",
    ["not toml [", "version = 1\n", 'version = 1\nmodel = "smpl"\nheight_m = 1.7\nshape = [0.0]\n'],
)
def test_a_damaged_or_foreign_profile_is_refused(tmp_path, text):
    (tmp_path / "body.toml").write_text(text)
    with pytest.raises(BodyModelError, match=r"body\.toml"):
        load_shape(tmp_path, body_model())


def test_a_shape_that_is_no_body_is_refused(tmp_path):
    body = body_model()
    save_shape(tmp_path, body, np.zeros(body.shape_count))
    text = (tmp_path / "body.toml").read_text().replace("[0.00000", "[nan")
    (tmp_path / "body.toml").write_text(text)
    with pytest.raises(BodyModelError, match="not that of a body"):
        load_shape(tmp_path, body)
