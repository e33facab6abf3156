"""How the show is, as messages: the answer to /stage/status.

/stage/recorder/state      slate s, take i, recording i, seconds f, name s, free GB f, fault s
/stage/output/<id>/state   enabled i, kind s, actor s, rate Hz f, target s, fault s
"""

from __future__ import annotations

from protocols import osc
from protocols.phone_app import Address
from protocols.show import OutputState, RecorderState
from stage.control.outgoing import Outgoing


class ShowStatus:
    """The newest word of the recorder and of every output."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self.recorder: RecorderState | None = None
        self.outputs: dict[str, OutputState] = {}

    def take(self, record: object) -> None:
        """A record of the bus; others are left alone."""
        if isinstance(record, RecorderState):
            self.recorder = record
        elif isinstance(record, OutputState):
            self.outputs[record.id] = record

    @property
    def summary(self) -> str:
        """In a line."""
        on = sum(output.enabled for output in self.outputs.values())
        text = f"{on} of {len(self.outputs)} outputs on"
        if self.recorder is None:
            return f"{text}, no recorder"
        return f"{text}, {'recording' if self.recorder.recording else 'next'}: {_title(self.recorder)}"

    def send(self, outgoing: Outgoing, target: Address) -> None:
        """Leaves a message for each of them."""
        if (state := self.recorder) is not None:
            seconds = (state.at_ns - state.began_ns) / 1e9 if state.recording else 0.0
            free_gb = state.free_bytes / 1e9 if state.free_bytes >= 0 else -1.0
            values = (state.slate, state.take, int(state.recording), seconds, state.name, free_gb, state.fault)
            outgoing.send(target, lambda *shown: osc.message("/stage/recorder/state", "siifsfs", *shown), *values)
        for output in self.outputs.values():
            address = f"/stage/output/{output.id}/state"
            values = (int(output.enabled), output.kind, output.actor, output.rate_hz, output.target, output.fault)
            outgoing.send(target, lambda *shown, address=address: osc.message(address, "issfss", *shown), *values)


def _title(state: RecorderState) -> str:
    return f"{state.slate} take {state.take}"
