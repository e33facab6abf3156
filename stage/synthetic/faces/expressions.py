"""Facial performances as curves of the 52 ARKit shapes: combined and timed as faces do, drawn at random.

Real faces do not move 52 sliders one by one. Shapes act in groups (a smile takes cheeks and lids along), mostly on
both sides, some exclude each other, lids follow the gaze, a blink takes a fifth of a second, and what a capture
system calls rest has many shapes a little above zero. So a performance is

    targets (one expression each) --eased--> curve  +  gaze in jumps  +  blinks  +  a floor,   all within the rules

and every shape is drawn often enough, over its whole range, for a learner to know it.
"""

from __future__ import annotations

import numpy as np

from protocols.names import ARKIT_SHAPES

SHAPE_COUNT = len(ARKIT_SHAPES)
_INDEX = {name: i for i, name in enumerate(ARKIT_SHAPES)}

_PAIRS = tuple(name[:-4] for name in ARKIT_SHAPES if name.endswith("Left") and name not in ("JawLeft", "MouthLeft"))
"""Shapes with a left and a right half, without the side's name; gaze is drawn apart."""

_GROUPS: tuple[dict[str, float], ...] = (
    {"MouthSmile": 1.0, "CheekSquint": 0.5, "EyeSquint": 0.35},
    {"MouthSmile": 1.0, "MouthUpperUp": 0.5, "CheekSquint": 0.7, "JawOpen": 0.3, "EyeSquint": 0.4},
    {"MouthSmile": 0.6, "MouthDimple": 0.8},
    {"MouthDimple": 1.0, "MouthPress": 0.6},
    {"MouthFrown": 1.0, "MouthShrugLower": 0.6, "BrowInnerUp": 0.4},
    {"MouthFrown": 0.8, "BrowDown": 0.8, "MouthPress": 0.4},
    {"MouthShrugLower": 1.0},
    {"MouthShrugUpper": 1.0, "MouthShrugLower": 0.5},
    {"MouthShrugLower": 1.0, "MouthShrugUpper": 0.8, "MouthFrown": 0.4},
    {"MouthPucker": 1.0, "MouthFunnel": 0.2},
    {"MouthFunnel": 1.0, "JawOpen": 0.3},
    {"MouthFunnel": 0.7, "MouthPucker": 0.5, "JawOpen": 0.2},
    {"MouthPress": 1.0, "MouthRollLower": 0.4, "MouthRollUpper": 0.4},
    {"MouthRollLower": 1.0, "MouthRollUpper": 0.9},
    {"MouthRollLower": 1.0},
    {"MouthRollUpper": 1.0},
    {"MouthStretch": 1.0, "MouthLowerDown": 0.4, "JawOpen": 0.2},
    {"MouthLowerDown": 1.0, "MouthUpperUp": 0.8, "JawOpen": 0.15},
    {"MouthStretch": 1.0},
    {"MouthLowerDown": 1.0},
    {"MouthUpperUp": 1.0, "NoseSneer": 0.8, "CheekSquint": 0.4},
    {"NoseSneer": 1.0, "BrowDown": 0.6, "CheekSquint": 0.4},
    {"JawOpen": 1.0},
    {"JawOpen": 0.8, "MouthStretch": 0.4, "BrowInnerUp": 0.5, "EyeWide": 0.6},
    {"JawOpen": 0.9, "MouthClose": 0.85},
    {"JawOpen": 0.5, "MouthClose": 0.5, "MouthPucker": 0.5},
    {"JawForward": 1.0},
    {"JawForward": 1.0, "MouthShrugLower": 0.2},
    {"JawForward": 1.0, "JawOpen": 0.3},
    {"JawLeft": 1.0},
    {"JawRight": 1.0},
    {"JawLeft": 1.0, "JawOpen": 0.3},
    {"JawRight": 1.0, "JawOpen": 0.3},
    {"MouthLeft": 1.0},
    {"MouthRight": 1.0},
    {"MouthLeft": 0.7, "MouthPucker": 0.6},
    {"MouthRight": 0.7, "MouthPucker": 0.6},
    {"CheekPuff": 1.0},
    {"CheekPuff": 1.0, "MouthPress": 0.5, "MouthPucker": 0.3},
    {"TongueOut": 1.0, "JawOpen": 0.4},
    {"TongueOut": 0.8, "JawOpen": 0.7, "MouthFunnel": 0.2},
)
"""What the lower face does together, with usual strengths; names without a side are both halves."""

_UPPER_GROUPS: tuple[dict[str, float], ...] = (
    {"BrowInnerUp": 1.0},
    {"BrowInnerUp": 1.0, "BrowOuterUp": 1.0},
    {"BrowInnerUp": 0.8, "BrowOuterUp": 0.9, "EyeWide": 0.8},
    {"BrowOuterUp": 1.0},
    {"BrowDown": 1.0},
    {"BrowDown": 1.0, "EyeSquint": 0.6, "NoseSneer": 0.3},
    {"BrowDown": 0.7, "BrowInnerUp": 0.6},
    {"EyeWide": 1.0},
    {"EyeSquint": 1.0},
    {"EyeSquint": 0.8, "CheekSquint": 1.0},
    {"CheekSquint": 1.0},
    {"EyeBlink": 1.0},
    {"EyeBlink": 1.0, "EyeSquint": 0.7, "CheekSquint": 0.6, "NoseSneer": 0.3},
    {"EyeBlink": 0.5},
)

_VISEMES: tuple[dict[str, float], ...] = (
    {"JawOpen": 0.6, "MouthLowerDown": 0.2},
    {"JawOpen": 0.35, "MouthStretch": 0.4, "MouthSmile": 0.2},
    {"JawOpen": 0.15, "MouthSmile": 0.3, "MouthStretch": 0.3, "MouthLowerDown": 0.2},
    {"JawOpen": 0.35, "MouthFunnel": 0.6},
    {"JawOpen": 0.15, "MouthPucker": 0.7, "MouthFunnel": 0.3},
    {"MouthPress": 0.5, "MouthRollLower": 0.3, "MouthRollUpper": 0.3, "MouthClose": 0.05, "JawOpen": 0.06},
    {"MouthRollLower": 0.6, "MouthUpperUp": 0.2, "JawOpen": 0.08},
    {"JawOpen": 0.1, "MouthLowerDown": 0.35, "MouthUpperUp": 0.15, "MouthFunnel": 0.2},
    {"JawOpen": 0.2, "MouthShrugUpper": 0.3, "MouthClose": 0.1},
    {"JawOpen": 0.25, "TongueOut": 0.15},
)

_EXCLUSIVE = (
    ("JawLeft", "JawRight"), ("MouthLeft", "MouthRight"), ("EyeWideLeft", "EyeBlinkLeft"),
    ("EyeWideRight", "EyeBlinkRight"), ("MouthSmileLeft", "MouthFrownLeft"), ("MouthSmileRight", "MouthFrownRight"),
    ("EyeWideLeft", "EyeSquintLeft"), ("EyeWideRight", "EyeSquintRight"), ("BrowDownLeft", "BrowOuterUpLeft"),
    ("BrowDownRight", "BrowOuterUpRight"), ("MouthRollLower", "MouthLowerDownLeft"), ("MouthRollLower", "MouthFunnel"),
    ("MouthRollLower", "MouthLowerDownRight"), ("MouthRollUpper", "MouthUpperUpLeft"),
    ("MouthRollUpper", "MouthFunnel"), ("MouthRollUpper", "MouthUpperUpRight"), ("CheekPuff", "JawOpen"),
)  # fmt: skip
"""Of each pair the weaker one gives way (halves of a name without a side do so both)."""

_REST_OF_WEAKER = 0.3
_JUMP_S = 0.04
_CLOSING_S, _CLOSED_S, _OPENING_S = 0.08, 0.03, 0.15


def random_expression(random: np.random.Generator) -> np.ndarray:
    """One expression, (52,) in [0, 1], without gaze."""
    values = np.zeros(SHAPE_COUNT)
    kind = random.random()
    if kind < 0.08:
        pass
    elif kind < 0.24:
        _add(values, _VISEMES[random.integers(len(_VISEMES))], random.uniform(0.5, 1.3), random)
    elif kind < 0.85:
        for _ in range(random.choice([1, 2], p=[0.6, 0.4])):
            _add(values, _GROUPS[random.integers(len(_GROUPS))], random.beta(2.4, 0.9), random)
    else:
        chosen = random.choice(SHAPE_COUNT, random.integers(1, 9), replace=False)
        values[chosen] = random.uniform(0.1, 1.0, len(chosen))
    if random.random() < 0.55:
        for _ in range(random.choice([1, 2], p=[0.75, 0.25])):
            _add(values, _UPPER_GROUPS[random.integers(len(_UPPER_GROUPS))], random.beta(1.6, 1.0), random)
    values[_looks()] = 0.0
    return obey(values)


def obey(values: np.ndarray) -> np.ndarray:
    """The same expressions (..., 52) within the rules: in [0, 1], nothing with its opposite, lips and jaw agreeing."""
    values = np.clip(values, 0.0, 1.0)
    for first, second in _EXCLUSIVE:
        for a in _halves(first):
            for b in _halves(second):
                one, other = values[..., a], values[..., b]
                values[..., a] = np.where(one < other, np.minimum(one, _REST_OF_WEAKER * (1.0 - other)), one)
                values[..., b] = np.where(one < other, other, np.minimum(other, _REST_OF_WEAKER * (1.0 - one)))
    jaw, tongue = _INDEX["JawOpen"], _INDEX["TongueOut"]
    values[..., jaw] = np.maximum(values[..., jaw], 0.35 * values[..., tongue])
    close = _INDEX["MouthClose"]
    values[..., close] = np.minimum(values[..., close], values[..., jaw])
    return values


def random_curve(random: np.random.Generator, frames: int, fps: float) -> np.ndarray:
    """A performance of some frames: (frames, 52) in [0, 1]."""
    times = np.arange(frames) / fps + random.uniform(0.3, 3.0)
    curve = _eased(random, times)
    looks = _gaze(random, times)
    lids = np.zeros((frames, SHAPE_COUNT))
    down = looks[:, [_INDEX["EyeLookDownLeft"], _INDEX["EyeLookDownRight"]]]
    lids[:, [_INDEX["EyeBlinkLeft"], _INDEX["EyeBlinkRight"]]] = random.uniform(0.0, 0.6) * down
    blink = _blinks(random, times)
    closed = lids + blink[:, None] * _mask("EyeBlink")
    curve = obey(np.maximum(curve, closed) + _floor(random))
    curve[:, _looks()] = looks[:, _looks()]
    return curve


def _eased(random: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """Expressions one after the other, each held for a while."""
    end = times[-1] + 1.0
    starts, values = [0.0], [random_expression(random)]
    while starts[-1] < end:
        starts.append(starts[-1] + random.uniform(0.12, 0.9))
        values.append(random_expression(random) if random.random() < 0.85 else np.zeros(SHAPE_COUNT))
    moves = random.uniform(0.08, 0.35, len(starts))
    out = np.zeros((len(times), SHAPE_COUNT))
    out[:] = values[0]
    for start, move, value in zip(starts[1:], moves[1:], values[1:], strict=True):
        t = np.clip((times - start) / move, 0.0, 1.0)[:, None]
        out += t * t * (3.0 - 2.0 * t) * (value - out)
    return out


def _gaze(random: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """Both eyes jump from place to place together; (T, 52)."""
    out = np.zeros((len(times), SHAPE_COUNT))
    spread = random.choice([0.1, 0.5, 0.9])
    start, place = 0.0, random.normal(0.0, spread, 2)
    across, up = np.full(len(times), place[0]), np.full(len(times), place[1])
    while start < times[-1]:
        start += random.uniform(0.1, 1.2)
        place = random.normal(0.0, spread, 2) * (random.random() > 0.15)
        t = np.clip((times - start) / _JUMP_S, 0.0, 1.0)
        across, up = across + t * (place[0] - across), up + t * (place[1] - up)
    cross = random.normal(0.0, 0.05) + (random.random() < 0.05) * random.uniform(0.2, 0.8)
    for name, values in (
        ("EyeLookOutLeft", across - cross),
        ("EyeLookInLeft", cross - across),
        ("EyeLookInRight", across + cross),
        ("EyeLookOutRight", -across - cross),
        ("EyeLookUpLeft", up),
        ("EyeLookUpRight", up),
        ("EyeLookDownLeft", -up),
        ("EyeLookDownRight", -up),
    ):
        out[:, _INDEX[name]] = np.clip(values, 0.0, 1.0)
    return out


def _blinks(random: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """(T,) how far the lids are closed by blinking."""
    closed = np.zeros(len(times))
    start = random.uniform(-0.5, 3.0)
    while start < times[-1]:
        t = times - start
        closing = np.clip(t / _CLOSING_S, 0.0, 1.0)
        opening = np.clip((t - _CLOSING_S - _CLOSED_S) / _OPENING_S, 0.0, 1.0)
        closed = np.maximum(closed, random.uniform(0.75, 1.0) * closing * (1.0 - opening))
        start += random.uniform(0.35, 4.0)
    return closed


def _floor(random: np.random.Generator) -> np.ndarray:
    """What a rest is not quite free of, (52,); none in half of the performances."""
    if random.random() < 0.5:
        return np.zeros(SHAPE_COUNT)
    size = random.uniform(0.02, 0.15)
    values = random.gamma(1.0, size, SHAPE_COUNT) * (random.random(SHAPE_COUNT) < 0.5)
    for pair in _PAIRS:
        left, right = _halves(pair)
        values[right] = values[left] * random.uniform(0.8, 1.2)
    return np.minimum(values, 0.4)


def _add(values: np.ndarray, group: dict[str, float], strength: float, random: np.random.Generator) -> None:
    """A group at some strength: uneven between its members, and sometimes between the sides."""
    lean = random.normal(0.0, 0.06) if random.random() < 0.7 else random.uniform(-1.0, 1.0)
    for name, share in group.items():
        amount = strength * share * np.clip(random.normal(1.0, 0.3), 0.0, 1.6)
        halves = _halves(name)
        sides = (1.0,) if len(halves) == 1 else (min(1.0 + lean, 1.0), min(1.0 - lean, 1.0))
        for index, side in zip(halves, sides, strict=True):
            values[index] = max(values[index], amount * side)


def _halves(name: str) -> tuple[int, ...]:
    """Index of a shape, or of its left and right half."""
    if name in _INDEX:
        return (_INDEX[name],)
    return _INDEX[f"{name}Left"], _INDEX[f"{name}Right"]


def _mask(name: str) -> np.ndarray:
    mask = np.zeros(SHAPE_COUNT)
    mask[list(_halves(name))] = 1.0
    return mask


def _looks() -> np.ndarray:
    return np.array([i for i, name in enumerate(ARKIT_SHAPES) if name.startswith("EyeLook")])
