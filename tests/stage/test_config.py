from __future__ import annotations

import tempfile
import typing
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stage.config import Config, LiveLinkSection, MqttSection, Section, VmcSection, load, wishes_of
from stage.errors import ConfigError

MINIMAL = """
[stage]
calibration = "calibration.toml"

[[cameras]]
id = "left"
source = "file:left.mp4"

[[cameras]]
id = "right"
source = "images:right"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "calibration.toml").touch()
    (tmp_path / "left.mp4").touch()
    (tmp_path / "right").mkdir()
    return tmp_path


def load_text(folder: Path, text: str) -> Config:
    path = folder / "stage.toml"
    path.write_text(text)
    return load(path)


def complaint(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_text(folder, text)
    message = str(caught.value)
    assert message.startswith(str(folder / "stage.toml"))
    assert "\n" not in message
    return message


def test_paths_are_relative_to_the_file_and_become_absolute(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    config = load_text(folder, MINIMAL + '[[actors]]\nid = "alex"\n')
    assert config.cameras[0].source == f"file:{folder}/left.mp4"
    assert config.cameras[1].source == f"images:{folder}/right"
    assert config.stage.calibration == f"{folder}/calibration.toml"
    assert config.actors[0].profile == f"{folder}/actors/alex"


def test_defaults_that_depend_on_other_keys_are_filled_in(folder: Path) -> None:
    outputs = '[[outputs]]\nkind = "vmc"\n[[outputs]]\nkind = "mqtt"\n[[outputs]]\nkind = "osc"\nport = 9\n'
    config = load_text(folder, MINIMAL + outputs)
    assert [camera.calibration for camera in config.cameras] == [f"{folder}/calibration.toml"] * 2
    assert [camera.calibration_id for camera in config.cameras] == ["left", "right"]
    assert [actor.id for actor in config.actors] == ["actor"]
    assert [output.id for output in config.outputs] == ["vmc-1", "mqtt-2", "osc-3"]
    assert [output.port for output in config.outputs] == [39539, 1883, 9]
    assert [output.actor for output in config.outputs] == ["actor", "", ""]
    broker = config.outputs[1]
    assert isinstance(broker, MqttSection)
    assert broker.prefix == "stage/stage"
    assert config.stage.tolerance_ms == pytest.approx(1000 / 30 / 2)


def test_live_link_and_timecode_defaults(folder: Path) -> None:
    stage = MINIMAL.replace("[stage]", '[stage]\nname = "hall"\nrate = 25.0')
    config = load_text(folder, stage + '[[outputs]]\nkind = "livelink"\n')
    (output,) = config.outputs
    assert isinstance(output, LiveLinkSection)
    assert (output.port, output.device_id, output.device_seed) == (11111, "", "hall")
    assert config.timecode.rate == "25"


def test_a_resolved_config_survives_json(folder: Path) -> None:
    config = load_text(folder, MINIMAL + '[[outputs]]\nkind = "vmc"\n')
    assert msgspec.json.decode(msgspec.json.encode(config), type=Config) == config


def test_a_resolved_config_holds_no_relative_path(folder: Path) -> None:
    (folder / "network.toml").touch()
    (folder / "keys").touch()
    text = '[body]\nnetwork = "./network.toml"\n[bus]\njpeg_host = "0.0.0.0"\ncurve_secret_key_file = "keys"\n'
    config = load_text(folder, MINIMAL + text)
    assert config.body.network == f"{folder}/network.toml"
    assert config.bus.curve_secret_key_file == f"{folder}/keys"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[bodi]\n", ["unknown key bodi", '"body"']),
        ('[body]\nnetwrk = "x"\n', ["unknown key body.netwrk", '"network"']),
        ("[console]\nzzz = 1\n", ["unknown key console.zzz", "known are enabled, host, port"]),
        ('[[cameras]]\nid = "c"\nsorce = "x"\n', ["unknown key cameras[2].sorce", '"source"']),
        ('[[cameras]]\nid = "c"\n', ["cameras[2]", "missing key `source`"]),
        ('[[cameras]]\nid = "left"\nsource = "device:0"\n', ["cameras[2].id", '"left"', "cameras[0]"]),
        ('[[actors]]\nid = "a"\n[[actors]]\nid = "a"\n', ["actors[1].id", "actors[0]"]),
        ('[[outputs]]\nkind = "vmc"\nid = "o"\n[[outputs]]\nkind = "osc"\nid = "o"\n', ["outputs[1].id", "outputs[0]"]),
        ('[[actors]]\nid = "alex"\n[[outputs]]\nkind = "vmc"\nactor = "alx"\n', ['no actor "alx"', '"alex"']),
        ('[[outputs]]\nkind = "vcm"\n', ["outputs[0].kind", '"vcm"', '"vmc"']),
        ('[[outputs]]\nkind = "vmc"\nport = 70000\n', ["outputs[0].port", "65535"]),
        ('[[outputs]]\nkind = "vmc"\nhost = ""\n', ["outputs[0].host", "empty"]),
        ('[[outputs]]\nkind = "vmc"\nblends = ["arkid"]\n', ["outputs[0].blends", '"arkid"', '"arkit"']),
        ('[[outputs]]\nkind = "vmc"\nblends = "arkit"\n', ["outputs[0].blends", 'blends = ["arkit"]']),
        ('[[outputs]]\nkind = "vmc"\nblends = ["vrm0", "vrm0"]\n', ["outputs[0].blends", "twice"]),
        ('[[outputs]]\nkind = "osc"\nblends = ["vrm0"]\n', ["outputs[0].blends", "kind osc", "only vmc"]),
        ('[[outputs]]\nkind = "osc"\nrest = "t"\n', ["outputs[0].rest"]),
        ('[[outputs]]\nkind = "osc"\ntrace = true\n', ["outputs[0].trace", "only vmc"]),
        ('[[outputs]]\nkind = "vmc"\npassword = "x"\n', ["outputs[0].password", "only mqtt"]),
        ('[[outputs]]\nkind = "vmc"\n[[outputs]]\nkind = "vmc"\n', ["outputs[1]", "outputs[0]", "another port"]),
        ('[[outputs]]\nkind = "mqtt"\n[[outputs]]\nkind = "mqtt"\n', ["outputs[1]", "outputs[0]", "another prefix"]),
        ('[[outputs]]\nkind = "mqtt"\nprefix = "a/#"\n', ["outputs[0].prefix", '"a/#"']),
        ('[[outputs]]\nkind = "mqtt"\nprefix = "$SYS/a"\n', ["outputs[0].prefix", '"$SYS/a"']),
        ('[[outputs]]\nkind = "mqtt"\npassword = "x"\n', ["outputs[0].username"]),
        ('[[outputs]]\nkind = "livelink"\ndevice_id = "iPhone"\n', ["outputs[0].device_id", "36 ASCII characters"]),
        (f'[[outputs]]\nkind = "livelink"\nsubject = "{"x" * 469}"\n', ["outputs[0].subject", "1 to 468 bytes"]),
        (
            '[[actors]]\nid = "a"\n[[actors]]\nid = "b"\n[[outputs]]\nkind = "livelink"\nsubject = "s"\n',
            ["one actor's"],
        ),
        ('[timecode]\nrate = "29.97"\noffset = "00:00:00;00"\n', ["timecode.offset", "drop-frame"]),
        ('[timecode]\nrate = "25"\noffset = "00:00:00:25"\n', ["timecode.offset", "23:59:59:24"]),
        ('[timecode]\nrate = "31"\n', ["timecode.rate", "29.97df"]),
        ("[latency]\nsolve_ms = nan\n", ["latency.solve_ms", "nan"]),
        ("[body]\nthreads = 0\n", ["body.threads", ">= 1"]),
        ('[body]\nsmoothing = "much"\n', ["body.smoothing", "expected `float`, got `str`"]),
        ('[body]\nengine = "tensorflow"\n', ["body.engine", "openvino"]),
        ('[body]\nnetwork = "nets/mine.toml"\n', ["body.network", "nets/mine.toml", "No such file"]),
        ('[[cameras]]\nid = "c"\nsource = "file:gone.mp4"\n', ["cameras[2].source", "gone.mp4", "No such file"]),
        ('[[cameras]]\nid = "c"\nsource = "gone.mp4"\n', ["cameras[2].source", '"file:gone.mp4"']),
        ('[[cameras]]\nid = "c"\nsource = "rstp://host/x"\n', ['"rstp"', '"rtsp"']),
        ('[[cameras]]\nid = "c"\nsource = "device:front"\n', ['"front"', "device:0"]),
        ('[[cameras]]\nid = "c"\nsource = "file:right"\n', ["cameras[2].source", '"images:"']),
        ('[[cameras]]\nid = "c"\nsource = "images:left.mp4"\n', ["cameras[2].source", '"file:"']),
        ('[[cameras]]\nid = "a b"\nsource = "device:0"\n', ["cameras[2].id", '"a b"', "letters"]),
        ('[[actors]]\nid = "../../etc"\n', ["actors[0].id", "letters"]),
        ('[[actors]]\nid = "a"\nprofile = "left.mp4"\n', ["actors[0].profile", "folder"]),
        ('[[actors]]\nid = "a"\nprofile = "~nobody-of-that-name/x"\n', ["actors[0].profile"]),
        ('[[actors]]\nid = "a\\nb"\n', ["actors[0].id", "cannot be printed"]),
        ("[actors]\n", ["[[actors]]"]),
        ("[[body]]\n", ["[body]"]),
        ('[bus]\njpeg_host = "0.0.0.0"\n', ["bus.jpeg_host", "curve_secret_key_file"]),
        ("[console]\nport = 9464\n", ["metrics.port", "9464", "console.port"]),
    ],
)
def test_a_mistake_is_named_with_its_place_and_what_to_do(folder: Path, text: str, parts: list[str]) -> None:
    message = complaint(folder, MINIMAL + text)
    for part in parts:
        assert part in message


def test_an_output_says_which_expressions_it_sends(folder: Path) -> None:
    outputs = '[[outputs]]\nkind = "vmc"\n' * 2 + 'port = 9\nblends = ["vrm1", "arkit"]\neyes = false\n'
    first, second = load_text(folder, MINIMAL + outputs).outputs
    assert isinstance(first, VmcSection)
    assert isinstance(second, VmcSection)
    assert (wishes_of(first).blends, first.eyes) == (("arkit", "vrm0"), True)
    assert (wishes_of(second).blends, second.eyes) == (("vrm1", "arkit"), False)


def test_an_avatar_lies_beside_the_stage_toml(folder: Path) -> None:
    output = '[[outputs]]\nkind = "vmc"\navatar = "anna.vrm"\n'
    assert "outputs[0].avatar" in complaint(folder, MINIMAL + output)
    (folder / "anna.vrm").touch()
    (section,) = load_text(folder, MINIMAL + output).outputs
    assert isinstance(section, VmcSection)
    assert Path(section.avatar) == folder / "anna.vrm"


def test_a_syntax_error_is_named_with_its_line(folder: Path) -> None:
    assert "line 3" in complaint(folder, "[stage]\nrate = 30\nname = \n")


def test_a_stage_needs_cameras(folder: Path) -> None:
    assert "no cameras" in complaint(folder, "")


def test_a_real_camera_needs_a_calibration_and_a_synthetic_one_does_not(folder: Path) -> None:
    assert "no calibration" in complaint(folder, '[[cameras]]\nid = "c"\nsource = "device:0"\n')
    load_text(folder, '[[cameras]]\nid = "c"\nsource = "synthetic:walk"\n')


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x = " + b"9" * 5000, b"x = " + b"[" * 50_000, b" " * 2_000_000])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "stage.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"stage\.toml"):
        load(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load(tmp_path / "stage.toml")
    with pytest.raises(ConfigError, match="is a folder"):
        load(tmp_path)


KEYS = sorted({"stage", "cameras", "actors", "body", "outputs", "bus", "id", "source", "kind", "port", "rate", "x"})
VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["file:a", "device:0", "vmc"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


def toml_value(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    return msgspec.json.encode(value).decode() if not isinstance(value, float) else repr(value)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5))
def test_any_toml_gives_a_config_or_one_typed_line(tables: dict[str, object]) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "stage.toml")
        path.write_text("\n".join(f"{key} = {toml_value(value)}" for key, value in tables.items()))
        try:
            load(path)
        except ConfigError as error:
            assert "stage.toml" in str(error)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_a_config_or_one_typed_line(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "stage.toml")
        path.write_bytes(content)
        try:
            load(path)
        except ConfigError as error:
            assert "stage.toml" in str(error)


def section_types() -> list[type[Section]]:
    hints = typing.get_type_hints(Config).values()
    items = [typing.get_args(hint)[0] if typing.get_args(hint) else hint for hint in hints]
    return [kind for item in items for kind in typing.get_args(item) or (item,)]


@pytest.mark.parametrize("section", section_types())
def test_every_section_refuses_unknown_keys(section: type[Section]) -> None:
    assert section.__struct_config__.forbid_unknown_fields
    assert section.__struct_config__.frozen


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ('[[inputs]]\nkind = "vmc"\n[[inputs]]\nkind = "vmc"\n', ["inputs[1].port", "inputs[0]", "39540"]),
        ('[control]\nenabled = true\nport = 9\n[[inputs]]\nkind = "vmc"\nport = 9\n', ["inputs[0].port", "[control]"]),
        ('[face]\nenabled = false\n[[inputs]]\nkind = "livelink"\n', ["inputs[0].take", "[face] enabled"]),
    ],
)
def test_inputs_that_cannot_work_are_refused(folder: Path, inputs: str, words: list[str]) -> None:
    said = complaint(folder, MINIMAL + inputs)
    assert all(word in said for word in words), said


def test_a_stage_without_cameras_needs_somebody_to_place_the_body(folder: Path) -> None:
    gloves = '[[inputs]]\nkind = "vmc"\ntake = ["fingers"]\n'
    assert '"hips"' in complaint(folder, gloves)
    assert load_text(folder, gloves + '[[inputs]]\nkind = "vmc"\nport = 39541\ntake = ["hips", "spine"]\n').inputs
    assert load_text(folder, MINIMAL + gloves).inputs
    assert load_text(folder, '[[inputs]]\nkind = "livelink"\n').cameras == ()
