"""The stage in three dimensions: floor, light, cameras and actors, Z up, in metres."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import viser

from protocols.messages import MeshNote, Performance
from stage.cameras.camera import Camera
from stage.console import colours
from stage.console.actors import ActorView
from stage.console.frusta import Frusta
from stage.console.viewpoint import FIELD_OF_VIEW, viewpoint

MAX_ACTORS = 16
"""Actors that are drawn; names beyond these are not looked at."""


class StageScene:
    """Everything that stands on the floor of the page."""

    def __init__(self, server: viser.ViserServer, cameras: Sequence[Camera], faces: np.ndarray) -> None:
        """Build the empty stage.

        Args:
            server: Where to.
            cameras: Those that are calibrated.
            faces: (F, 3) int32 triangles of the body mesh; empty shows skeletons only.
        """
        self._scene = server.scene
        self._faces = faces
        self._options: dict[str, bool] = {"mesh": True, "skeleton": True}
        self._opacity: float | None = None
        self.actors: dict[str, ActorView] = {}
        view = viewpoint(cameras)
        self._scene.set_up_direction("+z")
        _light(self._scene)
        _floor(self._scene, view.target)
        self.frusta = Frusta(self._scene, cameras, view.frustum_depth)
        server.initial_camera.position = view.eye
        server.initial_camera.look_at = view.target
        server.initial_camera.up = (0.0, 0.0, 1.0)
        server.initial_camera.fov = FIELD_OF_VIEW

    def show_performance(self, performance: Performance) -> None:
        """Move an actor's skeleton."""
        if (actor := self._actor(performance.actor)) is not None:
            actor.show_performance(performance)

    def show_mesh(self, note: MeshNote) -> None:
        """Move an actor's body."""
        if (actor := self._actor(note.actor)) is not None:
            actor.show_mesh(note)

    def show_state(self, actor: str, state: str) -> None:
        """Colour and name an actor by its state."""
        if actor in self.actors:
            self.actors[actor].show_state(state)

    def want(self, part: str, visible: bool) -> None:
        """Show or hide "mesh", "skeleton" or "cameras"."""
        if part == "cameras":
            self.frusta.show(visible)
            return
        self._options[part] = visible
        for actor in self.actors.values():
            actor.want(part, visible)

    def set_opacity(self, opacity: float) -> None:
        """Opacity of the bodies, 0 to 1."""
        self._opacity = opacity
        for actor in self.actors.values():
            actor.set_opacity(opacity)

    def _actor(self, name: str) -> ActorView | None:
        if name not in self.actors:
            if len(self.actors) >= MAX_ACTORS:
                return None
            self.actors[name] = actor = ActorView(self._scene, name, len(self.actors), self._faces)
            for part, visible in self._options.items():
                actor.want(part, visible)
            if self._opacity is not None:
                actor.set_opacity(self._opacity)
        return self.actors[name]


def _light(scene: viser.SceneApi) -> None:
    scene.configure_environment_map("studio", environment_intensity=0.8)
    scene.configure_default_lights(enabled=True, cast_shadow=True)


def _floor(scene: viser.SceneApi, around: np.ndarray) -> None:
    scene.add_grid(
        "/floor",
        position=(float(np.round(around[0])), float(np.round(around[1])), 0.0),
        infinite_grid=True,
        cell_size=0.5,
        section_size=1.0,
        cell_color=colours.FLOOR_CELL,
        section_color=colours.FLOOR_SECTION,
        cell_thickness=0.8,
        section_thickness=1.0,
        fade_from="origin",
        fade_distance=16.0,
        fade_strength=1.6,
        shadow_opacity=0.45,
    )
