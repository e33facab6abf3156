"""From an output's section to the stream of one of its actors."""

from __future__ import annotations

from msgspec.structs import replace

from stage.config import LiveLinkSection, OscSection, VmcSection
from stage.outputs.livelink_stream import LiveLinkStream
from stage.outputs.osc_stream import PlainOscStream
from stage.outputs.streams import Stream
from stage.outputs.vmc_stream import VmcStream
from stage.outputs.wardrobe import Wardrobe
from stage.timecode import TimecodeClock


def open_stream(
    output: VmcSection | LiveLinkSection | OscSection,
    actor: str = "",
    timecode: TimecodeClock | None = None,
    wardrobe: Wardrobe | None = None,
) -> Stream:
    """The stream of one actor.

    Args:
        output: Kind and options.
        actor: Whose; default: the one that the output names.
        timecode: Of the stage, for the protocols that have a place for it; None sends none.
        wardrobe: Shared with the streams of other outputs.

    Raises:
        AvatarError: The avatar of a VMC output cannot be used.
        EncodeError: A name of a Live Link output that receivers do not take.
    """
    actor = actor or output.actor
    if isinstance(output, VmcSection):
        return VmcStream(replace(output, actor=actor), wardrobe)
    if isinstance(output, OscSection):
        return PlainOscStream(output, actor, timecode)
    return LiveLinkStream(output, actor, timecode)
