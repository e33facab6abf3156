from __future__ import annotations

from dataclasses import dataclass, field

from tests.receivers.message import Received


@dataclass
class Vmc4ue:
    """VMC4UE (Unreal): positions are written too; blends gather until Apply, which forgets those that did not come."""

    bones: dict[str, tuple[float, ...]] = field(default_factory=dict)
    root: tuple[float, ...] = ()
    curves: dict[str, float] = field(default_factory=dict)
    over_read: bool = False
    """Root is checked for 7 arguments and 8 are read; the last comes from somewhere in memory."""
    ignored: int = 0
    _gathered: dict[str, float] = field(default_factory=dict)

    def take(self, message: Received) -> None:
        """Process one message; OK, T and what it does not know leave no trace."""
        values = message.values
        match message.address:
            case "/VMC/Ext/Root/Pos" if len(values) >= 7:
                if len(values) == 7:
                    self.over_read = True
                else:
                    self.root = _pose(message)
            case "/VMC/Ext/Bone/Pos" if len(values) >= 8:
                self.bones[str(values[0])] = _pose(message)
            case "/VMC/Ext/Blend/Val" if len(values) >= 2:
                self._gathered[str(values[0])] = float(values[1])
            case "/VMC/Ext/Blend/Apply":
                self.curves, self._gathered = self._gathered, {}
            case "/VMC/Ext/OK" | "/VMC/Ext/T":
                pass
            case _:
                self.ignored += 1


def _pose(message: Received) -> tuple[float, ...]:
    # Its OSC library gives a number only where a float lies; anything else reads as 0.
    x, y, z, qx, qy, qz, qw = (value if isinstance(value, float) else 0.0 for value in message.values[1:8])
    return (-x * 100, z * 100, y * 100, -qx, qz, qy, qw)
