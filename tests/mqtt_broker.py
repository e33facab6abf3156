"""A real broker for tests (mosquitto) on a free port, that can die and come back; and one who listens to it."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.ports import free_port

PATIENCE_S = 20.0
_DAEMON_PATHS = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/opt/homebrew/sbin"


def program(name: str) -> str:
    """A program's path; the test skips where it is not installed."""
    path = shutil.which(name) or shutil.which(name, path=_DAEMON_PATHS)
    if path is None:
        pytest.skip(f"{name} is not installed (Debian: apt-get install mosquitto openssl)")
    return path


class BrokerForTests:
    """mosquitto in a process of its own."""

    def __init__(self, port: int | None = None, *, folder: Path | None = None, **settings: str) -> None:
        """Starts it; `settings` are lines of mosquitto.conf, such as allow_anonymous="false"."""
        mosquitto = program("mosquitto")
        self.port = port or free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="broker-")) if folder is None else folder
        self._own_folder = folder is None
        config = {"listener": f"{self.port} 127.0.0.1", "allow_anonymous": "true", "persistence": "false"} | settings
        lines = [f"{key} {value}" for key, value in config.items()]
        path = self._folder / "mosquitto.conf"
        # Started by root, it would become somebody else who cannot read the folder of the test.
        path.write_text("\n".join(["user root", "log_dest none", *lines]) + "\n", encoding="utf-8")
        self._process = subprocess.Popen(
            [mosquitto, "-c", str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline_s = time.monotonic() + PATIENCE_S
        while not self._answers():
            assert self._process.poll() is None, f"mosquitto ended with {self._process.poll()}: {lines}"
            assert time.monotonic() < deadline_s
            time.sleep(0.005)

    def stop(self) -> None:
        """Kills it, as a power cut does."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._own_folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def freeze(self) -> None:
        """It holds its connections and does nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on where it stopped."""
        self._process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1.0).close()
        except OSError:
            return False
        return True


class Listener:
    """A client that keeps everything it hears, retained messages first, and can say something."""

    def __init__(self, port: int, topics: str = "#", *, five: bool = False, **options: Any) -> None:
        self.heard: list[tuple[str, Any, bool]] = []
        """(topic, decoded JSON, retained)."""
        self.correlations: list[bytes] = []
        """Of the messages that have any."""
        self._port, self._topics, self._options = port, topics, options
        self._protocol = aiomqtt.ProtocolVersion.V5 if five else aiomqtt.ProtocolVersion.V311
        self._changed = threading.Condition()
        self._subscribed = threading.Event()
        self._loop = asyncio.SelectorEventLoop()
        self._task: asyncio.Task[None] | None = None
        self._client: aiomqtt.Client | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._subscribed.wait(PATIENCE_S)

    def wait_for(self, topic: str, count: int = 1, **fields: Any) -> Any:
        """The payload of the count-th message on this topic with these fields; waits for it."""

        def found() -> list[Any]:
            return [
                payload
                for name, payload, _ in self.heard
                if name == topic and all((payload or {}).get(key) == value for key, value in fields.items())
            ]

        with self._changed:
            assert self._changed.wait_for(lambda: len(found()) >= count, PATIENCE_S), (topic, fields, self.heard[-10:])
            return found()[count - 1]

    def say(
        self,
        topic: str,
        payload: object = None,
        *,
        retain: bool = False,
        answer_to: str = "",
        correlation: bytes = b"",
    ) -> None:
        """Publishes bytes as they are, anything else as JSON; returns when the broker has it."""
        data = payload if isinstance(payload, bytes) else b"" if payload is None else json.dumps(payload).encode()
        properties = Properties(PacketTypes.PUBLISH)
        if answer_to:
            properties.ResponseTopic = answer_to
        if correlation:
            properties.CorrelationData = correlation
        five = self._protocol is aiomqtt.ProtocolVersion.V5
        assert self._client is not None
        publishing = self._client.publish(topic, data, 1, retain, properties if five else None)
        asyncio.run_coroutine_threadsafe(publishing, self._loop).result(PATIENCE_S)

    def stop(self) -> None:
        if self._task is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(PATIENCE_S)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._listen())

    async def _listen(self) -> None:
        self._task = asyncio.current_task()
        try:
            async with aiomqtt.Client(
                "127.0.0.1", self._port, protocol=self._protocol, **self._options
            ) as self._client:
                await self._client.subscribe(self._topics, qos=1)
                self._subscribed.set()
                async for message in self._client.messages:
                    with self._changed:
                        payload = json.loads(message.payload) if message.payload else None
                        self.heard.append((str(message.topic), payload, bool(message.retain)))
                        if hasattr(message.properties, "CorrelationData"):
                            self.correlations.append(getattr(message.properties, "CorrelationData", b""))
                        self._changed.notify_all()
        except (asyncio.CancelledError, aiomqtt.MqttError):
            return


class Authority:
    """A certificate authority of the test's own, and certificates by it, made with openssl."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._openssl = program("openssl")
        usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
        self._run(
            "req", "-x509", *_new_key("ca"), "-subj", "/CN=test authority", "-days", "2", *usage, "-out", "ca.pem"
        )
        self.ca_file = str(folder / "ca.pem")

    def certify(self, name: str) -> tuple[str, str]:
        """Certificate and key files for a host name or an address."""
        kind = "IP" if name[0].isdigit() else "DNS"
        (self.folder / f"{name}.ext").write_text(
            f"subjectAltName={kind}:{name}\nauthorityKeyIdentifier=keyid\nkeyUsage=digitalSignature\n", encoding="utf-8"
        )
        self._run("req", *_new_key(name), "-subj", f"/CN={name}", "-out", f"{name}.csr")
        self._run(
            "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.pem",
        )  # fmt: skip
        return str(self.folder / f"{name}.pem"), str(self.folder / f"{name}.key")

    def context(self) -> ssl.SSLContext:
        """For one who trusts it."""
        return ssl.create_default_context(cafile=self.ca_file)

    def _run(self, *arguments: str) -> None:
        subprocess.run([self._openssl, *arguments], cwd=self.folder, check=True, capture_output=True)


def _new_key(name: str) -> tuple[str, ...]:
    return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key")
