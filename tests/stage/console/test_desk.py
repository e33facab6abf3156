from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pytest
import viser

from protocols.messages import Event, FrameNote, Solved
from protocols.ring import RING_PREFIX, RingWriter
from protocols.show import CommandReply, StopRecording
from stage.cameras.camera import Camera
from stage.command_book import PATIENCE_S
from stage.config import CameraSection, Config, ConsoleSection
from stage.console import colours
from stage.console.desk import MAX_MESH_RATE, ConsoleDesk
from stage.console.history import SAMPLE_S
from stage.console.page import ConsolePage
from tests.stage.console.browser import FakeBrowser, until, updates_of
from tests.stage.console.samples import FACES, heartbeat, mesh, performance
from tests.stage.control.show import output_state, recorder_state
from tests.stage.outputs.faces import face, face_performance

NAME = f"{RING_PREFIX}desk-{os.getpid()}"
HELMET = CameraSection(id="helmet", source="device:1", face_of="ada")
CONFIG = Config(cameras=(HELMET,), console=ConsoleSection(port=0, thumbnail_rate=5.0))
VERTICES = np.zeros((4, 3), np.float32)


class Desk:
    """A desk with a page, whose clock is turned by hand."""

    def __init__(self, cameras: list[Camera]) -> None:
        self.now_s = 0.0
        self.desk = ConsoleDesk(CONFIG, lambda: self.now_s)
        self.page = self.desk.page = ConsolePage(CONFIG, cameras, FACES)

    def close(self) -> None:
        self.desk.close()
        self.page.close()

    def frustum(self, number: int) -> viser.CameraFrustumHandle:
        handle = self.page._server.scene.get_handle_by_name(f"/cameras/{number}")
        assert isinstance(handle, viser.CameraFrustumHandle)
        return handle


@pytest.fixture
def desk(ring_of_cameras: list[Camera]) -> Iterator[Desk]:
    desk = Desk(ring_of_cameras)
    yield desk
    desk.close()


def test_without_a_page_only_status_is_kept() -> None:
    desk = ConsoleDesk(CONFIG)
    for record in (heartbeat("solve"), Event("solve", 0, "info", "x"), performance(), mesh(VERTICES), Solved(1, 1)):
        desk.take(record)
    desk.refresh(0)
    with desk.together():
        assert not desk.attended
    assert list(desk.status.workers) == ["solve"] and len(desk.status.events) == 1 and not desk.status.actors


def test_bodies_are_shown_at_most_at_a_rate_that_browsers_can_show() -> None:
    assert ConsoleDesk(Config(console=ConsoleSection(mesh_rate=500.0))).period_s == 1.0 / MAX_MESH_RATE
    assert ConsoleDesk(Config(console=ConsoleSection(mesh_rate=4.0))).period_s == 0.25


def test_thumbnails_keep_their_rate(desk: Desk) -> None:
    with RingWriter(NAME, 3, 60, 80) as writer:
        for number in range(30):
            slot, generation = writer.write(np.full((60, 80, 3), number, np.uint8))
            for camera in ("cam0", "cam1"):
                desk.desk.take(FrameNote(camera, number, 0, 0, NAME, slot, generation, 80, 60))
            desk.now_s += 1 / 30
    assert 2 * 5 <= desk.desk.thumbnails.counters["thumbnails"] <= 2 * 6
    assert desk.frustum(0).image is not None and desk.frustum(1).image is not None and desk.frustum(2).image is None


def test_an_unattended_page_is_not_filled(desk: Desk) -> None:
    desk.desk.take(heartbeat("solve"))
    for _ in range(5):
        desk.now_s += SAMPLE_S
        desk.desk.refresh(0)
    assert desk.page.panel._workers.content == ""


def test_a_browser_sees_workers_cameras_and_actors_come_and_go(desk: Desk) -> None:
    with FakeBrowser(desk.page.url) as browser:
        until(lambda: desk.desk.attended)
        desk.desk.take(heartbeat("capture.cam0"))
        desk.desk.take(performance(confidence=0.5))
        desk.now_s += SAMPLE_S
        desk.desk.refresh(0)
        browser.until(lambda m: m["type"] == "GuiUpdateMessage" and "ada" in str(m["updates"].get("content")))
        assert "50 %" in desk.page.panel._actors.content
        assert desk.frustum(0).color == colours.CAMERA
        desk.now_s += 5.0
        desk.desk.refresh(0)
        browser.until(lambda m: updates_of(m, "/actors/0/label").get("text") == "ada · silent")
        assert desk.frustum(0).color == colours.CAMERA_LOST
        assert "silent" in desk.page.panel._actors.content


def test_the_panel_is_filled_twice_a_second_however_often_it_is_asked(desk: Desk) -> None:
    with FakeBrowser(desk.page.url):
        until(lambda: desk.desk.attended)
        filled, refresh = [], desk.page.panel.refresh
        desk.page.panel.refresh = lambda *what: (filled.append(desk.now_s), refresh(*what))[1]  # type: ignore[method-assign]
        for _ in range(200):
            desk.now_s += 0.02
            desk.desk.refresh(0)
    assert 7 <= len(filled) <= 9


def test_a_face_camera_shows_its_picture_and_its_face_in_the_panel(desk: Desk) -> None:
    picture = desk.page.panel._faces["helmet"]
    assert not picture.visible
    with RingWriter(NAME, 2, 48, 64) as writer, FakeBrowser(desk.page.url):
        until(lambda: desk.desk.attended)
        slot, generation = writer.write(np.full((48, 64, 3), 7, np.uint8))
        desk.desk.take(FrameNote("helmet", 0, 0, 0, NAME, slot, generation, 64, 48))
        assert picture.visible and picture.image.shape == (48, 64, 3)
        desk.desk.take(face_performance(face(JawOpen=0.5), actor="ada"))
        desk.now_s += SAMPLE_S
        desk.desk.refresh(0)
        assert "JawOpen" in desk.page.panel._actors.content


def test_replies_and_silence_become_events(desk: Desk) -> None:
    for _ in range(2):
        desk.desk.orders.wish(StopRecording)
    answered, _ = desk.desk.orders.commands()
    desk.desk.take(CommandReply(answered.id, "console", "record", False, "nothing is being recorded"))
    desk.desk.refresh(7)
    assert list(desk.desk.status.events) == [Event("record", 7, "warning", "nothing is being recorded")]
    desk.now_s += PATIENCE_S
    desk.desk.refresh(8)
    assert "in time" in desk.desk.status.events[-1].text


def test_the_state_of_the_show_is_known_before_anybody_looks(desk: Desk) -> None:
    desk.desk.page = None
    desk.desk.take(recorder_state(take=7))
    desk.desk.take(output_state("vmc-1"))
    assert desk.desk.status.recorder_state == recorder_state(take=7)
    assert desk.desk.status.output_of("vmc-1") == output_state("vmc-1")
    desk.desk.page = desk.page
