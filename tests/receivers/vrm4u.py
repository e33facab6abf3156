from __future__ import annotations

from dataclasses import dataclass, field

from tests.receivers.message import Received

_CLOSING = ("/VMC/Ext/OK", "/VMC/Ext/T", "/VMC/Ext/Blend/Apply")


@dataclass
class Vrm4u:
    """VRM4U (Unreal): strings and floats collected apart, ints not at all; shown on OK, T or Apply."""

    pending: dict[str, tuple[float, ...]] = field(default_factory=dict)
    shown: list[dict[str, tuple[float, ...]]] = field(default_factory=list)
    curves: dict[str, float] = field(default_factory=dict)
    crashed: bool = False
    """It takes string 0 of Root, Bone and Blend without a look."""

    def take(self, message: Received) -> None:
        """Process one message."""
        if self.crashed:
            return
        strings, floats = message.strings, message.floats
        match message.address:
            case "/VMC/Ext/Root/Pos" | "/VMC/Ext/Bone/Pos":
                if len(floats) >= 7:
                    x, y, z, qx, qy, qz, qw = floats[:7]
                    self._named(strings, (-x * 100, z * 100, y * 100, -qx, qz, qy, qw))
            case "/VMC/Ext/Blend/Val":
                self.crashed |= len(strings) == 0
                if strings and floats:
                    self.curves[strings[0].lower()] = floats[0]
            case address if address in _CLOSING and self.pending:
                self.shown.append(dict(self.pending))
                self.pending.clear()

    def _named(self, strings: list[str], pose: tuple[float, ...]) -> None:
        if len(strings) == 0:
            self.crashed = True
        else:
            self.pending[strings[0]] = pose
