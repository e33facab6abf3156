"""A solved body, ready to be drawn at any time into any calibrated camera.

A mesh is shaded as if lit from the camera and lets the picture shine through; its colour says whether the actor
was tracked or held. A skeleton shows each bone in the colour of its confidence, red to green. Fingers and face are
drawn in both: finger bones over the mesh, and the face as a fine net of its mesh, where it is large enough.
"""

from __future__ import annotations

from functools import cached_property
from typing import Literal

import numpy as np

from protocols.names import RIG_BONES, RIG_PARENTS
from stage.bodies.body import load_body
from stage.cameras.camera import Camera
from stage.cameras.sources.source import Image
from stage.offline import Result
from stage.overlay import _colours
from stage.overlay._bars import draw_bars
from stage.overlay._face_net import FaceNet, draw_gaze
from stage.overlay._lines import draw_line, in_colour, seen
from stage.synthetic.garments import vertex_normals
from stage.synthetic.kinematics import Poses, Skin, forward
from stage.synthetic.raster import Floats
from stage.synthetic.scene import SUPERSAMPLE, composite, fragments

Style = Literal["mesh", "skeleton"]

OPACITY = 0.7
"""Of the mesh."""

_FINGER_PARTS = ("01", "02", "03")
_DRAWN_BONES = tuple(
    (bone, parent) for bone, parent in enumerate(RIG_PARENTS) if parent >= 0 and RIG_BONES[parent] != "Root"
)
_FINGER_BONES = tuple(pair for pair in _DRAWN_BONES if RIG_BONES[pair[0]][-4:-2] in _FINGER_PARTS)
_HEAD = RIG_BONES.index("head")
_HANDS = np.array([RIG_BONES.index(name) for name in ("hand_l", "hand_r")])
_KNUCKLES = np.array([RIG_BONES.index(name) for name in ("middle_03_l", "middle_03_r")])
_LEAST_HAND_PX = 12.0
_LEAST_BARS_PX = 70.0


class SolvedBody:
    """What a result says of the body, drawn."""

    def __init__(self, result: Result, style: Style, tolerance_ns: float) -> None:
        """Place all bones; a result of face cameras alone has nothing to draw."""
        self._result = result
        self._style = style
        self._tolerance_ns = tolerance_ns
        poses = Poses(result.root.astype(np.float64), result.rotations.astype(np.float64))
        if len(poses) > 0:
            self._G, self._heads = forward(result.rest_joints, poses)

    @cached_property
    def _skin(self) -> Skin:
        body = load_body()
        identity = self._result.face_identity
        rest = body.rest_body(self._result.shape, identity if len(identity) > 0 else None)
        return Skin(body, rest.vertices)

    @cached_property
    def _face(self) -> FaceNet:
        return FaceNet(load_body())

    def draw(self, image: Image, camera: Camera, at_ns: int) -> Image:
        """The picture with what was solved at this time; as it is where nothing was."""
        if len(self._result.capture_ns) == 0:
            return image
        index = int(np.abs(self._result.capture_ns - at_ns).argmin())
        state = str(self._result.state[index])
        solved = abs(int(self._result.capture_ns[index]) - at_ns) <= self._tolerance_ns
        if not solved or state not in _colours.STATES:
            return image
        face = self._result.face_at(at_ns)
        if face >= 0 and str(self._result.face_state[face]) not in _colours.STATES:
            face = -1
        image = in_colour(image)
        if self._style == "mesh" or face >= 0:
            vertices = self._vertices(index, face)
            if self._style == "mesh":
                image = _shaded(image, vertices, camera, _colours.STATES[state])
            if face >= 0:
                self._draw_face(image, vertices, camera, index, face)
        self._draw_bones(image, camera, index)
        return image

    def _vertices(self, index: int, face: int) -> Floats:
        vertices = self._skin.vertices(self._result.rest_joints, self._G[index], self._heads[index])
        if face >= 0:
            self._face.move(vertices, self._G[index], self._result.face_shapes[face])
        return vertices

    def _draw_face(self, image: Image, vertices: Floats, camera: Camera, index: int, face: int) -> None:
        result = self._result
        height_px = self._face.draw(image, vertices, camera, float(result.face_confidence[face].mean()))
        if height_px > _LEAST_BARS_PX:
            head, R = self._heads[index, _HEAD], self._G[index, _HEAD]
            draw_gaze(image, camera, head, R, result.face_gaze[face])
            draw_bars(image, result.face_shapes[face], result.face_confidence[face])

    def _draw_bones(self, image: Image, camera: Camera, index: int) -> None:
        joints, confidence = self._heads[index], self._result.confidence[index]
        wrists, tips = seen(camera, joints[_HANDS])[0], seen(camera, joints[_KNUCKLES])[0]
        hands_px = np.linalg.norm(tips - wrists, axis=1).max()
        small = self._style == "mesh" and hands_px < _LEAST_HAND_PX
        bones = () if small else _FINGER_BONES if self._style == "mesh" else _DRAWN_BONES
        for bone, parent in bones:
            colour = _colours.by_confidence(float(confidence[bone]))
            width = 1 if RIG_BONES[bone][-4:-2] in _FINGER_PARTS else 2
            draw_line(image, camera, joints[parent], joints[bone], colour, width)


def _shaded(image: Image, vertices: Floats, camera: Camera, colour: _colours.Bgr) -> Image:
    faces = load_body().faces
    found = fragments(vertices, faces, camera, SUPERSAMPLE)
    if len(found.x) == 0:
        return image
    towards = camera.center_world - vertices
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    facing = (vertex_normals(vertices, faces) * towards).sum(axis=1, keepdims=True)
    light = (0.35 + 0.65 * np.clip(facing, 0.0, 1.0)).astype(np.float32)
    canvas = image.astype(np.float32)
    composite(canvas, found, found.interpolate(light, faces) * np.array(colour, np.float32), OPACITY)
    return np.rint(canvas).astype(np.uint8)
