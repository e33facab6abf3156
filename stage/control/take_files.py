"""The files that may leave by /Transport: those that the recorder has named in this session, and no others.

A file is asked for by the name that was given out with the end of its take, its path within the folder of takes. The
name is looked up, never opened: no path from the network is.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

MOST_FILES = 1024
"""Named files that are remembered; the oldest are forgotten."""


class TakeFiles:
    """Finds the file of a name."""

    def __init__(self, folder: Path) -> None:
        """Of takes in `folder`."""
        self._folder = folder
        self._files: OrderedDict[str, Path] = OrderedDict()

    def __len__(self) -> int:
        """Names that are known."""
        return len(self._files)

    def note(self, path: str) -> str:
        """A file that the recorder has named; returns the name for others, "" for what lies elsewhere."""
        if not path or (found := self._inside(Path(path))) is None:
            return ""
        name = found.relative_to(self._folder.resolve()).as_posix()
        self._files[name] = found
        self._files.move_to_end(name)
        if len(self._files) > MOST_FILES:
            self._files.popitem(last=False)
        return name

    def find(self, name: str) -> Path | None:
        """The file of a name, None when there is none; looked at again: it lies in the folder and is a file."""
        path = self._files.get(name)
        try:
            return path if path is not None and self._inside(path) == path and path.is_file() else None
        except OSError:
            return None

    def _inside(self, path: Path) -> Path | None:
        """The path without links and dots; None when it leads out of the folder."""
        try:
            real = (self._folder / path).resolve()
        except (OSError, ValueError, RuntimeError):  # too long, a NUL, a loop of links
            return None
        return real if real != self._folder.resolve() and real.is_relative_to(self._folder.resolve()) else None
