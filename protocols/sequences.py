"""Counting what a lossy stream has lost.

Messages are numbered per topic from 0, and carry a number that differs between two runs of their
publisher. For every topic that was heard from the start of its publisher's first run:

    messages sent = received + gaps + drops

as far as the newest message that arrived. A subscriber that came late counts from the first
message it saw.
"""

from __future__ import annotations

from protocols.codec import Envelope


class StreamCounters:
    """Counts of one subscriber."""

    def __init__(self) -> None:
        self.received = 0
        """Messages handed to the owner."""
        self.gaps = 0
        """Numbers that never arrived: full queues, a publisher's restart, messages not understood."""
        self.drops = 0
        """Messages that arrived and gave way to a newer one of their topic."""
        self.decode_errors = 0
        """Messages that were not understood."""
        self.restarts = 0
        """Publishers that came back, once per topic."""
        self._last: dict[str, tuple[int, int]] = {}  # topic -> (its publisher's start, last number)

    def arrived(self, topic: str, envelope: Envelope) -> None:
        """Counts what is missing between the last message of the topic and this one."""
        start, last = self._last.get(topic, (envelope.start, envelope.sequence - 1))
        if start != envelope.start:  # a new run of the publisher, numbered from 0 again
            self.restarts += 1
            last = -1
        self.gaps += max(0, envelope.sequence - last - 1)
        self._last[topic] = (envelope.start, envelope.sequence)

    def as_dict(self) -> dict[str, int]:
        """The counts by name, as a heartbeat carries them."""
        return {
            "received": self.received,
            "gaps": self.gaps,
            "drops": self.drops,
            "decode_errors": self.decode_errors,
            "restarts": self.restarts,
        }
