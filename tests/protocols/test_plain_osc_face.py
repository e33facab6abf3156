from __future__ import annotations

import numpy as np
import pytest

from protocols import osc
from protocols.errors import EncodeError
from protocols.names import ARKIT_SHAPES, RIG_BONES
from protocols.plain_osc import DayTime, PlainOscEncoder
from protocols.plain_osc_face import PlainOscFaceEncoder
from tests.receivers import UOscReader, unreal_accepts

SHAPES = np.random.default_rng(1).random(52).astype(np.float32)
CONFIDENCE = np.random.default_rng(2).random(52).astype(np.float32)
HEAD = np.array([0.0, 0.6, 0.0, 0.8], np.float32)
EYES = np.array([[0.0, 0.0, 0.6, 0.8], [0.6, 0.0, 0.0, 0.8]], np.float32)
GAZE = np.array([[0.1, 0.2], [0.3, 0.4]], np.float32)
CAPTURE_NS = 1_763_830_799_123_456_789


def sent(*, bundled: bool = True, state: str = "holding", head: np.ndarray = HEAD) -> list[bytes]:
    encoder = PlainOscFaceEncoder("anna", bundled=bundled)
    datagrams = encoder.encode(
        SHAPES,
        CONFIDENCE,
        head=head,
        eyes=EYES,
        gaze=GAZE,
        state=state,
        capture_ns=CAPTURE_NS,
        sent_ns=CAPTURE_NS + 9_000_000,
    )
    return [bytes(datagram) for datagram in datagrams]


@pytest.mark.parametrize("bundled", [True, False])
def test_address_space(bundled: bool) -> None:
    messages = [message for datagram in sent(bundled=bundled) for message in osc.messages(osc.parse(datagram))]
    closing = ["head", "eye/left", "eye/right", "face/confidence", "face/state", "face/timecode", "face/time"]
    names = [*(f"shape/{shape}" for shape in ARKIT_SHAPES), *closing]
    assert [message.address for message in messages] == [f"/stage/anna/{name}" for name in names]
    values = np.array([message.arguments for message in messages[:52]], np.float32)
    np.testing.assert_array_equal(values, np.stack([SHAPES, CONFIDENCE], axis=1))
    np.testing.assert_array_equal(np.array(messages[52].arguments, np.float32), HEAD)
    eyes = np.array([m.arguments for m in messages[53:55]], np.float32)
    np.testing.assert_array_equal(eyes, np.concatenate([EYES, GAZE], axis=1))
    assert messages[55].arguments[0] == pytest.approx(CONFIDENCE.mean())
    assert messages[56].arguments == (2.0,)
    capture, sent_at = DayTime(*messages[58].floats[:2]), DayTime(*messages[58].floats[2:])
    assert sent_at.age_ns(CAPTURE_NS + 10_000_000) == pytest.approx(1_000_000, abs=1000)
    assert capture.age_ns(CAPTURE_NS + 10_000_000) == pytest.approx(10_000_000, abs=1000)


def test_strict_receivers_take_every_datagram() -> None:
    reader = UOscReader()
    for datagram in sent():
        assert len(datagram) <= 1200
        for message in reader.read(datagram):
            assert unreal_accepts(message.address)
            assert all(isinstance(value, float) for value in message.values)
    assert reader.errors == []


def test_no_address_is_one_of_the_body() -> None:
    body = PlainOscEncoder("anna", (*RIG_BONES[1:], "face", "shape"))
    datagrams = body.encode(np.zeros(7), np.zeros((54, 8)), state="absent", capture_ns=0, sent_ns=0)
    addresses = {message.address for d in datagrams for message in osc.messages(osc.parse(bytes(d)))}
    assert addresses.isdisjoint(message.address for d in sent() for message in osc.messages(osc.parse(d)))


def test_nonsense_is_refused() -> None:
    with pytest.raises(EncodeError, match="not finite"):
        sent(head=np.full(4, np.nan))
    with pytest.raises(EncodeError, match="none of"):
        sent(state="asleep")
