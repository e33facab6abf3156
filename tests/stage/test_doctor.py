from __future__ import annotations

import socket
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from stage.config import (
    CameraSection,
    Config,
    ConsoleSection,
    FaceSection,
    HandsSection,
    MetricsSection,
)
from stage.doctor import Finding, examine, run_doctor
from stage.doctor import _machine as machine
from stage.doctor import _parts as parts
from stage.doctor import _stage as stage_checks
from tests.sections import output_section
from tests.stage.outputs.performers import REST_JOINTS
from tests.vrm_files import skeleton, vrm0, write_glb


def test_a_finding_is_one_line_that_ends_with_what_to_do() -> None:
    assert Finding("ok", "cores", "4").line().split() == ["ok", "cores", "4"]
    assert Finding("fail", "shm", "full", "enlarge it").line().endswith("full -> enlarge it")


@pytest.mark.parametrize(
    ("version", "level"), [((3, 10, 9), "fail"), ((3, 11, 0), "ok"), ((3, 13, 9), "ok"), ((3, 14, 0), "fail")]
)
def test_python_versions(version: tuple[int, int, int], level: str) -> None:
    assert machine.check_python(version).level == level


def test_the_permitted_python_versions_are_those_of_the_package() -> None:
    pyproject = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert pyproject["project"]["requires-python"] == ">=3.11,<3.14"


def test_the_processor_decides_the_precision() -> None:
    assert "bf16" in machine.check_cpu(frozenset({"avx2", "avx512_bf16"}), "x86_64").fact
    assert "f32" in machine.check_cpu(frozenset({"avx2"}), "x86_64").fact
    assert machine.check_cpu(frozenset({"sse2"}), "x86_64").level == "warn"
    assert machine.check_cpu(frozenset(), "aarch64").level == "ok"


def test_a_small_machine_is_warned_about() -> None:
    assert machine.check_cores(1).level == "warn"
    assert machine.check_cores(2).level == "ok"
    assert machine.check_memory(500_000_000).level == "warn"
    assert machine.check_memory(8_000_000_000).level == "ok"


def test_shared_memory_must_hold_the_rings(tmp_path: Path) -> None:
    assert machine.check_shared_memory(tmp_path / "gone", 1).level == "fail"
    assert machine.check_shared_memory(tmp_path, 1_000_000_000).level == "warn"
    assert machine.check_shared_memory(tmp_path, 0).level == "ok"


def test_cameras_are_listed_by_the_index_that_opens_them(tmp_path: Path) -> None:
    assert "no " in next(machine.check_cameras(tmp_path)).fact
    (tmp_path / "video7").touch()
    assert '"device:7"' in next(machine.check_cameras(tmp_path)).fact


def test_the_clock_is_fine_enough() -> None:
    finding = machine.check_clock()
    assert "ns" in finding.fact
    assert finding.level in ("ok", "warn")


def test_a_missing_package_fails() -> None:
    finding = parts.check_packages(("pytest", "no-package-of-this-name"))
    assert finding.level == "fail"
    assert "no-package-of-this-name" in finding.fact
    assert parts.check_packages(("pytest",)).fact == f"pytest {metadata.version('pytest')}"


def test_an_empty_or_damaged_cache_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGE_CACHE", str(tmp_path))
    finding = parts.check_network("mediapipe-pose")
    assert (finding.level, finding.advice) == ("fail", "run `stage models`")
    path = parts.path_of("mediapipe-pose")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"half a network")
    assert "damaged" in parts.check_network("mediapipe-pose").fact
    assert parts.check_body_model().level == "fail"


def test_networks_of_hands_and_faces_that_do_not_exist_are_told() -> None:
    config = Config(hands=HandsSection(network="mediapipe-hnad"), face=FaceSection(network="other"))
    hands, face = parts.check_named_networks(config)
    assert hands.level == "fail" and "[hands] names 'mediapipe-hnad'; known are" in hands.fact
    assert face.level == "fail" and "mediapipe-face" in face.fact
    unused = Config(hands=HandsSection(enabled=False, network="other"), face=FaceSection(enabled=False))
    assert list(parts.check_named_networks(unused)) == []


def test_a_port_in_use_is_warned_about_and_a_free_one_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        finding = stage_checks.check_port_free("console", "127.0.0.1", port)
        assert (finding.level, str(port) in finding.fact) == ("warn", True)
        assert "[console]" in finding.advice
    assert stage_checks.check_port_free("console", "127.0.0.1", port).level == "ok"


def test_a_local_receiver_is_seen() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        output = output_section("vmc", id="engine", port=receiver.getsockname()[1])
        assert stage_checks.check_receiver(output).level == "ok"
    assert stage_checks.check_receiver(output).level == "warn"


def test_an_avatar_is_read(tmp_path: Path) -> None:
    path = write_glb(tmp_path / "anna.vrm", vrm0(*skeleton(REST_JOINTS)))
    found = stage_checks.check_avatar(output_section("vmc", avatar=str(path)))
    assert found.level == "ok" and "55 bones, 2 expressions" in found.fact
    path.write_bytes(path.read_bytes()[:-4])
    found = stage_checks.check_avatar(output_section("vmc", avatar=str(path)))
    assert found.level == "fail" and "ends after" in found.fact


def test_a_broker_is_asked_for_a_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        output = output_section("mqtt", id="broker", port=server.getsockname()[1])
        assert stage_checks.check_broker(output).level == "ok"
    assert stage_checks.check_broker(output).level == "warn"


def test_files_for_a_broker_are_read(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nonsense", encoding="utf-8")
    finding = stage_checks.check_broker(output_section("mqtt", id="b", tls=True, ca_file=str(tmp_path / "ca.pem")))
    assert (finding.level, "ca.pem" in finding.fact) == ("fail", True)


def test_a_device_that_is_not_there_fails() -> None:
    camera = CameraSection(id="c", source="device:4711")
    assert stage_checks.check_device(camera).level == "fail"


def test_a_calibration_must_know_every_camera(tmp_path: Path) -> None:
    path = tmp_path / "calibration.toml"
    path.write_text(
        'format = "stage-calibration"\nversion = 1\n[cameras.left]\nsize = [640, 480]\n'
        "matrix = [[500, 0, 320], [0, 500, 240], [0, 0, 1]]\ndistortion = []\n"
        "rotation = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]\ntranslation = [0, 1, 3]\n"
    )
    left = CameraSection(id="a", source="device:0", calibration=str(path), calibration_id="left")
    right = CameraSection(id="b", source="device:1", calibration=str(path), calibration_id="right")
    assert next(stage_checks.check_calibrations(Config(cameras=(left,)))).level == "ok"
    finding = next(stage_checks.check_calibrations(Config(cameras=(left, right))))
    assert (finding.level, "right" in finding.fact) == ("fail", True)


def test_a_stage_that_serves_nothing_needs_no_port() -> None:
    config = Config(console=ConsoleSection(enabled=False), metrics=MetricsSection(enabled=False))
    assert list(stage_checks.check_stage(config)) == []


def test_a_bad_config_is_one_finding_among_the_others(tmp_path: Path) -> None:
    findings = list(examine(tmp_path / "gone.toml"))
    assert findings[0].level == "fail"
    assert {"python", "cpu", "shm", "networks", "ports"} <= {finding.subject for finding in findings}


def test_the_status_tells_of_failures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_doctor(tmp_path / "gone.toml") == 1
    assert "failures" in capsys.readouterr().out.splitlines()[-1]
