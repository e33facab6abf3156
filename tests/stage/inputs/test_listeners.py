from __future__ import annotations

from protocols.show import TimecodeSync
from stage.config import TimecodeSection
from stage.inputs.listeners import InputListener, TimecodeListener
from tests.stage.inputs.sections import input_section
from tests.stage.inputs.test_livelink_reader import packet

HERE, STRANGER = ("127.0.0.1", 5000), ("10.0.0.7", 5000)


def test_an_input_gives_its_records_the_actors_topic():
    listener = InputListener(input_section("livelink", id="phone", actor="anna"))
    assert (listener.id, listener.host, listener.port) == ("phone", "127.0.0.1", 11111)
    ((topic, record, at_ns),) = listener.take(packet(0.0), HERE, 1000)
    assert topic == "external.anna"
    assert at_ns == 1000
    assert type(record).__name__ == "ExternalFace"
    assert listener.hearing.rate_hz(1000) == 1.0


def test_a_timecode_machine_is_heard_and_nonsense_is_counted():
    listener = TimecodeListener(TimecodeSection(source="network"))
    ((topic, record, at_ns),) = listener.take(b"01:02:03:04", HERE, 1000)
    assert (topic, at_ns) == ("timecode", 1000)
    assert record == TimecodeSync(1000, "01:02:03:04", "127.0.0.1:5000")
    assert list(listener.take(b"tea time", HERE, 1000)) == []
    assert list(listener.take(b"01:02:03:04", STRANGER, 1000)) == []
    assert listener.counters == {"datagrams": 3, "strangers": 1, "no timecode": 1}
