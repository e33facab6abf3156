"""From an output's section to the stream of one of its actors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stage.config import OscSection, VmcSection
from stage.outputs.osc_stream import PlainOscStream
from stage.outputs.streams import Stream
from stage.outputs.vmc_stream import VmcStream

if TYPE_CHECKING:
    from stage.config import LiveLinkSection
    from stage.timecode import TimecodeClock


def open_stream(
    output: VmcSection | LiveLinkSection | OscSection, actor: str = "", timecode: TimecodeClock | None = None
) -> Stream:
    """The stream of one actor.

    Args:
        output: Kind and options.
        actor: Whose; default: the one that the output names.
        timecode: Of the stage, for the protocols that have a place for it; None sends none.
    """
    actor = actor or output.actor
    if isinstance(output, VmcSection):
        return VmcStream(output)
    if isinstance(output, OscSection):
        return PlainOscStream(output, actor, timecode)
    from stage.outputs.livelink_stream import LiveLinkStream

    return LiveLinkStream(output, actor, timecode)
