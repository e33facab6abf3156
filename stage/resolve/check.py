"""`stage solve TAKE --check`: the proof that a take, solved again, gives what was live."""

from __future__ import annotations

import tempfile
from pathlib import Path

from protocols.takefile import TakeReader
from stage.harmless import say
from stage.resolve.compare import compare
from stage.takes.contents import unpack


def run_check(path: Path) -> int:
    """Solves a take again as it was live, compares, and says what came of it.

    Returns:
        Exit status: 0 when everything that could be compared is identical, 2 when not.

    Raises:
        TakeError: The take is damaged, or says nothing of how it was solved.
        StageError: Its calibrations or networks cannot be used.
    """
    take = TakeReader(path)
    with tempfile.TemporaryDirectory(prefix="stage-check-") as folder:
        found = compare(take, unpack(take, Path(folder)))
    for text in found.news:
        say(f"{path}: {text}")
    if found.first:
        say(f"{path}: the first that differs is {found.first}")
    say(f"{path}: {found.text}")
    return 0 if found.holds else 2
