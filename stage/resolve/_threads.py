"""How many threads reckon: shared sums may be rounded otherwise, so a solve again takes as many as the live one."""

from __future__ import annotations

import ctypes
from pathlib import Path

import torch

_SETTERS = ("scipy_openblas_set_num_threads64_", "openblas_set_num_threads64_", "openblas_set_num_threads")


def reckon_with(threads: int) -> None:
    """Uses so many threads for torch and for numpy, in all of this process."""
    torch.set_num_threads(threads)
    for library in _loaded("openblas"):
        try:
            functions = ctypes.CDLL(library)
        except OSError:
            continue
        setter = next((getattr(functions, name) for name in _SETTERS if hasattr(functions, name)), None)
        if setter is not None:
            setter(ctypes.c_int(threads))


def _loaded(name: str) -> set[str]:
    """Paths of the loaded libraries that are called so; none where the system does not tell."""
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return set()
    paths = (line.split(maxsplit=5)[-1] for line in lines if "/" in line)
    return {path for path in paths if name in Path(path).name}
