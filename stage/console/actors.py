"""The actors on the page: body, skeleton and name of each, as the last performance says.

Everything of one actor is four objects, however many bones it has: the mesh, whose vertices are
replaced whole (cheaper than any bone message, 0.3 ms), the bones as one set of line segments, the
joints as one point cloud, and a label. Bones and joints take the colour of their confidence.
"""

from __future__ import annotations

import numpy as np
import viser

from protocols.arrays import from_bytes
from protocols.messages import MeshNote, Performance
from protocols.names import RIG_BONES, RIG_PARENTS
from stage.console import colours

_COUNT = len(RIG_BONES)
_CHILDREN = np.array([bone for bone, parent in enumerate(RIG_PARENTS) if parent > 0])
"""Bones that are drawn, from their parent's head to their own; the one from Root (on the floor) is not."""

_PARENTS = np.array([RIG_PARENTS[bone] for bone in _CHILDREN])
_FINGERS = ("index", "middle", "pinky", "ring", "thumb")
BODY_BONES = np.array([i for i, name in enumerate(RIG_BONES) if i > 0 and not name.startswith(_FINGERS)])
"""Bones whose joints are drawn and whose confidence counts: all but fingers and Root."""

HAND_BONES = tuple(
    np.array([i for i, name in enumerate(RIG_BONES) if name.startswith(_FINGERS) and name.endswith(side)])
    for side in ("_l", "_r")
)
"""The fingers of the left hand, of the right hand."""

_HEAD = RIG_BONES.index("head")
_LABEL_ABOVE_HEAD_M = 0.32

DEFAULT_OPACITY = 0.45
"""Lets the skeleton be seen inside the body."""


class ActorView:
    """What the page shows of one actor; its objects come to be with the first data."""

    def __init__(self, scene: viser.SceneApi, actor: str, number: int, faces: np.ndarray) -> None:
        """Take a place in the scene; `faces` is (F, 3) int32, empty when there is no body model."""
        self.actor = actor
        self.capture_ns = 0
        """Of the newest performance."""
        self._scene = scene
        self._path = f"/actors/{number}"
        self._faces = faces
        self._vertex_count = int(faces.max(initial=-1)) + 1
        self._colour = colours.ACTORS[number % len(colours.ACTORS)]
        self._state = ""
        self._opacity: float | None = DEFAULT_OPACITY
        self._wanted = {"mesh": True, "skeleton": True}
        self._root = scene.add_frame(self._path, show_axes=False)
        self._mesh: viser.MeshHandle | None = None
        self._bones: viser.LineSegmentsHandle | None = None
        self._joints: viser.PointCloudHandle | None = None
        self._label: viser.LabelHandle | None = None

    def show_performance(self, performance: Performance) -> None:
        """Move skeleton and label, and take on the state's colour."""
        joints = from_bytes(performance.joints, (_COUNT, 3))
        confidence = colours.confidence_colours(from_bytes(performance.confidence, (_COUNT,)))
        segments = np.stack([joints[_PARENTS], joints[_CHILDREN]], axis=1)  # (B, 2, 3)
        segment_colours = np.repeat(colours.as_line_colours(confidence[_CHILDREN, None]), 2, axis=1)  # (B, 2, 3)
        above = joints[_HEAD] + np.array([0.0, 0.0, _LABEL_ABOVE_HEAD_M], np.float32)
        self.capture_ns = performance.capture_ns
        if self._bones is None or self._joints is None or self._label is None:
            visible = self._wanted["skeleton"]
            self._bones = self._scene.add_line_segments(
                f"{self._path}/bones", segments, segment_colours, thickness=0.012, visible=visible
            )
            self._joints = self._scene.add_point_cloud(
                f"{self._path}/joints",
                joints[BODY_BONES],
                confidence[BODY_BONES],
                point_size=0.02,
                point_shape="circle",
                precision="float32",
                visible=visible,
            )
            self._label = self._scene.add_label(
                f"{self._path}/label", self.actor, position=above, font_screen_scale=0.9, anchor="bottom-center"
            )
        else:
            self._bones.points, self._bones.colors = segments, segment_colours
            self._joints.points, self._joints.colors = joints[BODY_BONES], confidence[BODY_BONES]
            self._label.position = above
        self.show_state(performance.state)

    def show_mesh(self, note: MeshNote) -> None:
        """Move the body; without faces there is none."""
        vertices = from_bytes(note.vertices, (-1, 3))
        if len(vertices) != self._vertex_count:
            return  # another body model than ours: its faces are not known here
        if self._mesh is not None:
            self._mesh.vertices = vertices
        else:
            self._mesh = self._scene.add_mesh_simple(
                f"{self._path}/mesh",
                vertices,
                self._faces,
                color=colours.STATES.get(self._state, self._colour),
                opacity=self._opacity,
                visible=self._wanted["mesh"],
            )

    def show_state(self, state: str) -> None:
        """Colour and name the actor by its state; an absent one is hidden."""
        if state == self._state:
            return
        self._state = state
        self._root.visible = state != "absent"
        if self._mesh is not None:
            self._mesh.color = colours.STATES.get(state, self._colour)
        if self._label is not None:
            self._label.text = self.actor if state == "tracking" else f"{self.actor} · {state}"

    def want(self, part: str, visible: bool) -> None:
        """Show or hide "mesh" or "skeleton"."""
        self._wanted[part] = visible
        for handle in (self._mesh,) if part == "mesh" else (self._bones, self._joints):
            if handle is not None:
                handle.visible = visible

    def set_opacity(self, opacity: float) -> None:
        """Make the body solid (1) or let the skeleton be seen inside."""
        self._opacity = None if opacity >= 1.0 else opacity
        if self._mesh is not None:
            self._mesh.opacity = self._opacity
