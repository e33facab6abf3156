"""Writes a track of a take; see `stage.takes.tracks`.

While it is written a track is called `scene_001.smooth.mcap.part`; it gets its name when it is whole.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from protocols.codec import encode
from protocols.errors import TakeError
from protocols.messages import Record
from protocols.takefile import TakeReader, TakeWriter, captured_ns
from stage.takes.about import AttachedFile, library, software
from stage.takes.tracks import FACTS, MadeFrom, free_name, track_path, tracks_of

_PART = ".part"
_OF_TAKE = ("take", "clock")
_CARRIED = ("config.json", "calibration/", "actors/")


def carried_files(take: TakeReader) -> Iterator[AttachedFile]:
    """Config, calibrations and profiles of a take, for a track that was made with the same."""
    for name, data in take.attachments.items():
        if name.startswith(_CARRIED):
            yield AttachedFile(name, "application/octet-stream", data)


class TrackWriter:
    """One track while it is written; use as a context manager.

    Left without an error it becomes a track; left with one, nothing stays.
    """

    def __init__(
        self,
        take: TakeReader,
        name: str,
        *,
        made_from: MadeFrom,
        settings: Mapping[str, str],
        files: Iterable[AttachedFile] = (),
    ) -> None:
        """Begins the file.

        Args:
            take: The take; it is read only.
            name: Of the track.
            made_from: What was solved again.
            settings: What was asked for.
            files: The config it is made with, calibrations and profiles: `carried_files`, or `attached_files` of
                another config; or see `attach`.

        Raises:
            TakeError: There is such a track, somebody writes it, it cannot be called so, or not be written there.
        """
        self.path = track_path(take.path, name)
        self._part = self.path.with_name(self.path.name + _PART)
        self._sequences: dict[str, int] = {}
        self._refuse_taken(take.path, name)
        self._writer = _begun(self._part)
        try:
            self._describe(take, name, made_from, settings, files)
        except BaseException:
            self.discard()
            raise

    @property
    def records(self) -> int:
        """Messages so far."""
        return self._writer.records

    def attach(self, files: Iterable[AttachedFile]) -> None:
        """Adds the config it is made with, calibrations and profiles, where they were not known at the beginning.

        Raises:
            TakeError: They cannot be written.
        """
        for file in files:
            self._writer.attach(file.name, file.data, file.media_type, 0)

    def write(self, topic: str, record: Record, received_ns: int) -> None:
        """Adds a record.

        Args:
            topic: As on the bus, such as "performance.anna".
            record: Its times are stage time of the take.
            received_ns: When a recorder would have received it; records come in the order of these times.

        Raises:
            TakeError: It cannot be written.
        """
        sequence = self._sequences.get(topic, 0)
        self._sequences[topic] = sequence + 1
        data = encode(record, sequence, received_ns)
        kind = type(record).__name__
        self._writer.write(topic, kind, data, captured_ns(record, received_ns), received_ns, sequence)

    def finish(self) -> Path:
        """Writes the end and gives the file its name.

        Raises:
            TakeError: It cannot be written, or meanwhile there is such a track; nothing stays then.
        """
        try:
            self._writer.finish({"records": str(self._writer.records)})
            _renamed(self._part, self.path)
        except FileExistsError:
            self.discard()
            raise TakeError(f"{self.path}: somebody has made this track meanwhile; it is not touched") from None
        except OSError as error:
            self.discard()
            raise TakeError(f"{self.path}: {error.strerror}; a track cannot be written there") from error
        except TakeError:
            self.discard()
            raise
        return self.path

    def discard(self) -> None:
        """Gives the track up: nothing of it stays."""
        with suppress(OSError):
            self._part.unlink(missing_ok=True)
        self._writer.close()

    def __enter__(self) -> TrackWriter:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Finish, or discard after an error."""
        if kind is None:
            self.finish()
        else:
            self.discard()

    def _refuse_taken(self, take_path: Path, name: str) -> None:
        # Names that differ in case alone are one file on some systems.
        if self.path.exists() or name.lower() in {track.lower() for track in tracks_of(take_path)}:
            raise TakeError(
                f'{self.path}: there is a track "{name}" already, and it stays; "{free_name(take_path, name)}" is free'
            )

    def _describe(
        self,
        take: TakeReader,
        name: str,
        made_from: MadeFrom,
        settings: Mapping[str, str],
        files: Iterable[AttachedFile],
    ) -> None:
        for key in _OF_TAKE:
            if key in take.facts:
                self._writer.note(key, take.facts[key])
        self._writer.note("software", software())
        facts = {
            "of": take.path.name,
            "name": name,
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "from": made_from,
            "settings": ", ".join(f"{key}={value}" for key, value in settings.items()),
        }
        self._writer.note(FACTS, facts)
        self.attach(files)


def _begun(part: Path) -> TakeWriter:
    """The unfinished file; what somebody who died has left of it makes room.

    Raises:
        TakeError: Somebody writes it now, or it cannot be made.
    """
    try:
        with part.open("rb") as left:
            fcntl.flock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink()
    except FileNotFoundError:
        pass
    except BlockingIOError:
        raise TakeError(f"{part}: another process writes this track now; wait for it, or choose another name") from None
    except OSError as error:
        raise TakeError(f"{part}: {error.strerror}; a track cannot be written there") from error
    try:
        return TakeWriter(part, library())
    except FileExistsError:
        raise TakeError(f"{part}: another process writes this track now; wait for it, or choose another name") from None


def _renamed(part: Path, path: Path) -> None:
    """Gives a file its name, if that is free.

    Raises:
        FileExistsError: It is not.
        OSError: It cannot be renamed.
    """
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:  # disks without hard links: the name is taken first, then filled
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
        os.replace(part, path)
    else:
        os.unlink(part)
