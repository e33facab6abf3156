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
from stage.export._pose import continuous, poses
from stage.export._source import ExportOptions, ExportSource


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
    glb, first = GlbFile(), sources[0]
    nodes: list[dict[str, Any]] = []
    meshes, skins, roots = [], [], []
    samplers: list[dict[str, Any]] = []
    channels: list[dict[str, Any]] = []
    times = glb.accessor(first.seconds.astype(np.float32), bounds=True)

    def animate(node: int, what: str, values: np.ndarray) -> None:
        samplers.append({"input": times, "interpolation": "LINEAR", "output": glb.accessor(values)})
        channels.append({"sampler": len(samplers) - 1, "target": {"node": node, "path": what}})

    for source in sources:
        shown = poses(source)
        armature, joint = len(nodes), len(nodes) + 1
        body = joint + len(RIG_BONES)
        nodes += _skeleton(source, joint)
        nodes.append({"name": f"{source.actor}_body", "mesh": len(meshes), "skin": len(skins)})
        roots += [armature, body]
        skins.append(_skin(glb, source, joint))
        meshes.append(add_mesh(glb, source))
        rotations = shown.rotations.copy()
        rotations[:, 0] = shown.root[:, 3:]
        rotations = continuous(GLTF_FROM_WORLD.rotations(rotations))
        rotations /= np.linalg.norm(rotations, axis=-1, keepdims=True)
        animate(joint, "translation", GLTF_FROM_WORLD.positions(shown.root[:, :3]).astype(np.float32))
        for bone in range(len(RIG_BONES)):
            animate(joint + bone, "rotation", np.ascontiguousarray(rotations[:, bone], np.float32))
        if len(source.motion.face_ns):
            animate(body, "weights", shown.shapes.reshape(-1).astype(np.float32))

    facts = _facts(first)
    document = {
        "asset": {"version": "2.0", "generator": "Stage", "extras": facts},
        "scene": 0,
        "scenes": [{"name": first.name, "nodes": roots, "extras": facts}],
        "nodes": nodes,
        "meshes": meshes,
        "skins": skins,
        "materials": MATERIALS,
        "animations": [{"name": first.name, "samplers": samplers, "channels": channels, "extras": facts}],
    }
    with placed(path, overwrite=options.overwrite) as unfinished:
        glb.write(unfinished, document)
    return [path]


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
