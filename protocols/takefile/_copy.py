"""Takes over what is in one take file into another, as it stands, and holds the two against each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import zip_longest

from protocols.errors import TakeError
from protocols.takefile._book import Described
from protocols.takefile._chunk import RawMessage
from protocols.takefile._reader import TakeReader
from protocols.takefile._writer import TakeWriter

Messages = Iterable[tuple[Described, RawMessage]]
"""What `TakeReader.messages` yields."""

_PAUSE_AFTER = 500


def nothing() -> None:
    """No pause."""


def copy_attachments(source: TakeReader, writer: TakeWriter, keep: Callable[[str], bool] = lambda _: True) -> None:
    """Copies the attachments whose names are to be kept.

    Raises:
        TakeError: One is damaged, or cannot be written.
    """
    for name in source.attachments:
        if keep(name):
            attachment = source.attachments.whole(name)
            writer.attach(name, attachment.data, attachment.media_type, attachment.log_time)


def copy_messages(messages: Messages, writer: TakeWriter, pause: Callable[[], None] = nothing) -> None:
    """Copies messages in the order in which they come.

    Args:
        messages: Those that are wanted.
        writer: The new file.
        pause: Called now and then: whoever has time to spare may sleep there, or raise.

    Raises:
        TakeError: The source is damaged, or the new file cannot be written.
    """
    for number, (channel, message) in enumerate(messages):
        if number % _PAUSE_AFTER == 0:
            pause()
        writer.write_foreign(
            channel.topic,
            channel.schema,
            channel.schema_encoding,
            channel.schema_data,
            channel.encoding,
            message.data,
            message.log_ns,
            message.received_ns,
            message.sequence,
        )


def check_same(expected: Messages, path_of: TakeReader, pause: Callable[[], None] = nothing) -> int:
    """Reads a finished file whole and compares every message with what should be in it.

    Returns:
        How many there are.

    Raises:
        TakeError: They are not the same, or the file is damaged.
    """
    count = 0
    for ours, theirs in zip_longest(expected, path_of.messages()):
        if count % _PAUSE_AFTER == 0:
            pause()
        if ours is None or theirs is None or ours[0] != theirs[0] or ours[1][1:] != theirs[1][1:]:
            raise TakeError(f"{path_of.path}: message {count} is not what was copied; it cannot be relied on")
        count += 1
    return count
