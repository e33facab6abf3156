"""From a .vrm to its avatar.

VRM 0 (extension `VRM`): a model faces -Z, its rest rotations are identities by rule. VRM 1 (`VRMC_vrm`): it faces +Z,
and each bone may rest in a rotation of its own. Names are Unity's with a small first letter, but for the thumbs of
VRM 1, whose names are one joint further out. A file that has both extensions is read as VRM 1.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from protocols.axes import UNITY_FROM_VRM0, UNITY_FROM_VRM1, AxisChange
from protocols.names import HUMAN_BODY_BONES, VRM0_PRESETS
from stage.avatars._avatar import HUMAN_PARENTS, Avatar
from stage.avatars._glb import read_json
from stage.avatars._gltf import MOST_EXPRESSIONS, Gltf, Vrm0, Vrm1, decode
from stage.avatars._nodes import MOST_METRES, NodeTree
from stage.errors import AvatarError

_PRESETS_OF_0 = {name.lower(): name for name in VRM0_PRESETS if name != "Surprised"}
_THUMBS_OF_1 = {"ThumbMetacarpal": "ThumbProximal", "ThumbProximal": "ThumbIntermediate"}
_LEAST_HIP_HEIGHT = 0.01


def read_avatar(path: Path) -> Avatar:
    """The humanoid of a .vrm, at rest.

    Raises:
        AvatarError: What the file lacks or has too much of, and what to do.
    """
    gltf = decode(path, read_json(path))
    vrm = gltf.extensions.vrm1 or gltf.extensions.vrm0
    if vrm is None:
        raise AvatarError(f"{path}: a GLB without a VRM humanoid; export the avatar as VRM 0 or VRM 1")
    expressions = _expressions(vrm)
    if len(expressions) > MOST_EXPRESSIONS:
        raise AvatarError(f"{path}: {len(expressions)} expressions, more than {MOST_EXPRESSIONS}; remove some")
    axes = UNITY_FROM_VRM0 if isinstance(vrm, Vrm0) else UNITY_FROM_VRM1
    return _at_rest(path, gltf, axes, "0" if isinstance(vrm, Vrm0) else "1", _bones(vrm), expressions)


def _bones(vrm: Vrm0 | Vrm1) -> dict[str, int]:
    """Node of each bone by Unity's name, in Unity's order; bones that Unity does not know are left out."""
    if isinstance(vrm, Vrm0):
        nodes = {_capital(bone.bone): bone.node for bone in vrm.humanoid.human_bones if bone.node >= 0}
    else:
        nodes = {_thumb(_capital(name)): bone.node for name, bone in vrm.humanoid.human_bones.items()}
    return {bone: nodes[bone] for bone in HUMAN_BODY_BONES if bone in nodes}


def _expressions(vrm: Vrm0 | Vrm1) -> tuple[str, ...]:
    if isinstance(vrm, Vrm1):
        return (*vrm.expressions.preset, *vrm.expressions.custom)
    groups = vrm.blend_shape_master.blend_shape_groups
    return tuple(dict.fromkeys(_PRESETS_OF_0.get(group.preset_name.lower(), group.name) for group in groups))


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def _thumb(name: str) -> str:
    for side in ("Left", "Right"):
        rest = name.removeprefix(side)
        if rest != name and rest in _THUMBS_OF_1:
            return side + _THUMBS_OF_1[rest]
    return name


def _at_rest(
    path: Path, gltf: Gltf, axes: AxisChange, version: str, nodes: dict[str, int], expressions: tuple[str, ...]
) -> Avatar:
    if "Hips" not in nodes:
        raise AvatarError(f"{path}: its humanoid has no hips; assign the humanoid's bones and export it again")
    tree = NodeTree(path, gltf.nodes, axes)
    bones = tuple(nodes)
    numbers = {node: index for index, node in enumerate(nodes.values())}
    if len(numbers) < len(nodes):
        raise AvatarError(f"{path}: one node is two bones of its humanoid; assign the bones and export it again")
    ancestors = tuple(_ancestor(path, bone, bones, numbers, tree.above(node)) for bone, node in nodes.items())
    local = [tree.local(node) for node in nodes.values()]
    above = [tree.parent(node) for node in nodes.values()]
    order = list(nodes.values())
    starts = [tree.transform(order[index]) if index >= 0 else np.eye(4) for index in ancestors]
    places = np.array([tree.transform(node)[:3, 3] for node in order])
    if not np.abs(places).max() <= MOST_METRES or places[0, 1] < _LEAST_HIP_HEIGHT:
        raise AvatarError(
            f"{path}: hips at {places[0, 1]:.3g} m, bones up to {np.abs(places).max():.3g} m from the origin: it does "
            f"not stand on the floor, or not in metres; place it and export it again"
        )
    return Avatar(
        name=path.name,
        version=version,
        bones=bones,
        ancestors=ancestors,
        offsets=np.array([place for place, _, _ in local]),
        rotations=np.array([turn for _, turn, _ in local]),
        between=np.array([np.linalg.solve(start, tree.transform(n)) for start, n in zip(starts, above, strict=True)]),
        node_rotations=np.array([tree.rotation(node) for node in above]),
        world_rotations=np.array([tree.rotation(node) for node in order]),
        world_positions=places,
        expressions=expressions,
    )


def _ancestor(path: Path, bone: str, bones: tuple[str, ...], numbers: dict[int, int], above: list[int]) -> int:
    """Index of the nearest bone above; it must be one that is above in any humanoid."""
    found = next((numbers[node] for node in above if node in numbers), -1)
    name = bones[found] if found >= 0 else ""
    expected = HUMAN_PARENTS[bone]
    while expected != name and expected:
        expected = HUMAN_PARENTS[expected]
    if expected != name or (not name and bone != "Hips"):
        raise AvatarError(
            f"{path}: {bone} hangs below {name or 'no bone'}, not below {HUMAN_PARENTS[bone] or 'the root'}; "
            f"assign the humanoid's bones and export it again"
        )
    return found
