"""What the common VMC receivers want: the defaults that `receiver = "..."` of an output stands for.

All of them listen on 39539 unless told otherwise, and take bundles. VRM4U takes no position but that of the hips, Godot
knows no names but ARKit's. Sources of each row are in docs/vmc.md. Whatever a stage.toml says itself goes before these.
"""

from __future__ import annotations

from typing import NamedTuple

from stage.config._outputs import BlendCase, BlendSet, Positions, Receiver, VmcSection


class Wishes(NamedTuple):
    """The defaults of one receiver."""

    port: int = 39539
    positions: Positions = "all"
    blends: tuple[BlendSet, ...] = ("arkit", "vrm0")
    blend_case: BlendCase = "pascal"
    bundle: bool = True


RECEIVERS: dict[Receiver, Wishes] = {
    "": Wishes(),
    "evmc4u": Wishes(),
    "vrm4u": Wishes(positions="hips"),
    "vmc4ue": Wishes(),
    "warudo": Wishes(),
    "vseeface": Wishes(),
    "blender": Wishes(),
    "godot": Wishes(blends=("arkit",)),
}


def wishes_of(output: VmcSection) -> Wishes:
    """What a VMC output does: its receiver's wishes, where the output does not say otherwise itself."""
    wishes = RECEIVERS[output.receiver]
    own = {key: getattr(output, key) for key in Wishes._fields}
    return wishes._replace(
        **{key: value for key, value in own.items() if value is not None and not (key == "port" and value == 0)}
    )
