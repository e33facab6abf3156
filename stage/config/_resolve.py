"""Small checks that many sections of stage.toml need."""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path

# Names become topics, file names and part of socket paths, whose length the system bounds.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")


class Refused(Exception):
    """A complaint still without the name of the file."""


def check_name(place: str, name: str) -> None:
    """Refuses what cannot be a topic, a file name and a part of an address.

    Raises:
        Refused: It cannot.
    """
    if not _NAME.fullmatch(name):
        raise Refused(f'{place}: "{name}" is not a usable name; up to 32 letters, digits, "-" and "_"')


def absolute(text: str, folder: Path, place: str) -> Path:
    """A path of the file as an absolute one.

    Raises:
        Refused: It begins with the home of nobody.
    """
    try:
        return Path(os.path.abspath(folder / Path(text).expanduser()))
    except RuntimeError as error:  # "~name" of nobody
        raise Refused(f"{place}: {text}: {error}") from None


def existing(text: str, folder: Path, place: str) -> str:
    """`text` as an absolute path of something that is there; "" stays "".

    Raises:
        Refused: There is no such thing.
    """
    if not text:
        return ""
    path = absolute(text, folder, place)
    try:
        path.stat()
    except OSError as error:
        raise Refused(f"{place}: {path}: {error.strerror}") from None
    return str(path)


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_networks(place: str, networks: tuple[str, ...]) -> None:
    """Refuses an entry of an allow-list that is neither an address nor a network.

    Raises:
        Refused: One is not.
    """
    for network in networks:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            raise Refused(f'{place}: {error}; write "192.168.1.20" or "192.168.1.0/24"') from None


def check_reach(place: str, host: str, allow: tuple[str, ...]) -> None:
    """Refuses an address that others can reach where nobody says who may be heard.

    Raises:
        Refused: So it is.
    """
    check_networks(f"{place}.allow", allow)
    if not is_loopback(host) and len(allow) == 0:
        raise Refused(
            f"{place}.host: {host} can be reached from other hosts; say in {place}.allow who is heard, such as "
            f'allow = ["192.168.1.0/24"], or use "127.0.0.1"'
        )
