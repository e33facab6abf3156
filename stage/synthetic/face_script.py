"""A face script: what a performer's face does, written as words, moods, blinks and looks.

Speech is a row of visemes, the shapes that a mouth takes for groups of sounds; a mood is a set of shapes that comes,
stays and goes. Both are written in ARKit shapes at full strength. What nobody scripts (blinks every few
seconds, darting eyes, the unrest of living skin) is added in `stage.synthetic.face_motion`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from protocols.names import ARKIT_SHAPES


def _sided(shapes: Mapping[str, float]) -> dict[str, float]:
    """Shapes with names such as "MouthSmile*" written out for left and right."""
    return {
        name.replace("*", side): value
        for name, value in shapes.items()
        for side in (("Left", "Right") if "*" in name else ("",))
    }


VISEMES: dict[str, dict[str, float]] = {
    name: _sided(shapes)
    for name, shapes in {
        ".": {},
        "m": {"MouthPress*": 0.35, "MouthRollLower": 0.35, "MouthRollUpper": 0.25, "JawOpen": 0.05, "MouthClose": 0.06},
        "f": {"MouthRollLower": 0.55, "MouthUpperUp*": 0.25, "JawOpen": 0.10},
        "th": {"JawOpen": 0.18, "MouthLowerDown*": 0.30, "MouthUpperUp*": 0.10, "TongueOut": 0.12},
        "d": {"JawOpen": 0.16, "MouthLowerDown*": 0.35, "MouthUpperUp*": 0.12, "MouthStretch*": 0.08},
        "k": {"JawOpen": 0.24, "MouthLowerDown*": 0.25, "MouthUpperUp*": 0.08},
        "s": {"JawOpen": 0.06, "MouthStretch*": 0.30, "MouthLowerDown*": 0.40, "MouthUpperUp*": 0.12},
        "sh": {"JawOpen": 0.10, "MouthFunnel": 0.55, "MouthPucker": 0.20, "MouthShrugUpper": 0.15},
        "r": {"JawOpen": 0.14, "MouthFunnel": 0.35, "MouthPucker": 0.15, "MouthLowerDown*": 0.15},
        "aa": {"JawOpen": 0.55, "MouthLowerDown*": 0.35, "MouthUpperUp*": 0.15},
        "eh": {"JawOpen": 0.34, "MouthStretch*": 0.25, "MouthLowerDown*": 0.35, "MouthUpperUp*": 0.18},
        "ee": {"JawOpen": 0.16, "MouthStretch*": 0.35, "MouthSmile*": 0.25, "MouthLowerDown*": 0.35},
        "oh": {"JawOpen": 0.42, "MouthFunnel": 0.50, "MouthPucker": 0.10},
        "oo": {"JawOpen": 0.14, "MouthPucker": 0.75, "MouthFunnel": 0.20},
    }.items()
}
"""What the mouth does for a group of sounds; "." is a rest."""

MOODS: dict[str, dict[str, float]] = {
    name: _sided(shapes)
    for name, shapes in {
        "smile": {"MouthSmile*": 0.65, "CheekSquint*": 0.40, "EyeSquint*": 0.30, "MouthDimple*": 0.15},
        "laugh": {
            "MouthSmile*": 0.85, "CheekSquint*": 0.70, "EyeSquint*": 0.55, "JawOpen": 0.32, "MouthUpperUp*": 0.30,
            "MouthLowerDown*": 0.25, "NoseSneer*": 0.20,
        },
        "surprise": {"BrowInnerUp": 0.85, "BrowOuterUp*": 0.80, "EyeWide*": 0.75, "JawOpen": 0.35, "MouthFunnel": 0.15},
        "effort": {
            "BrowDown*": 0.80, "EyeSquint*": 0.45, "NoseSneer*": 0.45, "MouthPress*": 0.55, "MouthShrugLower": 0.35,
            "MouthStretch*": 0.15,
        },
        "teeth": {
            "BrowDown*": 0.70, "NoseSneer*": 0.65, "MouthUpperUp*": 0.60, "MouthLowerDown*": 0.50,
            "MouthStretch*": 0.45, "EyeSquint*": 0.50,
        },
        "sad": {"BrowInnerUp": 0.75, "MouthFrown*": 0.65, "MouthShrugLower": 0.50, "MouthRollLower": 0.15},
        "doubt": {
            "BrowOuterUpLeft": 0.85, "BrowDownRight": 0.55, "EyeSquintRight": 0.35, "MouthLeft": 0.50,
            "MouthSmileLeft": 0.30, "MouthPressRight": 0.25,
        },
        "smirk": {"MouthSmileRight": 0.70, "MouthDimpleRight": 0.35, "CheekSquintRight": 0.35, "MouthRight": 0.30},
        "puff": {"CheekPuff": 0.85, "MouthPress*": 0.30, "MouthPucker": 0.20},
        "blow": {"MouthFunnel": 0.35, "MouthPucker": 0.60, "CheekPuff": 0.30, "BrowInnerUp": 0.25, "JawOpen": 0.10},
        "kiss": {"MouthPucker": 0.95, "EyeSquint*": 0.20},
        "tongue": {"TongueOut": 0.90, "JawOpen": 0.38, "MouthSmile*": 0.30, "BrowOuterUp*": 0.30},
        "lips_in": {"MouthRollUpper": 0.75, "MouthRollLower": 0.80, "MouthPress*": 0.30},
        "chew_left": {"JawLeft": 0.65, "MouthLeft": 0.30, "MouthPress*": 0.20},
        "chew_right": {"JawRight": 0.65, "MouthRight": 0.30, "MouthPress*": 0.20},
        "defiant": {"JawForward": 0.75, "MouthShrugLower": 0.45, "MouthShrugUpper": 0.35, "BrowDown*": 0.45},
        "shut_eyes": {"EyeBlink*": 0.95, "EyeSquint*": 0.40, "CheekSquint*": 0.30},
        "wink": {"EyeBlinkLeft": 0.95, "CheekSquintLeft": 0.50, "MouthSmileLeft": 0.50, "BrowDownLeft": 0.20},
    }.items()
}  # fmt: skip
"""What the whole face does in a mood, in ARKit shapes."""


@dataclass(frozen=True)
class Mood:
    """A mood that comes, stays and goes."""

    shapes: Mapping[str, float]
    begin_s: float
    come_s: float
    stay_s: float
    go_s: float


@dataclass
class FaceScript:
    """Collects what a face does; all times are in seconds from the beginning."""

    moods: list[Mood] = field(default_factory=list)
    visemes: list[tuple[float, Mapping[str, float]]] = field(default_factory=list)
    """When each is fully there."""
    blinks: list[float] = field(default_factory=list)
    """When the lids begin to close; others come by themselves."""
    looks: list[tuple[float, float, float]] = field(default_factory=list)
    """When the eyes jump, and to which yaw (to the performer's left) and pitch (up) relative to the head [rad]."""

    def mood(
        self, name: str, at_s: float, stay_s: float, strength: float = 1.0, come_s: float = 0.25, go_s: float = 0.35
    ) -> None:
        """Come into a mood of `MOODS`, beginning at `at_s`, and leave it again."""
        shapes = {shape: strength * value for shape, value in MOODS[name].items()}
        self.moods.append(Mood(shapes, at_s, come_s, stay_s, go_s))

    def say(self, at_s: float, words: str, pace_s: float = 0.11) -> float:
        """Speak visemes, separated by spaces, one every `pace_s`; returns when it is said."""
        self.visemes.append((at_s, {}))
        for viseme in words.split():
            at_s += pace_s
            self.visemes.append((at_s, VISEMES[viseme]))
        self.visemes.append((at_s + pace_s, {}))
        return at_s + pace_s

    def blink(self, *at_s: float) -> None:
        """Blink at these times."""
        self.blinks.extend(at_s)

    def look(self, at_s: float, yaw: float = 0.0, pitch: float = 0.0) -> None:
        """Let the eyes jump to a direction."""
        self.looks.append((at_s, yaw, pitch))


def demo_face() -> FaceScript:
    """The face of the demo recording, in time with `stage.synthetic.motions.demo_script`; two seconds of rest first."""
    script = FaceScript()
    script.look(0.1, 0.05, -0.02)
    script.blink(0.6, 2.2)
    script.look(1.3, -0.06, 0.02)
    script.mood("smile", 2.5, 0.7)
    script.say(2.6, "k eh d oh", 0.10)
    script.look(3.4, -0.28, 0.04)  # to the hand that counts
    for number, word in enumerate(("oo aa d", "d oo", "th r ee", "f oh r", "f aa ee f")):
        script.say(3.78 + 0.42 * number, word, 0.085)
    script.look(5.9, 0.10, 0.0)
    script.mood("surprise", 5.9, 0.35)
    script.say(6.25, "d eh d . s oh . r ee d ee . m ee k", 0.095)
    script.mood("wink", 7.15, 0.12, come_s=0.12, go_s=0.2)
    script.look(8.2, 0.0, 0.14)
    script.mood("puff", 8.5, 0.55)
    script.mood("blow", 9.3, 0.55)
    script.look(9.6, 0.10, 0.05)
    script.mood("lips_in", 10.3, 0.30)
    script.look(11.0, 0.0, -0.12)
    script.mood("effort", 11.0, 0.80)
    script.blink(12.1)
    script.mood("teeth", 12.9, 0.55, come_s=0.15)
    script.look(13.4, 0.22, 0.0)
    script.say(14.1, "oh k eh . sh oo d . ee oo . s ee . m ee . aa oo", 0.105)
    script.look(14.8, -0.24, 0.05)
    script.mood("doubt", 15.7, 0.70)
    script.look(16.3, 0.15, 0.16)
    script.mood("chew_left", 16.9, 0.10, come_s=0.2, go_s=0.2)
    script.mood("chew_right", 17.3, 0.10, come_s=0.2, go_s=0.2)
    script.look(17.6, 0.0, 0.0)
    script.mood("defiant", 17.7, 1.10)
    script.mood("teeth", 18.4, 0.25, 0.8, come_s=0.12, go_s=0.2)
    script.blink(19.2)
    script.mood("tongue", 19.6, 0.35)
    script.look(20.1, -0.22, -0.05)
    script.mood("smirk", 20.5, 0.60)
    script.mood("sad", 21.5, 0.80)
    script.look(21.6, 0.18, -0.10)
    script.mood("kiss", 22.7, 0.40)
    script.look(23.5, 0.0, -0.16)
    script.mood("shut_eyes", 23.7, 0.25)
    script.mood("laugh", 24.4, 0.80)
    script.look(25.2, 0.05, 0.0)
    return script


def natural_face(seconds: float, seed: int) -> FaceScript:
    """A face of somebody who moves for `seconds`, says something now and then, and looks around."""
    random, script = np.random.default_rng(seed), FaceScript()
    sounds, moods = [name for name in VISEMES if name != "."], list(MOODS)
    now = random.uniform(0.3, 1.0)
    while now < seconds - 2.5:
        script.look(now, random.normal(0.0, 0.14), random.normal(0.0, 0.07))
        if random.random() < 0.5:
            words = [" ".join(random.choice(sounds, random.integers(2, 5))) for _ in range(random.integers(2, 5))]
            now = script.say(now, " . ".join(words), random.uniform(0.09, 0.13))
        else:
            stay = random.uniform(0.2, 0.8)
            script.mood(str(random.choice(moods)), now, stay, random.uniform(0.5, 1.0))
            now += 0.6 + stay
        now += random.uniform(0.1, 0.8)
    return script


assert all(shape in ARKIT_SHAPES for shapes in (*VISEMES.values(), *MOODS.values()) for shape in shapes)
