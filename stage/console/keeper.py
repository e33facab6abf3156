"""Opens the page and keeps trying: an address in use costs the page, never the stage."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import numpy as np

from stage.bodies.body import mesh_faces
from stage.config import Config
from stage.console.cameras import calibrated_cameras
from stage.console.orders import Make
from stage.console.page import ConsolePage
from stage.console.token import TOKEN_FILE, page_token
from stage.errors import BodyModelError, ConsoleError
from stage.news import News

RETRY_S = 3.0


class PageKeeper:
    """Holds the page once it could be opened."""

    def __init__(
        self,
        config: Config,
        run_dir: Path,
        clock: Callable[[], float] = time.monotonic,
        wish: Callable[[Make], bool] = lambda _: False,
    ) -> None:
        """Learn what can be drawn; `clock` returns seconds, `wish` is told what the operator wants done."""
        self.page: ConsolePage | None = None
        self.news: deque[News] = deque()
        """What the operator should be told; whoever tells it takes it out."""
        self._config = config
        self._run_dir = run_dir
        self._clock = clock
        self._wish = wish
        self._next_try_s = 0.0
        self._complaint = ""
        self._cameras, complaints = calibrated_cameras(config)
        try:
            self._faces = mesh_faces()
        except BodyModelError as error:
            self._faces = np.empty((0, 3), np.int32)
            complaints.append(f"the page shows skeletons only: {error}")
        self.news.extend(News("warning", complaint) for complaint in complaints)

    def open(self) -> ConsolePage | None:
        """The page; None while it cannot be opened, which is tried every `RETRY_S` and told once."""
        if self.page is None and self._clock() >= self._next_try_s:
            self._next_try_s = self._clock() + RETRY_S
            try:
                self.page = ConsolePage(self._config, self._cameras, self._faces, self._token(), self._wish)
                self.news.append(News("info", f"the page is at {self.page.url}{self._hint()}"))
            except ConsoleError as error:
                if str(error) != self._complaint:
                    self._complaint = str(error)
                    self.news.append(News("error", self._complaint))
        return self.page

    def close(self) -> None:
        """Close the page."""
        if self.page is not None:
            self.page.close()
            self.page = None

    def _token(self) -> str:
        return page_token(self._config.console, self._run_dir)

    def _hint(self) -> str:
        if not self._token():
            return ""
        where = "console.token of stage.toml" if self._config.console.token else str(self._run_dir / TOKEN_FILE)
        return f" and asks for the token in {where}"
