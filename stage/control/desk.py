"""The OSC control surface: datagrams from anywhere -> commands, answers, news. It owns no sockets and never waits.

A datagram passes, in this order: the allow-list, the rate of its source, the parser, and then, message by message (a
bundle may hold many, each counts), the words: those of the Live Link Face app, or our own below /stage/. Bundles are
obeyed at once, whatever their timetag says. Everything that is refused is counted; our own words are answered in any
case, those of the app as the app does: only when it has obeyed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from protocols import osc, phone_app
from protocols.errors import DecodeError
from protocols.messages import Record
from protocols.phone_app import Address
from protocols.playback import PlayerState
from protocols.show import Command, CommandReply, OutputState, RecorderState, StopRecording
from stage.config import Config
from stage.control import words
from stage.control.allowed import AllowList, SourceRates
from stage.control.delivery import Deliveries
from stage.control.outgoing import Outgoing
from stage.control.phone import PhoneApp
from stage.control.status import ShowStatus
from stage.control.take_files import TakeFiles
from stage.control.take_watch import TakeWatch
from stage.discretion import Discretion


class ControlDesk:
    """Reads what comes, and leaves what is to be sent in `outgoing`."""

    def __init__(self, config: Config, clock: Callable[[], float] = time.monotonic) -> None:
        """Of a stage; `clock` returns seconds."""
        self.outgoing = Outgoing(config.record.enabled, clock)
        self.deliveries = Deliveries()
        self._clock = clock
        self._allowed = AllowList(config.control.allow)
        self._rates = SourceRates(config.control.rate)
        self._discretion = Discretion(config)
        self._status = ShowStatus(clock)
        files = TakeFiles(Path(config.record.folder))
        self._takes = TakeWatch(files)
        self._asker: Address | None = None
        """Who said one of our own words last."""
        self._phone = PhoneApp(config, self.outgoing, self._allowed, files, self.deliveries)

    def take(self, datagram: bytes, source: Address) -> None:
        """Obeys what a datagram says, as far as its source may say so."""
        if not self._allowed.admits(source.host):
            self.outgoing.complain(
                "foreign", f"{source.host} sent a command and is not in control.allow; it is not heard"
            )
            return
        if not self._in_rate(source):
            return
        try:
            packet = osc.parse(datagram)
        except DecodeError as error:
            self.outgoing.complain("malformed", f"{source.host} sent what is no OSC packet: {error}")
            return
        for number, message in enumerate(osc.messages(packet)):
            if number > 0 and not self._in_rate(source):
                return
            self._obey(message, source)

    def hear(self, record: Record) -> None:
        """A record of the bus: a command, also of other surfaces and our own, a reply, or a state."""
        if isinstance(record, Command):
            self._takes.command(record)
        elif isinstance(record, CommandReply):
            if (news := self._takes.reply(record)) is not None:
                self._phone.tell(news)
            self.outgoing.take(record)
        elif isinstance(record, OutputState | PlayerState | RecorderState):
            self._status.take(replace(record, fault=self._discretion.of(record.fault)))
            self._alarm()

    def expire(self) -> None:
        """Answers those whose command nobody has carried out; to be called now and then."""
        self.outgoing.expire()
        while self.deliveries.news:
            self.outgoing.news.append(self.deliveries.news.popleft())

    def close(self) -> None:
        """Says goodbye; what that leaves in `outgoing` is still to be sent."""
        self.outgoing.close()
        self._phone.close()
        self.deliveries.close()

    def _in_rate(self, source: Address) -> bool:
        if self._rates.admits(source.host, self._clock()):
            return True
        self.outgoing.complain("flooded", f"{source.host} sends more commands per second than control.rate; not obeyed")
        return False

    def _obey(self, message: osc.Message, source: Address) -> None:
        address = message.address
        self.outgoing.counters["messages"] += 1
        if address in phone_app.REQUESTS:
            try:
                self._phone.take(message, source)
            except DecodeError as error:
                what = "" if address in str(error) else f"{address}: "
                self.outgoing.complain("refused", f"{source.host}: {what}{error}", f"refused {address}")
        elif address in phone_app.ANSWERS or words.is_answer(address):
            self.outgoing.counters["echoes"] += 1  # to answer an answer would never end
        elif address.startswith(words.PREFIX):
            self._obey_own(message, source)
        else:
            self.outgoing.complain("unknown", f"{source.host} said {address[:60]}, which is no word of control")

    def _obey_own(self, message: osc.Message, source: Address) -> None:
        self._asker = source
        try:
            word = words.read(message)
        except DecodeError as error:
            self.outgoing.complain("refused", f"{source.host}: {error}", "refused own")
            self._reply(message.address, source, False, str(error))
            return
        if word.status:
            for target in self._targets(source):
                self._status.send(self.outgoing, target)
            self._reply(message.address, source, True, self._status.summary)
        elif (make := word.make) is not None:

            def told(reply: CommandReply) -> None:
                files = self._takes.files_of(reply) if make is StopRecording else ()
                self._reply(message.address, source, reply.ok, reply.text, files)

            self.outgoing.order(make, told)
        else:
            self._reply(message.address, source, True, "button let go, nothing done")

    def _alarm(self) -> None:
        """A take that ends by itself, and what else befalls the recorder, is told unasked."""
        target = self._phone.target or self._asker
        if self._status.alarmed and target is not None:
            self._status.send_recorder(self.outgoing, target)
        self._status.alarmed = False

    def _reply(self, word: str, source: Address, ok: bool, text: str, more: tuple[str, ...] = ()) -> None:
        tags, text = "sis" + "s" * len(more), self._discretion.of(text)
        for target in self._targets(source):
            self.outgoing.send(
                target, lambda *shown: osc.message(words.REPLY, tags, *shown), word, int(ok), text, *more
            )

    def _targets(self, source: Address) -> list[Address]:
        target = self._phone.target
        return [source] if target is None or target == source else [source, target]
