from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from stage.errors import NetworkError
from stage.networks import store
from stage.networks.store import NetworkFile, ensure, install_from_wheel, is_intact, path_of, run_models

CONTENT = b"the network"


@pytest.fixture(autouse=True)
def small_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store of one small network, in a cache of its own."""
    monkeypatch.setenv("STAGE_CACHE", str(tmp_path / "cache"))
    known = {"small": NetworkFile("package/small.tflite", hashlib.sha256(CONTENT).hexdigest())}
    monkeypatch.setattr(store, "NETWORK_FILES", known)


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return make_wheel(tmp_path, CONTENT)


def make_wheel(folder: Path, content: bytes, member: str = "package/small.tflite") -> Path:
    path = folder / "some.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, content)
    return path


def test_a_wheel_fills_the_cache(wheel: Path) -> None:
    assert not is_intact("small")
    lines: list[str] = []
    assert run_models(wheel, lines.append) == 0
    assert is_intact("small") and ensure("small").read_bytes() == CONTENT
    assert len(lines) == 1 and str(path_of("small")) in lines[0] and "verified" in lines[0]
    assert [path.name for path in path_of("small").parent.iterdir()] == ["small.tflite"]


def test_a_full_cache_needs_no_wheel(wheel: Path) -> None:
    install_from_wheel(wheel)
    wheel.unlink()
    assert run_models(report=lambda _line: None) == 0


def test_a_damaged_cache_is_noticed_and_mended(wheel: Path) -> None:
    install_from_wheel(wheel)
    path_of("small").write_bytes(CONTENT[:-1])
    assert not is_intact("small")
    install_from_wheel(wheel)
    assert is_intact("small")


def test_another_wheel_is_refused_and_leaves_the_cache_alone(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="SHA-256"):
        install_from_wheel(make_wheel(tmp_path, b"another network"))
    assert not path_of("small").exists()


@pytest.mark.parametrize("case", ["missing", "no zip", "other members"])
def test_what_is_no_such_wheel_is_refused(tmp_path: Path, case: str) -> None:
    path = tmp_path / "some.whl"
    if case == "no zip":
        path.write_bytes(b"PK nothing")
    elif case == "other members":
        make_wheel(tmp_path, CONTENT, "package/other.tflite")
    with pytest.raises(NetworkError, match="is not a readable wheel of mediapipe"):
        install_from_wheel(path)


def test_offline_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setattr(store, "WHEEL_PLATFORMS", store.WHEEL_PLATFORMS[:1])
    with pytest.raises(NetworkError, match=r"cannot download mediapipe==0\.10\.21 .*--from-wheel FILE"):
        ensure("small")


def test_an_unknown_network_is_named_with_the_known_ones() -> None:
    with pytest.raises(NetworkError, match="no network named 'smal'; known are small"):
        ensure("smal")


def test_a_cache_that_cannot_be_written_is_named(wheel: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(NetworkError, match="set STAGE_CACHE to a writable folder"):
        install_from_wheel(wheel)
