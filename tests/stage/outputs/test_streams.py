"""Streams of performances: complete, in step with the capture, and the same from sender to receiver."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from protocols import osc, vmc
from protocols.errors import EncodeError
from protocols.plain_osc import DayTime
from stage.config import OutputSection
from stage.outputs.humanoid import HUMANOID_BONES, Humanoid
from stage.outputs.streams import Stream, open_stream
from stage.outputs.world_pose import WORLD_BONES, WorldPose
from tests.receivers import Evmc4u, UOscReader
from tests.stage.outputs.performers import Posed, random_pose

START_NS = 1_700_000_000_000_000_000


def messages(stream: Stream, posed: Posed, now_ns: int = 0) -> list[osc.Message]:
    datagrams = stream.frame(posed.performance, now_ns)
    return [message for datagram in datagrams for message in osc.messages(osc.parse(bytes(datagram)))]


def test_vmc_frame_is_the_humanoid_pose() -> None:
    posed = random_pose(1)
    reader, receiver = UOscReader(), Evmc4u()
    datagrams = open_stream(OutputSection(kind="vmc")).frame(posed.performance, 0)
    assert len(datagrams) == 5  # 52 bones in four bundles, then OK and T
    for datagram in datagrams:
        for message in reader.read(bytes(datagram)):
            receiver.take(message)
    sent = np.array([receiver.bones[name] for name in HUMANOID_BONES], np.float32)
    np.testing.assert_array_equal(sent, Humanoid().pose(posed.performance))
    assert receiver.root == [0, 0, 0, 0, 0, 0, 1]


def test_vmc_time_follows_the_capture_from_zero() -> None:
    stream = open_stream(OutputSection(kind="vmc"))
    times = [
        messages(stream, random_pose(number, capture_ns=START_NS + number * 33_333_333))[-1].arguments[0]
        for number in range(4)
    ]
    np.testing.assert_allclose(np.array(times, np.float64), np.arange(4) / 30, atol=1e-6)


@pytest.mark.parametrize(("state", "status"), [("tracking", 1), ("holding", 0), ("fading", 0), ("absent", 0)])
def test_vmc_says_when_the_performer_is_not_seen(state: str, status: int) -> None:
    ok = messages(open_stream(OutputSection(kind="vmc")), random_pose(1, state=state))[-2]
    assert ok == osc.Message(vmc.OK, "iiii", (1, 3, 0, status))


def test_vmc_trace_only_on_request() -> None:
    posed = random_pose(1, capture_ns=START_NS)
    plain = messages(open_stream(OutputSection(kind="vmc")), posed)
    assert vmc.TRACE not in [message.address for message in plain]
    traced = messages(open_stream(OutputSection(kind="vmc", trace=True)), posed, now_ns=START_NS + 40)
    assert vmc.read_trace(traced[-3]) == (START_NS, START_NS + 40)


def test_plain_osc_frame_is_the_world_pose() -> None:
    posed = random_pose(2, actor="anna", capture_ns=START_NS)
    sent = messages(open_stream(OutputSection(kind="osc", actor="anna")), posed, now_ns=START_NS + 50_000_000)
    values = {message.address: message.arguments for message in sent}
    bones = np.array([values[f"/anna/{name}"] for name in WORLD_BONES], np.float32)
    np.testing.assert_array_equal(bones, WorldPose().bones(posed.performance))
    np.testing.assert_allclose(np.array(values["/anna/root"][:3], np.float64), posed.joints[0], atol=1e-6)
    second, fraction = (float(str(value)) for value in values["/anna/time"][:2])
    assert DayTime(second, fraction).age_ns(START_NS + 50_000_000) == pytest.approx(50_000_000, abs=1000)


@pytest.mark.parametrize("kind", ["vmc", "osc"])
def test_unbundled_is_the_same_message_by_message(kind: str) -> None:
    posed = random_pose(3)
    bundled = OutputSection(kind=kind, actor="anna")  # type: ignore[arg-type]
    single = OutputSection(kind=kind, actor="anna", bundle=False)  # type: ignore[arg-type]
    assert messages(open_stream(bundled), posed) == messages(open_stream(single), posed)
    assert all(isinstance(osc.parse(bytes(d)), osc.Message) for d in open_stream(single).frame(posed.performance, 0))


@pytest.mark.parametrize("kind", ["vmc", "osc"])
def test_nonsense_is_refused_and_the_next_frame_is_right(kind: str) -> None:
    section = OutputSection(kind=kind, actor="anna")  # type: ignore[arg-type]
    stream, posed = open_stream(section), random_pose(4)
    nonsense = np.full((53, 4), np.nan, "<f4").tobytes()
    for rotations in (nonsense, bytes(53 * 16), np.full((53, 4), 1e30, "<f4").tobytes()):
        with pytest.raises(EncodeError, match="has no rotation"):
            stream.frame(replace(posed.performance, rotations=rotations), 0)
    with pytest.raises(EncodeError, match="not finite"):
        stream.frame(replace(posed.performance, joints=np.full((53, 3), np.nan, "<f4").tobytes()), 0)
    with pytest.raises(EncodeError, match="Root has no rotation"):
        stream.frame(replace(posed.performance, root=bytes(28)), 0)
    after, fresh = messages(stream, posed), messages(open_stream(section), posed)
    for ours, expected in zip(after, fresh, strict=True):
        assert ours.address == expected.address
        ours_q, expected_q = (np.array([v for v in m.arguments if isinstance(v, float)]) for m in (ours, expected))
        # Signs of quaternions may follow another past.
        np.testing.assert_allclose(np.abs(ours_q), np.abs(expected_q), atol=1e-6)
