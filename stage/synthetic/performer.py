"""A performer: a body of one shape, and how it looks."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stage.bodies.body import RestBody, load_body
from stage.cache import cache_dir
from stage.synthetic.appearance import Appearance
from stage.synthetic.garments import dress
from stage.synthetic.kinematics import Skin
from stage.synthetic.paint import paint
from stage.synthetic.raster import Floats
from stage.synthetic.scene import Figure


@dataclass(frozen=True, eq=False)
class Performer:
    """A body that can be posed; what is derived from it is computed once."""

    rest: RestBody
    """The bare body, which is the ground truth."""
    appearance: Appearance

    @cached_property
    def texture(self) -> Floats:
        """The painted skin."""
        return paint(self.appearance)

    @cached_property
    def bare(self) -> Skin:
        """Skins the ground truth."""
        return Skin(load_body(), self.rest.vertices)

    @cached_property
    def dressed(self) -> Skin:
        """Skins what is drawn."""
        return Skin(load_body(), dress(self.rest, self.appearance))

    def vertices(self, G: Floats, heads: Floats, face: Floats | None = None) -> Floats:
        """The true vertices (V, 3) of one pose, from `stage.synthetic.kinematics.forward`, and one face (52,)."""
        return self.bare.vertices(self.rest.joints, G, heads, face)

    def figure(self, G: Floats, heads: Floats, face: Floats | None = None) -> Figure:
        """What a scene draws of one pose and one face."""
        return Figure(self.dressed.vertices(self.rest.joints, G, heads, face), self.texture)


def phenotype_body(phenotype: Mapping[str, float], face_changes: Mapping[str, float] | None = None) -> RestBody:
    """The exact rest body of Anny's phenotype, remembered on disk because Anny itself takes seconds to start.

    Args:
        phenotype: Values in [0, 1], missing ones 0.5.
        face_changes: Anny's local changes that make a face somebody's own, values in [-1, 1].

    Raises:
        BodyModelError: An unknown phenotype or change, or Anny is missing.
    """
    told = json.dumps([sorted(phenotype.items()), sorted((face_changes or {}).items())])
    key = hashlib.sha256(told.encode()).hexdigest()[:16]
    path = cache_dir() / "bodies" / f"phenotype-{key}.npz"
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return RestBody(vertices=arrays["vertices"], joints=arrays["joints"])
    except (OSError, ValueError, KeyError):
        pass  # not there yet, or damaged: made anew
    from stage.bodies.anny_model import rest_body_of_phenotype

    rest = rest_body_of_phenotype(phenotype, face_changes=face_changes)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    with unfinished.open("wb") as file:
        np.savez(file, vertices=rest.vertices, joints=rest.joints)
    unfinished.replace(path)
    return rest
