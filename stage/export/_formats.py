"""What the command knows of a format before it imports it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from stage.errors import ExportError


@dataclass(frozen=True)
class Format:
    """A format that takes are exported to."""

    name: str
    suffix: str
    """Of its files, with the dot."""
    module: str
    """Where `write_<name>` is."""
    scene: bool = False
    """Whether one file holds all actors: then it is called with a list of sources, else once for each."""
    package: str = ""
    """The import that it needs of the extra "export"."""
    also: tuple[str, ...] = ()
    """Other suffixes that `--out` may have."""
    styles: tuple[str, ...] = ()
    """What `--style` may say; the first is the usual one."""

    def writer(self) -> Callable[[Any, Path, Any], list[Path]]:
        """The function that writes it.

        Raises:
            ExportError: Its package is not installed.
        """
        if self.package:
            try:
                import_module(self.package)
            except ImportError as error:
                raise ExportError(
                    f"{self.name} needs {self.package} ({error}); install stage with the extra: "
                    "pip install 'stage[export]'"
                ) from error
        return getattr(import_module(self.module), f"write_{self.name}")

    def style(self, wanted: str) -> str:
        """The style that is meant, "" for a format without any.

        Raises:
            ExportError: It has no such style.
        """
        if wanted and wanted not in self.styles:
            has = f"it has {', '.join(self.styles)}" if self.styles else "it has none"
            raise ExportError(f"--style {wanted}: {self.name} has no such style; {has}")
        return wanted or next(iter(self.styles), "")
