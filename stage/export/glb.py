"""GLB: glTF 2.0 with skinned bodies, their skeletons, the 52 face shapes as morph targets, and one animation of it all.

    scene
      <actor>             what Blender and Unreal make an armature of
        Root              joints named as in the rig; at rest turned by nothing, so an animated rotation is that of
          pelvis ...      the performance, in glTF's axes
      <actor>_body        the mesh: skin, morph targets, weights

glTF is Y-up, in metres, facing +Z. Root is animated in place and rotation, all other bones in rotation, the mesh in
weights. A vertex hangs on up to six bones. Four of them are in JOINTS_0 and WEIGHTS_0, largest first, the others in the
second set; a program that reads only the first moves one vertex in a hundred by more than half a millimetre.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from protocols.axes import GLTF_FROM_WORLD
from protocols.names import RIG_BONES, RIG_PARENTS
from stage.export._files import placed
from stage.export._glb_file import GlbFile
from stage.export._glb_mesh import MATERIALS, add_mesh
from stage.export._pose import Poses, continuous, poses
from stage.export._source import ExportOptions, ExportSource
from stage.outputs.quaternions import Floats, normalised


def write_glb(sources: Sequence[ExportSource], path: Path, options: ExportOptions) -> list[Path]:
    """Writes all actors and what they did into one file.

    Args:
        sources: One for each actor, all with the same frames.
        path: A file that is not there.
        options: Whether it may replace one.

    Returns:
        The file.

    Raises:
        ExportError: The file is there, too large, or cannot be written.
        BodyModelError: The body model is not prepared.
    """
    scene = _Scene(sources[0])
    for source in sources:
        scene.add(source)
    with placed(path, overwrite=options.overwrite) as unfinished:
        scene.glb.write(unfinished, scene.document())
    return [path]


class _Scene:
    """What the JSON says, while actors are added."""

    def __init__(self, first: ExportSource) -> None:
        """Without actors; all of them will have the frames of the first."""
        self.glb = GlbFile()
        self._name, self._facts = first.name, _facts(first)
        self._times = self.glb.accessor(first.seconds.astype(np.float32), bounds=True)
        self._nodes: list[dict[str, Any]] = []
        self._roots: list[int] = []
        self._meshes: list[dict[str, Any]] = []
        self._skins: list[dict[str, Any]] = []
        self._samplers: list[dict[str, Any]] = []
        self._channels: list[dict[str, Any]] = []

    def add(self, source: ExportSource) -> None:
        """An actor: armature, joints, mesh, and what they do."""
        armature, joint = len(self._nodes), len(self._nodes) + 1
        body = joint + len(RIG_BONES)
        self._nodes += _skeleton(source, joint)
        self._nodes.append({"name": f"{source.actor}_body", "mesh": len(self._meshes), "skin": len(self._skins)})
        self._roots += [armature, body]
        self._skins.append(_skin(self.glb, source, joint))
        self._meshes.append(add_mesh(self.glb, source))
        shown = poses(source)
        self._animate(joint, "translation", GLTF_FROM_WORLD.positions(shown.root[:, :3]))
        for bone, turns in enumerate(_turns(shown)):
            self._animate(joint + bone, "rotation", turns)
        if len(source.motion.face_ns):
            self._animate(body, "weights", shown.shapes.reshape(-1))

    def document(self) -> dict[str, Any]:
        """The JSON but for the arrays."""
        animation = {"name": self._name, "samplers": self._samplers, "channels": self._channels, "extras": self._facts}
        return {
            "asset": {"version": "2.0", "generator": "Stage", "extras": self._facts},
            "scene": 0,
            "scenes": [{"name": self._name, "nodes": self._roots, "extras": self._facts}],
            "nodes": self._nodes,
            "meshes": self._meshes,
            "skins": self._skins,
            "materials": MATERIALS,
            "animations": [animation],
        }

    def _animate(self, node: int, what: str, values: Floats) -> None:
        output = self.glb.accessor(np.ascontiguousarray(values, np.float32))
        self._samplers.append({"input": self._times, "interpolation": "LINEAR", "output": output})
        self._channels.append({"sampler": len(self._samplers) - 1, "target": {"node": node, "path": what}})


def _turns(shown: Poses) -> Floats:
    """(53, T, 4) rotations of the joints, that of Root in the world."""
    rotations = np.array(shown.rotations)
    rotations[:, 0] = shown.root[:, 3:]
    return normalised(continuous(GLTF_FROM_WORLD.rotations(rotations))).swapaxes(0, 1)


def _skeleton(source: ExportSource, joint: int) -> list[dict[str, Any]]:
    """The actor's node and its joints in the rest pose; `joint` is the index of the first."""
    rest = GLTF_FROM_WORLD.positions(np.asarray(source.rest_joints, np.float64))
    nodes: list[dict[str, Any]] = [{"name": source.actor, "children": [joint]}]
    for bone, (name, parent) in enumerate(zip(RIG_BONES, RIG_PARENTS, strict=True)):
        offset = rest[bone] - (rest[parent] if parent >= 0 else 0.0)
        node: dict[str, Any] = {"name": name, "translation": offset.tolist()}
        children = [joint + child for child, of in enumerate(RIG_PARENTS) if of == bone]
        nodes.append(node | ({"children": children} if children else {}))
    return nodes


def _skin(glb: GlbFile, source: ExportSource, joint: int) -> dict[str, Any]:
    rest = GLTF_FROM_WORLD.positions(np.asarray(source.rest_joints, np.float64))
    inverse = np.tile(np.eye(4, dtype=np.float32), (len(RIG_BONES), 1, 1))
    inverse[:, 3, :3] = -rest  # columns first
    return {
        "name": source.actor,
        "joints": list(range(joint, joint + len(RIG_BONES))),
        "skeleton": joint,
        "inverseBindMatrices": glb.accessor(inverse.reshape(-1, 16)),
    }


def _facts(source: ExportSource) -> dict[str, Any]:
    """What glTF has no words for."""
    timecode = source.timecode_at(0)
    return {
        "take": source.name,
        "frameRate": source.hertz,
        "frames": len(source),
        "timecode": source.start_timecode,
        "timecodeRate": "" if timecode is None else timecode.rate.text,
        "stageTimeNs": str(int(source.times_ns[0])),  # more digits than a number of JSON keeps
    }
