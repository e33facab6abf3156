from __future__ import annotations

import numpy as np
import viser

from protocols.show import Calibrate
from stage.config import ActorSection, CameraSection, Config, RecordSection
from stage.console.history import LatencyHistory
from stage.console.panel import Panel
from stage.console.status import StageStatus
from tests.sections import output_section
from tests.stage.console.browser import until
from tests.stage.console.clicks import Hands, Wishes
from tests.stage.console.samples import heartbeat

CONFIG = Config(cameras=(CameraSection(id="left", source="device:0"),))


def handles(server: viser.ViserServer, kind: type) -> list:
    return [handle for handle in server.gui._gui_input_handle_from_uuid.values() if isinstance(handle, kind)]


def panel_of(server: viser.ViserServer, heard: list) -> Panel:
    return Panel(server.gui, CONFIG, lambda *what: heard.append(what), heard.append, lambda _: False)


def test_the_panel_shows_what_is_known(server: viser.ViserServer) -> None:
    panel = panel_of(server, [])
    status = StageStatus()
    status.take_heartbeat(heartbeat("solve", rate_hz=29.96))
    panel.refresh(status, LatencyHistory(), 0, browsers=1)
    assert "30.0" in panel._figures.content
    assert "left" in panel._workers.content and "solve" in panel._workers.content
    lengths = {len(column) for column in panel._chart.data}
    assert len(lengths) == 1 and len(panel._chart.data) == len(panel._chart.series)
    assert all(np.isfinite(column).all() for column in panel._chart.data)


def test_every_band_of_the_chart_lies_between_two_lines(server: viser.ViserServer) -> None:
    chart = panel_of(server, [])._chart
    assert chart.bands is not None
    labels = [series.get("label") for series in chart.series]
    assert [[labels[int(line)] for line in band["series"]] for band in chart.bands] == [
        ["capture", "floor"],
        ["queue", "capture"],
        ["landmarks", "queue"],
        ["assemble", "landmarks"],
        ["solve", "assemble"],
        ["send", "solve"],
    ]


def test_the_chart_settles_again_for_every_new_browser(server: viser.ViserServer) -> None:
    panel = panel_of(server, [])
    for browsers in (1, 2):
        heights = []
        for _ in range(80):
            panel.refresh(StageStatus(), LatencyHistory(), 0, browsers)
            heights.append(panel._chart.height)
        assert np.count_nonzero(np.diff(np.array(heights, int))) >= 4
        assert len(set(heights[-10:])) == 1


def test_view_switches_say_what_they_switch(server: viser.ViserServer) -> None:
    heard: list = []
    panel_of(server, heard)
    for box in handles(server, viser.GuiCheckboxHandle):
        box.value = False
    for slider in handles(server, viser.GuiSliderHandle):
        slider.value = 0.8
    until(lambda: len(heard) == 4)
    assert {("mesh", False), ("skeleton", False), ("cameras", False), 0.8} == set(heard)


def test_a_stage_without_recorder_and_outputs_has_no_switches_for_them(server: viser.ViserServer) -> None:
    config = Config(record=RecordSection(enabled=False))
    Panel(server.gui, config, lambda *_: None, lambda _: None, lambda _: False)
    assert not any(handle.label in ("Record", "Slate") for handle in handles(server, viser.GuiButtonHandle))


def test_every_output_has_a_switch_and_every_actor_a_button(server: viser.ViserServer) -> None:
    outputs = (output_section("vmc", id="vmc-1"), output_section("osc", id="osc-2"))
    config = Config(actors=(ActorSection(id="ada"), ActorSection(id="ben")), outputs=outputs)
    wishes = Wishes()
    Panel(server.gui, config, lambda *_: None, lambda _: None, wishes)
    boxes = {handle.label for handle in handles(server, viser.GuiCheckboxHandle)}
    assert {"vmc-1", "osc-2"} <= boxes
    hands = Hands(server)
    hands.put("Measure ben anew", True)
    assert wishes.commands(1) == [Calibrate("key", "console", "ben")]
    hands.close()
