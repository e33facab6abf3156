"""Who may reach a socket from another host: ZeroMQ's CURVE keys.

A publisher beyond loopback has a key pair and a list of those who may subscribe:

    keys/stage.key_secret      its own pair, readable by its user only
    keys/stage.key             its public key, for the subscribers
    keys/clients/*.key         the public keys of the subscribers that are let in

A subscriber has a pair of its own and the publisher's public key. A pair is made by

    python -m protocols.curve FOLDER NAME

and public keys are carried by hand. Without keys nothing binds beyond loopback.
"""

from __future__ import annotations

import ipaddress
import struct
import sys
from pathlib import Path
from typing import Any, NamedTuple

import zmq
from zmq.auth import create_certificates, load_certificate
from zmq.auth.thread import ThreadAuthenticator
from zmq.utils import z85

from protocols.errors import BusError

CLIENTS_FOLDER = "clients"
_KEY_BYTES = 32


def create_keys(folder: Path, name: str) -> tuple[Path, Path]:
    """Makes a key pair.

    Returns:
        The public and the secret key's file.

    Raises:
        BusError: The folder cannot be written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        public_file, secret_file = (Path(file) for file in create_certificates(folder, name))
        secret_file.chmod(0o600)
    except OSError as error:
        raise BusError(f"{folder}: {error.strerror}; no keys made") from error
    return public_file, secret_file


def tcp_endpoint(host: str, port: int) -> str:
    """A ZeroMQ address, IPv6 in brackets."""
    return f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether only this host can reach the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def require_keys(host: str, secret_key_file: Path | None) -> None:
    """Refuses an open door.

    Raises:
        BusError: The address is beyond loopback and there is no key.
    """
    if secret_key_file is None and not is_loopback(host):
        raise BusError(
            f"frames on {host} could be watched by anybody: set [bus] curve_secret_key_file "
            f"(python -m protocols.curve FOLDER NAME makes one), or bind to 127.0.0.1"
        )


def guard(context: zmq.Context[Any], socket: zmq.Socket[Any], secret_key_file: Path) -> ThreadAuthenticator:
    """Lets only the listed clients connect to a socket; call before it binds.

    Returns:
        The running authenticator, to be stopped before the context ends.

    Raises:
        BusError: A key or the folder of clients cannot be read.
    """
    clients = secret_key_file.parent / CLIENTS_FOLDER
    permitted = frozenset(_load(file)[0] for file in clients.glob("*.key"))
    if len(permitted) == 0:
        raise BusError(f"{clients}: no client's public key (*.key) there, so nobody could subscribe; put them there")
    socket.curve_publickey, socket.curve_secretkey = load_pair(secret_key_file)
    socket.curve_server = True
    authenticator = ThreadAuthenticator(context)
    authenticator.start()
    authenticator.configure_curve_callback("*", _Clients(permitted))
    return authenticator


class _Clients(NamedTuple):
    """Answers the authenticator, whose thread asks once per connection."""

    permitted: frozenset[bytes]

    def callback(self, _domain: str, key: bytes) -> bool:
        """Whether the owner of this public key may connect."""
        return key in self.permitted


def identify(socket: zmq.Socket[Any], secret_key_file: Path, server_key_file: Path) -> None:
    """Gives a connecting socket its pair and the key of the publisher it expects; call before it connects.

    Raises:
        BusError: A key cannot be read.
    """
    socket.curve_serverkey = _load(server_key_file)[0]
    socket.curve_publickey, socket.curve_secretkey = load_pair(secret_key_file)


def load_pair(secret_key_file: Path) -> tuple[bytes, bytes]:
    """(public key, secret key) of a secret key file.

    Raises:
        BusError: It is missing, or is not one.
    """
    public, secret = _load(secret_key_file)
    if secret is None:
        raise BusError(f"{secret_key_file} holds no secret key: give the .key_secret file of the pair")
    return public, secret


def _load(file: Path) -> tuple[bytes, bytes | None]:
    try:
        public, secret = load_certificate(file)
    except (OSError, ValueError) as error:
        raise BusError(f"{file}: cannot be read as a CURVE key ({error})") from error
    if any(key is not None and not _is_key(key) for key in (public, secret)):
        raise BusError(f"{file}: not a CURVE key")
    return public, secret


def _is_key(key: bytes) -> bool:
    """Whether these are 32 bytes in Z85, ZeroMQ's printable form."""
    try:
        return len(z85.decode(key)) == _KEY_BYTES
    except (KeyError, ValueError, struct.error, AssertionError):
        return False


def main(arguments: list[str]) -> int:
    """Makes a key pair and says where it lies; 2 when it cannot."""
    if len(arguments) != 2 or "/" in arguments[1]:
        print("usage: python -m protocols.curve FOLDER NAME", file=sys.stderr)
        return 2
    try:
        files = create_keys(Path(arguments[0]), arguments[1])
    except BusError as error:
        print(f"stage: error: {error}", file=sys.stderr)
        return 2
    print(*files, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
