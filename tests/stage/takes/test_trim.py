from __future__ import annotations

from pathlib import Path

import pytest

from protocols.errors import TakeError
from protocols.foxglove import decode_video
from protocols.solve_log import SolverKeyframe, SolveStep
from protocols.takefile import TakeReader, verify
from stage.errors import StageError
from stage.takes.prune import prune
from stage.takes.trim import trim
from tests.stage.takes.managed_take import GROUP, KEYFRAME, managed_take
from tests.stage.takes.small_take import BEGAN_NS, FRAME_NS

FIRST, LAST = 100, 220
"""Frames of the part: neither a picture nor a state begins at the first."""


def part_of(folder: Path) -> tuple[TakeReader, TakeReader]:
    path = managed_take(folder)
    begin, end = ((number * FRAME_NS - 1_000_000) / 1e9 for number in (FIRST, LAST))
    out = trim(path, str(begin), str(end))
    assert out == folder / "scene_002.mcap" and verify(out).fault == ""
    return TakeReader(path), TakeReader(out)


def test_a_part_has_what_happened_in_its_time_as_it_was(tmp_path: Path) -> None:
    take, part = part_of(tmp_path)
    begin_ns, end_ns = BEGAN_NS + FIRST * FRAME_NS, BEGAN_NS + LAST * FRAME_NS
    there = [record for record in take.records() if begin_ns <= record.log_ns < end_ns]
    assert [record for record in part.records() if record.log_ns >= begin_ns] == there
    numbers = [entry.decoded().record.number for entry in part.records("performance.")]  # type: ignore[attr-defined]
    assert numbers == list(range(FIRST, LAST))
    assert dict(part.attachments) == dict(take.attachments) and "actors/anna/body.toml" in part.attachments
    facts = part.facts["take"]
    assert (facts["name"], facts["slate"], facts["number"], facts["timecode"]) == (
        "scene_002",
        "scene",
        "2",
        "22:13:23:09",
    )
    assert part.facts["trimmed"]["of"] == "scene_001" and int(facts["began_ns"]) == begin_ns - 1_000_000
    assert part.facts["end"]["seconds"] == "4.000" and part.facts["end"]["marks"] == "1"


def test_a_part_begins_with_what_it_cannot_be_understood_without(tmp_path: Path) -> None:
    _, part = part_of(tmp_path)
    pictures = [decode_video(entry.data) for entry in part.records("video.left")]
    assert pictures[0].keyframe and pictures[0].frame == FIRST // GROUP * GROUP
    assert [picture.frame for picture in pictures] == list(range(pictures[0].frame, LAST))
    state = FIRST // KEYFRAME * KEYFRAME
    solving = [entry.decoded().record for entry in part.records("step.", "keyframe.")]
    assert isinstance(solving[0], SolverKeyframe) and solving[0].number == state
    steps = [record.number for record in solving if isinstance(record, SolveStep)]
    assert steps == list(range(state, LAST))
    seen = [entry.log_ns for entry in part.records("landmarks.")]
    assert seen[0] <= BEGAN_NS + state * FRAME_NS - 900_000_000 and len(seen) == LAST - (seen[0] - BEGAN_NS) // FRAME_NS


@pytest.mark.parametrize(
    ("begin", "end"),
    [("x", ""), ("25:00:00:00", ""), ("99", ""), ("nan", ""), ("5", "4"), ("", "-1"), ("01:00:00:00", "")],
)
def test_a_part_that_is_none_is_refused(tmp_path: Path, begin: str, end: str) -> None:
    path = managed_take(tmp_path, frames=30)
    with pytest.raises((TakeError, StageError)):
        trim(path, begin, end)
    assert list(tmp_path.iterdir()) == [path]


def test_a_part_never_takes_the_place_of_another_take(tmp_path: Path) -> None:
    path = managed_take(tmp_path, frames=60)
    with pytest.raises(TakeError, match="stays"):
        trim(path, "1", "", path)
    assert trim(path, "22:13:21:00", "", tmp_path / "b.mcap").exists()
    assert trim(path, "1", "").name == "scene_002.mcap" and trim(path, "", "1").name == "scene_003.mcap"
    unfinished = managed_take(tmp_path / "x", finish=False) if (tmp_path / "x").mkdir() is None else path
    with pytest.raises(TakeError, match="no end"):
        trim(unfinished, "1", "")


def test_a_lighter_copy_has_all_but_what_was_dropped(tmp_path: Path) -> None:
    path = managed_take(tmp_path)
    done = prune(path, ["video", "solver"])
    left_out = ("video.", "step.", "keyframe.")
    copy = TakeReader(done.path)
    assert done.path.name == "scene_001-light.mcap" and done.original == path and verify(done.path).fault == ""
    assert done.saved_bytes == path.stat().st_size - done.path.stat().st_size > 0
    assert list(copy.records()) == [one for one in TakeReader(path).records() if not one.topic.startswith(left_out)]
    assert copy.facts["pruned"] | {"made": ""} == {"of": "scene_001", "dropped": "video, solver", "made": ""}
    assert "frames" not in copy.facts["end"] and copy.facts["end"]["marks"] == "1"
    with pytest.raises(TakeError, match="not there yet"):
        prune(path, ["video"])
    with pytest.raises(TakeError, match="as light as can be"):
        prune(done.path, ["video"])
    with pytest.raises(TakeError, match="leave out some of"):
        prune(path, ["everything"])


def test_a_lighter_copy_may_take_the_name_and_the_take_stays_beside_it(tmp_path: Path) -> None:
    path = managed_take(tmp_path)
    before = path.read_bytes()
    done = prune(path, ["video"], replace=True)
    assert done.path == path and done.original.name == "scene_001.mcap.original"
    assert done.original.read_bytes() == before and len(path.read_bytes()) < len(before)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["scene_001.mcap", "scene_001.mcap.original"]
