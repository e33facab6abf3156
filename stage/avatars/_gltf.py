"""What is decoded of a .vrm's JSON: the tree of nodes and the humanoid of VRM 0 or VRM 1. All else is skipped."""

from __future__ import annotations

from pathlib import Path

import msgspec

from stage.errors import AvatarError

MOST_NODES = 1 << 16
MOST_EXPRESSIONS = 1 << 12

Vector = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]


class Node(msgspec.Struct):
    """One node; `matrix`, column by column, stands for the other three."""

    children: tuple[int, ...] = ()
    translation: Vector = (0.0, 0.0, 0.0)
    rotation: Quaternion = (0.0, 0.0, 0.0, 1.0)
    scale: Vector = (1.0, 1.0, 1.0)
    matrix: tuple[float, ...] | None = None


class BoneOf0(msgspec.Struct):
    """VRM 0: one entry of the list of bones."""

    bone: str
    node: int = -1


class HumanoidOf0(msgspec.Struct, rename="camel"):
    """VRM 0: the bones, by name."""

    human_bones: tuple[BoneOf0, ...] = ()


class ExpressionOf0(msgspec.Struct, rename="camel"):
    """VRM 0: a blend shape group; a preset's name goes before its own."""

    name: str = ""
    preset_name: str = "unknown"


class ExpressionsOf0(msgspec.Struct, rename="camel"):
    """VRM 0: all groups."""

    blend_shape_groups: tuple[ExpressionOf0, ...] = ()


class Vrm0(msgspec.Struct, rename="camel"):
    """The extension VRM."""

    humanoid: HumanoidOf0
    blend_shape_master: ExpressionsOf0 = msgspec.field(default_factory=ExpressionsOf0)


class BoneOf1(msgspec.Struct):
    """VRM 1: the node of a bone."""

    node: int


class HumanoidOf1(msgspec.Struct, rename="camel"):
    """VRM 1: the bones, by name."""

    human_bones: dict[str, BoneOf1] = {}


class ExpressionsOf1(msgspec.Struct):
    """VRM 1: names of presets and of the avatar's own; what they do is left unread."""

    preset: dict[str, msgspec.Raw] = {}
    custom: dict[str, msgspec.Raw] = {}


class Vrm1(msgspec.Struct):
    """The extension VRMC_vrm."""

    humanoid: HumanoidOf1
    expressions: ExpressionsOf1 = msgspec.field(default_factory=ExpressionsOf1)


class Extensions(msgspec.Struct):
    """Those that make a glTF an avatar."""

    vrm0: Vrm0 | None = msgspec.field(default=None, name="VRM")
    vrm1: Vrm1 | None = msgspec.field(default=None, name="VRMC_vrm")


class Gltf(msgspec.Struct):
    """The document."""

    nodes: tuple[Node, ...] = ()
    extensions: Extensions = msgspec.field(default_factory=Extensions)


_DECODER = msgspec.json.Decoder(Gltf)


def decode(path: Path, data: bytes) -> Gltf:
    """The document in a JSON chunk.

    Raises:
        AvatarError: It is malformed or absurdly large.
    """
    try:
        gltf = _DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise AvatarError(f"{path}: its JSON is not a VRM's: {error}; export it again") from error
    if len(gltf.nodes) > MOST_NODES:
        raise AvatarError(f"{path}: {len(gltf.nodes)} nodes, more than {MOST_NODES}; export the avatar alone")
    return gltf
