"""The panel beside the scene: figures, latency over time, takes, outputs, workers, actors, view, events."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import viser
import viser.uplot

from protocols.show import Calibrate
from stage.config import CameraSection, Config
from stage.console import colours, tables
from stage.console.actors import DEFAULT_OPACITY
from stage.console.history import LEGS, PARTS, LatencyHistory
from stage.console.orders import Make
from stage.console.output_switches import OutputSwitches
from stage.console.play_panel import PlayPanel
from stage.console.status import StageStatus
from stage.console.take_panel import TakePanel
from stage.surfaces import replays

WIDTH_PX = 400
_CHART_HEIGHT_PX = 190
_SETTLE_AFTER = (1, 30, 56, 60)
"""Refreshes that the chart is one pixel higher, counted down from a browser's arrival."""

_JPEG_QUALITY = 70
_AXIS = "#75808d"
_GRID = "#2b3037"


class Panel:
    """Holds the elements and fills them; the page says when."""

    def __init__(
        self,
        gui: viser.GuiApi,
        config: Config,
        on_visible: Callable[[str, bool], None],
        on_opacity: Callable[[float], None],
        wish: Callable[[Make], bool],
    ) -> None:
        """Build the panel.

        Args:
            gui: Where to.
            config: The stage.
            on_visible: Told when "mesh", "skeleton" or "cameras" is switched on or off.
            on_opacity: Told the body's new opacity, 0 to 1.
            wish: Told the commands that the operator gives, from other threads.
        """
        self._config = config
        gui.configure_theme(dark_mode=True, show_logo=False, show_share_button=False, brand_color=colours.BRAND)
        gui.set_panel_label(f"Stage · {config.stage.name}")
        gui.main_panel.dock_right()
        gui.main_panel.set_width(WIDTH_PX)
        gui.add_html(tables.STYLE)
        self._browsers = 0
        self._settling = 0
        self._figures = gui.add_html("")
        self._chart = self._add_chart(gui)
        self._legs = gui.add_html("")
        self._play: PlayPanel | None = None
        if replays(config):
            with gui.add_folder("Replay"):
                self._play = PlayPanel(gui, wish)
        self._take: TakePanel | None = None
        if config.record.enabled:
            with gui.add_folder("Take"):
                self._take = TakePanel(gui, config.record.slate, wish)
        with gui.add_folder("Outputs", visible=len(config.outputs) > 0):
            self._outputs = OutputSwitches(gui, config.outputs, wish)
        with gui.add_folder("Workers"):
            self._workers = gui.add_html("")
        with gui.add_folder("Actors"):
            self._actors = gui.add_html("")
            self._faces = {camera.id: _add_picture(gui, camera) for camera in config.face_cameras}
            for actor in () if replays(config) else config.actors:
                _add_measuring(gui, actor.id, wish)
        with gui.add_folder("Events"):
            self._events = gui.add_html("")
        with gui.add_folder("View", expand_by_default=False):
            _add_view(gui, on_visible, on_opacity)

    def show_thumbnail(self, camera: str, image: np.ndarray) -> None:
        """Show (h, w, 3) uint8 RGB of a face camera, which has no place on the floor; those of others are not taken."""
        if (picture := self._faces.get(camera)) is not None:
            picture.image = image
            picture.visible = True

    def refresh(self, status: StageStatus, history: LatencyHistory, now_ns: int, browsers: int) -> None:
        """Show what is known now; `now_ns` is stage time, `browsers` how many look."""
        self._settle_chart(browsers)
        budget = self._config.latency
        self._figures.content = tables.figures(status, history, budget)
        self._legs.content = tables.legs(history, budget)
        replaying = self._config.replay.source if replays(self._config) else ""
        self._workers.content = tables.workers(status, self._config.cameras, replaying=replaying)
        if self._take is not None:
            self._take.refresh(status, now_ns)
        if self._play is not None:
            self._play.refresh(status)
        self._outputs.refresh(status)
        self._actors.content = tables.actors(status)
        self._events.content = tables.events(status, now_ns)
        self._chart.data = history.columns()

    def _settle_chart(self, browsers: int) -> None:
        """Let a new browser lay out the chart again: it may have done so before it knew its width."""
        if browsers > self._browsers:
            self._settling = max(_SETTLE_AFTER) + 1
        self._browsers = browsers
        self._settling = max(0, self._settling - 1)
        self._chart.height = _CHART_HEIGHT_PX + (self._settling in _SETTLE_AFTER)

    def _add_chart(self, gui: viser.GuiApi) -> viser.GuiUplotHandle:
        axis: viser.uplot.Axis = {
            "stroke": _AXIS,
            "font": "11px system-ui, sans-serif",
            "grid": {"stroke": _GRID, "width": 1},
            "ticks": {"show": False},
        }
        bands: list[viser.uplot.Band] = [
            {"series": (number + 2, number + 1), "fill": _css(colours.LEGS[leg], 0.62)}
            for number, leg in enumerate(PARTS)
        ]
        return gui.add_uplot(
            LatencyHistory().columns(),
            ({"label": "s"}, {"label": "floor", "points": {"show": False}}, *(_series(leg) for leg in LEGS)),
            bands=tuple(bands),
            height=_CHART_HEIGHT_PX,
            scales={"x": {"time": False}, "y": {"auto": True}},
            axes=({**axis, "size": 26}, {**axis, "size": 34}),
            legend={"show": False},
            cursor={"show": False},
            padding=(10, 16, 0, 6),
        )


def _series(leg: str) -> viser.uplot.Series:
    width = 1.8 if leg == "total" else 0.8
    return {"label": leg, "points": {"show": False}, "stroke": _css(colours.LEGS[leg]), "width": width}


def _add_picture(gui: viser.GuiApi, camera: CameraSection) -> viser.GuiImageHandle:
    """The place of a face camera's thumbnail, hidden until there is one."""
    label = f"{camera.id}: {camera.face_of}"
    nothing = np.zeros((3, 4, 3), np.uint8)
    return gui.add_image(nothing, label=label, format="jpeg", jpeg_quality=_JPEG_QUALITY, visible=False)


def _add_measuring(gui: viser.GuiApi, actor: str, wish: Callable[[Make], bool]) -> None:
    hint = "Body shape and face at rest are measured while the show goes on; the profile is replaced when that is done."
    button = gui.add_button(f"Measure {actor} anew", color="gray", icon=viser.Icon.RULER_MEASURE, hint=hint)

    def on_click(_: viser.GuiEvent[viser.GuiButtonHandle]) -> None:
        wish(lambda key, surface: Calibrate(key, surface, actor))

    button.on_click(on_click)


def _css(colour: colours.Rgb, alpha: float = 1.0) -> str:
    return f"rgba({colour[0]},{colour[1]},{colour[2]},{alpha})"


def _add_view(gui: viser.GuiApi, on_visible: Callable[[str, bool], None], on_opacity: Callable[[float], None]) -> None:
    for part, title in (("mesh", "Body"), ("skeleton", "Skeleton"), ("cameras", "Cameras")):
        _on_change(gui.add_checkbox(title, initial_value=True), part, on_visible)
    slider = gui.add_slider("Opacity", min=0.1, max=1.0, step=0.02, initial_value=DEFAULT_OPACITY)
    slider.on_update(lambda _: on_opacity(slider.value))


def _on_change(box: viser.GuiCheckboxHandle, part: str, on_visible: Callable[[str, bool], None]) -> None:
    box.on_update(lambda _: on_visible(part, box.value))
