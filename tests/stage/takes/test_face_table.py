from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from protocols.arrays import from_bytes
from protocols.codec import encode
from protocols.errors import TakeError
from protocols.livelink import VALUES
from protocols.livelink_face import read_face
from protocols.messages import Face, Record
from protocols.show import TimecodeSync
from protocols.takefile import TakeReader, TakeWriter, captured_ns
from protocols.timecode import FrameRate, Timecode
from stage.config import TimecodeSection
from stage.errors import RecordError
from stage.takes.face_table import COLUMNS, HEADER, FaceTables, table_timecode, write_face_tables
from tests.shared_data import shared_data
from tests.stage.outputs.faces import any_face, face, face_performance
from tests.stage.outputs.performers import random_pose

DAY = TimecodeSection(rate="30", zone="utc")
START_NS = 1_700_000_000_000_000_000  # 22:13:20 UTC
FRAME_NS = 1_000_000_000 // 60
ROW_TIME = re.compile(r"[0-2]\d:[0-5]\d:[0-5]\d:[0-5]\d\.\d{3}")
REAL_TABLES = ["livelinkface/S88-001.csv", "livelinkface/alex_rom_3.csv"]


def take_of(folder: Path, records: Sequence[tuple[str, Record]]) -> TakeReader:
    writer = TakeWriter(folder / "scene_001.mcap")
    for number, (topic, record) in enumerate(records):
        log_ns = captured_ns(record, START_NS)
        writer.write(topic, type(record).__name__, encode(record, number, log_ns), log_ns, log_ns, number)
    writer.finish({})
    return TakeReader(writer.path)


def faces(count: int, actor: str = "anna", period_ns: int = FRAME_NS) -> list[tuple[str, Record]]:
    return [
        (f"face.{actor}", face_performance(any_face(n), n, actor=actor, capture_ns=START_NS + n * period_ns))
        for n in range(count)
    ]


def body(number: int, of: Face | None, capture_ns: int, actor: str = "anna") -> tuple[str, Record]:
    performance = random_pose(number, actor=actor, number=number, capture_ns=capture_ns).performance
    return f"performance.{actor}", replace(performance, face=of)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", REAL_TABLES)
def test_header_and_rows_have_the_form_of_the_apps_recordings(tmp_path: Path, name: str) -> None:
    theirs = shared_data(name).read_text().splitlines()
    (table,) = write_face_tables(take_of(tmp_path, faces(3)), DAY, START_NS)
    ours = table.read_text().splitlines()
    assert ours[0] == theirs[0] == HEADER
    shape = re.compile(r"\d\d:\d\d:\d\d:\d\d\.\d{3},61(,-?\d\.\d{10}){61}")
    assert shape.fullmatch(theirs[1]) and all(shape.fullmatch(row) for row in ours[1:])


def test_values_come_back(tmp_path: Path) -> None:
    of = faces(20)
    (table,) = write_face_tables(take_of(tmp_path, of), DAY, START_NS)
    assert table.name == "scene_001_anna.csv"
    read = rows(table)
    assert len(read) == len(of)
    for row, (_, record) in zip(read, of, strict=True):
        values = read_face(np.array([float(row[name]) for name in VALUES]))
        true = record.face  # type: ignore[attr-defined]
        np.testing.assert_allclose(values.shapes, from_bytes(true.shapes, (52,)), atol=1e-6)
        np.testing.assert_allclose(values.gaze, from_bytes(true.gaze, (2, 2)), atol=1e-6)
        np.testing.assert_allclose(np.abs(values.head @ from_bytes(true.head, (4,))), 1.0, atol=1e-6)


def test_left_and_right_are_found_by_name(tmp_path: Path) -> None:
    record = face_performance(face(JawLeft=0.25, MouthRight=0.75), capture_ns=START_NS)
    (table,) = write_face_tables(take_of(tmp_path, [("face.anna", record)]), DAY, START_NS)
    (row,) = rows(table)
    assert (row["JawLeft"], row["JawRight"]) == ("0.2500000000", "0.0000000000")
    assert (row["MouthLeft"], row["MouthRight"]) == ("0.0000000000", "0.7500000000")
    assert COLUMNS.index("JawRight") < COLUMNS.index("JawLeft")


def test_times_are_those_of_capture_in_sixtieths(tmp_path: Path) -> None:
    (table,) = write_face_tables(take_of(tmp_path, faces(61)), DAY, START_NS)
    times = [row["Timecode"] for row in rows(table)]
    assert times[0] == "22:13:20:00.000" and times[-1][:9] == "22:13:20:"
    frames = [float(time[9:]) for time in times[:60]]
    np.testing.assert_allclose(frames, np.arange(60), atol=2e-3)


@given(
    st.sampled_from(["23.976", "24", "25", "29.97", "29.97df", "30", "50", "59.94", "59.94df", "60"]),
    st.integers(0, 86_399_999_999_999),
    st.integers(1_000_000, 40_000_000),
)
def test_a_timecode_is_well_formed_and_runs_forward(rate: str, time_ns: int, later_ns: int) -> None:
    moments = [Timecode.at(time, FrameRate.parse(rate)) for time in (time_ns, time_ns + later_ns)]
    texts = [table_timecode(moment) for moment in moments]
    assert all(ROW_TIME.fullmatch(text) for text in texts)
    assert texts[0][:8] == moments[0].text[:8]
    assert texts[0] < texts[1] or moments[1].frame < moments[0].frame  # the day is over


def test_the_phone_writes_frames_and_thousandths_of_a_frame() -> None:
    assert table_timecode(Timecode(0, 0.5, FrameRate.parse("60"))) == "00:00:00:00.500"
    assert table_timecode(Timecode(29, 0.5, FrameRate.parse("30"))) == "00:00:00:59.000"
    assert table_timecode(Timecode(59, 0.99999, FrameRate.parse("60"))) == "00:00:00:59.999"
    assert table_timecode(Timecode.parse("01:00:00;02", FrameRate.parse("29.97df"))) == "01:00:00:04.000"


def test_a_face_camera_comes_before_the_body_and_a_lost_face_leaves_a_gap(tmp_path: Path) -> None:
    second = 1_000_000_000
    own = [
        face_performance(face(state), n, capture_ns=START_NS + n * FRAME_NS)
        for n, state in enumerate(["tracking", "holding", "absent", "absent"])
    ]
    records: list[tuple[str, Record]] = [("face.anna", record) for record in own]
    records.insert(1, body(0, any_face(), START_NS + FRAME_NS // 2))  # the face camera is alive: not told twice
    records.append(body(1, any_face(), START_NS + second))  # it has fallen silent
    records.append(body(2, None, START_NS + second + FRAME_NS))
    records.append(body(3, any_face(), START_NS + 2 * second, actor="ben"))
    records.append(body(4, any_face(), START_NS + second))  # time runs forward
    tables = write_face_tables(take_of(tmp_path, records), DAY, START_NS)
    assert [table.name for table in tables] == ["scene_001_anna.csv", "scene_001_ben.csv"]
    assert [row["Timecode"][6:11] for row in rows(tables[0])] == ["20:00", "20:01", "21:00"]
    assert len(rows(tables[1])) == 1


def test_a_value_that_is_no_number_has_no_row(tmp_path: Path) -> None:
    records = faces(3)
    bad = replace(any_face(), shapes=np.full(52, np.nan, "<f4").tobytes())
    records[1] = ("face.anna", face_performance(bad, 1, capture_ns=START_NS + FRAME_NS))
    (table,) = write_face_tables(take_of(tmp_path, records), DAY, START_NS)
    assert len(rows(table)) == 2 and "nan" not in table.read_text()


def test_a_timecode_machine_is_followed(tmp_path: Path) -> None:
    section = TimecodeSection(rate="25", source="network")
    sync = ("timecode", TimecodeSync(START_NS, "10:00:00:00", "ltc"))
    (table,) = write_face_tables(take_of(tmp_path, [sync, *faces(2)]), section, START_NS)
    assert [row["Timecode"] for row in rows(table)] == ["10:00:00:00.000", "10:00:00:01.000"]
    table.unlink()
    (tmp_path / "scene_001.mcap").unlink()
    (table,) = write_face_tables(take_of(tmp_path, faces(2)), replace(section, zone="utc"), START_NS)
    assert rows(table)[0]["Timecode"] == "22:13:20:00.000"  # none was heard: the clock on the wall


def test_what_is_there_is_not_touched_and_what_is_given_up_is_taken_away(tmp_path: Path) -> None:
    (tmp_path / "scene_001_anna.csv").write_text("mine")
    take = take_of(tmp_path, faces(2))
    (table,) = write_face_tables(take, DAY, START_NS)
    assert table.name == "scene_001_anna_2.csv" and (tmp_path / "scene_001_anna.csv").read_text() == "mine"
    damaged = bytearray(take.path.read_bytes())
    damaged[damaged.index(b"zstd") + 40] ^= 1  # in the first chunk
    take.path.write_bytes(damaged)
    with pytest.raises(TakeError):
        write_face_tables(TakeReader(take.path), DAY, START_NS)
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".csv") == [
        "scene_001_anna.csv",
        "scene_001_anna_2.csv",
    ]


def test_a_full_disk_is_one_line_and_leaves_no_half_table(tmp_path: Path) -> None:
    tables = FaceTables(tmp_path / "scene_001.mcap", DAY, START_NS)
    tables.hear(faces(1)[0][1], 0)
    (path,) = tables.paths
    tables._tables["anna"]._file.close()
    tables._tables["anna"]._file = open("/dev/full", "w")
    with pytest.raises(RecordError, match="No space left"):
        for _, record in faces(100):
            tables.hear(record, 0)
        tables.close()
    tables.remove()
    assert not path.exists() and tables.paths == []
