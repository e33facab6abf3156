"""The stage in the role of the Live Link Face app: tools made to drive the phone drive our recorder and streams.

What differs from the phone, and why:

* The send target, and where files go, must be on the allow-list: nobody can point the stage at a third party. Until a
  target is set, answers go to whoever spoke last.
* /AddLiveLinkAddress switches on an output of the stage.toml that has this address. No new one is opened:
  destinations are named by who owns the stage.
* A stage has no session of AR to start: it confirms. It has no display: the word is accepted.
* Confirmations also tell of takes that others began and ended (the page in the browser, MQTT, our own words).
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address

from protocols import osc, phone_app
from protocols.phone_app import Address, PhoneAppError
from protocols.show import Command, CommandReply, SetOutput, SetSlate, StartRecording, StopRecording
from stage.config import Config, LiveLinkSection
from stage.control import machine
from stage.control.allowed import AllowList
from stage.control.delivery import Deliveries
from stage.control.outgoing import Outgoing
from stage.control.take_files import TakeFiles
from stage.control.take_watch import Began, Ended
from stage.control.words import slate_name, take_number

_NO_TIMECODE = "00:00:00.000"
"""What the app itself says, whatever the time."""


class PhoneApp:
    """Obeys the words of the app."""

    def __init__(
        self, config: Config, outgoing: Outgoing, allowed: AllowList, files: TakeFiles, deliveries: Deliveries
    ) -> None:
        """Without a send target."""
        self.target: Address | None = None
        """Where answers go; None: to whoever spoke last."""
        self._asker: Address | None = None
        self._outgoing = outgoing
        self._allowed = allowed
        self._files = files
        self._deliveries = deliveries
        self._own = config.control
        self._streams = [output for output in config.outputs if isinstance(output, LiveLinkSection)]
        self._chosen = {output.id for output in self._streams}
        self._streaming = True
        self._subjects = {output.subject or output.actor for output in self._streams}
        self._subjects |= {actor.id for actor in config.actors}

    def take(self, said: osc.Message, source: Address) -> None:
        """Obeys a message whose address is one of `phone_app.REQUESTS`.

        Raises:
            DecodeError: It has other arguments than the app's, or asks for what is not done.
        """
        phone_app.check(said)
        self._asker = source
        act, *arguments = _ACTS[said.address], *said.arguments
        act(self, *arguments)

    def tell(self, news: Began | Ended) -> None:
        """Confirms a take, whoever gave the command."""
        timecode = news.timecode or _NO_TIMECODE
        if isinstance(news, Began):
            self._answer("/RecordStartConfirm", timecode)
        else:
            self._answer("/RecordStopConfirm", timecode, news.csv, news.mov)

    def close(self) -> None:
        """Says goodbye to the send target."""
        if self.target is not None:
            self._answer("/AppDeactivated")

    def _answer(self, word: str, *arguments: float | str) -> None:
        target = self.target or self._asker
        if target is not None:
            self._outgoing.send(target, lambda *shown: phone_app.message(word, *shown), *arguments)

    def _order(self, word: str, make: Callable[[str, str], Command]) -> None:
        def told(reply: CommandReply) -> None:
            if not reply.ok:
                self._outgoing.complain("failed", f"{word}: {reply.text}", f"failed {word}")

        self._outgoing.order(make, told)

    def _set_target(self, host: str, port: int) -> None:
        address = self._admitted(phone_app.address_of(host, port))
        if address.port == self._own.port and (ip_address(address.host).is_loopback or address.host == self._own.host):
            raise PhoneAppError(f"/OSCSetSendTarget {address.host} {address.port} is the stage itself")
        self.target = address
        self._answer("/OSCSetSendTargetConfirm")

    def _add_stream(self, host: str, port: int) -> None:
        address = phone_app.address_of(host, port)
        found = [output.id for output in self._streams if _address_of(output) == address]
        if len(found) == 0:
            raise PhoneAppError(
                f"/AddLiveLinkAddress {address.host} {address.port}: no [[outputs]] of kind livelink has this address; "
                f"a stage sends only where its stage.toml says, add one there"
            )
        self._chosen.update(found)
        if self._streaming:
            self._switch("/AddLiveLinkAddress", found, True)

    def _clear_streams(self) -> None:
        self._chosen.clear()
        self._switch("/ClearAllLiveLinkAddresses", [output.id for output in self._streams], False)

    def _stream(self, on: bool) -> None:
        self._streaming = on
        word = "/LiveLinkStreamStart" if on else "/LiveLinkStreamStop"
        if on and not self._chosen:
            raise PhoneAppError(f"{word}: there is no Live Link output to switch on")
        self._switch(word, sorted(self._chosen), on)

    def _switch(self, word: str, outputs: list[str], enabled: bool) -> None:
        for name in outputs:
            self._order(word, lambda key, surface, name=name: SetOutput(key, surface, name, enabled=enabled))

    def _subject(self, name: str) -> None:
        if name not in self._subjects:
            raise PhoneAppError(
                f"/LiveLinkSubject {name!r:.60}: the names of subjects are set in stage.toml ({_list(self._subjects)})"
            )

    def _slate(self, name: str) -> None:
        slate = slate_name(name)
        self._order("/Slate", lambda key, surface: SetSlate(key, surface, slate=slate))

    def _take(self, number: int) -> None:
        take = take_number(number)
        self._order("/Take", lambda key, surface: SetSlate(key, surface, take=take))

    def _start(self, name: str, number: int) -> None:
        slate, take = slate_name(name), take_number(number)
        self._order("/RecordStart", lambda key, surface: StartRecording(key, surface, slate, take))

    def _stop(self) -> None:
        self._order("/RecordStop", StopRecording)

    def _transport(self, where: str, name: str) -> None:
        target = self._admitted(phone_app.split_address(where))
        path = self._files.find(name)
        if path is None:
            raise PhoneAppError(f"/Transport {name!r:.60}: no file of a take that was ended in this session")
        if not self._deliveries.start(path, target):
            raise PhoneAppError(f"/Transport {name!r:.60}: another file is on its way")

    def _admitted(self, address: Address) -> Address:
        if not self._allowed.admits(address.host):
            raise PhoneAppError(f"{address.host} is not in control.allow, so nothing is sent there")
        return address

    def _battery(self) -> None:
        self._answer("/Battery", machine.battery_level())

    def _thermals(self) -> None:
        self._answer("/Thermals", machine.thermal_state())


_ACTS: dict[str, Callable[..., None]] = {
    "/OSCSetSendTarget": PhoneApp._set_target,
    "/AddLiveLinkAddress": PhoneApp._add_stream,
    "/ClearAllLiveLinkAddresses": PhoneApp._clear_streams,
    "/LiveLinkSubject": PhoneApp._subject,
    "/LiveLinkStreamStart": lambda app: app._stream(True),
    "/LiveLinkStreamStop": lambda app: app._stream(False),
    "/Slate": PhoneApp._slate,
    "/Take": PhoneApp._take,
    "/RecordStart": PhoneApp._start,
    "/RecordStop": PhoneApp._stop,
    "/Transport": PhoneApp._transport,
    "/BatteryQuery": PhoneApp._battery,
    "/ThermalsQuery": PhoneApp._thermals,
    "/ARSessionStart": lambda app: app._answer("/ARSessionStartConfirm"),
    "/ARSessionStop": lambda app: app._answer("/ARSessionStopConfirm"),
    "/VideoDisplayOn": lambda app: None,
    "/VideoDisplayOff": lambda app: None,
}


def _address_of(output: LiveLinkSection) -> Address:
    host = "127.0.0.1" if output.host == "localhost" else output.host
    try:
        return Address(str(ip_address(host)), output.port)
    except ValueError:
        return Address(host, output.port)


def _list(names: set[str]) -> str:
    return ", ".join(sorted(name for name in names if name)[:8])
