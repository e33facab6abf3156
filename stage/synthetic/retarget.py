"""A motion of another skeleton onto a performer's body.

1. Joints are recognised by name (`stage.synthetic.joint_names`).
2. The source's axes follow from its rest pose: up from the hips to the head, left from thigh to thigh.
3. A bone's turn since its rest pose, in world axes, is put on top of a *reference*: the performer's own
   body brought into the source's rest pose, bone by bone, hinges and palms included. So an A-pose body
   can follow a T-pose skeleton. Fingers turn relative to their hand in the same way.
4. Lengths are scaled by the legs, and the lowest points of the soles are brought to the floor.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d
from scipy.spatial.transform import Rotation

from protocols.names import RIG_BONES, RIG_PARENTS
from stage.bodies.body import RestBody, load_body
from stage.errors import SourceError
from stage.synthetic.bvh import BvhClip
from stage.synthetic.hand_poses import FINGER_BONES
from stage.synthetic.joint_names import LIMB_BONES, matched_joints
from stage.synthetic.kinematics import Poses, forward, from_global
from stage.synthetic.raster import Floats

_BONE = {name: index for index, name in enumerate(RIG_BONES)}


def has_fingers(clip: BvhClip) -> bool:
    """The clip moves fingers, not only hands."""
    joint_of = matched_joints(clip.names)
    fingers = [joint for bone, joint in joint_of.items() if bone in FINGER_BONES]
    return len(fingers) > 0 and bool(np.ptp(clip.rotations[:, fingers], axis=0).max() > 1e-3)


def with_fingers(poses: Poses, fingers: Floats) -> Poses:
    """The same poses with rotations of all fingers (T, 30, 4), as `stage.synthetic.hand_poses` makes them."""
    rotations = poses.rotations.copy()
    rotations[:, [_BONE[bone] for bone in FINGER_BONES]] = fingers[: len(poses)]
    return Poses(poses.root, rotations)


def retarget(clip: BvhClip, rest: RestBody, *, centred: bool = True) -> Poses:
    """The clip's motion on a performer, one pose per frame of the clip.

    Args:
        clip: The motion.
        rest: The performer.
        centred: Put the middle of its way at the origin; otherwise it stays where the clip has it.

    Raises:
        SourceError: The skeleton's joints are not recognised.
    """
    joint_of = matched_joints(clip.names)
    axes, source_rest = upright(clip, joint_of)
    R_source, places = clip.forward()
    turned = axes @ R_source @ axes.T  # (T, J, 3, 3) since rest, in our axes
    heads = rest.joints.astype(np.float64)
    reference = _reference(source_rest, joint_of, heads)

    G = np.tile(np.eye(3), (len(turned), len(RIG_BONES), 1, 1))
    for bone in ("pelvis", "neck_01", "head", *(f"{name}_{side}" for side in "lr" for name in LIMB_BONES)):
        if bone in joint_of:
            G[:, _BONE[bone]] = turned[:, joint_of[bone]] @ reference.get(bone, np.eye(3))
    _spine(G, turned, clip, joint_of, source_rest)
    _inherit(G, joint_of)
    _turn_fingers(G, turned, joint_of, reference)
    G[:, 0] = G[:, _BONE["pelvis"]]

    scale = _leg(heads, _BONE) / _leg(source_rest, joint_of)
    pelvis = scale * (places[:, joint_of["pelvis"]] @ axes.T)
    if centred:
        pelvis[:, :2] -= 0.5 * (pelvis[:, :2].min(axis=0) + pelvis[:, :2].max(axis=0))
    root = pelvis - (G[:, 0] @ (heads[_BONE["pelvis"]] - heads[0])[:, None])[..., 0]
    return _on_floor(from_global(G, root), rest, clip.frame_s)


def resampled(poses: Poses, from_hz: float, to_hz: float) -> Poses:
    """The same motion at another rate; rotations are interpolated along the shorter arc."""
    duration = (len(poses) - 1) / from_hz
    times = np.arange(int(duration * to_hz + 1e-6) + 1) / to_hz * from_hz
    low = np.minimum(times.astype(np.int64), len(poses) - 1)
    high = np.minimum(low + 1, len(poses) - 1)
    share = (times - low)[:, None]
    root = poses.root[low] + share * (poses.root[high] - poses.root[low])
    root[:, 3:] = _between(poses.root[low, 3:], poses.root[high, 3:], share)
    return Poses(root, _between(poses.rotations[low], poses.rotations[high], share[:, None]))


def _between(first: Floats, second: Floats, share: Floats) -> Floats:
    """Normalised linear interpolation of quaternions (..., 4)."""
    same_half = np.where((first * second).sum(axis=-1, keepdims=True) < 0.0, -1.0, 1.0)
    mixed = (1.0 - share) * first + share * same_half * second
    return mixed / np.linalg.norm(mixed, axis=-1, keepdims=True)


def upright(clip: BvhClip, joint_of: dict[str, int]) -> tuple[Floats, Floats]:
    """Rotation (3, 3) from the file's axes to ours, and the rest places (J, 3) in our axes.

    Raises:
        SourceError: Its rest pose does not tell.
    """
    places = clip.rest_places()
    up = _nearest_axis(places[joint_of["head"]] - places[joint_of["pelvis"]])
    across = places[joint_of["thigh_l"]] - places[joint_of["thigh_r"]]
    left = _nearest_axis(across - (across @ up) * up)
    if abs(left @ up) > 0.5:
        raise SourceError("the skeleton's rest pose is not upright: hips, head and thighs lie on one line")
    axes = np.stack([left, np.cross(up, left), up])
    return axes, places @ axes.T


def _nearest_axis(direction: Floats) -> Floats:
    axis = np.zeros(3)
    largest = int(np.argmax(np.abs(direction)))
    axis[largest] = np.sign(direction[largest])
    return axis


def _reference(source: Floats, joint_of: dict[str, int], heads: Floats) -> dict[str, Floats]:
    """Per limb bone, the rotation (3, 3) that brings the performer from rest into the source's rest pose."""
    forward_axis = np.array([0.0, -1.0, 0.0])
    reference = {}
    for side in "lr":
        own = {name: heads[_BONE[f"{name}_{side}"]] for name in LIMB_BONES}
        elbow_normal = np.cross(own["lowerarm"] - own["upperarm"], own["hand"] - own["lowerarm"])
        knee_normal = np.cross(own["foot"] - own["thigh"], forward_axis)
        palm = _palm(heads, side)
        for bone, child, own_normal, limb in (
            ("upperarm", "lowerarm", elbow_normal, "arm"),
            ("lowerarm", "hand", elbow_normal, "arm"),
            ("hand", "", palm, "hand"),
            ("thigh", "calf", knee_normal, "leg"),
            ("calf", "foot", knee_normal, "leg"),
        ):
            begin, end = joint_of.get(f"{bone}_{side}"), joint_of.get(f"{child}_{side}")
            if limb == "hand":
                begin, end = joint_of[f"lowerarm_{side}"], joint_of.get(f"hand_{side}")
            if begin is None or end is None:
                continue
            direction = source[end] - source[begin]
            own_direction = (heads[_BONE[f"middle_01_{side}"]] if limb == "hand" else own[child]) - own[bone]
            normal = np.array([0.0, 0.0, -1.0]) if limb == "hand" else np.cross(direction, forward_axis)
            reference[f"{bone}_{side}"] = _frame(direction, normal) @ _frame(own_direction, own_normal).T
    return reference


def _palm(heads: Floats, side: str) -> Floats:
    """Where the palm looks at rest: away from the back of the hand."""
    hand, index, pinky = (heads[_BONE[f"{name}_{side}"]] for name in ("hand", "index_01", "pinky_01"))
    normal = np.cross(index - hand, pinky - hand)
    return normal if side == "r" else -normal


def _frame(direction: Floats, normal: Floats) -> Floats:
    x = direction / np.linalg.norm(direction)
    y = normal - (normal @ x) * x
    y /= np.linalg.norm(y)
    return np.stack([x, y, np.cross(x, y)], axis=1)


def _spine(G: Floats, turned: Floats, clip: BvhClip, joint_of: dict[str, int], source: Floats) -> None:
    """Our three spine bones share out whatever joints the source has between hips and chest."""
    chain = []
    joint = clip.parents[joint_of["upperarm_l"]]
    if joint == joint_of.get("clavicle_l"):
        joint = clip.parents[joint]
    while joint >= 0 and joint != joint_of["pelvis"]:
        chain.append(joint)
        joint = clip.parents[joint]
    chain = [joint_of["pelvis"], *reversed(chain)]
    for number in (1, 2, 3):
        place = number / 3.0 * (len(chain) - 1)
        low = min(int(place + 1e-9), len(chain) - 1)
        high = min(low + 1, len(chain) - 1)
        first, second = Rotation.from_matrix(turned[:, chain[low]]), Rotation.from_matrix(turned[:, chain[high]])
        part = (first.inv() * second).as_rotvec() * (place - low)
        G[:, _BONE[f"spine_0{number}"]] = (first * Rotation.from_rotvec(part)).as_matrix()


def _inherit(G: Floats, joint_of: dict[str, int]) -> None:
    """Bones that the source does not have turn with their parents."""
    for bone, name in enumerate(RIG_BONES):
        if name not in joint_of and not name.startswith("spine") and RIG_PARENTS[bone] >= 0:
            G[:, bone] = G[:, RIG_PARENTS[bone]]


def _turn_fingers(G: Floats, turned: Floats, joint_of: dict[str, int], reference: dict[str, Floats]) -> None:
    """Fingers turn relative to their hand as the source's do, on top of the performer's own fingers at rest.

    Seen from the hand, a finger at rest points much the same way in all skeletons, unlike arms.
    """
    for bone, name in enumerate(RIG_BONES):
        if name not in FINGER_BONES:
            continue
        hand = f"hand_{name[-1]}"
        if name in joint_of and hand in joint_of:
            own = reference.get(hand, np.eye(3))
            since_hand = np.swapaxes(turned[:, joint_of[hand]], 1, 2) @ turned[:, joint_of[name]]
            G[:, bone] = G[:, _BONE[hand]] @ (own.T @ since_hand @ own)
        else:
            G[:, bone] = G[:, RIG_PARENTS[bone]]


def _leg(places: Floats, index: dict[str, int]) -> float:
    thigh, calf, foot = (places[index[f"{bone}_l"]] for bone in ("thigh", "calf", "foot"))
    return float(np.linalg.norm(calf - thigh) + np.linalg.norm(foot - calf))


def _on_floor(poses: Poses, rest: RestBody, frame_s: float) -> Poses:
    """Lift or lower the whole motion so that its soles usually touch z = 0, and never sink."""
    G, heads = forward(rest.joints, poses)
    body = load_body()
    sole = np.flatnonzero(rest.vertices[:, 2] < rest.vertices[:, 2].min() + 0.012)[::8]
    bone = body.skin_bones[sole, body.skin_weights[sole].argmax(axis=1)]
    local = rest.vertices[sole] - rest.joints[bone]
    lowest = (heads[:, bone, 2] + (G[:, bone, 2] * local).sum(axis=-1)).min(axis=1)  # (T,)
    usual = np.quantile(lowest, 0.3)
    sunk = np.maximum(usual - lowest, 0.0)
    window = max(1, round(0.1 / frame_s))
    lift = np.maximum(gaussian_filter1d(maximum_filter1d(sunk, 2 * window + 1), window), sunk)
    root = poses.root.copy()
    root[:, 2] += lift - usual
    return Poses(root, poses.rotations)
