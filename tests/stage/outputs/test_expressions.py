"""Expressions of VRM avatars: what a face shows, and the limits that keep an avatar's face whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from protocols.names import ARKIT_SHAPES, VRM0_PRESETS, VRM1_PRESETS
from stage.outputs.expressions import CUES, vrm_expressions

BOTH = ("Left", "Right")
VOWELS = ("A", "I", "U", "E", "O")
EMOTIONS = ("Joy", "Angry", "Sorrow", "Fun", "Surprised")


def expressions(**shapes: float) -> dict[str, float]:
    out = np.full(len(VRM0_PRESETS), np.nan, np.float32)
    values = dict.fromkeys(ARKIT_SHAPES, 0.0)
    for name, value in shapes.items():
        sides = [name] if name in ARKIT_SHAPES else [f"{name}{side}" for side in BOTH]
        assert set(sides) <= set(ARKIT_SHAPES)
        values |= dict.fromkeys(sides, value)
    vrm_expressions(np.array([values[name] for name in ARKIT_SHAPES], np.float32), out)
    return {str(name): float(value) for name, value in zip(VRM0_PRESETS, out, strict=True)}


def shown(**shapes: float) -> set[str]:
    return {name for name, value in expressions(**shapes).items() if value > 0.3}


def test_a_face_at_rest_is_neutral() -> None:
    assert {name: value for name, value in expressions().items() if value != 0.0} == {"Neutral": 1.0}


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ({"JawOpen": 0.7}, {"A", "Neutral"}),
        ({"JawOpen": 0.7, "MouthFunnel": 0.7}, {"O", "Neutral"}),
        ({"JawOpen": 0.1, "MouthPucker": 0.9}, {"U", "Neutral"}),
        ({"JawOpen": 0.1, "MouthStretch": 0.7}, {"I", "Neutral"}),
        ({"JawOpen": 0.6, "MouthStretch": 0.7}, {"E", "Neutral"}),
        ({"JawOpen": 0.7, "MouthClose": 0.7}, {"Neutral"}),
        ({"EyeBlink": 1.0}, {"Blink", "Neutral"}),
        ({"EyeBlinkLeft": 1.0}, {"Blink_L", "Neutral"}),
        ({"EyeBlinkRight": 1.0}, {"Blink_R", "Neutral"}),
        ({"MouthSmile": 0.9, "CheekSquint": 0.9}, {"Joy"}),
        ({"MouthSmile": 0.9}, {"Fun"}),
        ({"BrowDown": 1.0, "NoseSneer": 0.6}, {"Angry"}),
        ({"MouthFrown": 1.0, "BrowInnerUp": 0.8}, {"Sorrow"}),
        ({"EyeWide": 0.9, "BrowInnerUp": 0.9, "BrowOuterUp": 0.9}, {"Surprised"}),
        ({"EyeLookUp": 0.8}, {"LookUp", "Neutral"}),
        ({"EyeLookDown": 0.8}, {"LookDown", "Neutral"}),
        ({"EyeLookOutLeft": 0.8, "EyeLookInRight": 0.8}, {"LookLeft", "Neutral"}),
        ({"EyeLookInLeft": 0.8, "EyeLookOutRight": 0.8}, {"LookRight", "Neutral"}),
        ({"EyeLookInLeft": 0.8, "EyeLookInRight": 0.8}, {"Neutral"}),  # a squint looks nowhere
    ],
)
def test_what_a_face_shows(shapes: dict[str, float], expected: set[str]) -> None:
    assert shown(**shapes) == expected


@given(arrays(np.float32, len(ARKIT_SHAPES), elements=st.floats(0.0, 1.0, width=32)))
def test_no_face_overloads_an_avatar(shapes: np.ndarray) -> None:
    out = np.zeros(len(VRM0_PRESETS), np.float32)
    vrm_expressions(shapes, out)
    values = {str(name): float(value) for name, value in zip(VRM0_PRESETS, out, strict=True)}
    assert out.min() >= 0.0 and out.max() <= 1.0
    assert sum(values[name] for name in VOWELS) <= 1.0 + 1e-6
    assert sum(values[name] for name in (*EMOTIONS, "Neutral")) <= 1.0 + 1e-6
    for side in ("L", "R"):
        blink = shapes[ARKIT_SHAPES.index(f"EyeBlink{'Left' if side == 'L' else 'Right'}")]
        assert values["Blink"] + values[f"Blink_{side}"] == pytest.approx(blink, abs=1e-6)
    assert min(values["LookUp"], values["LookDown"]) == min(values["LookLeft"], values["LookRight"]) == 0.0


def test_unrest_of_a_resting_face_shows_no_mood() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        values = expressions(**dict(zip(ARKIT_SHAPES, rng.uniform(0.0, 0.08, 52).tolist(), strict=True)))
        assert values["Neutral"] == 1.0


def test_every_expression_has_a_name_in_both_versions() -> None:
    assert len(set(VRM0_PRESETS)) == len(set(VRM1_PRESETS)) == len(VRM0_PRESETS) == len(VRM1_PRESETS)
    pairs = {str(old): str(new) for old, new in zip(VRM0_PRESETS, VRM1_PRESETS, strict=True)}
    must = {"Joy": "happy", "Angry": "angry", "Sorrow": "sad", "Fun": "relaxed", "A": "aa", "I": "ih", "U": "ou"}
    must |= {"E": "ee", "O": "oh", "Blink_L": "blinkLeft", "Blink_R": "blinkRight"}
    assert {name: pairs[name] for name in must} == must
    assert {shape for cue in CUES.values() for shape in cue} <= set(ARKIT_SHAPES)
