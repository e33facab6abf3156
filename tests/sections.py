"""Sections of outputs as `load` would resolve them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stage.config import AnyOutputSection, LiveLinkSection, MqttSection, OscSection, VmcSection
from stage.config._endpoints import resolved_output

KINDS: dict[str, type[AnyOutputSection]] = {
    "vmc": VmcSection,
    "livelink": LiveLinkSection,
    "osc": OscSection,
    "mqtt": MqttSection,
}


def output_section(kind: str, *, actors: tuple[str, ...] = ("actor",), **options: Any) -> Any:
    """An output of a stage with these actors and the one it names."""
    known = [*([options["actor"]] if options.get("actor") else []), *actors]
    return resolved_output(KINDS[kind](**options), 0, "stage", known, Path("/"))
