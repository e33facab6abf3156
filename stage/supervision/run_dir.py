"""The run dir: where a running stage keeps its sockets, its config and its clock.

One folder per running stage, readable by its user only, named `stage-<random>` in the user's runtime
folder. The supervisor holds a lock on the file `lock` in it for as long as it lives; a folder
whose lock is free was left by a supervisor that could not clean up, and the next one removes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from stage.config import Config
from stage.errors import SupervisionError

CONFIG_FILE = "config.json"
_PREFIX = "stage-"
_LOCK_FILE = "lock"
_MAX_SOCKET_PATH = 107
"""Longest path of a Unix socket on Linux (sun_path), without the final zero."""


@contextlib.contextmanager
def open_run_dir(config: Config, names: list[str], parent: Path | None = None) -> Iterator[Path]:
    """Make a run dir with `config.json` in it, and remove it in the end.

    Args:
        config: The resolved config, with absolute paths.
        names: Of all workers; their socket paths have to fit.
        parent: Where to make it; default the user's runtime folder.

    Raises:
        SupervisionError: The folder cannot be made, or its path is too long for sockets.
    """
    parent = parent or runtime_folder()
    remove_stale_run_dirs(parent)
    try:
        run_dir = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    except OSError as error:
        raise SupervisionError(f"{parent}: no run dir can be made here ({error.strerror}); set TMPDIR") from error
    try:
        longest = max((len(os.fsencode(run_dir / f"{name}.ipc")) for name in names), default=0)
        if longest > _MAX_SOCKET_PATH:
            raise SupervisionError(
                f"{run_dir}: socket paths of {longest} bytes, at most {_MAX_SOCKET_PATH} are possible; "
                f"set TMPDIR to a shorter folder or shorten the camera ids"
            )
        with (run_dir / _LOCK_FILE).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            (run_dir / CONFIG_FILE).write_bytes(msgspec.json.encode(config))
            yield run_dir
    finally:
        shutil.rmtree(run_dir, ignore_errors=True)


def runtime_folder() -> Path:
    """The user's own runtime folder where the system has one, else the folder for temporary files."""
    candidate = os.environ.get("XDG_RUNTIME_DIR", "")
    return Path(candidate) if candidate and os.access(candidate, os.W_OK) else Path(tempfile.gettempdir())


def remove_stale_run_dirs(parent: Path) -> int:
    """Remove the run dirs of dead supervisors and return how many there were."""
    removed = 0
    for lock_path in parent.glob(f"{_PREFIX}*/{_LOCK_FILE}"):
        with contextlib.suppress(OSError), lock_path.open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # OSError: a living supervisor, or not ours
            shutil.rmtree(lock_path.parent, ignore_errors=True)
            removed += 1
    return removed
