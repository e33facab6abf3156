from __future__ import annotations

import socket
from pathlib import Path

import numpy as np
import pytest

from stage.config import CameraSection, Config, ConsoleSection
from stage.console import keeper as keeper_module
from stage.console.keeper import RETRY_S, PageKeeper
from stage.errors import BodyModelError
from tests.stage.console.samples import FACES


@pytest.fixture(autouse=True)
def faces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper_module, "mesh_faces", lambda: FACES)


def test_a_taken_port_is_told_once_and_tried_until_it_is_free(tmp_path: Path) -> None:
    now_s = 100.0
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        keeper = PageKeeper(Config(console=ConsoleSection(port=port)), tmp_path, lambda: now_s)
        for _ in range(50):
            assert keeper.open() is None
            now_s += 0.3
        assert [news.kind for news in keeper.news] == ["error"]
        assert f"127.0.0.1:{port}" in keeper.news.popleft().text
    now_s += RETRY_S
    page = keeper.open()
    assert page is not None and keeper.open() is page
    news = keeper.news.popleft()
    assert news.kind == "info" and f"http://127.0.0.1:{port}" in news.text and "token" not in news.text
    keeper.close()
    keeper.close()


def test_the_operator_is_told_where_the_token_is_but_not_the_token(tmp_path: Path) -> None:
    for token, where in (("sesame", "stage.toml"), ("", "console.token")):
        section = ConsoleSection(host="0.0.0.0", port=0, token=token)
        keeper = PageKeeper(Config(console=section), tmp_path)
        keeper.open()
        text = keeper.news.popleft().text
        keeper.close()
        assert where in text and "sesame" not in text
    assert (tmp_path / "console.token").read_text() not in text


def test_what_cannot_be_drawn_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_model() -> np.ndarray:
        raise BodyModelError("the body model is not prepared")

    monkeypatch.setattr(keeper_module, "mesh_faces", no_model)
    keeper = PageKeeper(Config(cameras=(CameraSection(id="left", source="device:0"),)), tmp_path)
    assert [(news.kind, word in news.text) for news, word in zip(keeper.news, ("left", "skeletons"), strict=True)] == [
        ("warning", True),
        ("warning", True),
    ]
