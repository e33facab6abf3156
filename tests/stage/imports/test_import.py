"""`stage import` makes takes that everything else reads, and never touches what is there."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from protocols.errors import TakeError
from protocols.takefile import TakeReader
from stage.cli import run
from stage.config import ActorSection, Config, RecordSection
from stage.errors import ForeignFileError, RecordError, StageError
from stage.export import Wanted, gather
from stage.imports import ImportOptions, import_files
from stage.takes.contents import recorded_config, unpack
from stage.takes.motion import load_motions
from stage.takes.recorded_timecode import recorded_timecode
from tests.stage.imports.small_files import small_bvh, small_csv, small_trc


def quiet(_: str) -> None:
    """No progress."""


def test_the_take_says_where_it_comes_from(tmp_path: Path) -> None:
    path = small_bvh(tmp_path)
    told: list[str] = []
    options = ImportOptions(timecode="10:00:00:05")
    take = TakeReader(import_files([path], out=tmp_path / "walk_007.mcap", options=options, progress=told.append))
    facts = take.facts["take"]
    assert (facts["name"], facts["slate"], facts["number"], facts["source"]) == ("walk_007", "walk", "7", "import")
    assert facts["imported"] == "walk.bvh"
    assert facts["imported_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (facts["timecode"], facts["timecode_rate"]) == ("10:00:00:05", "60")
    assert take.finished and "taken for cm" in "\n".join(told)
    timecode = recorded_timecode(take)
    assert [timecode.text(time_ns) for time_ns in take.span_ns] == ["10:00:00:05", "10:00:00:10"]


def test_its_config_is_one_of_a_stage(tmp_path: Path) -> None:
    take = TakeReader(import_files([small_bvh(tmp_path)], out=tmp_path / "a.mcap", progress=quiet))
    config = recorded_config(take)
    assert [actor.id for actor in config.actors] == ["walk"] and config.cameras == ()
    assert config.stage.rate == 60.0
    folder = tmp_path / "unpacked"
    folder.mkdir()
    assert (Path(unpack(take, folder).actors[0].profile) / "body.toml").exists()
    (source,) = gather(take.path, Wanted())
    assert source.shape is not None and len(source) == 6


def test_a_body_and_a_face_become_one_actor(tmp_path: Path) -> None:
    files = [small_bvh(tmp_path), small_csv(tmp_path)]
    take = import_files(files, out=tmp_path / "a.mcap", options=ImportOptions(actors=("anna",)), progress=quiet)
    motion = load_motions(TakeReader(take))["anna"]
    assert (len(motion.capture_ns), len(motion.face_ns)) == (6, 7)
    assert motion.capture_ns[0] == motion.face_ns[0]  # a file without timecode begins with the one that has it
    assert np.diff(motion.capture_ns).min() > 0


def test_several_actors_in_one_take(tmp_path: Path) -> None:
    files = [small_bvh(tmp_path), small_bvh(tmp_path, "other.bvh"), small_trc(tmp_path)]
    take = import_files(files, out=tmp_path / "a.mcap", progress=quiet)
    assert sorted(load_motions(TakeReader(take))) == ["joints", "other", "walk"]
    assert TakeReader(take).counts["markers.joints"] == 4
    with pytest.raises(ForeignFileError, match="both have a body of actor anna"):
        import_files(files, out=tmp_path / "b.mcap", options=ImportOptions(actors=("anna",)), progress=quiet)
    with pytest.raises(ForeignFileError, match="names 2, files are 3"):
        import_files(files, out=tmp_path / "b.mcap", options=ImportOptions(actors=("a", "b")), progress=quiet)
    with pytest.raises(ForeignFileError, match="no usable name"):
        import_files(files[:1], out=tmp_path / "b.mcap", options=ImportOptions(actors=("../x",)), progress=quiet)
    assert not (tmp_path / "b.mcap").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = small_csv(tmp_path)
    there = tmp_path / "a.mcap"
    there.write_bytes(b"mine")
    with pytest.raises(RecordError, match="never overwritten"):
        import_files([path], out=there, progress=quiet)
    assert there.read_bytes() == b"mine"
    with pytest.raises(RecordError, match="ends in"):
        import_files([path], out=tmp_path / "a.txt", progress=quiet)


def test_takes_of_a_slate_go_on_counting(tmp_path: Path) -> None:
    config = Config(actors=(ActorSection(id="anna"),), record=RecordSection(folder=str(tmp_path / "takes")))
    made = [import_files([small_csv(tmp_path)], slate="mo cap", config=config, progress=quiet).name for _ in range(2)]
    assert made == ["mo_cap_001.mcap", "mo_cap_002.mcap"]
    assert TakeReader(tmp_path / "takes" / "mo_cap_002.mcap").facts["take"]["slate"] == "mo cap"


def test_a_take_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from stage.imports import _take

    def broken(*_: object) -> None:
        raise TakeError("disk full")

    monkeypatch.setattr(_take, "records", broken)
    with pytest.raises(TakeError, match="disk full"):
        import_files([small_csv(tmp_path)], out=tmp_path / "a.mcap", progress=quiet)
    assert not (tmp_path / "a.mcap").exists()


def test_the_stages_own_actors_keep_their_bodies(tmp_path: Path) -> None:
    from stage.bodies.body import load_body
    from stage.bodies.profile import save_shape

    shape = np.zeros(load_body().shape_count)
    shape[0] = 1.5
    save_shape(tmp_path / "anna", load_body(), shape)
    config = Config(actors=(ActorSection(id="anna", profile=str(tmp_path / "anna")),))
    config = replace(config, record=RecordSection(folder=str(tmp_path)))
    options = ImportOptions(actors=("anna",))
    take = import_files([small_bvh(tmp_path)], config=config, options=options, progress=quiet)
    np.testing.assert_allclose(
        load_motions(TakeReader(take))["anna"].rest_joints, load_body().rest_body(shape).joints, atol=1e-6
    )


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = small_csv(tmp_path), tmp_path / "a_001.mcap"
    assert run(["import", str(path), "--out", str(out), "--actor", "anna"]) == 0
    assert "1 rows without a face" in capsys.readouterr().out
    assert run(["import", str(path), "--out", str(out)]) == 2
    assert "never overwritten" in capsys.readouterr().err
    (tmp_path / "a.fbx").write_bytes(b"Kaydara FBX Binary")
    assert run(["import", str(tmp_path / "a.fbx")]) == 2
    assert "Blender" in capsys.readouterr().err
    assert run(["import", str(tmp_path / "none.csv")]) == 2
    assert "No such file" in capsys.readouterr().err


def test_a_timecode_that_is_none_is_refused(tmp_path: Path) -> None:
    for options in (ImportOptions(timecode="10:00:00:99"), ImportOptions(rate="31")):
        with pytest.raises(StageError, match="timecode"):
            import_files([small_bvh(tmp_path)], out=tmp_path / "a.mcap", options=options, progress=quiet)
