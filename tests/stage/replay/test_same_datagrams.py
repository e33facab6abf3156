"""What a replay sends is what the live stage sent, byte for byte, but for what says when it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from protocols import osc
from protocols.messages import FacePerformance, Performance
from protocols.playback import SetPlayback
from protocols.takefile import TakeReader
from stage.config import AnyOutputSection, OscSection, TimecodeSection
from stage.outputs.open_stream import open_stream
from stage.outputs.wardrobe import Wardrobe
from stage.replay.ahead import Play, ReadAhead
from stage.replay.item import moved
from stage.replay.player import Player
from stage.replay.source import PerformanceSource
from stage.replay.timecode_teller import TimecodeTeller
from stage.takes.recorded_timecode import recorded_timecode
from stage.timecode import TimecodeClock
from tests.sections import output_section
from tests.stage.replay.takes import ACTOR, BEGIN_NS, MS, performed, write_take

SENT = performed(40)
NOW_NS = BEGIN_NS + 123_456_789_012_345


@pytest.mark.parametrize("kind", ["vmc", "livelink", "osc"])
def test_same_datagrams(tmp_path: Path, kind: str) -> None:
    output = output_section(kind, actor=ACTOR)
    live_clock = TimecodeClock(TimecodeSection(rate="30", zone="utc"), BEGIN_NS - 1_000 * MS)
    records = [(one.record, one.sent_ns) for one in SENT]
    live = list(_sent(output, live_clock, iter(records)))

    take = TakeReader(write_take(tmp_path / "scene_001.mcap", SENT))
    clock = TimecodeClock(TimecodeSection(rate="30", source="network"), NOW_NS)
    replayed = list(_sent(output, clock, _replayed(take, clock)))
    assert len(live) == len(replayed) > 0
    for now, then in zip(replayed, live, strict=True):
        assert now == then


def _replayed(take: TakeReader, clock: TimecodeClock) -> Iterator[tuple[object, int]]:
    source = PerformanceSource(take)
    player, teller = Player(source.begin_ns, source.end_ns), TimecodeTeller(recorded_timecode(take))
    ahead = ReadAhead(source)
    player.obey(SetPlayback("", "", playing=True), NOW_NS)
    now_ns = NOW_NS
    try:
        while not player.ended:
            if isinstance(player.question, Play):
                ahead.ask(player.question)
                player.question = None
            while player.hungry and (answer := ahead.take()) is not None:
                player.put(answer)
            next_ns = player.next_ns()
            now_ns = now_ns if next_ns is None else max(now_ns, next_ns)
            for due in player.due(now_ns):
                if (sync := teller.before(due.item.log_ns, due.capture_ns, due.speed)) is not None:
                    clock.sync(sync)
                yield moved(due.item.record, due.capture_ns - due.item.log_ns), now_ns
    finally:
        ahead.close()


def _sent(
    output: AnyOutputSection, clock: TimecodeClock, records: Iterator[tuple[object, int]]
) -> Iterator[list[object]]:
    stream = open_stream(output, ACTOR, clock, Wardrobe())  # type: ignore[arg-type]
    for record, now_ns in records:
        if isinstance(record, Performance):
            datagrams = stream.frame(record, now_ns)
        else:
            assert isinstance(record, FacePerformance)
            datagrams = stream.face(record, now_ns, alone=False)
        yield [part for datagram in datagrams for part in _timeless(output, bytes(datagram))]


def _timeless(output: AnyOutputSection, datagram: bytes) -> list[object]:
    """A datagram, without the messages that say when it was captured and sent."""
    if not isinstance(output, OscSection):
        return [datagram]
    return [message for message in osc.messages(osc.parse(datagram)) if not message.address.endswith("/time")]
