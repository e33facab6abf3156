"""A take's config, calibrations and profiles as things to work with; nothing a take says leads out of the folder."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocols.errors import TakeError
from protocols.takefile import TakeReader, TakeWriter
from stage.cameras.calibration import load_calibration, save_calibration
from stage.config import ActorSection, CameraSection, Config, StageSection, VmcSection
from stage.errors import ConfigError
from stage.resolve.settings import settings as solve_settings
from stage.takes.about import attached_files
from stage.takes.contents import recorded_config, unpack
from tests.stage.solving.synthetic_views import ring_of_cameras

ANNA = {"body.toml": b"version = 1\n", "face.npz": b"PK\x05\x06"}


def stage_in(folder: Path) -> Config:
    """Two calibrated cameras, an actor who is known and one who is not."""
    cameras = ring_of_cameras(2)
    path = folder / "stage calibration.toml"
    save_calibration(path, cameras)
    (folder / "anna").mkdir()
    for name, data in ANNA.items():
        (folder / "anna" / name).write_bytes(data)
    return Config(
        stage=StageSection(calibration=str(path)),
        cameras=tuple(CameraSection(id=c.id, source="device:0", calibration=str(path)) for c in cameras),
        actors=(
            ActorSection(id="anna", profile=str(folder / "anna")),
            ActorSection(id="bert", profile=str(folder / "bert")),
        ),
    )


def take_with(path: Path, files: dict[str, bytes]) -> TakeReader:
    writer = TakeWriter(path)
    for name, data in files.items():
        writer.attach(name, data, "application/octet-stream", 0)
    writer.finish({})
    return TakeReader(path)


def files_of(config: Config) -> dict[str, bytes]:
    return {file.name: file.data for file in attached_files(config)}


def test_what_a_stage_used_is_there_again(tmp_path: Path):
    config = stage_in(tmp_path)
    take = take_with(tmp_path / "take.mcap", files_of(config))
    assert recorded_config(take) == config
    (tmp_path / "out").mkdir()
    again = unpack(take, tmp_path / "out")
    assert again.cameras[0].calibration == again.cameras[1].calibration == again.stage.calibration
    assert load_calibration(Path(again.cameras[0].calibration)).keys() == {camera.id for camera in config.cameras}
    anna, bert = (Path(actor.profile) for actor in again.actors)
    assert {file.name: file.read_bytes() for file in anna.iterdir()} == ANNA
    assert bert.is_dir()
    assert list(bert.iterdir()) == []
    assert all(path.is_relative_to(tmp_path / "out") for path in (anna, bert, Path(again.stage.calibration)))


def test_a_profile_that_was_attached_later_counts(tmp_path: Path):
    config = stage_in(tmp_path)
    writer = TakeWriter(tmp_path / "take.mcap")
    for name, data in [
        *files_of(config).items(),
        ("actors/bert/body.toml", b"measured"),
        ("actors/anna/face.npz", b"x"),
    ]:
        writer.attach(name, data, "", 0)
    writer.finish({})
    (tmp_path / "out").mkdir()
    anna, bert = (Path(a.profile) for a in unpack(TakeReader(tmp_path / "take.mcap"), tmp_path / "out").actors)
    assert (bert / "body.toml").read_bytes() == b"measured"
    assert (anna / "face.npz").read_bytes() == b"x"


@pytest.mark.parametrize("config", [b"", b"{", b"[]", b'{"actors": 1}', b"\xff", None])
def test_no_config_or_another_releases_is_said(tmp_path: Path, config: bytes | None):
    take = take_with(tmp_path / "take.mcap", {} if config is None else {"config.json": config})
    with pytest.raises(TakeError, match="config"):
        unpack(take, tmp_path)


@pytest.mark.parametrize(
    "config",
    [
        Config(stage=StageSection(name="../../etc")),
        Config(cameras=(CameraSection(id="../left", source="device:0"),)),
        Config(cameras=(CameraSection(id="left", source="device:0", face_of="nobody"),)),
        Config(actors=(ActorSection(id="a\x1b[2J"),)),
        Config(actors=(ActorSection(id="anna"), ActorSection(id="anna"))),
        Config(actors=(ActorSection(id="anna"),), outputs=(VmcSection(id="a/b"),)),
        Config(actors=(ActorSection(id="anna"),), outputs=(VmcSection(id="a", actor="../bert"),)),
        Config(actors=tuple(ActorSection(id=f"a{number}") for number in range(1000))),
    ],
)
def test_names_that_no_stage_has_are_refused(tmp_path: Path, config: Config):
    take = take_with(tmp_path / "take.mcap", {"config.json": msgspec.json.encode(config)})
    with pytest.raises(TakeError, match=r"none that a stage can have had"):
        unpack(take, tmp_path)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path):
    take = take_with(tmp_path / "take.mcap", files_of(stage_in(tmp_path)))
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(TakeError, match="cannot be unpacked"):
        unpack(take, tmp_path / "file")


PARTS = st.sampled_from(
    ["..", "/", ".", "anna", "a.npz", "~", "\\", "x.toml", "C:", "\0", "\n", "0", "calibration", "é"]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    actor=st.just("anna") | st.lists(PARTS, max_size=4).map("/".join),
    file=st.lists(PARTS, min_size=1, max_size=4).map("/".join),
    calibration=st.lists(PARTS, min_size=1, max_size=4).map("/".join),
)
def test_nothing_is_written_outside_whatever_a_take_says(
    tmp_path_factory: pytest.TempPathFactory, actor: str, file: str, calibration: str
):
    root = tmp_path_factory.mktemp("root")
    config = Config(
        stage=StageSection(calibration=calibration),
        cameras=(CameraSection(id="left", source="device:0", calibration=calibration),),
        actors=(ActorSection(id=actor, profile=f"/{actor}"),),
    )
    files = {
        "config.json": msgspec.json.encode(config),
        f"actors/{actor}/{file}": b"1",
        f"calibration/0/{Path(calibration).name}": b"2",
    }
    take = take_with(root / "take.mcap", files)
    (root / "out").mkdir()
    try:
        again = unpack(take, root / "out")
    except TakeError:  # a name that no stage has
        again = None
    written = {path for path in root.rglob("*") if path.is_file()}
    assert all(path.is_relative_to(root / "out") for path in written - {root / "take.mcap"})
    if again is None:
        return
    for path in (again.stage.calibration, again.cameras[0].calibration, again.actors[0].profile):
        assert path == "" or Path(path).resolve().is_relative_to(root / "out")


def test_a_name_that_no_stage_has_goes_into_no_track(tmp_path: Path):
    take = take_with(tmp_path / "take.mcap", files_of(stage_in(tmp_path)))
    (tmp_path / "out").mkdir()
    with pytest.raises(ConfigError, match="usable name"):
        solve_settings(take, tmp_path / "out", assignments=["stage.name=../x"])
