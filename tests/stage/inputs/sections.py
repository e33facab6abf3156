"""Inputs as `load` would resolve them."""

from __future__ import annotations

from typing import Any

from stage.config import AnyInputSection, LiveLinkInputSection, VmcInputSection
from stage.config._endpoints import resolved_input

ALL_PARTS = ("face", "eyes", "head", "spine", "arms", "fingers", "legs", "hips")


def input_section(kind: str, *, actor: str = "anna", **options: Any) -> Any:
    """An input of a stage with this actor."""
    record: type[AnyInputSection] = VmcInputSection if kind == "vmc" else LiveLinkInputSection
    return resolved_input(record(actor=actor, **options), 0, [actor])
