"""What a timecode machine sends to a stage: a label in a UDP datagram, as text or in an OSC message.

    01:02:03:04            text; other words beside it are ignored, so a line of `ltcdump` or of a player will do
    01:02:03;04            drop-frame
    /timecode ,s "..."     an OSC message of any address whose first argument is such a text; also in a bundle

One label per line; of several the last counts, for it is the newest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from protocols import osc
from protocols.timecode import TimecodeError

MOST_BYTES = 1500
"""A longer datagram is refused."""

_LABEL = re.compile(r"(?<![\d:;.,])(\d\d:\d\d:\d\d[:;.,]\d\d)(?![\d:;.,])", re.ASCII)


def read_timecode(datagram: bytes) -> str:
    """The label in a datagram, HH:MM:SS:FF or HH:MM:SS;FF.

    Raises:
        TimecodeError: It holds none.
    """
    if len(datagram) > MOST_BYTES:
        raise TimecodeError(f"datagram of {len(datagram)} bytes is no timecode")
    labels = [label for text in _texts(datagram) for label in _LABEL.findall(text)]
    if len(labels) == 0:
        raise TimecodeError(f"no timecode in {datagram[:40]!r}; send HH:MM:SS:FF as text, or in an OSC message")
    label = labels[-1]
    return label if label[8] == ":" else f"{label[:8]};{label[9:]}"


def _texts(datagram: bytes) -> Iterator[str]:
    if datagram[:1] not in (b"/", b"#"):
        yield datagram.decode("ascii", "replace")
        return
    try:
        for message in osc.messages(osc.parse(datagram)):
            if len(message.arguments) > 0 and isinstance(message.arguments[0], str):
                yield message.arguments[0]
    except osc.OscError as error:
        raise TimecodeError(f"not well-formed OSC: {error}") from error
