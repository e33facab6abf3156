from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.names import ARKIT_SHAPES, VRM0_PRESETS, VRM1_PRESETS
from stage.inputs.arkit_from_vrm import VRM_NAMES, arkit_from_vrm
from stage.outputs.expressions import vrm_expressions


def there_and_back(**wanted: float) -> dict[str, float]:
    values = np.array([wanted.get(name, 0.0) for name in VRM0_PRESETS], np.float32)
    back = np.zeros(len(VRM0_PRESETS), np.float32)
    vrm_expressions(arkit_from_vrm(values), back)
    return dict(zip(VRM0_PRESETS, back.tolist(), strict=True))


@pytest.mark.parametrize("name", [name for name in VRM0_PRESETS if name != "Neutral"])
@pytest.mark.parametrize("value", [0.3, 0.7, 1.0])
def test_an_expression_comes_back_as_itself(name, value):
    # A vowel that is half there leaves the mouth a little open or shut, which is another vowel.
    shown = there_and_back(**{name: value})
    assert shown[name] == pytest.approx(value, abs=0.02 if name not in ("O", "E", "U", "I") else 0.25)
    others = {key: other for key, other in shown.items() if key not in (name, "Neutral", *"AIUEO")}
    assert max(others.values()) < 0.02


@pytest.mark.parametrize("name", ["A", "I", "U", "E", "O"])
def test_a_whole_vowel_comes_back_alone(name):
    shown = there_and_back(**{name: 1.0})
    assert shown[name] == pytest.approx(1.0, abs=1e-3)
    assert sum(shown[other] for other in "AIUEO" if other != name) < 1e-3


def test_names_of_both_versions_mean_the_same():
    assert [VRM_NAMES[name.lower()] for name in VRM0_PRESETS] == list(range(18))
    assert [VRM_NAMES[name.lower()] for name in VRM1_PRESETS] == list(range(18))


@given(st.lists(st.floats(0.0, 1.0, width=32), min_size=18, max_size=18))
def test_whatever_is_asked_for_is_a_face(values):
    shapes = arkit_from_vrm(np.array(values, np.float32))
    assert shapes.shape == (len(ARKIT_SHAPES),)
    assert np.all(shapes >= 0.0) and np.all(shapes <= 1.0)
