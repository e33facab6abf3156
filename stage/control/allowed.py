"""Who may speak to a stage, and how much: an allow-list of sources and a rate for each of them.

Both are asked about every datagram before it is read. UDP sources can be forged by who sits on the same network; the
list keeps out strangers and mistakes, not an attacker on the cable.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Sequence

MOST_SOURCES = 1024
"""Sources whose rate is kept at one time; while all of them are busy, others are refused."""

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class AllowList:
    """The sources that are heard. A list says everything: this machine is heard only where it is in it, too."""

    def __init__(self, networks: Sequence[str]) -> None:
        """Of addresses and networks ("192.168.1.20", "10.0.0.0/24", "fd00::/8"); empty: this machine only."""
        self._networks = [ipaddress.ip_network(network) for network in networks]

    def admits(self, host: str) -> bool:
        """Whether an address is heard; a name or nonsense never is, for nothing is looked up."""
        address = _address(host)
        if address is None:
            return False
        if len(self._networks) == 0:
            return address.is_loopback
        return any(address in network for network in self._networks)


class SourceRates:
    """How much each source may send: so many per second, and as many (at least one) at once after a pause."""

    def __init__(self, per_second: float) -> None:
        """With `per_second` > 0."""
        self._rate = per_second
        self._burst = max(1.0, per_second)
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """Per source, the longest silent first: what it might still send at a time [s], and that time."""

    def __len__(self) -> int:
        """Sources that are remembered."""
        return len(self._left)

    def admits(self, host: str, now_s: float) -> bool:
        """Whether one more of this source is within its rate at `now_s`, a clock that never goes back."""
        known = self._left.get(host)
        if known is None and len(self._left) >= MOST_SOURCES and not self._forget_rested(now_s):
            return False
        left = self._burst if known is None else self._refilled(known, now_s)
        admitted = left >= 1.0
        self._left[host] = (left - admitted, now_s)
        self._left.move_to_end(host)
        return admitted

    def _forget_rested(self, now_s: float) -> bool:
        """Forgets the longest silent source, if it has regained its all: then nothing is lost with it."""
        host, known = next(iter(self._left.items()))
        if self._refilled(known, now_s) < self._burst:
            return False
        del self._left[host]
        return True

    def _refilled(self, known: tuple[float, float], now_s: float) -> float:
        left, then_s = known
        return min(self._burst, left + max(0.0, now_s - then_s) * self._rate)


def _address(host: str) -> _Address | None:
    """The address in a text; IPv4 in IPv6 ("::ffff:10.0.0.1") as IPv4. None: it is none."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
