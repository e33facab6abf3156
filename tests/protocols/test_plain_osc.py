from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols import osc
from protocols.errors import EncodeError
from protocols.names import RIG_BONES
from protocols.plain_osc import STATES, DayTime, PlainOscEncoder, container
from protocols.timecode import FrameRate, Timecode
from tests.receivers import UOscReader, unreal_accepts

ROOT = np.arange(7, dtype=np.float32)
BONES = np.random.default_rng(4).normal(size=(52, 8)).astype(np.float32)
CAPTURE_NS = 1_763_830_799_123_456_789
SENT_NS = CAPTURE_NS + 41_000_000


def frame(actor: str = "anna", *, bundled: bool = True, state: str = "tracking") -> list[bytes]:
    encoder = PlainOscEncoder(actor, bundled=bundled)
    datagrams = encoder.encode(ROOT, BONES, state=state, capture_ns=CAPTURE_NS, sent_ns=SENT_NS)
    return [bytes(datagram) for datagram in datagrams]


def flat(datagrams: list[bytes]) -> list[osc.Message]:
    return [message for datagram in datagrams for message in osc.messages(osc.parse(datagram))]


@pytest.mark.parametrize("bundled", [True, False])
def test_address_space(bundled: bool) -> None:
    messages = flat(frame(bundled=bundled))
    names = ["root", *(f"bone/{bone}" for bone in RIG_BONES[1:]), "confidence", "state", "timecode", "time"]
    assert [message.address for message in messages] == [f"/stage/anna/{name}" for name in names]
    np.testing.assert_array_equal(np.array(messages[0].arguments, np.float32), ROOT)
    np.testing.assert_array_equal(np.array([m.arguments for m in messages[1:53]], np.float32), BONES)
    assert messages[53].arguments[0] == pytest.approx(BONES[:, 7].mean())
    assert messages[54].arguments == (3.0,)


def test_unreal_can_bind_every_address_and_read_every_value() -> None:
    for message in flat(frame()):
        assert unreal_accepts(message.address)
        assert set(message.tags) == {"f"}


def test_datagrams_are_small_flat_and_immediate() -> None:
    reader = UOscReader()
    for datagram in frame():
        packet = osc.parse(datagram)
        assert isinstance(packet, osc.Bundle)
        assert packet.timetag == osc.IMMEDIATELY
        assert all(isinstance(element, osc.Message) for element in packet.elements)
        assert len(datagram) <= 1200
        reader.read(datagram)
    assert reader.errors == []


@pytest.mark.parametrize("state", STATES)
def test_states_are_numbers(state: str) -> None:
    assert flat(frame(state=state))[-3].arguments == (float(STATES.index(state)),)


def test_unknown_state_is_refused() -> None:
    with pytest.raises(EncodeError, match="lost"):
        frame(state="lost")


def test_what_is_not_finite_is_not_sent() -> None:
    bones = BONES.copy()
    bones[3, 0] = np.nan
    with pytest.raises(EncodeError, match="not finite"):
        PlainOscEncoder("a").encode(ROOT, bones, state="tracking", capture_ns=0, sent_ns=0)


def test_capture_time_arrives_within_a_microsecond() -> None:
    second, fraction, *sent = flat(frame())[-1].arguments
    assert isinstance(second, float) and isinstance(fraction, float)
    age_ns = DayTime(second, fraction).age_ns(SENT_NS)
    assert age_ns == pytest.approx(41_000_000, abs=1000)
    assert DayTime(*(float(str(value)) for value in sent)).age_ns(SENT_NS) == pytest.approx(0, abs=1000)


def timecode_of(datagrams: list[bytes]) -> tuple[object, ...]:
    return next(m.arguments for m in flat(datagrams) if m.address == "/stage/anna/timecode")


def test_without_timecode_its_rate_is_0() -> None:
    assert timecode_of(frame()) == (0.0,) * 7


@pytest.mark.parametrize(
    ("label", "rate", "numbers"),
    [
        ("23:59:58:24", "25", (23.0, 59.0, 58.0, 24.0, 25.0, 0.0)),
        ("01:01:00;02", "29.97df", (1.0, 1.0, 0.0, 2.0, 30000 / 1001, 1.0)),
    ],
)
def test_timecode_arrives_as_its_label_says(label: str, rate: str, numbers: tuple[float, ...]) -> None:
    timecode = Timecode.parse(label, FrameRate.parse(rate))._replace(subframe=0.999999999)
    encoder = PlainOscEncoder("anna")
    options = {"state": "tracking", "capture_ns": 0, "sent_ns": 0}
    sent = timecode_of([bytes(d) for d in encoder.encode(ROOT, BONES, timecode=timecode, **options)])
    assert sent[:6] == pytest.approx(numbers)
    assert isinstance(sent[6], float) and 0.99 < sent[6] < 1.0


@settings(deadline=None)
@given(st.integers(0, 2**62), st.integers(-10_000_000_000, 10_000_000_000))
def test_ages_run_over_midnight(then_ns: int, age_ns: int) -> None:
    time = DayTime.of(then_ns)
    assert 0.0 <= time.fraction < 1.0
    assert float(np.float32(time.second)) == time.second
    assert float(np.float32(time.fraction)) < 1.0
    assert abs(DayTime(*np.array(time, np.float32).tolist()).age_ns(then_ns + age_ns) - age_ns) < 100


@settings(deadline=None)
@given(st.text(max_size=20))
def test_any_actor_gets_addresses_that_unreal_takes(actor: str) -> None:
    assert unreal_accepts(f"/stage/{container(actor)}/root")


@settings(deadline=None)
@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", fullmatch=True))
def test_configured_ids_are_kept(actor: str) -> None:
    assert container(actor) == actor
