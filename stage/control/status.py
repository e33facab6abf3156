"""How the show is, as messages: the answer to /stage/status.

/stage/recorder/state      slate s, take i, recording i, seconds f, name s, free GB f, fault s,
                           minutes left f, dropped frames i, pre-roll seconds f, marks i
/stage/player/state        take s, track s, playing i, position f, seconds f, speed f, loop i, timecode s, fault s
/stage/output/<id>/state   enabled i, kind s, actor s, rate Hz f, target s, fault s
"""

from __future__ import annotations

import time
from collections.abc import Callable

from protocols import osc
from protocols.phone_app import Address
from protocols.playback import PlayerState
from protocols.show import OutputState, RecorderState
from stage.control.outgoing import Outgoing
from stage.surfaces import RECORD, REPLAY

SILENT_S = 3.0
"""Recorder and outputs speak once a second; what was said longer ago is shown with a fault."""


class ShowStatus:
    """The newest word of the recorder and of every output."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Know nothing yet; `clock` returns seconds."""
        self.alarmed = False
        """Whether the recorder has a new fault; whoever tells it sets it back."""
        self._clock = clock
        self._recorder: RecorderState | None = None
        self._player: PlayerState | None = None
        self._outputs: dict[str, OutputState] = {}
        self._heard_s: dict[str, float] = {}
        """By worker."""

    def take(self, record: object) -> None:
        """A record of the bus; others are left alone."""
        if isinstance(record, RecorderState):
            before = "" if self._recorder is None else self._recorder.fault
            self.alarmed = self.alarmed or record.fault not in ("", before)
            self._recorder = record
            self._heard_s[RECORD] = self._clock()
        elif isinstance(record, PlayerState):
            self._player = record
            self._heard_s[REPLAY] = self._clock()
        elif isinstance(record, OutputState):
            self._outputs[record.id] = record
            self._heard_s[record.worker] = self._clock()

    @property
    def summary(self) -> str:
        """In a line."""
        on = sum(output.enabled for output in self._outputs.values())
        text = f"{on} of {len(self._outputs)} outputs on"
        if (player := self._player) is not None:
            return f"{text}, {'playing' if player.playing else 'paused'}: {player.take} at {player.position_s:.2f} s"
        if (state := self._recorder) is None:
            return f"{text}, no recorder"
        return f"{text}, {'recording' if state.recording else 'next'}: {state.slate} take {state.take}"

    def send(self, outgoing: Outgoing, target: Address) -> None:
        """Leaves a message for each of them."""
        self.send_recorder(outgoing, target)
        if (player := self._player) is not None:
            fault = self._silence(REPLAY) or player.fault
            values = (player.take, player.track, int(player.playing), player.position_s, player.seconds, player.speed)
            values += (int(player.loop), player.timecode, fault)
            outgoing.send(target, lambda *shown: osc.message("/stage/player/state", "ssifffiss", *shown), *values)
        for output in self._outputs.values():
            address = f"/stage/output/{output.id}/state"
            fault = self._silence(output.worker) or output.fault
            values = (int(output.enabled), output.kind, output.actor, output.rate_hz, output.target, fault)
            outgoing.send(target, lambda *shown, address=address: osc.message(address, "issfss", *shown), *values)

    def send_recorder(self, outgoing: Outgoing, target: Address) -> None:
        """Leaves the recorder's message, if there is a recorder."""
        if (state := self._recorder) is not None:
            fault = self._silence(RECORD) or state.fault
            seconds = (state.at_ns - state.began_ns) / 1e9 if state.recording else 0.0
            free_gb = state.free_bytes / 1e9 if state.free_bytes >= 0 else -1.0
            values = (state.slate, state.take, int(state.recording), seconds, state.name, free_gb, fault)
            values += (state.minutes_left, state.dropped_frames, state.pre_roll_s, state.marks)
            outgoing.send(target, lambda *shown: osc.message("/stage/recorder/state", "siifsfsfifi", *shown), *values)

    def _silence(self, worker: str) -> str:
        silent_s = self._clock() - self._heard_s.get(worker, self._clock())
        return f"{worker} has not been heard of for {silent_s:.0f} s" if silent_s >= SILENT_S else ""
