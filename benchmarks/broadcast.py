"""One actor's VMC frame is encoded, split and sent in 0.1 ms, with the bytes of python-osc at a small part of its time.

Everything in one process, alternating between us and python-osc's builders:

    frame        55 bones, root, OK, T: numbers in, datagrams out to a socket on loopback
    frame_52     the same with the 52 ARKit shapes
    encode       the same 55 bones without the socket; the ratio to python-osc is of these
    performance  from a solved performance: retargeted to the humanoid, encoded, sent
    whole        the same with its face: 52 shapes, 18 expressions of VRM 0 derived, two eyes
    face         a face from a face camera, between two bodies: 52 shapes, 18 expressions, two eyes
    plain        from a solved performance to plain OSC, sent
    plain_face   a face from a face camera to plain OSC, sent
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from benchmarks.report import percentiles_ms, report
from protocols import vmc
from protocols.arrays import to_bytes
from protocols.messages import Face, FacePerformance, Performance, Trace
from protocols.names import ARKIT_SHAPES, HUMAN_BODY_BONES, RIG_BONES
from protocols.udp import UdpReceiver, UdpSender
from protocols.vmc import BLENDS_PER_BUNDLE, BONES_PER_BUNDLE, VmcEncoder
from stage.config import OscSection, VmcSection
from stage.outputs.open_stream import open_stream

ROUNDS = 20
OURS_PER_ROUND = 200
THEIRS_PER_ROUND = 10
WARM_UP = 200

ROOT = np.array([0, 0, 0, 0, 0, 0, 1], np.float32)
Frame = Callable[[], object]


def python_osc_frame(
    bones: NDArray[np.float32], time_s: float, shapes: NDArray[np.float32] | None = None
) -> list[bytes]:
    """The same datagrams by python-osc's builders."""
    poses = [(vmc.ROOT, "root", ROOT)]
    poses += [(vmc.BONE, name, pose) for name, pose in zip(HUMAN_BODY_BONES, bones, strict=True)]
    cuts = [0, *range(1 + BONES_PER_BUNDLE, len(poses), BONES_PER_BUNDLE), len(poses)]
    datagrams = []
    for start, end in pairwise(cuts):
        bundle = OscBundleBuilder(IMMEDIATELY)
        for address, name, pose in poses[start:end]:
            bundle.add_content(_message(address, "sfffffff", [name, *pose.tolist()]))
        datagrams.append(bundle.build().dgram)
    values = [] if shapes is None else list(zip(ARKIT_SHAPES, shapes.tolist(), strict=True))
    for start in range(0, len(values), BLENDS_PER_BUNDLE):
        bundle = OscBundleBuilder(IMMEDIATELY)
        for value in values[start : start + BLENDS_PER_BUNDLE]:
            bundle.add_content(_message(vmc.BLEND, "sf", value))
        if start + BLENDS_PER_BUNDLE >= len(values):
            bundle.add_content(_message(vmc.APPLY, "", []))
        datagrams.append(bundle.build().dgram)
    closing = OscBundleBuilder(IMMEDIATELY)
    closing.add_content(_message(vmc.OK, "iiii", [1, 3, 0, 1]))
    closing.add_content(_message(vmc.TIME, "f", [time_s]))
    return [*datagrams, closing.build().dgram]


def _message(address: str, tags: str, values: Sequence[str | float | int]) -> OscMessage:
    builder = OscMessageBuilder(address=address)
    for tag, value in zip(tags, values, strict=True):
        builder.add_arg(value, tag)
    return builder.build()


def a_performance() -> Performance:
    """Somebody in any pose; what the numbers are changes no time."""
    rng = np.random.default_rng(0)
    count = len(RIG_BONES)
    rotations = rng.normal(size=(count, 4))
    rotations /= np.linalg.norm(rotations, axis=1, keepdims=True)
    joints = rng.normal(size=(count, 3)).astype("<f4").tobytes()
    return Performance(
        actor="anna",
        number=0,
        capture_ns=1,
        state="tracking",
        root=ROOT.astype("<f4").tobytes(),
        rotations=rotations.astype("<f4").tobytes(),
        joints=joints,
        rest_joints=joints,
        confidence=np.ones(count, "<f4").tobytes(),
        cameras=(),
        trace=Trace(1, 1, 1, 1, 1, 1),
    )


def a_face() -> Face:
    """Any face."""
    shapes = np.random.default_rng(2).random(len(ARKIT_SHAPES))
    return Face(
        state="tracking",
        shapes=to_bytes(shapes),
        confidence=to_bytes(shapes),
        head=to_bytes(ROOT[3:]),
        gaze=to_bytes(np.array([[0.1, 0.2], [0.1, 0.2]])),
        cameras=("face",),
    )


def durations_ns(frame: Frame, count: int) -> list[int]:
    """Times of single calls."""
    durations = []
    for _ in range(count):
        began_ns = time.perf_counter_ns()
        frame()
        durations.append(time.perf_counter_ns() - began_ns)
    return durations


def main() -> bool:
    """Measures and prints the line."""
    rng = np.random.default_rng(1)
    bones = rng.normal(size=(len(HUMAN_BODY_BONES), 7)).astype(np.float32)
    shapes = rng.random(len(ARKIT_SHAPES)).astype(np.float32)
    encoder, with_shapes = VmcEncoder(), VmcEncoder(blends=ARKIT_SHAPES)
    identical = [bytes(d) for d in encoder.encode(ROOT, bones, time_s=1.5)] == python_osc_frame(bones, 1.5)
    whole = [bytes(d) for d in with_shapes.encode(ROOT, bones, time_s=1.5, blends=shapes)]
    identical &= whole == python_osc_frame(bones, 1.5, shapes)
    performance = a_performance()
    with_face = replace(performance, face=a_face())
    face = FacePerformance("anna", 0, 1, a_face(), performance.trace)
    humanoid = open_stream(VmcSection(actor="anna", blends=("arkit", "vrm0"), bundle=True))
    plain = open_stream(OscSection(actor="anna"))
    with UdpReceiver("127.0.0.1", 0, timeout_s=0.0) as receiver:
        sender = UdpSender("127.0.0.1", receiver.port)
        ours: dict[str, Frame] = {
            "frame": lambda: sender.send(encoder.encode(ROOT, bones, time_s=1.5)),
            "frame_52": lambda: sender.send(with_shapes.encode(ROOT, bones, time_s=1.5, blends=shapes)),
            "encode": lambda: encoder.encode(ROOT, bones, time_s=1.5),
            "performance": lambda: sender.send(humanoid.frame(performance, 1)),
            "whole": lambda: sender.send(humanoid.frame(with_face, 1)),
            "face": lambda: sender.send(humanoid.face(face, 1, alone=False)),
            "plain": lambda: sender.send(plain.frame(performance, 1)),
            "plain_face": lambda: sender.send(plain.face(face, 1, alone=False)),
        }
        theirs: dict[str, Frame] = {
            "python_osc_frame": lambda: sender.send(python_osc_frame(bones, 1.5)),
            "python_osc_encode": lambda: python_osc_frame(bones, 1.5),
        }
        times: dict[str, list[int]] = {name: [] for name in (*ours, *theirs)}
        for frame in ours.values():
            durations_ns(frame, WARM_UP)
        for _ in range(ROUNDS):
            for name, frame in ours.items():
                times[name] += durations_ns(frame, OURS_PER_ROUND)
            for name, frame in theirs.items():
                times[name] += durations_ns(frame, THEIRS_PER_ROUND)
        unsent = sender.counters["full"] + sender.counters["unreachable"]
        sender.close()
    figures: dict[str, float | int | str] = {}
    for name, durations in times.items():
        figures |= percentiles_ms(name, durations)
    for name in ("frame", "encode"):
        ratio = float(np.median(times[f"python_osc_{name}"]) / np.median(times[name]))
        figures[f"{name}_times_faster_than_python_osc"] = ratio
    figures |= {"frames_not_sent": unsent, "same_bytes_as_python_osc": int(identical)}
    targets = {
        "frame_p50_ms": "<= 0.1",
        "frame_52_p50_ms": "<= 0.1",
        "encode_times_faster_than_python_osc": ">= 50",
        "frames_not_sent": "== 0",
        "same_bytes_as_python_osc": "== 1",
    }
    return report("broadcast", figures, targets)


if __name__ == "__main__":
    main()
