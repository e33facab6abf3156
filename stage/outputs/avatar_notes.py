"""What an operator should know of an avatar and of what is sent to it. Nothing of it stops a show."""

from __future__ import annotations

from collections.abc import Sequence

from protocols.names import HUMAN_BODY_BONES, VRM0_PRESETS, VRM1_PRESETS
from stage.avatars import Avatar
from stage.config import BlendCase, BlendSet
from stage.outputs.avatar_face import blend_names

_TRANSLATED = dict(zip(VRM0_PRESETS, VRM1_PRESETS, strict=True)) | dict(zip(VRM1_PRESETS, VRM0_PRESETS, strict=True))
_ABSORBED = ("Chest", "UpperChest", "Neck", "LeftShoulder", "RightShoulder")  # what they do, other bones show
_NAMED = 6
_MOUTHS: dict[BlendSet, str] = {"vrm0": "A", "vrm1": "aa"}


def avatar_notes(
    avatar: Avatar, sets: Sequence[BlendSet], case: BlendCase, *, strict: bool, eyes: bool, jaw: bool
) -> tuple[str, ...]:
    """What of a performance the avatar cannot show, and what would be shown twice.

    Args:
        avatar: At rest.
        sets: Which expressions are sent.
        case: Of ARKit's names.
        strict: Whether the receiver takes names as they are; others translate between VRM 0 and VRM 1.
        eyes: Whether bones of eyes are wanted.
        jaw: Whether the bone Jaw is to open.
    """
    unwanted = (*([] if eyes else ["LeftEye", "RightEye"]), *([] if jaw else ["Jaw"]), *_ABSORBED)
    lacking = [bone for bone in HUMAN_BODY_BONES if bone not in (*avatar.bones, *unwanted)]
    notes = [f"avatar {avatar.name} has no bone {_named(lacking)}"] if lacking else []
    for chosen in sets:
        notes += _unknown(avatar, chosen, case, strict=strict)
    if twice := [other for other in sets if _MOUTHS.get(other) in avatar.expressions and _is_arkit(avatar, sets, case)]:
        notes.append(
            f'avatar {avatar.name} has expressions of "arkit" and of "{twice[0]}", both are sent and its face moves '
            f'twice as far; set blends = ["arkit"]'
        )
    return tuple(notes)


def _is_arkit(avatar: Avatar, sets: Sequence[BlendSet], case: BlendCase) -> bool:
    return "arkit" in sets and not set(avatar.expressions).isdisjoint(blend_names("arkit", case))


def _unknown(avatar: Avatar, chosen: BlendSet, case: BlendCase, *, strict: bool) -> list[str]:
    known = set(avatar.expressions)
    if not strict:
        known |= {_TRANSLATED[name] for name in avatar.expressions if name in _TRANSLATED}
    names = blend_names(chosen, case)
    unknown = [name for name in names if name not in known]
    folded = {name.lower() for name in known}
    miswritten = [name for name in unknown if name.lower() in folded]
    if miswritten and chosen == "arkit":
        other = "camel" if case == "pascal" else "pascal"
        return [f'avatar {avatar.name} writes {_named(miswritten)} in another case; set blend_case = "{other}"']
    if len(unknown) == len(names):
        return [f'avatar {avatar.name} has no expression of "{chosen}"; leave "{chosen}" out of blends']
    if unknown:
        return [f'avatar {avatar.name} lacks of "{chosen}": {_named(unknown)}']
    return []


def _named(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
