"""From the 52 shapes of ARKit to the few expressions that every VRM avatar has.

ARKit says which muscle pulls; an expression of VRM says what a face shows. First, means of shapes make cues, each
in [0, 1]; then cues make expressions. Avatars add up the expressions they are sent, so three limits keep faces whole:

* Vowels share the mouth. With `open` the jaw less what the lips close again, `round` the lips pushed forward and `wide`
  the lips drawn apart as far as they are not round, they are the corners of one square and never sum to more than 1:

      A = open (1 - round - wide)   O = open round   E = open wide   U = (1 - open) round   I = (1 - open) wide

* Lids close once. Both eyes' share is Blink, what one eye has more is Blink_L or Blink_R.
* Emotions start beyond a dead zone, a smile holds down those it contradicts, and together they are at most 1.
  What they leave over is Neutral.

The smile of the eyes tells Joy from Fun: cheeks up is Joy. `LookLeft` is the performer's own left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols.names import ARKIT_SHAPES

CUES: dict[str, dict[str, float]] = {
    "jaw": {"JawOpen": 1.5, "MouthClose": -1.5},
    "pucker": {"MouthPucker": 1.3},
    "funnel": {"MouthFunnel": 1.5},
    "stretch": {"MouthStretchLeft": 0.75, "MouthStretchRight": 0.75},
    "teeth": {
        "MouthLowerDownLeft": 0.5, "MouthLowerDownRight": 0.5, "MouthUpperUpLeft": 0.5, "MouthUpperUpRight": 0.5,
    },
    "smile": {"MouthSmileLeft": 0.6, "MouthSmileRight": 0.6},
    "cheeks": {"CheekSquintLeft": 0.5, "CheekSquintRight": 0.5, "EyeSquintLeft": 0.5, "EyeSquintRight": 0.5},
    "anger": {"BrowDownLeft": 0.4, "BrowDownRight": 0.4, "NoseSneerLeft": 0.2, "NoseSneerRight": 0.2},
    "sorrow": {"MouthFrownLeft": 0.4, "MouthFrownRight": 0.4, "BrowInnerUp": 0.4},
    "surprise": {
        "EyeWideLeft": 0.3, "EyeWideRight": 0.3, "BrowInnerUp": 0.3, "BrowOuterUpLeft": 0.2, "BrowOuterUpRight": 0.2,
    },
    "blink_l": {"EyeBlinkLeft": 1.0},
    "blink_r": {"EyeBlinkRight": 1.0},
    "up": {"EyeLookUpLeft": 0.5, "EyeLookUpRight": 0.5, "EyeLookDownLeft": -0.5, "EyeLookDownRight": -0.5},
    "left": {"EyeLookOutLeft": 0.5, "EyeLookInRight": 0.5, "EyeLookInLeft": -0.5, "EyeLookOutRight": -0.5},
}  # fmt: skip
"""Weight of each shape in each cue; a cue is the sum, limited to [0, 1] (`up` and `left`: [-1, 1])."""

DEAD_ZONE = 0.15
"""Of an emotion; beyond it, it rises evenly to 1. A resting face must not flicker between moods."""

_WEIGHTS = np.zeros((len(CUES), len(ARKIT_SHAPES)), np.float32)
for _row, _cue in enumerate(CUES.values()):
    for _name, _weight in _cue.items():
        _WEIGHTS[_row, ARKIT_SHAPES.index(_name)] = _weight
_LOW = np.array([-1.0 if cue in ("up", "left") else 0.0 for cue in CUES], np.float32)
_ONE = np.float32(1.0)


def vrm_expressions(shapes: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Derives the expressions of a face.

    Args:
        shapes: (52,) in [0, 1], order of `ARKIT_SHAPES`.
        out: (18,) float32, order of `protocols.names.VRM0_PRESETS`; gets values in [0, 1].
    """
    cues = np.minimum(np.maximum(_WEIGHTS @ shapes, _LOW), _ONE).tolist()
    jaw, pucker, funnel, stretch, teeth, smile, cheeks, anger, sorrow, surprise, blink_l, blink_r, up, left = cues
    round_ = max(pucker, funnel)
    wide = max(stretch, min(smile, teeth)) * (1.0 - round_)
    shut = 1.0 - jaw
    blink = min(blink_l, blink_r)
    joy, fun = _beyond(smile * cheeks), _beyond(smile * (1.0 - cheeks))
    serious = 1.0 - smile
    angry, sad, surprised = _beyond(anger * serious), _beyond(sorrow * serious), _beyond(surprise)
    felt = joy + fun + angry + sad + surprised
    share = 1.0 / max(1.0, felt)
    out[:] = (
        max(0.0, 1.0 - felt),
        max(0.0, jaw * (1.0 - round_ - wide)), shut * wide, shut * round_, jaw * wide, jaw * round_,
        blink, blink_l - blink, blink_r - blink,
        joy * share, angry * share, sad * share, fun * share, surprised * share,
        max(0.0, up), max(0.0, -up), max(0.0, left), max(0.0, -left),
    )  # fmt: skip


def _beyond(emotion: float) -> float:
    """What an emotion has beyond the dead zone, [0, 1]."""
    return max(0.0, (emotion - DEAD_ZONE) / (1.0 - DEAD_ZONE))
