"""The head's turn, corrected by the face.

Eleven landmarks of the pose network tell the head's turn roughly, but without much bias; 468 points of a face tell
its changes finely, but a face that is not known exactly seems turned by a constant few degrees. So the two
are joined: the mean difference over some seconds, in head axes, is the face's own; what the face says beyond the
body's fit and that is low-passed (the body follows quick movement by itself) and added to the head bone:

    b -> log(R_face^T G_head)                                with a memory of OWN_S
    d -> SHARE . worth . log(R_face exp(b) G_head^T)         with a time constant of EASE_S
    G_head' = exp(d) G_head
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from stage.solving.actor import Shown
from stage.solving.skeleton import SOLVED_BONES

SHARE = 0.85
"""How far the face is believed where its worth is full."""
EASE_S = 0.1
OWN_S = 8.0
LARGEST_RAD = 0.8
"""A face that is turned farther from the body's head is somebody else's, or misread."""

HEAD = SOLVED_BONES.index("head")
"""Among the solved bones."""
_NECK = SOLVED_BONES.index("neck_01")
_SPINE = SOLVED_BONES.index("spine_03")


class HeadCorrection:
    """Of one actor."""

    def __init__(self) -> None:
        self._turn, self._own, self._own_s = np.zeros(3), np.zeros(3), 0.0
        self._last_ns = 0

    def update(self, G_head: np.ndarray, R_face: np.ndarray | None, worth: float, capture_ns: int) -> None:
        """Take in what the face says of the head at this time.

        Args:
            G_head: (3, 3) of the body's fit.
            R_face: (3, 3) R_world_head of the face; None where no face was seen.
            worth: Of the face, in [0, 1].
            capture_ns: Of the frameset.
        """
        dt = float(np.clip((capture_ns - self._last_ns) * 1e-9, 0.0, 1.0)) if self._last_ns else 0.0
        self._last_ns = capture_ns
        wanted = np.zeros(3)
        if R_face is not None:
            own = Rotation.from_matrix(R_face.T @ G_head).as_rotvec()
            if np.linalg.norm(own) < LARGEST_RAD:
                self._own_s = min(self._own_s + dt * worth, OWN_S)
                self._own += dt * worth / max(self._own_s, 1e-3) * (own - self._own)
                usual = R_face @ Rotation.from_rotvec(self._own).as_matrix()
                wanted = SHARE * worth * Rotation.from_matrix(usual @ G_head.T).as_rotvec()
        self._turn += (1.0 - np.exp(-dt / EASE_S)) * (wanted - self._turn)

    def applied(self, shown: Shown) -> Shown:
        """The body with its head turned as the face says."""
        if not self._turn.any():
            return shown
        turn = torch.from_numpy(Rotation.from_rotvec(self._turn).as_matrix()).to(shown.G)
        G, D = shown.G.clone(), shown.D.clone()
        G[HEAD] = turn @ G[HEAD]
        D[HEAD] = G[_NECK].T @ G[HEAD]
        return shown._replace(G=G, D=D)


def head_turn(shown: Shown) -> np.ndarray:
    """(4,) xyzw: how the head is turned against the uppermost spine bone, in the axes of the rest pose."""
    return Rotation.from_matrix((shown.G[_SPINE].T @ shown.G[HEAD]).cpu().numpy()).as_quat()
