"""A performer's own motions: each writes itself into a script and ends where it began, in the neutral stance.

Angles are radians, lengths are leg lengths, times are seconds; see `stage.synthetic.script`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from stage.synthetic.script import LEFT, RIGHT, Script


def idle(script: Script, seconds: float = 2.0) -> None:
    """Stand and breathe, shifting the weight from one leg to the other."""
    script.pose(0.45 * seconds, sideways=0.07, pelvis_roll=-0.06, spine_roll=0.06, head_yaw=0.35, spine_yaw=0.08)
    script.advance(seconds)


def walk_in_place(script: Script, steps: int = 4, pace_s: float = 0.55) -> None:
    """March on the spot."""
    for number in range(steps):
        begin = number * pace_s
        foot = LEFT if number % 2 == 0 else RIGHT
        script.swing(foot, begin, begin + 0.8 * pace_s, 0.22, 0.12, 0.0, 0.5)
        swing = -0.5 if foot == LEFT else 0.5
        script.key(begin + 0.4 * pace_s, flex_l=swing, flex_r=-swing, elbow_l=0.7, elbow_r=0.7, spine_yaw=0.15 * swing)
    script.advance(steps * pace_s + 0.4)


def walk_circle(script: Script, radius: float = 0.7, steps: int = 14, pace_s: float = 0.5) -> None:
    """Walk once around a circle that lies to the left."""
    x, y, heading = script.x, script.y, script.heading
    centre_x = x + radius * math.cos(heading)
    centre_y = y + radius * math.sin(heading)
    for number in range(1, steps + 1):
        turned = heading + 2.0 * math.pi * min((number + 0.5) / steps, 1.0)
        script.heading = turned
        script.x, script.y = centre_x - radius * math.cos(turned), centre_y - radius * math.sin(turned)
        begin = (number - 1) * pace_s
        script.move(RIGHT if number % 2 == 0 else LEFT, begin, begin + 0.75 * pace_s)
    closing = steps * pace_s
    script.move(LEFT if steps % 2 == 0 else RIGHT, closing, closing + 0.75 * pace_s)
    script.advance(closing + pace_s)


def turn(script: Script, angle: float = math.pi / 2, pace_s: float = 0.45) -> None:
    """Turn on the spot in steps of at most a quarter; positive is to the left."""
    count = max(1, math.ceil(abs(angle) / (0.5 * math.pi)))
    first, second = (LEFT, RIGHT) if angle > 0.0 else (RIGHT, LEFT)
    for number in range(count):
        begin = 2.0 * number * pace_s
        script.heading += angle / count
        script.key(begin, head_yaw=0.5 * math.copysign(1.0, angle))
        script.move(first, begin, begin + 0.85 * pace_s)
        script.move(second, begin + pace_s, begin + 1.85 * pace_s)
    script.advance(2.0 * count * pace_s + 0.2)


def reach_up(script: Script, side: str = "r") -> None:
    """Reach for something high, to the side."""
    sign = 1.0 if side == "l" else -1.0
    script.pose(0.9, 0.3, **{f"flex_{side}": 2.6, f"abduct_{side}": 0.25, f"elbow_{side}": 0.15})
    script.hand(0.7, "flat", side=side)
    script.hand(1.1, "grasp", side=side)
    script.pose(0.9, 0.3, spine_roll=-0.18 * sign, head_pitch=-0.35, head_yaw=0.3 * sign, sideways=0.05 * sign)
    script.advance(2.0)


def reach_down(script: Script) -> None:
    """Bend down and pick something up with both hands."""
    script.pose(0.9, 0.25, drop=0.30, pelvis_pitch=0.55, spine_pitch=0.75, head_pitch=-0.3, forward=-0.14)
    script.pose(0.9, 0.25, flex_l=0.95, flex_r=1.1, elbow_l=0.25, elbow_r=0.2, abduct_r=0.08)
    script.hand(0.75, "wide_grasp")
    script.hand(1.1, "grasp", 0.5)
    script.advance(2.1)


def squat(script: Script, depth: float = 0.45) -> None:
    """Squat with the arms held out in front."""
    script.pose(0.8, 0.2, drop=depth, pelvis_pitch=0.45, spine_pitch=0.15, head_pitch=-0.35, forward=-0.15)
    script.pose(0.8, 0.2, flex_l=1.4, flex_r=1.4, elbow_l=0.2, elbow_r=0.2, abduct_l=0.1, abduct_r=0.1)
    script.hand(0.7, "flat", 0.4)
    script.advance(1.9)


def raise_arms(script: Script) -> None:
    """Both arms sideways and up over the head."""
    script.pose(0.7, 0.2, abduct_l=1.55, abduct_r=1.55, elbow_l=0.1, elbow_r=0.1)
    script.hand(0.6, "flat", 0.4)
    script.hand(1.5, "spread", 0.3)
    script.pose(1.5, 0.25, abduct_l=2.75, abduct_r=2.75, elbow_l=0.35, elbow_r=0.35, head_pitch=-0.3, spine_pitch=-0.08)
    script.advance(2.8)


def wave(script: Script, side: str = "r") -> None:
    """Wave with one hand."""
    arm = {f"abduct_{side}": 1.35, f"twist_{side}": 1.35}
    script.hand(0.5, "wave", 1.1, side=side)
    script.pose(0.6, 0.9, **arm, spine_roll=-0.04, head_roll=0.08)
    for number in range(4):
        script.key(0.6 + 0.3 * number, **{f"elbow_{side}": 1.55 + (0.4 if number % 2 == 0 else -0.25)})
    script.advance(2.2)


def kick(script: Script, foot: int = LEFT) -> None:
    """A kick to the front, arms out for balance."""
    script.swing(foot, 0.3, 1.25, 0.48, 0.75, 0.05, 0.25)
    script.pose(0.8, 0.1, abduct_l=0.9, abduct_r=0.9, elbow_l=0.6, elbow_r=0.6, spine_pitch=-0.08, pelvis_pitch=-0.12)
    script.hand(0.7, "half", 0.3)
    script.advance(1.7)


def lunge(script: Script, foot: int = RIGHT) -> None:
    """A big step to the side, weight on that leg, and back."""
    side = 1.0 if foot == LEFT else -1.0
    x, y = script.x, script.y
    script.x += side * 0.42 * math.cos(script.heading)
    script.y += side * 0.42 * math.sin(script.heading)
    script.move(foot, 0.0, 0.45)
    script.x, script.y = x, y
    script.pose(0.75, 0.25, drop=0.16, sideways=0.16 * side, spine_roll=-0.15 * side, spine_yaw=0.25 * side)
    script.pose(0.75, 0.25, elbow_l=1.7, elbow_r=1.7, flex_l=0.5, flex_r=0.5, abduct_l=0.3, abduct_r=0.3)
    script.hand(0.6, "fist", 0.6)
    script.move(foot, 1.25, 1.7)
    script.advance(2.0)


def box(script: Script) -> None:
    """A guard and two straight punches."""
    script.pose(0.35, elbow_l=2.0, elbow_r=2.0, flex_l=0.75, flex_r=0.75)
    script.hand(0.3, "fist", 1.25)
    script.key(0.6, flex_l=1.45, elbow_l=0.15, spine_yaw=-0.35, pronate_l=0.6, flex_r=0.75, elbow_r=2.0)
    script.key(0.85, flex_l=0.75, elbow_l=2.0, spine_yaw=0.0, pronate_l=0.0, flex_r=0.75, elbow_r=2.0)
    script.key(1.1, flex_r=1.45, elbow_r=0.15, spine_yaw=0.4, pronate_r=0.6, flex_l=0.75, elbow_l=2.0)
    script.pose(1.4, flex_r=0.75, elbow_r=2.0, flex_l=0.75, elbow_l=2.0, spine_yaw=0.0)
    script.advance(1.9)


def count(script: Script) -> None:
    """Count to five with the right hand, then tell with both: so big, quite right, good."""
    script.pose(0.5, 2.0, flex_r=0.30, abduct_r=0.70, twist_r=0.2, elbow_r=2.05, pronate_r=-0.7)
    script.pose(0.5, 2.0, flex_l=0.25, elbow_l=1.25, pronate_l=0.3, spine_yaw=0.06, head_pitch=0.05)
    for number, pose in enumerate(("point", "two", "three", "four", "spread")):
        script.hand(0.5 + 0.42 * number, pose, 0.24, side="r")
    script.hand(0.6, "half", 1.8, side="l")
    script.pose(2.9, 0.35, flex_l=0.5, flex_r=0.5, abduct_l=0.45, abduct_r=0.45, elbow_l=1.6, elbow_r=1.6)
    script.hand(2.85, "wide_grasp", 0.3)
    script.pose(
        3.7, 0.4, flex_r=0.4, abduct_r=0.60, elbow_r=1.75, pronate_r=-0.7, flex_l=0.4, abduct_l=0.3, elbow_l=1.5
    )
    script.hand(3.6, "ring_sign", 0.45, side="r")
    script.hand(3.6, "thumb_up", 0.45, side="l")
    script.advance(4.8)


MOTIONS: dict[str, Callable[[Script], None]] = {
    motion.__name__: motion
    for motion in (
        idle, walk_in_place, walk_circle, turn, reach_up, reach_down, squat, raise_arms, wave, kick, lunge, box, count,
    )
}  # fmt: skip
"""All motions by name, each callable with its defaults."""


def scripted(*names: str) -> Script:
    """A script of the named motions, one after the other.

    `turn` alone does not end where it began; name it four times, or let `closed` add what is missing.
    """
    script = Script()
    script.advance(0.3)  # heels rise before the first step
    for name in names:
        MOTIONS[name](script)
    return closed(script)


def closed(script: Script) -> Script:
    """Turn back to the first heading, so that the script can loop."""
    left = -math.remainder(script.heading, 2.0 * math.pi)
    if abs(left) > 1e-6:
        turn(script, left)
    return script


def demo_script() -> Script:
    """The demo recording: half a minute of easy and hard motion, looping."""
    script = Script()
    script.release(0.0)
    idle(script, 1.2)
    wave(script)
    count(script)
    raise_arms(script)
    squat(script)
    kick(script, LEFT)
    turn(script, math.pi)
    reach_up(script, "l")
    box(script)
    turn(script, math.pi)
    lunge(script)
    reach_down(script)
    return closed(script)
