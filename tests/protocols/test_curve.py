from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocols.curve import create_keys, is_loopback, load_pair, main, require_keys, tcp_endpoint
from protocols.errors import BusError


def test_the_secret_key_is_its_users_alone(tmp_path: Path) -> None:
    public_file, secret_file = create_keys(tmp_path / "keys", "stage")
    assert secret_file.stat().st_mode & 0o077 == 0
    public, secret = load_pair(secret_file)
    assert len(public) == len(secret) == 40
    assert public.decode() in public_file.read_text()
    assert secret.decode() not in public_file.read_text()


def test_a_public_key_is_no_secret_key(tmp_path: Path) -> None:
    public_file, _ = create_keys(tmp_path, "stage")
    with pytest.raises(BusError, match=r"key_secret"):
        load_pair(public_file)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(BusError, match=r"none\.key_secret"):
        load_pair(tmp_path / "none.key_secret")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=80) | st.binary(max_size=50).map(lambda key: b'public-key = "' + key + b'"'))
def test_any_other_file_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "stage.key_secret"
    file.write_bytes(content)
    with pytest.raises(BusError):
        load_pair(file)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("*", False),
        ("::", False),
        ("192.168.1.5", False),
        ("stage.example", False),
        ("127.0.0.1.example", False),
        ("", False),
    ],
)
def test_only_loopback_needs_no_keys(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
    require_keys(host, Path("stage.key_secret"))
    if loopback:
        require_keys(host, None)
    else:
        with pytest.raises(BusError, match="curve_secret_key_file"):
            require_keys(host, None)


def test_addresses() -> None:
    assert tcp_endpoint("127.0.0.1", 5600) == "tcp://127.0.0.1:5600"
    assert tcp_endpoint("::1", 5600) == "tcp://[::1]:5600"


def test_keys_are_made_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "console"]) == 0
    _, secret_file = capsys.readouterr().out.splitlines()
    assert len(load_pair(Path(secret_file))[1]) == 40


@pytest.mark.parametrize("arguments", [[], ["folder"], ["folder", "a/b"], ["/dev/null/folder", "name"]])
def test_keys_that_cannot_be_made_are_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1
