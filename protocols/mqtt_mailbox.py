"""What waits to be published: bounded, the newest per topic.

Poses and states are replaced by newer ones of their topic while they wait; what must not be replaced (alarms,
replies) waits in a row of bounded length. While nobody can be sent to, retained publications are kept and the others
dropped, and counted; when there is somebody again, everything retained is to be sent anew.
"""

from __future__ import annotations

import threading

from protocols.mqtt_topics import Publication

MOST_IN_ROW = 256
"""Publications that must not be replaced; further ones are dropped."""


class Mailbox:
    """Publications on their way from one thread to another."""

    def __init__(self) -> None:
        self.counters: dict[str, int] = dict.fromkeys(("replaced", "dropped"), 0)
        """Replaced by a newer one while waiting; dropped because nobody was there or too many waited."""
        self._lock = threading.Lock()
        self._open = False
        self._newest: dict[str, Publication] = {}
        self._row: list[Publication] = []
        self._retained: dict[str, Publication] = {}

    def put(self, publication: Publication) -> bool:
        """Leaves a publication; says whether it is on its way."""
        with self._lock:
            if publication.retain:
                self._retained[publication.topic] = publication
            if not self._open or (publication.every and len(self._row) >= MOST_IN_ROW):
                self.counters["dropped"] += not publication.retain
                return False
            if publication.every:
                self._row.append(publication)
            else:
                self.counters["replaced"] += publication.topic in self._newest and not publication.retain
                self._newest[publication.topic] = publication
            return True

    def open(self) -> None:
        """Somebody is there: everything retained waits."""
        with self._lock:
            self._open = True
            self._newest = dict(self._retained)

    def shut(self) -> None:
        """Nobody is there any more: what waits is lost, but for the retained."""
        with self._lock:
            self._open = False
            self.counters["dropped"] += len(self._row) + sum(not one.retain for one in self._newest.values())
            self._newest.clear()
            self._row.clear()

    def take(self) -> list[Publication]:
        """All that waits; afterwards nothing does."""
        with self._lock:
            waiting = [*self._row, *self._newest.values()]
            self._newest, self._row = {}, []
            return waiting
