"""What cameras say of hands in one frameset, as arrays for the fit; residuals are in standard deviations."""

from __future__ import annotations

from typing import NamedTuple

from stage.bodies.hands import Floats


class HandEvidence(NamedTuple):
    """V views of H hands; a view that does not see a hand has scale 0."""

    R: Floats
    """(H, V, 3, 3) world to camera."""
    t: Floats
    """(H, V, 3)."""
    target: Floats
    """(H, V, 2, 21) normalised image coordinates."""
    scale: Floats
    """(H, V, 21): standard deviations per unit of image coordinate."""
    depth: Floats
    """(H, V, 21): the network's depth, metres."""
    relief: Floats
    """(H, V, 21, 21): from depths to what points stand out of the hand's plane, in standard deviations."""
