"""A script and a body make poses.

1. Channels are interpolated through their keys and smoothed; each foot is either planted or on its way.
2. The hips follow the feet: forward with their mean, sideways over the foot that stands, never
   higher than both legs can reach.
3. Legs bend as two-bone chains between hip and ankle, knees forward, so planted feet do not slide.
4. Spine, neck and arms turn by their channels; arms also swing against the legs; the chest breathes.
5. Fingers go from pose to pose of `stage.synthetic.hand_poses`.

All frames are computed at once, on a grid of `GRID_HZ` over one loop, everything periodic in time.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d, maximum_filter1d
from scipy.spatial.transform import Rotation

from protocols.names import RIG_BONES, RIG_PARENTS
from stage.bodies.body import RestBody
from stage.bodies.hands import SIDES, finger_bone_index, finger_matrices
from stage.synthetic.hand_poses import average_axes, pose_angles
from stage.synthetic.kinematics import Poses, from_global
from stage.synthetic.raster import Floats
from stage.synthetic.script import CHANNELS, LEFT, STANCE, Script, Step

GRID_HZ = 120
"""Poses per second; a multiple of usual frame rates."""

_BONE = {name: index for index, name in enumerate(RIG_BONES)}
_STRAIGHTEST = 0.995
"""A leg never becomes longer than this share of its bones."""
_BREATH_S = 3.5
_FINGER_UNREST = 0.02
"""How much fingers move while nothing happens [rad]."""


class _Feet(NamedTuple):
    """Both feet over time; lengths in metres."""

    ball: Floats  # (T, 2, 3) place of the balls, z above the floor
    base: Floats  # (T, 2, 2) the same on the floor, without what a kick swings out
    heading: Floats  # (T, 2) [rad]
    tilt: Floats  # (T, 2) heel up [rad]
    airborne: Floats  # (T, 2) 1 in the air, 0 planted


def choreograph(script: Script, rest: RestBody, *, seed: int = 0) -> Poses:
    """The poses of one loop of a script, `GRID_HZ` per second.

    Args:
        script: What to do; its duration is rounded to a whole number of 1/30 s.
        rest: The performer's rest body.
        seed: Of the small movements that nobody scripts.
    """
    count = round(script.now * 30) * (GRID_HZ // 30)
    times = np.arange(count) / GRID_HZ
    channels = _channels(script, times, seed)
    joints = rest.joints.astype(np.float64)
    leg = float(np.linalg.norm(joints[_BONE["calf_l"]] - joints[_BONE["thigh_l"]]))
    leg += float(np.linalg.norm(joints[_BONE["foot_l"]] - joints[_BONE["calf_l"]]))
    feet = _feet(script.steps, times, script.now, leg)
    heading = _smooth_heading(feet.heading.mean(axis=1), 0.12)
    swing = _arm_swing(feet, heading, leg)
    G = np.tile(np.eye(3), (count, len(RIG_BONES), 1, 1))
    G_heading = _about("z", heading)
    G_pelvis = G_heading @ _turned(channels, "pelvis")
    G[:, _BONE["Root"]] = G[:, _BONE["pelvis"]] = G_pelvis
    hips = _hips(channels, feet, G_heading, G_pelvis, joints, leg, sole=float(rest.vertices[:, 2].min()))
    _legs(G, hips, feet, joints, sole=float(rest.vertices[:, 2].min()))
    _trunk(G, channels, swing)
    _arms(G, channels, swing, joints)
    _fingers(G, script, times, seed)
    root = hips - (G_pelvis @ (joints[_BONE["pelvis"]] - joints[0])[:, None])[..., 0]
    return from_global(G, root)


def _channels(script: Script, times: Floats, seed: int) -> dict[str, Floats]:
    """Every channel over time, (T,) each: keys, interpolated without overshoot, smoothed, alive."""
    random = np.random.default_rng(seed)
    channels = {}
    for name in CHANNELS:
        keys = dict(sorted(script.keys[name]))  # a later key at the same time wins
        at, value = np.array(list(keys)), np.array(list(keys.values()))
        around = np.concatenate([at[:-1] - script.now, at, at[1:] + script.now]) if len(at) > 1 else at
        values = np.concatenate([value[:-1], value, value[1:]]) if len(at) > 1 else value
        curve = PchipInterpolator(around, values)(times) if len(at) > 1 else np.zeros_like(times)
        restless = _smooth(random.standard_normal(len(times)), 0.5) * np.sqrt(0.5 * GRID_HZ) * 1.9
        amount = 0.004 if name in ("forward", "sideways", "drop") else 0.015
        channels[name] = _smooth(curve, 0.07) + amount * restless
    breaths = max(1, round(len(times) / GRID_HZ / _BREATH_S))
    breath = np.sin(2.0 * np.pi * breaths * np.arange(len(times)) / len(times))
    channels["spine_pitch"] = channels["spine_pitch"] - 0.012 * breath
    channels["abduct_l"] = channels["abduct_l"] + 0.015 * breath
    channels["abduct_r"] = channels["abduct_r"] + 0.015 * breath
    return channels


def _feet(steps: list[Step], times: Floats, duration: float, leg: float) -> _Feet:
    """Where both feet are; a planted foot stays exactly where it is."""
    count = len(times)
    ball, base, heading = np.zeros((count, 2, 3)), np.zeros((count, 2, 2)), np.zeros((count, 2))
    tilt, airborne = np.zeros((count, 2)), np.zeros((count, 2))
    for foot in (0, 1):
        place, turned = np.array([STANCE if foot == LEFT else -STANCE, 0.0]) * leg, 0.0
        ball[:, foot, :2] = base[:, foot] = place
        for step in sorted((s for s in steps if s.foot == foot), key=lambda s: s.begin_s):
            target = np.array([step.x, step.y]) * leg
            share = np.clip((times - step.begin_s) / (step.end_s - step.begin_s), 0.0, 1.0)
            eased = share**3 * (10.0 - 15.0 * share + 6.0 * share**2)
            hump = np.sin(np.pi * eased) ** 2
            after = times >= step.begin_s
            way = place + eased[:, None] * (target - place)
            forward = np.array([np.sin(step.heading), -np.cos(step.heading)])
            outward = np.array([np.cos(step.heading), np.sin(step.heading)]) * (1.0 if foot == LEFT else -1.0)
            base[after, foot] = way[after]
            way = way + leg * hump[:, None] * (step.reach * forward + step.aside * outward)
            ball[after, foot, :2] = way[after]
            heading[after, foot] = (turned + eased * (step.heading - turned))[after]
            moving = (share > 0.0) & (share < 1.0)
            ball[moving, foot, 2] = (leg * step.lift * hump)[moving]
            airborne[moving, foot] = 1.0
            rise = np.clip((times - step.begin_s + 0.18) / 0.18, 0.0, 1.0)  # the heel leaves first
            fall = np.clip((step.end_s - times) / (0.7 * (step.end_s - step.begin_s)), 0.0, 1.0)
            tilt[:, foot] = np.maximum(tilt[:, foot], step.tilt * _ease(rise) * _ease(fall))
            place, turned = target, step.heading
    return _Feet(ball, base, heading, tilt, airborne)


def _hips(
    channels: dict[str, Floats],
    feet: _Feet,
    G_heading: Floats,
    G_pelvis: Floats,
    joints: Floats,
    leg: float,
    sole: float,
) -> Floats:
    """(T, 3) the pelvis bone in the world."""
    stands = 1.0 - 0.9 * feet.airborne
    over = (stands[..., None] * feet.base).sum(axis=1) / stands.sum(axis=1, keepdims=True)
    middle = feet.base.mean(axis=1)
    plane = _smooth(middle + 0.85 * _across(over - middle, G_heading), 0.13)
    behind = 0.5 * (joints[_BONE["ball_l"]] + joints[_BONE["ball_r"]]) - joints[_BONE["pelvis"]]
    ahead = leg * np.stack([channels["sideways"], -channels["forward"], np.zeros(len(plane))], axis=1)
    hips = np.zeros((len(plane), 3))
    hips[:, :2] = plane + (G_heading @ (ahead - [0.0, behind[1], 0.0])[..., None])[:, :2, 0]
    hips[:, 2] = joints[_BONE["pelvis"], 2] - sole - leg * (0.006 + channels["drop"])
    excess = np.zeros(len(plane))
    for foot, side in enumerate("lr"):
        offset = joints[_BONE[f"thigh_{side}"]] - joints[_BONE["pelvis"]]
        hip = hips + (G_pelvis @ offset[:, None])[..., 0]
        ankle = _ankle(feet, foot, joints, sole)
        apart = np.linalg.norm((ankle - hip)[:, :2], axis=1)
        reach = np.sqrt(np.maximum((_STRAIGHTEST * leg) ** 2 - apart**2, (0.3 * leg) ** 2))
        low = np.where(
            feet.ball[:, foot, 2] > 0.25 * leg, 0.0, hip[:, 2] - ankle[:, 2] - reach
        )  # kicks pull nobody down
        excess = np.maximum(excess, low)
    lowered = _smooth(maximum_filter1d(excess, 2 * round(0.1 * GRID_HZ) + 1, mode="wrap"), 0.05)
    hips[:, 2] -= np.maximum(lowered, 0.0)
    return hips


def _across(offset: Floats, G_heading: Floats) -> Floats:
    """The part of horizontal offsets (T, 2) that points to the performer's sides."""
    side = G_heading[:, :2, 0]
    return (offset * side).sum(axis=1, keepdims=True) * side


def _ankle(feet: _Feet, foot: int, joints: Floats, sole: float) -> Floats:
    """(T, 3) the ankle above a foot whose ball rests at `feet.ball`."""
    side = "lr"[foot]
    ball, ankle = joints[_BONE[f"ball_{side}"]], joints[_BONE[f"foot_{side}"]]
    R = _about("z", feet.heading[:, foot]) @ _about("x", feet.tilt[:, foot])
    lifted = feet.ball[:, foot] + [0.0, 0.0, ball[2] - sole]
    return lifted + (R @ (ankle - ball)[:, None])[..., 0]


def _legs(G: Floats, hips: Floats, feet: _Feet, joints: Floats, sole: float) -> None:
    """Thigh, calf, foot and toes of both legs, from hip and ankle."""
    for foot, side in enumerate("lr"):
        h_thigh, h_calf, h_foot = (joints[_BONE[f"{name}_{side}"]] for name in ("thigh", "calf", "foot"))
        G_pelvis = G[:, _BONE["pelvis"]]
        hip = hips + (G_pelvis @ (h_thigh - joints[_BONE["pelvis"]])[:, None])[..., 0]
        upper, lower = np.linalg.norm(h_calf - h_thigh), np.linalg.norm(h_foot - h_calf)
        span = _ankle(feet, foot, joints, sole) - hip
        distance = np.linalg.norm(span, axis=1, keepdims=True)
        along = span / distance
        distance = np.clip(distance, 0.3 * (upper + lower), 0.9995 * (upper + lower))
        facing = _about("z", 0.5 * (feet.heading[:, foot] + feet.heading.mean(axis=1)))
        pole = (facing @ np.array([0.0, -1.0, 0.5])[:, None])[..., 0]
        pole -= (pole * along).sum(axis=1, keepdims=True) * along
        pole /= np.linalg.norm(pole, axis=1, keepdims=True)
        bend = (upper**2 + distance**2 - lower**2) / (2.0 * upper * distance)
        to_knee = upper * (bend * along + np.sqrt(np.maximum(1.0 - bend**2, 0.0)) * pole)
        normal = np.cross(along, pole)
        rest_normal = np.cross(h_foot - h_thigh, [0.0, -1.0, 0.0])
        G[:, _BONE[f"thigh_{side}"]] = _aligning(h_calf - h_thigh, rest_normal, to_knee, normal)
        G[:, _BONE[f"calf_{side}"]] = _aligning(h_foot - h_calf, rest_normal, distance * along - to_knee, normal)
        flat = _about("z", feet.heading[:, foot])
        G[:, _BONE[f"foot_{side}"]] = flat @ _about("x", feet.tilt[:, foot])
        off_floor = np.clip(feet.ball[:, foot, 2] / 0.05, 0.0, 1.0)  # toes stay flat while they carry
        G[:, _BONE[f"ball_{side}"]] = flat @ _about("x", off_floor * feet.tilt[:, foot])


def _trunk(G: Floats, channels: dict[str, Floats], swing: Floats) -> None:
    """Spine, neck and head; the chest turns with the arms' swing."""
    counter = {**channels, "spine_yaw": channels["spine_yaw"] + 0.25 * (swing[:, 1] - swing[:, 0])}
    third, half = _turned(counter, "spine", 1.0 / 3.0), _turned(channels, "head", 0.5)
    G[:, _BONE["spine_01"]] = G[:, _BONE["pelvis"]] @ third
    G[:, _BONE["spine_02"]] = G[:, _BONE["spine_01"]] @ third
    G[:, _BONE["spine_03"]] = G[:, _BONE["spine_02"]] @ third
    G[:, _BONE["neck_01"]] = G[:, _BONE["spine_03"]] @ half
    G[:, _BONE["head"]] = G[:, _BONE["neck_01"]] @ half


def _arms(G: Floats, channels: dict[str, Floats], swing: Floats, joints: Floats) -> None:
    """Clavicle to hand of both arms."""
    chest = G[:, _BONE["spine_03"]]
    for foot, side in enumerate("lr"):
        sign = 1.0 if side == "l" else -1.0
        c = {name: channels[f"{name}_{side}"] for name in ("flex", "abduct", "twist", "elbow", "pronate", "wrist")}
        flex, abduct = c["flex"] + swing[:, foot] + 0.04, c["abduct"] + 0.13
        elbow = c["elbow"] + 0.22 + 0.4 * np.maximum(swing[:, foot], 0.0)
        upper = _about("x", -flex) @ _about("y", -sign * abduct) @ _about("z", sign * c["twist"])
        raised = np.arccos(np.clip(upper[:, 2, 2], -1.0, 1.0))
        clavicle = chest @ _about("y", -sign * 0.28 * np.maximum(raised - 0.5, 0.0))
        fore = upper @ _about("x", -elbow) @ _about("z", sign * (c["pronate"]))
        hand = fore @ _about("x", -c["wrist"])
        heads = [joints[_BONE[f"{name}_{side}"]] for name in ("upperarm", "lowerarm", "hand")]
        hang_upper, hang_fore = _hanging(heads[1] - heads[0]), _hanging(heads[2] - heads[1])
        G[:, _BONE[f"clavicle_{side}"]] = clavicle
        G[:, _BONE[f"upperarm_{side}"]] = chest @ upper @ hang_upper
        G[:, _BONE[f"lowerarm_{side}"]] = chest @ fore @ hang_fore
        G[:, _BONE[f"hand_{side}"]] = chest @ hand @ hang_fore


def _fingers(G: Floats, script: Script, times: Floats, seed: int) -> None:
    """The fingers of both hands, from one pose to the next and never quite still."""
    random = np.random.default_rng((seed, 1))
    for side in SIDES:
        keys = {at: pose_angles(pose, amount) for at, pose, amount in sorted(script.hands[side[0]], key=lambda k: k[0])}
        keys = keys or {0.0: pose_angles("relaxed")}
        at, values = np.array(list(keys)), np.array(list(keys.values()))
        around = np.concatenate([at[:-1] - script.now, at, at[1:] + script.now])
        values = np.concatenate([values[:-1], values, values[1:]])
        angles = PchipInterpolator(around, values)(times) if len(around) > 1 else np.tile(values, (len(times), 1, 1))
        unrest = _smooth(random.standard_normal((len(times), *angles.shape[1:])), 0.4) * np.sqrt(0.4 * GRID_HZ) * 1.9
        bends = finger_matrices(average_axes(), _smooth(angles, 0.05) + _FINGER_UNREST * unrest, side)
        for place, bone in enumerate(finger_bone_index(side)):
            G[:, bone] = G[:, RIG_PARENTS[bone]] @ bends[:, place]


def _arm_swing(feet: _Feet, heading: Floats, leg: float) -> Floats:
    """(T, 2) how far each arm swings forward because the other leg does [rad]."""
    forward = np.stack([np.sin(heading), -np.cos(heading)], axis=1)[:, None]
    ahead = (feet.ball[..., :2] * forward).sum(axis=-1) / leg  # (T, 2)
    return _smooth(0.45 * np.clip(ahead[:, ::-1] - ahead, -0.8, 0.8), 0.1)


def _turned(channels: dict[str, Floats], part: str, share: float = 1.0) -> Floats:
    """(T, 3, 3) yaw, then pitch, then roll of a part of the trunk."""
    yaw, pitch, roll = (share * channels[f"{part}_{axis}"] for axis in ("yaw", "pitch", "roll"))
    return _about("z", yaw) @ _about("x", pitch) @ _about("y", roll)


def _about(axis: str, angle: Floats) -> Floats:
    """(T, 3, 3) rotations about one axis."""
    return Rotation.from_euler(axis, angle[:, None]).as_matrix()


def _hanging(direction: Floats) -> Floats:
    """(3, 3) the smallest rotation that lets a bone hang down."""
    start = direction / np.linalg.norm(direction)
    axis = np.cross(start, [0.0, 0.0, -1.0])
    sine = np.linalg.norm(axis)
    return Rotation.from_rotvec(axis / (sine + 1e-12) * np.arctan2(sine, -start[2])).as_matrix()


def _aligning(rest_direction: Floats, rest_normal: Floats, direction: Floats, normal: Floats) -> Floats:
    """(T, 3, 3) rotations that take a bone's direction and hinge axis from rest to where they are."""
    return _frame(direction, normal) @ np.swapaxes(_frame(rest_direction[None], rest_normal[None]), 1, 2)


def _frame(direction: Floats, normal: Floats) -> Floats:
    x = direction / np.linalg.norm(direction, axis=1, keepdims=True)
    y = normal - (normal * x).sum(axis=1, keepdims=True) * x
    y /= np.linalg.norm(y, axis=1, keepdims=True)
    return np.stack([x, y, np.cross(x, y)], axis=2)


def _ease(share: Floats) -> Floats:
    return share * share * (3.0 - 2.0 * share)


def _smooth(values: Floats, seconds: float) -> Floats:
    """Gaussian smoothing in time, periodic."""
    return gaussian_filter1d(values, seconds * GRID_HZ, axis=0, mode="wrap")


def _smooth_heading(heading: Floats, seconds: float) -> Floats:
    """The same for an angle that may have made whole turns by the end of the loop."""
    turns = 2.0 * np.pi * np.round((heading[-1] - heading[0]) / (2.0 * np.pi))
    ramp = turns * np.arange(len(heading)) / len(heading)
    return _smooth(heading - ramp, seconds) + ramp
