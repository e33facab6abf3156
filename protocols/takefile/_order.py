"""Brings messages of chunks that were filled at the same time into the order in which they were received.

The writer fills a chunk of records and one for each camera's video at once and closes all of them together, records
first, then video by topic: a group. Groups follow each other in time, so only the chunks of one group are merged. A
chunk whose topic does not come after that of the chunk before it begins a new group. So does one that would make the
group larger than any writer does: a few kilobytes of another hand unfold to more than any memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from heapq import merge
from operator import itemgetter

from protocols.takefile._chunk import RawMessage
from protocols.takefile._format import VIDEO

Channels = Mapping[int, str]
"""Topics by channel."""

_MOST_BYTES = 256 << 20
"""Of a group in memory; ours have 10 MB, and those of the largest messages 100."""
_MESSAGE_BYTES = 300
"""What a message takes beside its data."""

_received = itemgetter(RawMessage._fields.index("received_ns"))


def in_received_order(chunks: Iterable[list[RawMessage]], topics: Channels) -> Iterator[RawMessage]:
    """The messages of chunks in the order of the file; within a chunk they stay as they stand."""
    group: list[list[RawMessage]] = []
    last, size = "", 0
    for messages in chunks:
        if not messages:
            continue
        lane = _lane(messages, topics)
        more = sum(len(message.data) for message in messages) + _MESSAGE_BYTES * len(messages)
        if lane <= last or size + more > _MOST_BYTES:
            yield from _merged(group)
            group, size = [], 0
        size += more
        group.append(messages)
        last = lane
    yield from _merged(group)


def _merged(group: list[list[RawMessage]]) -> Iterable[RawMessage]:
    return group[0] if len(group) == 1 else merge(*group, key=_received)


def _lane(messages: list[RawMessage], topics: Channels) -> str:
    """The one topic of video that a chunk holds; "" for a chunk of records."""
    topic = topics.get(messages[0].channel_id, "")
    if not topic.startswith(VIDEO):
        return ""
    same = all(topics.get(message.channel_id, "") == topic for message in messages)
    return topic if same else ""
