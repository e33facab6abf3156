"""From a take to what is exported of it, and what the command says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from protocols.codec import decode, encode
from protocols.errors import TakeError
from protocols.takefile import TakeReader
from stage.cli import run
from stage.errors import ExportError
from stage.export import FORMATS, Wanted, gather
from stage.takes.track_writer import TrackWriter
from tests.demo_take import BEGAN_NS, write_demo_take
from tests.stage.takes.small_take import a_performance, write_take

NS = 1_000_000_000


@pytest.fixture(scope="module")
def take(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_demo_take(tmp_path_factory.mktemp("gather") / "scene_001.mcap", 2.0, actors=("anna", "ben"))


def test_all_actors_have_the_same_frames(take: Path) -> None:
    anna, ben = gather(take, Wanted())
    assert (anna.actor, ben.actor, anna.name) == ("anna", "ben", "scene_001")
    np.testing.assert_array_equal(anna.times_ns, ben.times_ns)
    assert len(anna) == len(anna.motion.root) == len(anna.motion.shapes) == len(anna.timecodes) == 59
    assert anna.start_timecode == "10:00:00:01"
    assert anna.gaps == ()
    assert [source.actor for source in gather(take, Wanted(actors=("ben",)))] == ["ben"]


def test_ranges_include_both_ends(take: Path) -> None:
    (source,) = gather(take, Wanted(("anna",), begin="10:00:00:10", end="10:00:01:00"))
    labels = [timecode.text for timecode in source.timecodes if timecode is not None]
    assert (labels[0], labels[-1], len(labels)) == ("10:00:00:10", "10:00:01:00", 21)
    begin_ns = TakeReader(take).span_ns[0]
    (source,) = gather(take, Wanted(("anna",), begin="0.5", end="1", rate="60"))
    assert begin_ns + 0.5 * NS <= source.times_ns[0] < begin_ns + 0.52 * NS
    assert begin_ns + 0.98 * NS < source.times_ns[-1] <= begin_ns + NS


def test_a_part_is_the_same_as_in_the_whole(take: Path) -> None:
    whole = gather(take, Wanted(("anna",)))[0]
    part = gather(take, Wanted(("anna",), begin="10:00:00:10", end="10:00:01:00"))[0]
    first = int(np.searchsorted(whole.times_ns, part.times_ns[0]))
    np.testing.assert_allclose(part.motion.joints, whole.motion.joints[first : first + len(part)], atol=1e-6)
    np.testing.assert_allclose(part.motion.shapes, whole.motion.shapes[first : first + len(part)], atol=1e-6)


def test_gaps_are_told(tmp_path: Path) -> None:
    (source,) = gather(write_demo_take(tmp_path / "a.mcap", 3.0, away=(1.0, 2.0)), Wanted())
    ((begin, end),) = source.gaps
    assert begin == pytest.approx(1.0, abs=0.1) and end == pytest.approx(2.0, abs=0.1)
    assert not source.present[round(30 * begin) : round(30 * end)].any()


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (Wanted(("cleo",)), "there is anna, ben"),
        (Wanted(rate="fast"), "is no rate"),
        (Wanted(begin="10:00:09:00"), "it goes from 10:00:00:00 to 10:00:01:29"),
        (Wanted(begin="soon"), "is no moment"),
        (Wanted(begin="1e400"), "is no moment"),
        (Wanted(begin="nan"), "is no moment"),
        (Wanted(begin="10:00:00:77"), "no timecode"),
        (Wanted(begin="1", end="0.5"), "is after --to"),
        (Wanted(begin="99"), "from 0 to"),
        (Wanted(end="-1"), "from 0 to"),
    ],
)
def test_what_cannot_be_is_refused_with_the_facts(take: Path, wanted: Wanted, message: str) -> None:
    with pytest.raises((ExportError, TakeError), match=message):
        gather(take, wanted)


def test_a_track_is_exported_in_the_takes_place(tmp_path: Path) -> None:
    take = write_demo_take(tmp_path / "scene_001.mcap", 1.0, away=(0.5, 0.6))
    reader = TakeReader(take)
    with TrackWriter(reader, "clean", made_from="performances", settings={}, files=()) as writer:
        for entry in reader.records("performance."):
            writer.write(entry.topic, decode(entry.data).record, entry.received_ns)
    for path, wanted in ((take, Wanted(track="clean")), (tmp_path / "scene_001.clean.mcap", Wanted())):
        (source,) = gather(path, wanted)
        assert source.name == "scene_001.clean"
        assert source.take.path == take and source.performed.path != take
        assert len(source.motion.face_ns) == 0
    with pytest.raises(TakeError, match='no track "other"'):
        gather(take, Wanted(track="other"))


def test_the_command_makes_a_file_for_each_actor_and_says_so(
    take: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["export", str(take), "--format", "trc", "--to", "0.5"]
    assert run([*arguments, "--out", str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scene_001_anna.trc", "scene_001_ben.trc"]
    said = capsys.readouterr().out
    assert "timecode 10:00:00:01" in said and "scene_001_ben.trc" in said
    assert run([*arguments, "--out", str(tmp_path)]) == 2
    assert "scene_001_anna-2.trc is free" in capsys.readouterr().err
    assert run([*arguments, "--out", str(tmp_path), "--overwrite"]) == 0
    assert run([*arguments, "--out", str(tmp_path / "x.trc"), "--actor", "ben"]) == 0
    assert (tmp_path / "x.trc").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "fbx"], 'no format "fbx"; there are glb, bvh'),
        (["--format", "trc", "--style", "mixamo"], "it has none"),
        (["--format", "bvh", "--style", "biped"], "it has rig, mixamo, manny"),
        (["--format", "bvh", "--out", "x.fbx"], "ends in .bvh"),
    ],
)
def test_the_command_refuses_with_one_line(
    take: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["export", str(take), *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_every_format_says_when_its_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from stage.export import _formats

    def missing(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(_formats, "import_module", missing)
    for entry in FORMATS.values():
        if entry.package:
            with pytest.raises(ExportError, match=r"stage\[export\]"):
                entry.writer()


def test_a_take_of_others_without_config_is_exported_at_the_rate_it_has(tmp_path: Path) -> None:
    from protocols.takefile import TakeWriter

    writer = TakeWriter(tmp_path / "a.mcap")
    reader = TakeReader(write_demo_take(tmp_path / "b.mcap", 1.0))
    for number, entry in enumerate(reader.records("performance.")):
        data = encode(decode(entry.data).record, number, entry.received_ns)
        writer.write(entry.topic, entry.kind, data, entry.log_ns, entry.received_ns, number)
    writer.finish({})
    (source,) = gather(tmp_path / "a.mcap", Wanted())
    assert source.rate[:2] == (30, 1) and source.start_timecode == ""
    assert source.times_ns[0] - BEGAN_NS == 11_000_000


@pytest.mark.parametrize(("field", "what"), [("root", "pose"), ("rotations", "pose"), ("joints", "pose")])
def test_numbers_that_are_none_are_refused_with_their_moment(tmp_path: Path, field: str, what: str) -> None:
    records = [a_performance(number) for number in range(20)]
    sound = getattr(records[12], field)
    not_a_number = np.float32(np.nan).tobytes()
    records[12] = replace(records[12], **{field: sound[:16] + not_a_number + sound[20:]})
    path = write_take(tmp_path / "scene_001.mcap", records)
    with pytest.raises(TakeError, match=f"1 times a {what} of anna has numbers that are none, first 0.400 s"):
        gather(path, Wanted())
    assert len(gather(path, Wanted(end="0.1"))) == 1
