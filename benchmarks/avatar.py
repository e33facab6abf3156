"""A real avatar stands where the performer stands: joints within 1 mm, rotations within 0.5 degrees, 40 us per frame.

The performances are those of the demo recording (every bone of every frame, as the solver states them) and random
poses. They go through the whole VMC stream; what arrives moves the `.vrm` of `../shared/data/vrm` in a small engine
(`tests.unity_engine`), joint by joint beside the performance retargeted by matrices in the world, with no code shared:

    place_mm, rotation_degrees    the largest difference of any bone in any frame; of the built-in humanoid: from the
                                  solved joints themselves
    feet_mm                       height of a standing foot less that of the performer's, both against their rest,
                                  largest: what this avatar's proportions cost
    retarget_us                   from a performance to local poses; a frame of the whole stream is in `broadcast`
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from benchmarks.report import progress, report
from protocols import osc, vmc
from protocols.arrays import to_bytes
from protocols.messages import Performance, Trace
from protocols.names import RIG_BONES, RIG_PARENTS, UNITY_FROM_RIG
from stage.avatars import read_avatar
from stage.config import VmcSection
from stage.outputs.humanoid import Humanoid
from stage.outputs.vmc_stream import VmcStream
from stage.synthetic.truth import load_truth
from tests.unity_engine import TO_UNITY, Engine, retargeted

ROOT = Path(__file__).resolve().parents[1]
AVATARS = ROOT.parent / "shared" / "data" / "vrm"
DEMO = ROOT / "recordings" / "demo" / "truth.npz"
RANDOM_POSES = 200
EVERY = 3
CALLS = 5000
STANDING_MM = 5.0
"""A foot whose ankle is no higher above its height at rest stands."""


class Posed(NamedTuple):
    """A performance, and what it says once more, bone by bone."""

    performance: Performance
    G: np.ndarray
    """(53, 3, 3) rotation in the world of every bone since the rest pose."""
    joints: np.ndarray
    """(53, 3) metres."""


def performances() -> Iterator[Posed]:
    """The demo's frames, then random poses of the same performer."""
    truth = load_truth(DEMO)
    rest = truth.rest_joints.astype(np.float64)
    for rotations, root in zip(truth.rotations[::EVERY], truth.root[::EVERY], strict=True):
        yield _posed(rotations.astype(np.float64), root.astype(np.float64), rest)
    rng = np.random.default_rng(0)
    for _ in range(RANDOM_POSES):
        turns = rng.normal(size=(len(RIG_BONES), 4))
        yield _posed(turns, np.array([*rng.uniform(-3.0, 3.0, 3), *turns[0]]), rest)


def _posed(rotations: np.ndarray, root: np.ndarray, rest: np.ndarray) -> Posed:
    """Posed anew, joint by joint: the demo's truth keeps the Root's rotation in `root` as performances do."""
    local = Rotation.from_quat(rotations).as_matrix()
    G, joints = local.copy(), np.zeros((len(RIG_BONES), 3))
    G[0], joints[0] = Rotation.from_quat(root[3:]).as_matrix(), root[:3]
    for bone, parent in enumerate(RIG_PARENTS):
        if parent >= 0:
            G[bone] = G[parent] @ local[bone]
            joints[bone] = joints[parent] + G[parent] @ (rest[bone] - rest[parent])
    unit = Rotation.from_quat(rotations).as_quat()
    root = np.array([*root[:3], *Rotation.from_quat(root[3:]).as_quat()])
    performance = Performance(
        actor="anna",
        number=0,
        capture_ns=1,
        state="tracking",
        root=to_bytes(root),
        rotations=to_bytes(unit),
        joints=to_bytes(joints),
        rest_joints=to_bytes(rest),
        confidence=to_bytes(np.ones(len(RIG_BONES))),
        cameras=(),
        trace=Trace(1, 1, 1, 1, 1),
    )
    return Posed(performance, G, joints)


def received(stream: VmcStream, performance: Performance) -> Mapping[str, np.ndarray]:
    """Poses by bone, as they arrive."""
    datagrams = [bytes(datagram) for datagram in stream.frame(performance, 1)]
    sent = [message for datagram in datagrams for message in osc.messages(osc.parse(datagram))]
    return {str(m.arguments[0]): np.array(m.arguments[1:], np.float64) for m in sent if m.address == vmc.BONE}


def avatar_errors(path: Path, poses: list[Posed]) -> dict[str, float]:
    """The avatar in the engine against the independent retargeting."""
    stream, engine = VmcStream(VmcSection(avatar=str(path))), Engine(path)
    rest = np.frombuffer(poses[0].performance.rest_joints, "<f4").reshape(-1, 3).astype(np.float64)
    ankles = {side: engine.rest[f"{side}Foot"][1, 3] for side in ("Left", "Right")}
    place = angle = feet = 0.0
    for posed in poses:
        engine.take(dict(received(stream, posed.performance)))
        expected = retargeted(engine, posed.G, posed.joints, rest)
        world = engine.world()
        for name, pose in world.items():
            place = max(place, float(np.linalg.norm(pose[:3, 3] - expected.places[name])))
            apart = Rotation.from_matrix(pose[:3, :3] @ expected.rotations[name].T).magnitude()
            angle = max(angle, float(np.degrees(apart)))
        for side, letter in (("Left", "l"), ("Right", "r")):
            foot = RIG_BONES.index(f"foot_{letter}")
            lifted = posed.joints[foot, 2] - rest[foot, 2]
            if abs(lifted) * 1e3 < STANDING_MM:
                feet = max(feet, abs(world[f"{side}Foot"][1, 3] - ankles[side] - lifted))
    return {"place_mm": 1e3 * place, "rotation_degrees": angle, "feet_mm": 1e3 * feet}


def built_in_error_mm(poses: list[Posed]) -> float:
    """The built-in humanoid's joints against the solved ones."""
    stream, worst = VmcStream(VmcSection()), 0.0
    parents = {name: RIG_BONES[RIG_PARENTS[bone]] for bone, name in enumerate(RIG_BONES) if bone > 0}
    for posed in poses:
        sent = received(stream, posed.performance)
        places: dict[str, np.ndarray] = {}
        turns: dict[str, Rotation] = {}
        for rig in RIG_BONES[1:]:
            pose = sent[UNITY_FROM_RIG[rig]]
            above = parents[rig]
            turns[rig] = turns.get(above, Rotation.identity()) * Rotation.from_quat(pose[3:])
            offset = turns[above].apply(pose[:3]) if above in turns else pose[:3]
            places[rig] = places.get(above, np.zeros(3)) + offset
            worst = max(worst, float(np.linalg.norm(places[rig] - TO_UNITY @ posed.joints[RIG_BONES.index(rig)])))
    return 1e3 * worst


def retarget_us(humanoid: Humanoid, poses: list[Posed]) -> np.ndarray:
    """Times of single calls."""
    times = []
    for call in range(CALLS):
        performance = poses[call % len(poses)].performance
        began_ns = time.perf_counter_ns()
        humanoid.pose(performance)
        times.append((time.perf_counter_ns() - began_ns) / 1e3)
    return np.array(times[CALLS // 10 :])


def main() -> bool:
    """Measures and prints the line."""
    path = next(iter(sorted(AVATARS.glob("*.vrm"))), None)
    poses = list(performances())
    figures: dict[str, float | int | str] = {"poses": len(poses), "built_in_place_mm": built_in_error_mm(poses)}
    targets = {"built_in_place_mm": "<= 1", "retarget_p50_us": "<= 40"}
    if path is None:
        progress(f"no avatar in {AVATARS}: the built-in humanoid alone")
    else:
        figures |= avatar_errors(path, poses)
        targets |= {"place_mm": "<= 1", "rotation_degrees": "<= 0.5"}
    times = retarget_us(Humanoid(read_avatar(path) if path else None), poses)
    figures |= {f"retarget_p{q}_us": float(np.percentile(times, q)) for q in (50, 99)}
    return report("avatar", figures, targets)


if __name__ == "__main__":
    main()
