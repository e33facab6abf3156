from __future__ import annotations

import logging
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from websockets.exceptions import InvalidStatus

from stage.cameras.camera import Camera
from stage.config import Config, ConsoleSection
from stage.console.page import ConsolePage
from stage.errors import ConsoleError
from tests.stage.console.browser import FakeBrowser, until, updates_of
from tests.stage.console.samples import FACES, mesh, performance

VERTICES = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)


@contextmanager
def page_of(section: ConsoleSection, cameras: list[Camera], token: str = "") -> Iterator[ConsolePage]:
    page = ConsolePage(Config(console=section), cameras, FACES, token)
    try:
        yield page
    finally:
        page.close()


def test_a_browser_gets_the_page_and_what_moves(
    ring_of_cameras: list[Camera], capfd: pytest.CaptureFixture[str]
) -> None:
    with page_of(ConsoleSection(port=0), ring_of_cameras) as page:
        with urllib.request.urlopen(page.url) as answer:
            assert b"<html" in answer.read()
        assert page.clients == 0
        with FakeBrowser(page.url) as browser:
            until(lambda: page.clients == 1)
            browser.until(lambda message: message["type"] == "CameraFrustumMessage")
            page.scene.show_mesh(mesh(VERTICES))
            body = browser.until(lambda message: message["type"] == "MeshMessage")
            assert np.frombuffer(body["props"]["vertices"], np.float32).tolist() == VERTICES.ravel().tolist()
            with page.together():
                page.scene.show_performance(performance())
                page.scene.show_mesh(mesh(VERTICES + np.float32(1)))
            moved = browser.until(lambda message: "vertices" in updates_of(message, "/actors/0/mesh"))
            assert np.frombuffer(moved["updates"]["vertices"], np.float32).tolist() == (VERTICES + 1).ravel().tolist()
        until(lambda: page.clients == 0)
    assert capfd.readouterr().out == ""


def test_only_the_newest_reaches_a_browser_that_comes_late(ring_of_cameras: list[Camera]) -> None:
    with page_of(ConsoleSection(port=0), ring_of_cameras) as page:
        for shift in range(200):
            page.scene.show_mesh(mesh(VERTICES + np.float32(shift)))
        with FakeBrowser(page.url) as browser:
            seen = [m for m in browser.messages(1.0) if "vertices" in updates_of(m, "/actors/0/mesh")]
            assert len(seen) == 1
            assert np.frombuffer(seen[0]["updates"]["vertices"], np.float32)[0] == VERTICES[0, 0] + np.float32(199)


def test_beyond_loopback_nothing_is_shown_without_the_token(ring_of_cameras: list[Camera]) -> None:
    with page_of(ConsoleSection(host="0.0.0.0", port=0), ring_of_cameras, token="sesame") as page:
        url = page.url.replace("0.0.0.0", "127.0.0.1")
        with pytest.raises(urllib.error.HTTPError, match="401") as refused:
            urllib.request.urlopen(url)
        refused.value.close()
        with pytest.raises(InvalidStatus), FakeBrowser(url):
            pass
        assert page.refused == 2 and page.clients == 0
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with opener.open(f"{url}/?token=sesame") as answer:
            assert b"<html" in answer.read() and answer.url == f"{url}/"
        cookie = next(iter(next(h for h in opener.handlers if hasattr(h, "cookiejar")).cookiejar))  # type: ignore[attr-defined]
        with FakeBrowser(url, Cookie=f"{cookie.name}={cookie.value}") as browser:
            browser.until(lambda message: message["type"] == "CameraFrustumMessage")


def test_a_page_beyond_loopback_cannot_be_made_without_a_token() -> None:
    with pytest.raises(ValueError, match="token"):
        ConsolePage(Config(console=ConsoleSection(host="0.0.0.0", port=0)), [], FACES)


def test_a_page_of_another_site_reaches_nothing(ring_of_cameras: list[Camera]) -> None:
    with page_of(ConsoleSection(port=0), ring_of_cameras) as page:
        with pytest.raises(InvalidStatus), FakeBrowser(page.url, Origin="https://evil.example"):
            pass
        with FakeBrowser(page.url, Origin=page.url):
            until(lambda: page.clients == 1)


def test_a_taken_port_is_an_error_and_leaves_nothing_running() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        threads = threading.active_count()
        with pytest.raises(ConsoleError, match="in use"):
            ConsolePage(Config(console=ConsoleSection(port=taken.getsockname()[1])), [], FACES)
        assert threading.active_count() == threads


def test_a_closed_page_gives_its_port_back() -> None:
    with page_of(ConsoleSection(port=0), []) as page:
        port = int(page.url.rpartition(":")[2])
    with page_of(ConsoleSection(port=port), []) as page:
        assert page.url.endswith(f":{port}")


def test_nonsense_ends_the_connection_and_nothing_else(
    ring_of_cameras: list[Camera], caplog: pytest.LogCaptureFixture
) -> None:
    with page_of(ConsoleSection(port=0), ring_of_cameras) as page, caplog.at_level(logging.WARNING):
        with FakeBrowser(page.url) as browser:
            until(lambda: page.clients == 1)
            browser.send(b"\x93nonsense")
            until(lambda: page.clients == 0)
        with FakeBrowser(page.url):
            until(lambda: page.clients == 1)
    assert not caplog.records


def test_no_browser_opens_a_tunnel_to_the_internet(ring_of_cameras: list[Camera]) -> None:
    with page_of(ConsoleSection(port=0), ring_of_cameras) as page:
        assert page._server.request_share_url() is None
