"""What may be changed of an output while it runs - on or off, whose it is, how fast - and what it says of itself."""

from __future__ import annotations

import math
from collections.abc import Sequence

from protocols.show import OutputState, SetOutput
from stage.config import AnyOutputSection, LiveLinkSection, VmcSection, nearest
from stage.errors import OutputError
from stage.surfaces import owner_of

_PERIOD_NS = 1_000_000_000


class LiveState:
    """The live side of one output of any kind."""

    def __init__(self, output: AnyOutputSection, actors: Sequence[str]) -> None:
        """As the stage.toml has it.

        Args:
            output: The output's section.
            actors: All actors of the stage.
        """
        self.enabled = output.enabled
        self.actor = output.actor
        """Empty is all."""
        self.rate = output.rate
        """Upper bound in Hz; 0 is none."""
        self._output = output
        self._actors = list(actors)
        self._said: tuple[bool, str, float, str] | None = None
        self._due_ns = self._mark_ns = 0
        self._mark_frames = 0
        self._rate_hz = 0.0

    @property
    def actors(self) -> tuple[str, ...]:
        """The actors it sends, switched off or not."""
        return (self.actor,) if self.actor else tuple(self._actors)

    @property
    def wish(self) -> SetOutput:
        """The command that leads here, to come back."""
        return SetOutput("", "", self._output.id, self.enabled, self.actor, self.rate)

    @property
    def text(self) -> str:
        """The state in words."""
        rate = f"at most {self.rate:g} Hz" if self.rate > 0.0 else "every frame"
        return f"{self._output.id} is {'on' if self.enabled else 'off'}: {self.actor or 'all actors'}, {rate}"

    @property
    def facts(self) -> dict[str, str]:
        """The state for programs."""
        return {"enabled": str(self.enabled).lower(), "actor": self.actor, "rate": f"{self.rate:g}"}

    def change(self, wish: SetOutput) -> None:
        """Takes over all that a command asks for, or nothing of it.

        Raises:
            OutputError: An actor or a rate that cannot be.
        """
        actor = self.actor if wish.actor is None else self._possible(wish.actor)
        if wish.rate is not None and not (math.isfinite(wish.rate) and wish.rate >= 0.0):
            raise OutputError(f"{self._output.id}: a rate of {wish.rate:g} Hz cannot be; 0 sends every frame")
        self.enabled = self.enabled if wish.enabled is None else wish.enabled
        self.actor = actor
        self.rate = self.rate if wish.rate is None else wish.rate

    def _possible(self, actor: str) -> str:
        output, known = self._output, self._actors
        if actor and actor not in known:
            raise OutputError(f'{output.id}: no actor "{actor}"; {nearest(actor, known)}')
        if isinstance(output, VmcSection) and not actor:
            if len(known) > 1:
                raise OutputError(f"{output.id}: a VMC port is one avatar; name one actor of {', '.join(known)}")
            return known[0]
        several = not actor and len(known) > 1
        if isinstance(output, LiveLinkSection) and several and (output.subject or output.device_id):
            raise OutputError(f"{output.id}: its subject or device_id is one actor's; name one of {', '.join(known)}")
        return actor

    def due(self, now_ns: int, fault: str) -> bool:
        """Whether the state is to be published: it has changed, or a second has passed."""
        return now_ns >= self._due_ns or self._said != (self.enabled, self.actor, self.rate, fault)

    def state(self, now_ns: int, frames: int, lost: int, target: str, fault: str) -> OutputState:
        """The state, to be published now.

        Args:
            now_ns: Stage time.
            frames: Frames sent since the start.
            lost: Frames that could not be sent.
            target: Receiver or broker, and how it is reached.
            fault: What is wrong now.
        """
        self._said = (self.enabled, self.actor, self.rate, fault)
        if now_ns >= self._due_ns:
            if self._mark_ns > 0:
                self._rate_hz = (frames - self._mark_frames) * 1e9 / (now_ns - self._mark_ns)
            self._mark_ns, self._mark_frames, self._due_ns = now_ns, frames, now_ns + _PERIOD_NS
        return OutputState(
            id=self._output.id,
            kind=self._output.kind,
            worker=owner_of(self._output),
            at_ns=now_ns,
            enabled=self.enabled,
            actor=self.actor,
            rate=self.rate,
            target=target,
            rate_hz=self._rate_hz,
            frames=frames,
            lost=lost,
            fault=fault,
        )
