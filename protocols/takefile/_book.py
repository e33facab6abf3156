"""What the messages of a take file are: its channels, and which of them somebody wants."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from mcap.records import Channel, Schema

from protocols.takefile._chunk import RawMessage
from protocols.takefile._format import kind_of
from protocols.takefile._parts import Part, damage

_NONE = Schema(id=0, data=b"", encoding="", name="")


class Described(NamedTuple):
    """What the messages of a channel are."""

    topic: str
    kind: str
    """Name of the record class; of messages that are none of ours, the name of the schema."""
    encoding: str
    """Such as "msgpack"."""
    schema: str
    schema_encoding: str
    schema_data: bytes


class Book:
    """Channels by their number in the file, as far as it has been read."""

    def __init__(self, path: Path, prefixes: tuple[str, ...]) -> None:
        """Of a file; topics that begin so are wanted, without any, all are."""
        self._path = path
        self.described: dict[int, Described] = {}
        self.topics: dict[int, str] = {}
        self.wanted: set[int] = set()
        self._prefixes = prefixes
        self._schemas: dict[int, Schema] = {}

    def learn(self, schemas: Iterable[Schema], channels: Iterable[Channel]) -> None:
        """Takes what a part of the file tells."""
        for schema in schemas:
            self._schemas[schema.id] = schema
        for channel in channels:
            schema = self._schemas.get(channel.schema_id, _NONE)
            self.topics[channel.id] = channel.topic
            self.described[channel.id] = Described(
                channel.topic, kind_of(schema.name), channel.message_encoding, schema.name, schema.encoding, schema.data
            )
            if not self._prefixes or channel.topic.startswith(self._prefixes):
                self.wanted.add(channel.id)
            else:
                self.wanted.discard(channel.id)

    def wanted_of(self, messages: list[RawMessage], part: Part) -> list[RawMessage]:
        """Those messages of a part that are wanted.

        Raises:
            TakeError: One is of a channel that is not known.
        """
        for message in messages:
            if message.channel_id not in self.topics:
                raise damage(self._path, part.position, f"a message of the unknown channel {message.channel_id}")
        return [message for message in messages if message.channel_id in self.wanted]
