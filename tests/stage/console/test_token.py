from __future__ import annotations

from pathlib import Path

from stage.config import ConsoleSection
from stage.console.token import TOKEN_FILE, page_token


def test_on_loopback_no_token_is_asked_for(tmp_path: Path) -> None:
    assert page_token(ConsoleSection(token="secret"), tmp_path) == ""
    assert not list(tmp_path.iterdir())


def test_a_configured_token_is_used(tmp_path: Path) -> None:
    assert page_token(ConsoleSection(host="0.0.0.0", token="secret"), tmp_path) == "secret"
    assert not list(tmp_path.iterdir())


def test_a_token_is_made_once_for_each_run_and_only_for_its_owner(tmp_path: Path) -> None:
    section = ConsoleSection(host="0.0.0.0")
    token = page_token(section, tmp_path)
    assert len(token) >= 20 and page_token(section, tmp_path) == token
    assert (tmp_path / TOKEN_FILE).stat().st_mode & 0o777 == 0o600
    other = tmp_path / "other"
    other.mkdir()
    assert page_token(section, other) != token
