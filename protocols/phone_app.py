"""The OSC words of the Live Link Face app, by which a phone is told to record and tells what it did.

    to the app                                     from the app, to its send target
    /OSCSetSendTarget       ip s, port i           /OSCSetSendTargetConfirm
    /AddLiveLinkAddress     ip s, port i
    /ClearAllLiveLinkAddresses
    /LiveLinkSubject        name s
    /LiveLinkStreamStart, /LiveLinkStreamStop
    /Slate                  name s
    /Take                   number i
    /RecordStart            slate s, take i        /RecordStartConfirm   timecode s
    /RecordStop                                    /RecordStopConfirm    timecode s, csv path s, mov path s
    /Transport              "ip:port" s, path s    (the file, by TCP)
    /BatteryQuery                                  /Battery              level f, 0 to 1
    /ThermalsQuery                                 /Thermals             state i, 0 nominal to 3 critical
    /ARSessionStart                                /ARSessionStartConfirm
    /ARSessionStop                                 /ARSessionStopConfirm
    /VideoDisplayOn, /VideoDisplayOff
                                                   /AppActivated, /AppDeactivated (unasked)

The app acknowledges what it has done and is silent about what it has not. For /Transport it opens a TCP connection
to the address it is given and sends the size of the file, an int32, most significant byte first, then the file.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Mapping
from typing import NamedTuple

from protocols import osc
from protocols.errors import DecodeError, EncodeError

REQUESTS: Mapping[str, str] = {
    "/OSCSetSendTarget": "si",
    "/AddLiveLinkAddress": "si",
    "/ClearAllLiveLinkAddresses": "",
    "/LiveLinkSubject": "s",
    "/LiveLinkStreamStart": "",
    "/LiveLinkStreamStop": "",
    "/Slate": "s",
    "/Take": "i",
    "/RecordStart": "si",
    "/RecordStop": "",
    "/Transport": "ss",
    "/BatteryQuery": "",
    "/ThermalsQuery": "",
    "/ARSessionStart": "",
    "/ARSessionStop": "",
    "/VideoDisplayOn": "",
    "/VideoDisplayOff": "",
}
"""What the app understands: type tags by address."""

ANSWERS: Mapping[str, str] = {
    "/OSCSetSendTargetConfirm": "",
    "/RecordStartConfirm": "s",
    "/RecordStopConfirm": "sss",
    "/Battery": "f",
    "/Thermals": "i",
    "/ARSessionStartConfirm": "",
    "/ARSessionStopConfirm": "",
    "/AppActivated": "",
    "/AppDeactivated": "",
}
"""What the app says: type tags by address."""

MAX_FILE_BYTES = 2**31 - 1
"""Larger files have no place in the size that goes before them."""

_PORTS = range(1, 1 << 16)


class PhoneAppError(DecodeError):
    """A word with other arguments than the app's."""


class Address(NamedTuple):
    """Where somebody listens."""

    host: str
    """An IP address, never a name."""
    port: int


def message(address: str, *arguments: float | str) -> bytes:
    """A word of the app, or one to it, as a packet.

    Raises:
        EncodeError: Not one of the words, or arguments that it does not have.
    """
    tags = REQUESTS.get(address, ANSWERS.get(address))
    if tags is None:
        raise EncodeError(f"{address} is none of the app's words")
    return osc.message(address, tags, *arguments)


def check(said: osc.Message) -> None:
    """Refuses one of the app's words with other types or another number of arguments.

    Raises:
        PhoneAppError: So it is.
    """
    tags = REQUESTS.get(said.address, ANSWERS.get(said.address))
    if said.tags.replace("S", "s") != tags:
        raise PhoneAppError(f"{said.address[:40]} has arguments ,{said.tags[:40]} where the app takes ,{tags or ''}")


def address_of(host: object, port: object) -> Address:
    """An address from the arguments of a word.

    Raises:
        PhoneAppError: No IP address, or no port.
    """
    if not isinstance(host, str) or not isinstance(port, int) or port not in _PORTS:
        raise PhoneAppError(f"{host!r:.60} port {port!r:.20} is no address")
    try:
        return Address(str(ipaddress.ip_address(host)), port)
    except ValueError:
        raise PhoneAppError(f"{host!r:.60} is no IP address; names are not looked up") from None


def split_address(text: str) -> Address:
    """The address in "192.168.1.20:9000" or "[fd00::20]:9000".

    Raises:
        PhoneAppError: There is none in it.
    """
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and len(port) <= 5):
        raise PhoneAppError(f"{text!r:.60} is no address with a port, such as 192.168.1.20:9000")
    return address_of(host.removeprefix("[").removesuffix("]"), int(port))


def file_size(size: int) -> bytes:
    """The four bytes that go before a file.

    Raises:
        EncodeError: The file is larger than they can say.
    """
    if not 0 <= size <= MAX_FILE_BYTES:
        raise EncodeError(f"a file of {size} bytes: the app's protocol carries no more than {MAX_FILE_BYTES}")
    return struct.pack(">i", size)
