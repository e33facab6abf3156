"""What one frameset says of a body, ready for the fit: whitened, undistorted, without the network's bias.

Residuals are in standard deviations. A landmark's usual error is known in metres at the body (see
`stage.correspondence`), so a residual in normalised image coordinates is scaled by depth over that error.
"""

from __future__ import annotations

from typing import NamedTuple

import torch


class Evidence(NamedTuple):
    """B framesets of C cameras on N points; points that no camera measures have scale 0."""

    R: torch.Tensor
    """(C, 3, 3) world to camera."""
    t: torch.Tensor
    """(C, 3)."""
    target: torch.Tensor
    """(B, C, 2, N): where the model's point should appear, normalised image coordinates."""
    scale: torch.Tensor
    """(B, C, N): standard deviations per unit of image coordinate, 0 where not seen."""
    anchor: torch.Tensor
    """(B, 3, N): where a point should stay in the world, metres."""
    anchor_scale: torch.Tensor
    """(B, 3, N): standard deviations per metre, 0 where free."""
    relative: torch.Tensor | None = None
    """(B, 3, N): the network's own 3D guess about the middle of the hips, world axes, metres."""
    relative_scale: torch.Tensor | None = None
    """(B, N): standard deviations per metre."""
