"""receive: what other performers and a timecode machine send by UDP -> the bus.

    each [[inputs]]                      -> its reader -> `external.<actor>`
    [timecode] with source = "network"   -> `timecode`

Readers are pure and trust nothing (`stage.inputs`); here are the sockets and the clock. Who floods one port is read
in turn with the others, and what does not fit into the system's queue is lost there. A port that is taken is tried
again and again; the others are heard meanwhile.
"""

from __future__ import annotations

import selectors

from protocols.udp import UdpError, UdpReceiver
from stage.inputs.listeners import InputListener, Listener, TimecodeListener
from workers.worker import Worker, run

_WAIT_S = 0.1
_AT_ONCE = 64
"""Datagrams of one socket before it is the next one's turn."""
_TURN_NS = 10_000_000
"""The same in time: large datagrams take long to read."""
_RETRY_NS = 2_000_000_000


class ReceiveWorker(Worker):
    """Hears other performers and a timecode machine."""

    kind = "receive"

    def setup(self) -> None:
        """Bind all ports, as far as they are free."""
        self._selector = self.opened.enter_context(selectors.DefaultSelector())
        self._listeners: list[Listener] = [InputListener(section) for section in self.config.inputs]
        if self.config.timecode.source == "network":
            self._listeners.append(TimecodeListener(self.config.timecode))
        self._faults: dict[str, str] = dict.fromkeys((listener.id for listener in self._listeners), "")
        """Of listeners without a port, why; "" before the first attempt."""
        self._retry_ns = 0
        self._open_ports()

    def step(self) -> None:
        """Read what has come, publish what is complete."""
        for key, _ in self._selector.select(_WAIT_S):
            self._hear(*key.data)
        now_ns = self.clock.now_ns()
        if self._faults and now_ns >= self._retry_ns:
            self._open_ports()
        for listener in self._listeners:
            if listener.id not in self._faults and (news := listener.hearing.news(now_ns)):
                kind = "info" if listener.hearing.heard else "warning"
                self.event(kind, f"{listener.name} {news}{f': {listener.fact}' if listener.fact else ''}")

    def report(self) -> None:
        """Counts of every port, and who is heard there."""
        now_ns = self.clock.now_ns()
        for listener in self._listeners:
            for name, count in listener.counters.items():
                self.counters[f"{listener.id}.{name}"] = count
            if fault := self._faults.get(listener.id):
                self.facts[listener.id] = fault
                continue
            heard = f"{listener.hearing.rate_hz(now_ns):.0f} Hz" if listener.hearing.heard else "silent"
            self.facts[listener.id] = ", ".join(filter(None, (f"port {listener.port}", heard, listener.fact)))

    def _open_ports(self) -> None:
        self._retry_ns = self.clock.now_ns() + _RETRY_NS
        for listener in self._listeners:
            if listener.id not in self._faults:
                continue
            try:
                socket = self.opened.enter_context(UdpReceiver(listener.host, listener.port, timeout_s=0.0))
            except UdpError as error:
                if self._faults[listener.id] != (fault := str(error)):
                    self._faults[listener.id] = fault
                    self.event("error", f"{listener.name}: {fault}")
                continue
            del self._faults[listener.id]
            self._selector.register(socket, selectors.EVENT_READ, (socket, listener))
            self.event("info", f"{listener.name}: listening on {listener.host} port {socket.port}")

    def _hear(self, socket: UdpReceiver, listener: Listener) -> None:
        began_ns = self.clock.now_ns()
        for _ in range(_AT_ONCE):
            now_ns = self.clock.now_ns()
            received = socket.receive() if now_ns - began_ns < _TURN_NS else None
            if received is None:
                return
            for topic, record, at_ns in listener.take(*received, now_ns):
                self.publisher.send(topic, record)
                self.mark(now_ns - at_ns)


if __name__ == "__main__":
    run(ReceiveWorker)
