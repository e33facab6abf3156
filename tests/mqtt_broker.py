"""An MQTT broker for tests, on a free port, that can die and come back; and one who listens to it."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import aiomqtt
import pytest


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class BrokerForTests:
    """amqtt in a process of its own: it can be killed, and what it leaves behind is not ours."""

    def __init__(self, port: int | None = None) -> None:
        self.port = port or free_port()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.mqtt_broker", str(self.port)],
            cwd=Path(__file__).resolve().parents[1],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != b"ready\n":
            self.stop()
            pytest.skip("the test broker does not start on this machine")

    def stop(self) -> None:
        """Kills it, as a power cut does."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


class Listener:
    """A client that keeps everything it hears, retained messages first."""

    def __init__(self, port: int, topics: str = "#") -> None:
        self.heard: list[tuple[str, Any, bool]] = []
        """(topic, decoded JSON, retained)."""
        self._port, self._topics = port, topics
        self._changed = threading.Condition()
        self._subscribed = threading.Event()
        self._loop = asyncio.SelectorEventLoop()
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._subscribed.wait(20.0)

    def wait_for(self, topic: str, count: int = 1, **fields: Any) -> Any:
        """The payload of the count-th message on this topic with these fields; waits for it."""

        def found() -> list[Any]:
            return [
                payload
                for name, payload, _ in self.heard
                if name == topic and all(payload.get(key) == value for key, value in fields.items())
            ]

        with self._changed:
            assert self._changed.wait_for(lambda: len(found()) >= count, 20.0), (topic, fields, self.heard)
            return found()[count - 1]

    def stop(self) -> None:
        if self._task is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(20.0)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._listen())

    async def _listen(self) -> None:
        self._task = asyncio.current_task()
        try:
            async with aiomqtt.Client("127.0.0.1", self._port) as client:
                await client.subscribe(self._topics, qos=1)
                self._subscribed.set()
                async for message in client.messages:
                    with self._changed:
                        payload = json.loads(message.payload) if isinstance(message.payload, bytes) else None
                        self.heard.append((str(message.topic), payload, bool(message.retain)))
                        self._changed.notify_all()
        except (asyncio.CancelledError, aiomqtt.MqttError):
            return


async def _serve(port: int) -> None:
    from amqtt.broker import Broker

    settings = {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }
    broker = Broker(settings)
    await broker.start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
