"""The timecode of a take is what the stage that recorded it said, on any machine."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from protocols.codec import encode
from protocols.errors import TakeError
from protocols.show import TimecodeSync
from protocols.takefile import TakeReader, TakeWriter
from protocols.timecode import NS_PER_S, Timecode, TimecodeError
from stage.config import Config, TimecodeSection
from stage.takes.recorded_timecode import RecordedTimecode, recorded_timecode
from stage.timecode import TimecodeClock

EPOCH_NS = 1_700_000_000 * NS_PER_S  # 2023-11-14 22:13:20 UTC
BEGAN_NS = EPOCH_NS + 77_123_456_789
MIDNIGHT_NS = 1_700_006_400 * NS_PER_S


def recorded(
    path: Path,
    section: TimecodeSection | None,
    label: str,
    syncs: Iterable[TimecodeSync] = (),
    began_ns: int = BEGAN_NS,
) -> RecordedTimecode:
    writer = TakeWriter(path)
    rate, source = (section.rate, section.source) if section is not None else ("25", "day")
    facts = {"began_ns": str(began_ns), "timecode": label, "timecode_rate": rate, "timecode_source": source}
    writer.note("take", facts)
    writer.note("clock", {"epoch_ns": str(EPOCH_NS)})
    if section is not None:
        writer.attach("config.json", msgspec.json.encode(Config(timecode=section)), "application/json", began_ns)
    for number, sync in enumerate(syncs):
        writer.write("timecode", "TimecodeSync", encode(sync, number, sync.at_ns), sync.at_ns, sync.at_ns, number)
    writer.finish({})
    return recorded_timecode(TakeReader(path))


def section_of(**options: Any) -> TimecodeSection:
    return TimecodeSection(**options)


def label(clock: TimecodeClock, time_ns: int) -> str:
    moment = clock.at(time_ns)
    assert moment is not None
    return moment.text


@pytest.mark.parametrize("rate", ["25", "29.97", "29.97df", "59.94df", "60"])
@pytest.mark.parametrize("options", [{"zone": "utc"}, {"offset": "02:00:00:05"}, {"source": "start"}])
def test_it_is_the_stages_own(tmp_path: Path, rate: str, options: dict[str, Any]) -> None:
    offset = options.get("offset", "00:00:00:00").replace(":05", ";05") if rate.endswith("df") else ""
    section = section_of(rate=rate, **(options | ({"offset": offset} if offset and "offset" in options else {})))
    live = TimecodeClock(section, EPOCH_NS)
    told = recorded(tmp_path / "a.mcap", section, label(live, BEGAN_NS))
    for time_ns in (BEGAN_NS, BEGAN_NS - 2 * NS_PER_S, BEGAN_NS + 3_333_333_333, MIDNIGHT_NS + 1, MIDNIGHT_NS - 1):
        assert told.at(time_ns) == live.at(time_ns)


@pytest.mark.parametrize("hours", [-9.5, 0.0, 5.75, 13.0])
@pytest.mark.parametrize("rate", ["25", "29.97df", "29.97"])
def test_the_zone_of_this_machine_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: float, rate: str
) -> None:
    section = section_of(rate=rate)
    there = TimecodeClock(section, EPOCH_NS, int(hours * 3600) * NS_PER_S)
    monkeypatch.setenv("TZ", "XYZ+3")
    time.tzset()
    try:
        told = recorded(tmp_path / "a.mcap", section, label(there, BEGAN_NS))
    finally:
        monkeypatch.undo()
        time.tzset()
    for time_ns in (BEGAN_NS, BEGAN_NS + 12_345_678_901, BEGAN_NS + 20 * 3600 * NS_PER_S):
        assert told.at(time_ns) == there.at(time_ns)


def test_a_timecode_machine_is_followed_as_it_was(tmp_path: Path) -> None:
    section = TimecodeSection(rate="25", source="network")
    live = TimecodeClock(section, EPOCH_NS)
    first = Timecode.parse("23:59:58:00", live.rate).frame
    syncs = [
        TimecodeSync(BEGAN_NS + 40_000_000 * n + n % 7 * 1_000_000, Timecode(first + n, 0.0, live.rate).text, "ltc")
        for n in range(100)
    ]
    told = recorded(tmp_path / "a.mcap", section, "", syncs)
    for sync in syncs:
        live.sync(sync)
        assert told.at(sync.at_ns + 13_000_000) == live.at(sync.at_ns + 13_000_000)
    assert told.text(BEGAN_NS + 10_020_000_000) == "00:00:08:00"  # over midnight, and on without its machine
    assert told.text(BEGAN_NS - 990_000_000) == "23:59:57:00"  # before its first word


def test_a_machine_that_never_spoke_leaves_no_timecode(tmp_path: Path) -> None:
    told = recorded(tmp_path / "a.mcap", TimecodeSection(rate="25", source="network"), "")
    assert told.at(BEGAN_NS) is None
    assert told.text(BEGAN_NS) == ""
    assert told.find("00:00:00:00", BEGAN_NS, BEGAN_NS + NS_PER_S) is None


def test_without_a_config_it_counts_from_the_first_label(tmp_path: Path) -> None:
    told = recorded(tmp_path / "a.mcap", None, "10:00:00:00")
    assert told.text(BEGAN_NS + 1_500_000_000) == "10:00:01:12"
    assert told.text(BEGAN_NS - 40_000_000) == "09:59:59:24"


@pytest.mark.parametrize("rate", ["25", "29.97df", "59.94"])
def test_labels_are_found(tmp_path: Path, rate: str) -> None:
    live = TimecodeClock(section_of(rate=rate, zone="utc"), EPOCH_NS)
    told = recorded(tmp_path / "a.mcap", section_of(rate=rate, zone="utc"), label(live, BEGAN_NS))
    end_ns = MIDNIGHT_NS + 60 * NS_PER_S
    for time_ns in (BEGAN_NS + 5 * NS_PER_S, MIDNIGHT_NS - NS_PER_S, MIDNIGHT_NS + 30 * NS_PER_S):
        found_ns = told.find(label(live, time_ns), BEGAN_NS, end_ns)
        assert found_ns is not None
        assert told.text(found_ns + 1_000) == label(live, time_ns)
        assert 0 <= time_ns - found_ns < 41_000_000
    assert told.find("12:00:00;00" if rate.endswith("df") else "12:00:00:00", BEGAN_NS, end_ns) is None
    with pytest.raises(TimecodeError):
        told.find("noon", BEGAN_NS, end_ns)


def test_facts_that_cannot_be_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TakeError, match="timecode is not understood"):
        recorded(tmp_path / "a.mcap", None, "27:00:00:00")
