"""What leaves this machine names files, not its folders: remote controls and brokers get texts without them.

The operator is told whole paths, in the terminal and on the page. Taken out are the folders that the config names,
those around its files, and the home folder; "/home/ada/show/takes/scene_001.mcap" becomes "scene_001.mcap". Other
words with slashes, such as topics and OSC addresses, stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from stage.config import Config


class Discretion:
    """Knows the folders of one stage."""

    def __init__(self, config: Config) -> None:
        """Of a resolved config."""
        paths = [Path(text) for text in _texts(msgspec.to_builtins(config)) if text.startswith("/")]
        folders = {Path(config.record.folder), Path.home(), *(path.parent for path in paths)}
        whole = sorted((str(folder) for folder in folders if len(folder.parts) > 1), key=len, reverse=True)
        either = "|".join(re.escape(text) for text in whole)
        self._folders = re.compile(rf"(?<![\w./-])({either})(/|(?![\w.-]))" if either else r"(?!)()()")

    def of(self, text: str) -> str:
        """A text as it may leave: a folder by its last name, what is in it without the folder."""
        return self._folders.sub(lambda found: "" if found[2] else Path(found[1]).name, text)

    def of_facts(self, facts: Mapping[str, str]) -> dict[str, str]:
        """The same for the facts of a reply."""
        return {key: "\n".join(map(self.of, text.split("\n"))) for key, text in facts.items()}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
