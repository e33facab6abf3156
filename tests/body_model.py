"""The body model for tests that need it; they skip where it has not been prepared."""

from __future__ import annotations

import pytest

from stage.bodies.body import BodyModel, body_cache_path, load_body


def body_model() -> BodyModel:
    """The body model, or a skip with the reason."""
    if not body_cache_path().exists():
        pytest.skip("the body model is not prepared; run `stage models`")
    return load_body()
