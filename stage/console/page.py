"""The page in the browser: a viser server behind a gate, with the stage's scene and panel on it.

It is lossy and lazy. viser keeps the newest value of everything and sends that, so a slow browser
misses states in between and holds nobody up; and while no browser is there, `attended` is false
and the caller reads neither frames nor meshes.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import secrets
import socket
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import numpy as np
import viser

from stage.cameras.camera import Camera
from stage.config import Config
from stage.console.gate import Gate, is_loopback
from stage.console.orders import Make
from stage.console.panel import Panel
from stage.console.scene import StageScene

_CLOSE_SECONDS = 2.0


class ConsolePage:
    """Serves the page from its making to `close`; the methods of `scene` and `panel` fill it."""

    def __init__(
        self,
        config: Config,
        cameras: Sequence[Camera],
        faces: np.ndarray,
        token: str = "",
        wish: Callable[[Make], bool] = lambda _: False,
    ) -> None:
        """Begin to serve.

        Args:
            config: The stage.
            cameras: Those that are calibrated.
            faces: (F, 3) int32 triangles of the body mesh; empty shows skeletons only.
            token: Asked of browsers; needed where `console.host` is not loopback.
            wish: Told the commands that the operator gives, from other threads.

        Raises:
            ConsoleError: The address is in use or does not exist.
        """
        section = config.console
        if not token and not is_loopback(section.host):
            raise ValueError("a page beyond loopback needs a token")
        self._gate = Gate(section.host, section.port, token)
        shown = f"[{section.host}]" if ":" in section.host else section.host
        self.url = f"http://{shown}:{self._gate.port}"
        # A browser that breaks off or talks nonsense loses its connection, which is enough; no traceback.
        logging.getLogger("websockets").setLevel(logging.CRITICAL)
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # viser announces its inner address
                self._server = _Server(host=_unguessable_loopback(), port=0, verbose=False)
        except BaseException:
            self._gate.release()
            raise
        self._run(self._gate.open(self._server.get_host(), self._server.get_port()))
        self.scene = StageScene(self._server, cameras, faces)
        self.panel = Panel(self._server.gui, config, self.scene.want, self.scene.set_opacity, wish)

    @property
    def clients(self) -> int:
        """Browsers that show the page now."""
        return len(self._server.get_clients())

    @property
    def refused(self) -> int:
        """Requests that the gate did not let through."""
        return self._gate.refused

    def together(self) -> contextlib.AbstractContextManager[None]:
        """What is changed inside reaches the browser as one."""
        return self._server.atomic()

    def close(self) -> None:
        """Stop serving; browsers wait for the page to come back."""
        self._run(self._gate.close())
        with contextlib.redirect_stdout(io.StringIO()):
            self._server.stop()

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        future = asyncio.run_coroutine_threadsafe(coroutine, self._server.get_event_loop())
        with contextlib.suppress(TimeoutError):
            future.result(_CLOSE_SECONDS)


class _Server(viser.ViserServer):
    def request_share_url(self, verbose: bool = True) -> str | None:
        """Refuse: any browser may ask for a tunnel to the internet, the stage opens none."""
        return None


def _unguessable_loopback() -> str:
    """A random address of this machine only, so that no web page finds the way around the gate.

    Systems other than Linux have a single loopback address; there the port alone is random.
    """
    host = f"127.{secrets.randbelow(254) + 1}.{secrets.randbelow(254) + 1}.{secrets.randbelow(254) + 1}"
    with contextlib.suppress(OSError), socket.create_server((host, 0)):
        return host
    return "127.0.0.1"
