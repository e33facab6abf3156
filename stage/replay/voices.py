"""The voices of a replay: one publisher per worker that published what is played."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from protocols.bus import Publisher
from protocols.clock import StageClock
from stage.config import Config
from stage.readers import reader_of
from stage.replay.source import BODY, FACE
from stage.surfaces import RECEIVE, SOLVE

QUEUE_LENGTH = 8192
"""What a solver has to catch up with after a jump may wait for it."""


class Voices:
    """Who says what. One thread owns them."""

    def __init__(self, config: Config, run_dir: Path, clock: StageClock, own: Publisher) -> None:
        """Binds the publishers' sockets.

        Args:
            config: Of the replaying stage.
            run_dir: Its run folder.
            clock: Its clock.
            own: The replay worker's own publisher.

        Raises:
            BusError: A socket cannot be bound.
        """
        self._own = own
        self._opened = ExitStack()
        self._by_topic: dict[str, Publisher] = {}
        self._named: dict[str, Publisher] = {}

        def voice(name: str) -> Publisher:
            if name not in self._named:
                publisher = Publisher(run_dir, name, clock, QUEUE_LENGTH)
                self._named[name] = self._opened.enter_context(publisher)
            return self._named[name]

        if config.replay.source == "performances":
            self._prefixes = {BODY: voice(SOLVE), FACE: voice(SOLVE)}
            self.timecode = voice(SOLVE)
            """On the way of the performances, so that it is there before them."""
        else:
            self._prefixes = {f"landmarks.{camera.id}": voice(reader_of(camera, config)) for camera in config.cameras}
            self._prefixes["external."] = voice(RECEIVE)
            self.timecode = voice(RECEIVE)

    def of(self, topic: str) -> Publisher:
        """Who publishes on a topic."""
        if topic not in self._by_topic:
            found = (voice for prefix, voice in self._prefixes.items() if topic.startswith(prefix))
            self._by_topic[topic] = next(found, self._own)
        return self._by_topic[topic]

    def close(self) -> None:
        """Closes them; the replay worker's own stays."""
        self._opened.close()
