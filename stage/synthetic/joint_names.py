"""Which joint of a skeleton is which bone of the rig, by their names, whichever tool wrote them.

Mixamo, VRM and Unity, CMU, Unreal, 3ds Max: a name has a side (left, right, l, r, anywhere at a word's edge) and what
remains ("upleg", "thigh").
"""

from __future__ import annotations

import re

from stage.errors import SourceError

_SIDED = {
    "clavicle": ("shoulder", "clavicle", "collar", "clav"),
    "upperarm": ("arm", "upperarm", "uparm", "shldr"),
    "lowerarm": ("forearm", "lowerarm", "elbow", "lowarm"),
    "hand": ("hand", "wrist"),
    "thigh": ("upleg", "upperleg", "thigh", "hip"),
    "calf": ("leg", "lowerleg", "calf", "shin", "knee", "lowleg"),
    "foot": ("foot", "ankle"),
    "ball": ("toebase", "toes", "toe", "ball"),
}
LIMB_BONES = tuple(_SIDED)
"""Bones of both sides but fingers, without their side."""
_ALL_SYNONYMS = {synonym for synonyms in _SIDED.values() for synonym in synonyms}
_FINGERS = {
    "thumb": ("handthumb", "thumb"),
    "index": ("handindex", "index", "findex", "indexfinger"),
    "middle": ("handmiddle", "middle", "fmiddle", "mid", "middlefinger"),
    "ring": ("handring", "ring", "fring", "ringfinger"),
    "pinky": ("handpinky", "pinky", "little", "fpinky", "pinkyfinger", "littlefinger"),
}
_FINGER_PARTS = {
    "01": ("1", "01", "proximal", "a"),
    "02": ("2", "02", "intermediate", "b"),
    "03": ("3", "03", "distal", "c"),
}
_THUMB_PARTS = {"01": ("metacarpal",), "02": ("proximal",), "03": ("distal",)}
"""VRM 1 names a thumb's bones otherwise."""
_CENTRAL = {"pelvis": ("hips", "pelvis", "hip"), "neck_01": ("neck", "neck1", "neck01"), "head": ("head",)}
_NOISE = {"mixamorig", "bip", "bip01", "bip001", "j", "c", "def", "org", "character", "character1"}
_NEEDED = (
    "pelvis",
    "head",
    *(f"{bone}_{side}" for side in "lr" for bone in ("upperarm", "lowerarm", "thigh", "calf", "foot")),
)
_BIPED = re.compile(r"^bip\d*[ _]", re.IGNORECASE)
"""What 3ds Max puts before its names."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def matched_joints(names: tuple[str, ...]) -> dict[str, int]:
    """Which joint of a skeleton is which bone of the rig: bone name to joint index.

    Raises:
        SourceError: Hips, head, an arm or a leg is not among the names.
    """
    known = [_side_and_core(name) for name in names]
    cores = {core for side, core in known if side}
    found: dict[str, int] = {}
    for bone, synonyms in _CENTRAL.items():
        _take(found, bone, [i for i, (side, core) in enumerate(known) if side == "" and core in synonyms])
    for side in "lr":
        for bone, synonyms in _SIDED.items():
            wanted = synonyms
            if "collar" in cores and not cores & {"arm", "upperarm"}:  # then "shoulder" is the upper arm
                wanted = {"clavicle": ("collar",), "upperarm": ("shoulder", "shldr")}.get(bone, synonyms)
            _take(found, f"{bone}_{side}", [i for i, known_as in enumerate(known) if known_as == (side, wanted[0])])
            _take(found, f"{bone}_{side}", [i for i, (s, core) in enumerate(known) if s == side and core in wanted])
    _match_fingers(found, known)
    missing = [bone for bone in _NEEDED if bone not in found]
    if missing:
        raise SourceError(
            f"the skeleton has no joint for {', '.join(missing)}; its joints: {', '.join(names[:30])}; "
            "rename them as Mixamo, Unity, CMU or Unreal do"
        )
    return found


def _match_fingers(found: dict[str, int], known: list[tuple[str, str]]) -> None:
    for side in "lr":
        vrm_1 = (side, "thumbmetacarpal") in known
        for finger, synonyms in _FINGERS.items():
            for part, endings in (_THUMB_PARTS if finger == "thumb" and vrm_1 else _FINGER_PARTS).items():
                wanted = {(side, name + ending) for name in synonyms for ending in endings}
                _take(found, f"{finger}_{part}_{side}", [i for i, known_as in enumerate(known) if known_as in wanted])


def _side_and_core(name: str) -> tuple[str, str]:
    """("l", "upleg") of "mixamorig:LeftUpLeg", ("", "spine1") of "J_Bip_C_Spine1"."""
    words = [word.lower() for word in _WORD.findall(_BIPED.sub("", name.rsplit(":", 1)[-1]))]
    side = ""
    if len(words) > 0 and len(words[0]) > 1 and words[0][0] in "lr" and words[0][1:] in _ALL_SYNONYMS:
        words = [words[0][0], words[0][1:], *words[1:]]  # "lthigh"
    kept = []
    for word in words:
        if word in ("l", "left", "r", "right") and not side:
            side = word[0]
        elif word not in _NOISE:
            kept.append(word)
    return side, "".join(kept)


def _take(found: dict[str, int], bone: str, candidates: list[int]) -> None:
    if bone not in found and len(candidates) > 0:
        found[bone] = candidates[0]
