"""From the expressions of VRM avatars back to ARKit's shapes, as far as that goes.

The other way of `stage.outputs.expressions`, whose cues it asks for again. With the vowels as the corners of a square
(jaw open or shut, lips round or wide) and a smile that is Joy with cheeks up and Fun without:

    open = A + E + O      round = the larger of U and O      wide = E + I
    smile = Joy + Fun     cheeks = Joy / smile

An expression of VRM says what a face shows, not which muscle pulls. What stays 0: the jaw forward and sideways, lips
rolled, pressed, shrugged or pulled to one side, dimples, puffed cheeks, tongue; and nothing but blinks differs between
left and right. Neutral says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from protocols.names import ARKIT_SHAPES, VRM0_PRESETS, VRM1_PRESETS

VRM_NAMES: dict[str, int] = {
    **{name.lower(): index for index, name in enumerate(VRM0_PRESETS)},
    **{name.lower(): index for index, name in enumerate(VRM1_PRESETS)},
}
"""Place in `VRM0_PRESETS` of a name of either version, in lower case."""

_DEAD_ZONE = 0.15
"""What `stage.outputs.expressions` takes away from emotions."""


def arkit_from_vrm(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shapes (52,) in [0, 1] that show these expressions.

    Args:
        values: (18,) in [0, 1], order of `VRM0_PRESETS`.
    """
    v = dict(zip(VRM0_PRESETS, values.tolist(), strict=True))
    open_, round_ = min(1.0, v["A"] + v["E"] + v["O"]), min(1.0, max(v["U"], v["O"]))
    wide = min(1.0, v["E"] + v["I"])
    joy, fun = _felt(v["Joy"]), _felt(v["Fun"])
    smile = min(1.0, joy + fun)
    cheeks = joy / smile if smile > 0.0 else 0.0
    serious = max(1.0 - smile, 1e-3)
    anger, sorrow, surprise = _felt(v["Angry"]) / serious, _felt(v["Sorrow"]) / serious, _felt(v["Surprised"])
    up, left = v["LookUp"] - v["LookDown"], v["LookLeft"] - v["LookRight"]
    both = {
        "MouthStretch": wide / max(1.0 - round_, 0.2) / 1.5,
        "MouthSmile": smile / 1.2,
        "CheekSquint": cheeks / 2.0,
        "EyeSquint": cheeks / 2.0,
        "BrowDown": anger / 1.2,
        "NoseSneer": anger / 1.2,
        "MouthFrown": sorrow,
        "EyeWide": 0.9 * surprise,
        "BrowOuterUp": 0.9 * surprise,
        "EyeLookUp": up,
        "EyeLookDown": -up,
    }
    shapes = {
        "JawOpen": open_ / 1.5,
        "MouthFunnel": v["O"] / 1.5,
        "MouthPucker": v["U"] / 1.3,
        "BrowInnerUp": max(sorrow / 2.0, surprise / 3.0),
        "EyeBlinkLeft": v["Blink"] + v["Blink_L"],
        "EyeBlinkRight": v["Blink"] + v["Blink_R"],
        "EyeLookOutLeft": left,
        "EyeLookInRight": left,
        "EyeLookInLeft": -left,
        "EyeLookOutRight": -left,
        **{f"{name}{side}": value for name, value in both.items() for side in ("Left", "Right")},
    }
    return _in_order(shapes)


def _felt(emotion: float) -> float:
    """An emotion with the dead zone put back."""
    return _DEAD_ZONE + (1.0 - _DEAD_ZONE) * emotion if emotion > 0.0 else 0.0


def _in_order(shapes: Mapping[str, float]) -> NDArray[np.float32]:
    return np.clip(np.array([shapes.get(name, 0.0) for name in ARKIT_SHAPES], np.float32), 0.0, 1.0)
