"""A broker: where it is, who we are there, and whom we trust. Makes the clients that connect to it.

Files (certificates, keys, the password) are read at each connect: one that was renewed, or mended, needs no restart.
"""

from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from protocols.errors import ProtocolError
from protocols.mqtt_topics import Publication

KEEPALIVE_S = 15
TIMEOUT_S = 5.0
MOST_INCOMING = 1024
"""Messages that may wait to be taken up; further ones are lost, and counted."""
MOST_PACKET_BYTES = 1 << 18
"""What is larger is not delivered to us by MQTT 5, and cut off by MQTT 3.1.1."""
_MOST_PASSWORD_BYTES = 65_535

_logger = logging.getLogger("stage.mqtt")
_logger.addHandler(logging.NullHandler())  # the link counts and tells its owner; nothing goes to the terminal
_logger.propagate = False


class MqttFileError(ProtocolError):
    """A password, certificate or key file that cannot be used."""


@dataclass(frozen=True)
class Broker:
    """Where the broker is and who we are."""

    host: str
    port: int
    identifier: str
    """Client id, unique at the broker."""
    version: Literal["3.1.1", "5"] = "3.1.1"
    username: str = ""
    password: str = ""
    password_file: str = ""
    """A file whose first line is the password."""
    tls: bool = False
    ca_file: str = ""
    """Whom to trust; "" is whom the system trusts."""
    cert_file: str = ""
    key_file: str = ""

    @property
    def place(self) -> str:
        """Host and port, for people."""
        return f"{self.host}:{self.port}"

    def client(self, will: Publication | None) -> aiomqtt.Client:
        """A client that is yet to connect; to be called in a running event loop.

        Raises:
            MqttFileError: One of the files cannot be used.
        """
        five = self.version == "5"
        return aiomqtt.Client(
            self.host,
            self.port,
            username=self.username or None,
            password=self._password() or None,
            identifier=self.identifier,
            protocol=aiomqtt.ProtocolVersion.V5 if five else aiomqtt.ProtocolVersion.V311,
            clean_session=None if five else True,
            will=aiomqtt.Will(will.topic, will.payload(), will.qos, will.retain) if will is not None else None,
            keepalive=KEEPALIVE_S,
            timeout=TIMEOUT_S,
            tls_context=self.tls_context() if self.tls else None,
            properties=_limits() if five else None,
            max_queued_incoming_messages=MOST_INCOMING,
            logger=_logger,
        )

    def check_files(self) -> None:
        """Reads all files.

        Raises:
            MqttFileError: One cannot be used.
        """
        self._password()
        if self.tls:
            self.tls_context()

    def tls_context(self) -> ssl.SSLContext:
        """Whom we trust, and by what the broker knows us.

        Raises:
            MqttFileError: A file is missing, or holds no certificate or key, or key and certificate do not match.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca_file or None)
        except (OSError, ValueError) as error:
            raise MqttFileError(f"ca_file {self.ca_file}: {_said(error)}; it must hold certificates as PEM") from None
        if self.cert_file:
            try:
                context.load_cert_chain(self.cert_file, self.key_file or None, password=_no_passphrase)
            except (OSError, ValueError) as error:
                raise MqttFileError(
                    f"cert_file {self.cert_file} and key_file {self.key_file}: {_said(error)}; they must be a "
                    f"certificate and its key as PEM, the key without passphrase"
                ) from None
        return context

    def reason(self, error: Exception) -> str:
        """Why there is no connection, for people."""
        text = str(error) or type(error).__name__
        if "CERTIFICATE_VERIFY_FAILED" in text:
            why = text.partition("verify failed: ")[2].partition(" (_ssl")[0] or text
            return f"its certificate is not accepted: {why}; is ca_file its authority's, and {self.host} its name?"
        if "[SSL" in text:
            return f"no TLS connection: {text}; is this its TLS port, and does it ask for cert_file?"
        if "timed out" in text:
            asks = "does it ask for a certificate (cert_file)" if self.tls else "is it a TLS port (tls = true)"
            return f"it does not answer in {TIMEOUT_S:g} s; {asks}, or a port of something else?"
        if "ot authori" in text or "ad user" in text.lower():
            return f"it refuses username and password ({text})"
        return text

    def _password(self) -> str:
        if not self.password_file:
            return self.password
        try:
            with Path(self.password_file).open("rb") as file:
                line = file.readline(_MOST_PASSWORD_BYTES)
            return line.rstrip(b"\r\n").decode()
        except OSError as error:
            raise MqttFileError(f"password_file {self.password_file}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise MqttFileError(f"password_file {self.password_file}: its first line is not text (UTF-8)") from None


def correlated(publication: Publication) -> Properties | None:
    """MQTT 5: the properties of an answer that its asker wants to recognise."""
    if not publication.correlation:
        return None
    properties = Properties(PacketTypes.PUBLISH)
    properties.CorrelationData = publication.correlation
    return properties


def _limits() -> Properties:
    """MQTT 5: a broker does not deliver what is larger, so nobody can fill our memory."""
    properties = Properties(PacketTypes.CONNECT)
    properties.MaximumPacketSize = MOST_PACKET_BYTES
    return properties


def _no_passphrase() -> str:
    raise ValueError("the key has a passphrase")


def _said(error: OSError | ValueError) -> str:
    """What the TLS library says, without its own coordinates."""
    text = (error.strerror if isinstance(error, OSError) else "") or str(error)
    return text.removeprefix("[SSL] ").removeprefix("[X509] ").partition(" (_ssl")[0]
