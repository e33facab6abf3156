"""A connection to an MQTT broker that never makes its owner wait.

The owner's thread leaves publications in a mailbox and takes up what has come in; a thread of the link's own, with its
own event loop, carries both. Everything is bounded: the mailbox holds the newest publication per topic, so a slow
broker gets fewer poses instead of older ones, and of what comes in the surplus is lost and counted. While the broker is
away, retained publications are kept and the others dropped (and counted); it is called again after 0.5 s, then after
twice as long each time, up to 15 s, less a random part.

After every connect the link subscribes, publishes "ready", then everything retained. The last will says "lost". An
orderly end says "disconnected". See `protocols.mqtt_topics` for these states and why they carry a session.
"""

from __future__ import annotations

import asyncio
import gc
import random
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

import aiomqtt

from protocols.errors import ProtocolError
from protocols.mqtt_broker import MOST_INCOMING, MOST_PACKET_BYTES, Broker, MqttFileError, correlated
from protocols.mqtt_mailbox import Mailbox
from protocols.mqtt_payloads import StageState
from protocols.mqtt_topics import Publication

_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 15.0
_AT_ONCE = 8
"""Publications whose arrival is awaited together."""
_REFUSED = 0x80
"""Reason codes of a refused subscription begin here."""


class Received(NamedTuple):
    """One message that has come in."""

    topic: str
    payload: bytes
    retained: bool
    """It was kept by the broker, nobody knows since when."""
    response_topic: str = ""
    """MQTT 5: where an answer is wanted."""
    correlation: bytes = b""
    """MQTT 5: to be sent with the answer."""


class MqttLink:
    """Carries messages to and from one broker, in a thread of its own."""

    def __init__(
        self,
        broker: Broker,
        life_sign: Callable[[StageState], Publication] | None = None,
        subscriptions: Sequence[str] = (),
    ) -> None:
        """Starts connecting.

        Args:
            broker: The broker.
            life_sign: Makes the publication of a state: "ready", "disconnected" or "lost"; None has none.
            subscriptions: Topic filters; subscribed anew at each connect, with QoS 1.
        """
        self.state = "connecting"
        """"connecting", "connected" or "away"."""
        self.reason = ""
        """Why it is away."""
        self._counts: dict[str, int] = dict.fromkeys(
            ("connects", "failures", "published", "received", "overrun", "refused"), 0
        )
        self._broker = broker
        self._life_sign = life_sign
        self._will = life_sign("lost") if life_sign is not None else None
        self._subscriptions = tuple(subscriptions)
        self._mailbox = Mailbox()
        self._incoming: deque[Received] = deque()
        self._stopping = False
        self._greeted = False
        """Whether "ready" may be there, so that "disconnected" has to follow."""
        self._loop = asyncio.SelectorEventLoop()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._thread.start()

    @property
    def counters(self) -> dict[str, int]:
        """What was done and what went wrong.

        Failures are those of connecting and of staying connected; overrun came in faster than it was taken up; refused
        could not be encoded. A publication is replaced by a newer one while it waits, and dropped while the broker is
        away.
        """
        return self._counts | self._mailbox.counters

    def put(self, publication: Publication) -> bool:
        """Leaves a publication; returns at once, and says whether it is on its way."""
        taken = self._mailbox.put(publication)
        if taken:
            self._call(self._wake.set)
        return taken

    def received(self) -> list[Received]:
        """What has come in since the last time, oldest first; returns at once."""
        return [self._incoming.popleft() for _ in range(len(self._incoming))]

    def greet(self) -> None:
        """Says "ready" again, for others have said something else on that topic."""
        if self._life_sign is not None and self.state == "connected":
            self.put(self._life_sign("ready")._replace(every=True, retain=True))

    def leave(self) -> None:
        """Begins to say goodbye to the broker; returns at once."""
        self._stopping = True
        self._call(self._interrupt)

    def close(self, timeout_s: float = 2.0) -> None:
        """Says goodbye to the broker, if that is possible within the time."""
        self.leave()
        self._thread.join(timeout_s)

    def _call(self, function: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop has ended meanwhile
            self._loop.call_soon_threadsafe(function)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            with suppress(asyncio.CancelledError):
                runner.run(self._live())
            runner.run(_settle())

    def _interrupt(self) -> None:
        """Ends a connection in an orderly way, an attempt to connect at once."""
        self._wake.set()
        if not self._greeted and self._task is not None:
            self._task.cancel()

    async def _live(self) -> None:
        self._task = asyncio.current_task()
        wait_s = _FIRST_WAIT_S
        while not self._stopping:
            try:
                async with self._broker.client(self._will) as client:
                    await self._open(client)
                    wait_s = _FIRST_WAIT_S
                    await self._serve(client)
                    await self._say(client, "disconnected")
            except (aiomqtt.MqttError, MqttFileError, OSError, ValueError) as error:
                self._counts["failures"] += 1
                self.reason = self._broker.reason(error)
            self.state, self._greeted = "away", False
            self._mailbox.shut()
            if not self._stopping:
                await self._pause(wait_s * random.uniform(0.5, 1.0))
                wait_s = min(2.0 * wait_s, _LONGEST_WAIT_S)

    async def _open(self, client: aiomqtt.Client) -> None:
        for topics in self._subscriptions:
            granted = await client.subscribe(topics, qos=1)
            if any((code if isinstance(code, int) else code.value) >= _REFUSED for code in granted):
                raise aiomqtt.MqttError(f"it refuses the subscription to {topics}; check its access rules")
        self._greeted = True
        await self._say(client, "ready")
        self._mailbox.open()
        self.state = "connected"
        self._wake.set()
        self._counts["connects"] += 1

    async def _say(self, client: aiomqtt.Client, state: StageState) -> None:
        if self._life_sign is not None:
            await self._publish(client, self._life_sign(state))

    async def _serve(self, client: aiomqtt.Client) -> None:
        """Returns when the link is closed; raises when the broker is lost."""
        tasks = {asyncio.create_task(self._send(client)), asyncio.create_task(self._receive(client))}
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
            waiting = self._mailbox.take()
            for begin in range(0, len(waiting), _AT_ONCE):
                some = [self._publish(client, publication) for publication in waiting[begin : begin + _AT_ONCE]]
                for result in await asyncio.gather(*some, return_exceptions=True):
                    if isinstance(result, BaseException):
                        raise result

    async def _publish(self, client: aiomqtt.Client, publication: Publication) -> None:
        topic, qos, retain = publication.topic, publication.qos, publication.retain
        properties = correlated(publication) if self._broker.version == "5" else None
        try:
            await client.publish(topic, publication.payload(), qos, retain, properties)
        except (ValueError, ProtocolError):  # a topic or payload that MQTT cannot carry
            self._counts["refused"] += 1
        else:
            self._counts["published"] += 1

    async def _receive(self, client: aiomqtt.Client) -> None:
        """Takes what comes in; raises when the connection breaks."""
        async for message in client.messages:
            self._counts["received"] += 1
            if len(self._incoming) >= MOST_INCOMING:
                self._counts["overrun"] += 1
                continue
            properties = message.properties
            self._incoming.append(
                Received(
                    str(message.topic),
                    bytes(message.payload[:MOST_PACKET_BYTES]),
                    bool(message.retain),
                    getattr(properties, "ResponseTopic", ""),
                    getattr(properties, "CorrelationData", b""),
                )
            )

    async def _pause(self, seconds: float) -> None:
        """Waits, but not for one who wants to stop."""
        self._wake.clear()
        if self._stopping:
            return
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return


async def _settle() -> None:
    """Lets go of a client whose connecting was cut short: it connects in a thread, and tells the loop when it goes."""
    await asyncio.get_running_loop().shutdown_default_executor()
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
    gc.collect()
