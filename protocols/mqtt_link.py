"""A connection to an MQTT broker that never makes its owner wait.

The owner's thread leaves publications in a mailbox; a thread of the link's own, with its own event loop, carries
them to the broker. The mailbox holds the newest publication per topic, so it is bounded, and a slow broker gets fewer
poses instead of older ones. While the broker is away, retained publications are kept and the others dropped (and
counted); it is called again after 0.5 s, then after twice as long each time, up to 15 s, less a random part.

After every connect the link publishes "ready", then everything retained. The last will says "lost". An orderly end
says "disconnected". See `protocols.mqtt_topics` for these states and why they carry a session.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import random
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import aiomqtt

from protocols.mqtt_topics import Publication

_KEEPALIVE_S = 15
_TIMEOUT_S = 5.0
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 15.0

_logger = logging.getLogger("stage.mqtt")
_logger.addHandler(logging.NullHandler())  # the link counts and tells its owner; nothing goes to the terminal
_logger.propagate = False


@dataclass(frozen=True)
class Broker:
    """Where the broker is and who we are."""

    host: str
    port: int
    identifier: str
    """Client id, unique at the broker."""
    username: str = ""
    password: str = ""
    tls: bool = False


class MqttLink:
    """Carries publications to one broker, from a thread of its own."""

    def __init__(self, broker: Broker, life_sign: Callable[[str], Publication]) -> None:
        """Starts connecting.

        Args:
            broker: The broker.
            life_sign: Makes the publication of a state: "ready", "disconnected" or "lost".
        """
        self.counters = dict.fromkeys(("connects", "failures", "published", "replaced", "dropped"), 0)
        """Failures are those of connecting and of staying connected. A publication is replaced by a newer one while
        it waits, and dropped while the broker is away."""
        self.state = "connecting"
        """"connecting", "connected" or "away"."""
        self.reason = ""
        """Why it is away."""
        self._broker = broker
        self._life_sign = life_sign
        self._will = life_sign("lost")
        self._lock = threading.Lock()
        self._mailbox: dict[str, Publication] = {}
        self._retained: dict[str, Publication] = {}
        self._stopping = False
        self._loop = asyncio.SelectorEventLoop()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._thread.start()

    def put(self, publication: Publication) -> None:
        """Leaves a publication; returns at once."""
        with self._lock:
            if publication.retain:
                self._retained[publication.topic] = publication
            if self.state != "connected":
                self.counters["dropped"] += not publication.retain
                return
            self.counters["replaced"] += publication.topic in self._mailbox
            self._mailbox[publication.topic] = publication
        self._call(self._wake.set)

    def close(self, timeout_s: float = 2.0) -> None:
        """Says goodbye to the broker, if that is possible within the time."""
        self._stopping = True
        self._call(self._interrupt)
        self._thread.join(timeout_s)

    def _call(self, function: Callable[[], None]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            with suppress(asyncio.CancelledError):
                runner.run(self._live())
            runner.run(_settle())

    def _interrupt(self) -> None:
        """Ends a connection in an orderly way, an attempt to connect at once."""
        self._wake.set()
        if self.state != "connected" and self._task is not None:
            self._task.cancel()

    async def _live(self) -> None:
        self._task = asyncio.current_task()
        wait_s = _FIRST_WAIT_S
        while not self._stopping:
            try:
                async with self._client() as client:
                    await self._greet(client)
                    wait_s = _FIRST_WAIT_S
                    await self._serve(client)
                    await self._publish(client, self._life_sign("disconnected"))
            except (aiomqtt.MqttError, OSError) as error:
                self.counters["failures"] += 1
                self.reason = str(error) or type(error).__name__
            with self._lock:
                self.state = "away"
                self._mailbox.clear()
            if not self._stopping:
                await self._pause(wait_s * random.uniform(0.5, 1.0))
                wait_s = min(2.0 * wait_s, _LONGEST_WAIT_S)

    def _client(self) -> aiomqtt.Client:
        broker = self._broker
        return aiomqtt.Client(
            broker.host,
            broker.port,
            username=broker.username or None,
            password=broker.password or None,
            identifier=broker.identifier,
            will=aiomqtt.Will(self._will.topic, self._will.payload(), self._will.qos, self._will.retain),
            keepalive=_KEEPALIVE_S,
            timeout=_TIMEOUT_S,
            tls_context=ssl.create_default_context() if broker.tls else None,
            logger=_logger,
        )

    async def _greet(self, client: aiomqtt.Client) -> None:
        await self._publish(client, self._life_sign("ready"))
        with self._lock:
            self._mailbox = dict(self._retained)
            self.state = "connected"
        self._wake.set()
        self.counters["connects"] += 1

    async def _serve(self, client: aiomqtt.Client) -> None:
        """Returns when the link is closed; raises when the broker is lost."""
        tasks = {asyncio.create_task(self._send(client)), asyncio.create_task(_watch(client))}
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        for task in done:
            task.result()

    async def _send(self, client: aiomqtt.Client) -> None:
        while not self._stopping:
            await self._wake.wait()
            self._wake.clear()
            with self._lock:
                waiting, self._mailbox = self._mailbox, {}
            for publication in waiting.values():
                await self._publish(client, publication)

    async def _publish(self, client: aiomqtt.Client, publication: Publication) -> None:
        await client.publish(publication.topic, publication.payload(), publication.qos, publication.retain)
        self.counters["published"] += 1

    async def _pause(self, seconds: float) -> None:
        """Waits, but not for one who wants to stop."""
        self._wake.clear()
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return


async def _watch(client: aiomqtt.Client) -> None:
    """Raises when the connection breaks; nothing is subscribed, so nothing else happens."""
    async for _ in client.messages:
        pass


async def _settle() -> None:
    """Lets go of a client whose connecting was cut short: it connects in a thread, and tells the loop when it goes."""
    await asyncio.get_running_loop().shutdown_default_executor()
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
    gc.collect()
