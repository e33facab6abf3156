"""One actor's VMC frame is encoded, split and sent in 0.1 ms, with the bytes of python-osc at a small part of its time.

Everything in one process, alternating between us and python-osc's builders:

    frame        55 bones and 52 shapes, root, OK, T: numbers in, datagrams out to a socket on loopback
    encode       the same without the socket; the ratio to python-osc is of these
    decode       a performance with its face, from its bytes on the bus

and from a solved performance with its face, every time another one, to the last datagram:

    vmc          retargeted to the humanoid of 55 bones, 52 shapes and 18 expressions of VRM 0
    livelink     Live Link Face
    osc          plain OSC
    vmc_face, livelink_face, osc_face    the same of a face from a face camera, between two bodies
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import cycle, pairwise
from typing import TypeVar

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from benchmarks.report import percentiles_ms, report
from protocols import vmc
from protocols.arrays import to_bytes
from protocols.codec import decode, encode
from protocols.messages import Face, FacePerformance, Performance, Trace
from protocols.names import ARKIT_SHAPES, HUMAN_BODY_BONES, RIG_BONES
from protocols.udp import UdpReceiver, UdpSender
from protocols.vmc import BLENDS_PER_BUNDLE, BONES_PER_BUNDLE, VmcEncoder
from stage.config import LiveLinkSection, OscSection, TimecodeSection, VmcSection
from stage.outputs.open_stream import open_stream
from stage.timecode import TimecodeClock

ROUNDS = 20
OURS_PER_ROUND = 200
THEIRS_PER_ROUND = 10
WARM_UP = 200

ROOT = np.array([0, 0, 0, 0, 0, 0, 1], np.float32)
Frame = Callable[[], object]
Solved = TypeVar("Solved", Performance, FacePerformance)


def python_osc_frame(bones: NDArray[np.float32], shapes: NDArray[np.float32], time_s: float) -> list[bytes]:
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
    values = list(zip(ARKIT_SHAPES, shapes.tolist(), strict=True))
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


def performances(count: int) -> list[Performance]:
    """One after the other, so that nothing that was kept of the one before serves."""
    whole, rng = replace(a_performance(), face=a_face()), np.random.default_rng(3)
    turned = np.frombuffer(whole.rotations, "<f4") + 0.02 * rng.normal(size=(count, 4 * len(RIG_BONES)))
    turned = turned.reshape(count, -1, 4) / np.linalg.norm(turned.reshape(count, -1, 4), axis=2, keepdims=True)
    shapes, face = rng.random((count, len(ARKIT_SHAPES))), a_face()
    return [
        replace(
            whole,
            capture_ns=1 + number,
            rotations=to_bytes(turned[number]),
            face=replace(face, shapes=to_bytes(values)),
        )
        for number, values in enumerate(shapes)
    ]


def in_turn(records: Sequence[Solved], use: Callable[[Solved], object]) -> Frame:
    """A call that takes the next record each time."""
    following = cycle(records)
    return lambda: use(next(following))


def streams(sender: UdpSender) -> dict[str, Frame]:
    """What a stream makes of performances and of faces, sent."""
    bodies, found = performances(64), {}
    faces = [FacePerformance("anna", 0, body.capture_ns, body.face, body.trace) for body in bodies if body.face]
    clock = TimecodeClock(TimecodeSection(), 0)
    for section in (VmcSection(actor="anna"), LiveLinkSection(actor="anna"), OscSection(actor="anna")):
        stream = open_stream(section, "anna", clock)
        found[section.kind] = in_turn(bodies, lambda body, stream=stream: sender.send(stream.frame(body, 1)))
        found[f"{section.kind}_face"] = in_turn(
            faces, lambda face, stream=stream: sender.send(stream.face(face, 1, alone=False))
        )
    return found


def main() -> bool:
    """Measures and prints the line."""
    rng = np.random.default_rng(1)
    bones = rng.normal(size=(len(HUMAN_BODY_BONES), 7)).astype(np.float32)
    shapes = rng.random(len(ARKIT_SHAPES)).astype(np.float32)
    encoder = VmcEncoder(blends=ARKIT_SHAPES)

    def encoded() -> Sequence[memoryview]:
        return encoder.encode(ROOT, bones, time_s=1.5, blends=shapes)

    def theirs() -> list[bytes]:
        return python_osc_frame(bones, shapes, 1.5)

    identical = [bytes(datagram) for datagram in encoded()] == theirs()
    message = encode(performances(1)[0], 0, 0)
    with UdpReceiver("127.0.0.1", 0, timeout_s=0.0) as receiver:
        sender = UdpSender("127.0.0.1", receiver.port)
        frames: dict[str, Frame] = {
            "frame": lambda: sender.send(encoded()),
            "encode": encoded,
            "decode": lambda: decode(message),
            **streams(sender),
            "python_osc_frame": lambda: sender.send(theirs()),
            "python_osc_encode": theirs,
        }
        times: dict[str, list[int]] = {name: [] for name in frames}
        for frame in frames.values():
            durations_ns(frame, WARM_UP)
        for _ in range(ROUNDS):
            for name, frame in frames.items():
                count = THEIRS_PER_ROUND if name.startswith("python") else OURS_PER_ROUND
                times[name] += durations_ns(frame, count)
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
        "frame_times_faster_than_python_osc": ">= 50",
        "encode_times_faster_than_python_osc": ">= 50",
        "frames_not_sent": "== 0",
        "same_bytes_as_python_osc": "== 1",
    }
    return report("broadcast", figures, targets)


if __name__ == "__main__":
    main()
