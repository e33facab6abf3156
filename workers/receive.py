"""receive: what other performers and a timecode machine send by UDP -> the bus.

    each [[inputs]]                      -> its reader -> `external.<actor>`
    [timecode] with source = "network"   -> `timecode`

Readers are pure and trust nothing (`stage.inputs`); here are the sockets and the clock. Who floods one port is read
in turn with the others, and what does not fit into the system's queue is lost there.
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


class ReceiveWorker(Worker):
    """Hears other performers and a timecode machine."""

    kind = "receive"

    def setup(self) -> None:
        """Bind all ports; one that is taken ends the worker, with its name."""
        self._selector = self.opened.enter_context(selectors.DefaultSelector())
        self._listeners: list[Listener] = [InputListener(section) for section in self.config.inputs]
        if self.config.timecode.source == "network":
            self._listeners.append(TimecodeListener(self.config.timecode))
        for listener in self._listeners:
            socket = self.opened.enter_context(_opened(listener))
            self._selector.register(socket, selectors.EVENT_READ, (socket, listener))
            self.event("info", f"{listener.name}: listening on {listener.host} port {socket.port}")

    def step(self) -> None:
        """Read what has come, publish what is complete."""
        for key, _ in self._selector.select(_WAIT_S):
            self._hear(*key.data)
        now_ns = self.clock.now_ns()
        for listener in self._listeners:
            if news := listener.hearing.news(now_ns):
                kind = "info" if listener.hearing.heard else "warning"
                self.event(kind, f"{listener.name} {news}{f': {listener.fact}' if listener.fact else ''}")

    def report(self) -> None:
        """Counts of every port, and who is heard there."""
        now_ns = self.clock.now_ns()
        for listener in self._listeners:
            for name, count in listener.counters.items():
                self.counters[f"{listener.id}.{name}"] = count
            heard = f"{listener.hearing.rate_hz(now_ns):.0f} Hz" if listener.hearing.heard else "silent"
            self.facts[listener.id] = ", ".join(filter(None, (f"port {listener.port}", heard, listener.fact)))

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


def _opened(listener: Listener) -> UdpReceiver:
    try:
        return UdpReceiver(listener.host, listener.port, timeout_s=0.0)
    except UdpError as error:
        raise UdpError(f"{listener.name}: {error}") from error


if __name__ == "__main__":
    run(ReceiveWorker)
