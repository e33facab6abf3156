"""Where the markers of usual sets sit on the body.

A site is found on the mesh of the mean body: from a place on a bone outwards in a direction, and then rides on the
skin that is there, for any shape. Sets: Plug-in Gait (LASI, LKNE ...) and the names of the International Society of
Biomechanics that Qualisys and others use (L_IAS, L_FLE ...).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.names import RIG_BONES
from stage.bodies.body import BodyModel

STANDOFF_M = 0.012
"""Centre of a marker above the skin: half its size and its base."""
FIRM_M, LOOSE_M = 0.012, 0.03
"""How far from its place a marker may sit: over a bone that can be felt, or somewhere along a limb."""


class Site(NamedTuple):
    """A place on the left side, or in the middle; directions are those of the rest pose: x left, y back, z up."""

    bone: str
    towards: str
    share: float
    """The place on the bone lies so far towards the other one."""
    shift: tuple[float, float, float]
    """And so far from there [m]."""
    outwards: tuple[float, float, float] | str
    """A direction, or "elbow", "thumb" or "back" of the hand."""
    sigma_m: float = FIRM_M


def _site(
    bone: str,
    outwards: tuple[float, float, float] | str,
    *,
    towards: str = "",
    share: float = 0.0,
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0),
    sigma_m: float = FIRM_M,
) -> Site:
    return Site(bone, towards or bone, share, shift, outwards, sigma_m)


_MIDDLE = {
    "C7": _site("neck_01", (0.0, 1.0, 0.0)),
    "T10": _site("spine_02", (0.0, 1.0, 0.0), towards="spine_03", share=0.9, sigma_m=LOOSE_M),
    "CLAV": _site("neck_01", (0.0, -1.0, 0.0), shift=(0.0, 0.0, -0.05)),
    "STRN": _site("spine_03", (0.0, -1.0, 0.0), shift=(0.0, 0.0, 0.05), sigma_m=LOOSE_M),
    "RBAK": _site("spine_03", (0.0, 1.0, 0.0), shift=(-0.09, 0.0, 0.12), sigma_m=LOOSE_M),
}
_LEFT = {
    "FHD": _site("head", (0.6, -0.8, 0.0), shift=(0.0, 0.0, 0.10), sigma_m=0.02),
    "BHD": _site("head", (0.6, 0.8, 0.0), shift=(0.0, 0.0, 0.10), sigma_m=0.02),
    "SHO": _site("upperarm", (0.0, 0.0, 1.0), shift=(-0.01, 0.0, 0.0)),
    "UPA": _site("upperarm", "elbow", towards="lowerarm", share=0.5, sigma_m=LOOSE_M),
    "ELB": _site("lowerarm", "elbow"),
    "HME": _site("lowerarm", "inner elbow"),
    "FRM": _site("lowerarm", "back", towards="hand", share=0.5, sigma_m=LOOSE_M),
    "WRA": _site("hand", "thumb"),
    "WRB": _site("hand", "little finger"),
    "FIN": _site("hand", "back", towards="middle_01", share=0.9),
    "HM2": _site("index_01", "back"),
    "HM5": _site("pinky_01", "back"),
    "ASI": _site("thigh", (0.15, -1.0, 0.0), shift=(0.025, 0.0, 0.085)),
    "PSI": _site("pelvis", (0.0, 1.0, 0.0), shift=(0.05, 0.0, 0.07)),
    "FTC": _site("thigh", (1.0, 0.0, 0.0), sigma_m=0.02),
    "THI": _site("thigh", (1.0, 0.0, 0.0), towards="calf", share=0.55, sigma_m=LOOSE_M),
    "KNE": _site("calf", (1.0, 0.0, 0.0)),
    "FME": _site("calf", (-1.0, 0.0, 0.0)),
    "TTC": _site("calf", (0.0, -1.0, 0.0), towards="foot", share=0.12),
    "FAX": _site("calf", (1.0, 0.2, 0.0), towards="foot", share=0.08),
    "TIB": _site("calf", (1.0, 0.0, 0.0), towards="foot", share=0.55, sigma_m=LOOSE_M),
    "ANK": _site("foot", (1.0, 0.0, 0.0)),
    "TAM": _site("foot", (-1.0, 0.0, 0.0)),
    "HEE": _site("foot", (0.0, 1.0, -0.75)),
    "TOE": _site("ball", (0.0, 0.0, 1.0)),
    "FM1": _site("ball", (-1.0, 0.0, 0.3)),
    "FM5": _site("ball", (1.0, 0.0, 0.3)),
}
_SAME = {
    "CV7": "C7", "TV8": "T10", "SNJ": "CLAV", "SXS": "STRN", "SCAP": "RBAK", "HDF": "FHD", "HDB": "BHD", "SAJ": "SHO",
    "HLE": "ELB", "RSP": "WRA", "UHE": "WRB", "IAS": "ASI", "IPS": "PSI", "FLE": "KNE", "FAL": "ANK", "FCC": "HEE",
}  # fmt: skip


class MarkerSites(NamedTuple):
    """M markers that are known, on the mesh."""

    columns: tuple[int, ...]
    """Which of the labels they are."""
    vertices: NDArray[np.intp]
    """(M,)."""
    standoff: NDArray[np.float64]
    """(M, 3) metres, rest pose."""
    sigma_m: NDArray[np.float64]
    """(M,)."""


def marker_sites(labels: Sequence[str], body: BodyModel) -> MarkerSites:
    """The markers among labels whose place on the body is known."""
    columns, vertices, standoff, sigma = [], [], [], []
    for column, label in enumerate(labels):
        found = _known(label)
        if found is None:
            continue
        site, side = found
        vertex, outwards = _vertex(site, side, body)
        columns.append(column)
        vertices.append(vertex)
        standoff.append(STANDOFF_M * outwards)
        sigma.append(site.sigma_m)
    return MarkerSites(tuple(columns), np.array(vertices, np.intp), np.array(standoff).reshape(-1, 3), np.array(sigma))


def _known(label: str) -> tuple[Site, str] | None:
    """The site of a label, and its side: "l", "r" or "" in the middle."""
    text = label.upper().replace("_", "")
    text = _SAME.get(text, text)
    if text in _MIDDLE:
        return _MIDDLE[text], ""
    core = _SAME.get(text[1:], text[1:])
    if text[:1] == "R" and core == "RBAK":
        return _MIDDLE["RBAK"], ""
    if text[:1] in ("L", "R") and core in _LEFT:
        return _LEFT[core], text[0].lower()
    return None


def _vertex(site: Site, side: str, body: BodyModel) -> tuple[int, NDArray[np.float64]]:
    """The vertex that lies furthest outwards near the site's ray, and the ray's direction."""
    joints = body.mean_joints.astype(np.float64)
    suffix = f"_{side}" if side and site.bone not in ("head", "pelvis") else ""
    towards = f"_{side}" if side and site.towards not in ("head", "pelvis") else ""
    begin, end = (joints[RIG_BONES.index(name)] for name in (site.bone + suffix, site.towards + towards))
    mirror = np.array([-1.0 if side == "r" else 1.0, 1.0, 1.0])
    origin = begin + site.share * (end - begin) + mirror * site.shift
    if isinstance(site.outwards, str):
        outwards = _hand_direction(site.outwards, side, joints)
    else:
        outwards = mirror * site.outwards
    outwards = outwards / np.linalg.norm(outwards)
    arms = body.mean_vertices - origin
    along = arms @ outwards
    aside = np.linalg.norm(arms - along[:, None] * outwards, axis=1)
    near = (along > 0.0) & (along < 0.2) & (aside < 0.02)
    if not near.any():
        near = (along > 0.0) & (along < 0.3) & (aside < 0.06)
    # The first sheet of skin outwards, not another limb behind it.
    first = along[near].min()
    near &= along < max(first + 0.03, 0.0)
    score = np.where(near, aside - 0.5 * along, np.inf)
    return int(score.argmin()), outwards


def _hand_direction(name: str, side: str, joints: NDArray[np.float64]) -> NDArray[np.float64]:
    def at(bone: str) -> NDArray[np.float64]:
        return joints[RIG_BONES.index(f"{bone}_{side}")]

    if name in ("elbow", "inner elbow"):
        upper, lower = at("lowerarm") - at("upperarm"), at("hand") - at("lowerarm")
        axis = np.cross(upper, lower)
        axis *= np.sign(axis[2]) or 1.0  # the outer side of an arm that hangs at 45 degrees looks up
        return axis if name == "elbow" else -axis
    across = at("index_01") - at("pinky_01")
    along = at("middle_01") - at("hand")
    across -= along * (across @ along) / (along @ along)
    if name in ("thumb", "little finger"):
        return across if name == "thumb" else -across
    back = np.cross(across, along) * (1.0 if side == "l" else -1.0)
    return back if back[2] > 0 else -back
