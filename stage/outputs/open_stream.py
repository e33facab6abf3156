"""From an output's section to its stream."""

from __future__ import annotations

from stage.config import OscSection, VmcSection
from stage.outputs.osc_stream import PlainOscStream
from stage.outputs.streams import Stream
from stage.outputs.vmc_stream import VmcStream


def open_stream(output: VmcSection | OscSection) -> Stream:
    """The stream of a VMC or plain OSC output of one actor."""
    return VmcStream(output) if isinstance(output, VmcSection) else PlainOscStream(output)
