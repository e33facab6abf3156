from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import external, markers, messages, playback, show, solve_log, video
from protocols.codec import MAX_MESSAGE_BYTES, RECORD_TYPES, decode, encode
from protocols.errors import DecodeError, EncodeError
from protocols.messages import SCHEMA_VERSION, CameraLandmarks, PersonLandmarks, Record, Solved
from tests.protocols.records import FREE_BYTES, INT64, records, structs


def test_every_record_class_of_the_messages_can_travel() -> None:
    declared = {
        kind
        for module in (messages, show, external, playback, markers, solve_log, video)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Record) and kind not in (Record, show.Command)
    }
    assert set(RECORD_TYPES) == declared


@pytest.mark.parametrize("record_type", RECORD_TYPES, ids=lambda kind: kind.__name__)
@given(data=st.data(), sequence=INT64, sent_ns=INT64, start=INT64)
def test_round_trip(record_type: type[Record], data: st.DataObject, sequence: int, sent_ns: int, start: int) -> None:
    record = data.draw(structs(record_type))
    envelope = decode(encode(record, sequence, sent_ns, start))
    assert (envelope.sequence, envelope.sent_ns, envelope.start) == (sequence, sent_ns, start)
    assert envelope.record == record
    assert type(envelope.record) is record_type


def test_golden_bytes() -> None:
    expected = bytes.fromhex("95 03 03 01 02 83 a4") + b"type" + b"\xa6Solved"
    expected += b"\xaacapture_ns\x05" + b"\xa6number\x06"
    assert encode(Solved(capture_ns=5, number=6), sequence=1, sent_ns=2, start=3) == expected


@pytest.mark.parametrize("record_type", RECORD_TYPES, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_first_bytes_are_version_and_numbers(record_type: type[Record], data: st.DataObject) -> None:
    record = data.draw(structs(record_type))
    name = record_type.__name__.encode()
    expected = bytes((0x95, SCHEMA_VERSION, 7, 0, 9))  # array of five: version, start, sequence, sent_ns, record
    fields = len(msgspec.structs.fields(record_type)) + 1
    kind = bytes((0x80 | fields,)) if fields < 16 else bytes((0xDE, 0, fields))
    assert encode(record, 0, 9, 7).startswith(expected + kind + b"\xa4type" + bytes((0xA0 | len(name),)) + name)


@given(st.binary(max_size=400))
def test_random_bytes_are_refused_as_decode_errors(data: bytes) -> None:
    with pytest.raises(DecodeError):
        decode(data)


@given(records(), st.data())
def test_damaged_messages_raise_nothing_but_decode_errors(record: Record, data: st.DataObject) -> None:
    message = bytearray(encode(record, 1, 2))
    for _ in range(data.draw(st.integers(1, 4))):
        message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(message[: data.draw(st.integers(0, len(message)))])
    try:
        assert isinstance(decode(damaged).record, Record)
    except DecodeError:
        pass


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\xdd\xff\xff\xff\xff", id="an array of four billion"),
        pytest.param(b"\x91" * 100_000, id="a hundred thousand nested arrays"),
        pytest.param(b"\x95\x02\x00\x00\x00" + b"\x91" * 100_000, id="nested where the record is"),
        pytest.param(b"\x95\x02\x00\x00\x00\x82\xa4type\xa6Solved\xa1x" + b"\x91" * 100_000, id="in an unknown field"),
        pytest.param(b"\x95\x02\x00\x00\x00\x82\xa4type\xa5Event\xa6worker\xa2\xff\xfe", id="no UTF-8"),
        pytest.param(b"\x95\x02\x00\x00\x00\x81\xa4type\xa7Unknown", id="an unknown class"),
        pytest.param(bytes(MAX_MESSAGE_BYTES + 1), id="too many bytes"),
    ],
)
def test_hostile_messages_are_refused(data: bytes) -> None:
    with pytest.raises(DecodeError):
        decode(data)


def test_another_schema_version_is_named_with_ours() -> None:
    message = bytearray(encode(Solved(1, 2), 0, 0))
    message[1] = SCHEMA_VERSION + 41
    with pytest.raises(DecodeError, match=rf"version {SCHEMA_VERSION + 41}.* version {SCHEMA_VERSION}"):
        decode(bytes(message))


def test_a_later_version_may_have_a_longer_envelope() -> None:
    with pytest.raises(DecodeError, match="version 9"):
        decode(msgspec.msgpack.encode((9, 0, 0, 0, {"type": "New"}, "more")))


@given(records(), st.data())
def test_arrays_of_the_wrong_size_neither_leave_nor_arrive(record: Record, data: st.DataObject) -> None:
    kind = type(record).__name__
    names = [name for name in record.__struct_fields__ if f"{kind}.{name}" not in FREE_BYTES]
    fields = [name for name in names if isinstance(getattr(record, name), bytes)]
    if not fields:
        return
    field = data.draw(st.sampled_from(fields))
    broken = msgspec.structs.replace(record, **{field: getattr(record, field) + b"!"})
    with pytest.raises(EncodeError, match=field):
        encode(broken, 0, 0)
    with pytest.raises(DecodeError, match=field):
        decode(msgspec.msgpack.encode((SCHEMA_VERSION, 0, 0, 0, broken)))


def test_arrays_of_persons_are_checked() -> None:
    person = PersonLandmarks(track=1, points=bytes(12), world=b"", score=1.0)
    landmarks = CameraLandmarks("left", 0, 0, 0, 0, 0, 640, 480, (person,))
    with pytest.raises(EncodeError, match=r"points has 12 bytes, expected 396"):
        encode(landmarks, 0, 0)
