"""From an input's section to its reader."""

from __future__ import annotations

from stage.config import AnyInputSection, VmcInputSection
from stage.inputs.reader import InputReader


def open_reader(section: AnyInputSection) -> InputReader:
    """The reader of an input."""
    if isinstance(section, VmcInputSection):
        from stage.inputs.vmc_reader import VmcReader

        return VmcReader(section)
    from stage.inputs.livelink_reader import LiveLinkReader

    return LiveLinkReader(section)
