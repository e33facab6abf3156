"""The control worker: OSC from remote controls -> commands on the bus, and their replies back.

    words by UDP --> desk --command.control--> recorder, outputs, solver --reply.*--> desk --> answers by UDP

What the words mean is `stage.control`'s; here are the sockets, and nothing waits on them.
"""

from __future__ import annotations

import time

import zmq

from protocols.messages import Record
from protocols.phone_app import Address
from protocols.show import CommandReply
from protocols.udp_server import UdpServer
from stage.control.desk import ControlDesk
from stage.surfaces import EXECUTORS, surfaces
from workers.worker import Worker, run

_HEARD = ("command.", "reply.", "recorder", "player", "output.")
_WAIT_MS = 100
_BURST = 256
_BURST_S = 0.05
"""Datagrams that are read at a time, and how long; a flood leaves room for replies and heartbeats."""


class ControlWorker(Worker):
    """Serves [control]."""

    kind = "control"

    def setup(self) -> None:
        """Listen to remote controls and to those who carry out commands."""
        section = self.config.control
        self._server = UdpServer(section.host, section.port)
        self.opened.callback(self._server.close)
        self._bus = self.subscribe({name: _HEARD for name in {*EXECUTORS, *surfaces(self.config)}})
        self._desk = ControlDesk(self.config)
        self._poller = zmq.Poller()
        self._poller.register(self._server.fileno(), zmq.POLLIN)
        self._poller.register(self._bus.socket, zmq.POLLIN)
        self.facts["address"] = f"{section.host} port {self._server.port}"

    def step(self) -> None:
        """Take what has come, send what follows from it."""
        self._poller.poll(_WAIT_MS)
        # Of what has come together from different workers, commands came before their replies.
        for record in sorted((message.record for message in self._bus.drain_all()), key=_is_reply):
            self._desk.hear(record)
        began_s = time.monotonic()
        for _ in range(_BURST):
            if time.monotonic() - began_s > _BURST_S or (received := self._server.receive()) is None:
                break
            self._desk.take(received[0], Address(*received[1]))
            self._send()  # what waits to be sent is bounded
        self._desk.expire()
        self._send()

    def report(self) -> None:
        """What was obeyed, what was refused, and by what rule."""
        self.counters |= self._desk.outgoing.counters

    def teardown(self) -> None:
        """Say goodbye."""
        if hasattr(self, "_desk"):
            self._desk.close()
            self._send()

    def _send(self) -> None:
        outgoing = self._desk.outgoing
        while outgoing.commands:
            self.publisher.send(f"command.{self.name}", outgoing.commands.popleft())
        while outgoing.packets:
            packet = outgoing.packets.popleft()
            counter = "answers" if self._server.send(packet.data, *packet.target) else "unsent"
            outgoing.counters[counter] += 1
        while outgoing.news:
            self.event(*outgoing.news.popleft())


def _is_reply(record: Record) -> bool:
    return isinstance(record, CommandReply)


if __name__ == "__main__":
    run(ControlWorker)
