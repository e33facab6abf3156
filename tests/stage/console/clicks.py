"""A browser's hands: what it sends when somebody clicks or writes."""

from __future__ import annotations

from typing import Any

import msgspec
import viser

from stage.console.orders import Make, Orders
from tests.stage.console.browser import FakeBrowser, until


class Hands:
    """Clicks on a server's elements through a connection of its own."""

    def __init__(self, server: viser.ViserServer) -> None:
        self._server = server
        self._browser = FakeBrowser(f"http://{server.get_host()}:{server.get_port()}")
        until(lambda: len(server.get_clients()) == 1)

    def close(self) -> None:
        self._browser.__exit__(None, None, None)

    def element(self, label: str) -> Any:
        elements: list[Any] = list(self._server.gui._gui_input_handle_from_uuid.values())
        (found,) = [element for element in elements if element.label == label]
        return found

    def put(self, label: str, value: object) -> None:
        """Somebody sets the element with this label."""
        updates = {"value": value}
        message = {"type": "GuiUpdateMessage", "uuid": self.element(label)._impl.uuid, "updates": updates}
        self._browser.send(msgspec.msgpack.encode(message))

    def press(self, label: str) -> None:
        """Somebody presses the key of a command."""
        commands: list[Any] = list(self._server.gui._command_handle_from_uuid.values())
        (found,) = [command for command in commands if command.label == label]
        self._browser.send(msgspec.msgpack.encode({"type": "CommandTriggerMessage", "uuid": found._impl.uuid}))

    def set(self, label: str, value: object) -> None:
        """The same, and waits until the server knows."""
        self.put(label, value)
        until(lambda: self.element(label).value == value)


class Wishes:
    """Orders of which tests see the commands as they come."""

    def __init__(self) -> None:
        self.orders = Orders()
        self.wished: list[Make] = []

    def __call__(self, make: Make) -> bool:
        self.wished.append(make)
        return True

    def commands(self, number: int) -> list[Any]:
        """Waits for so many, and takes them out."""
        until(lambda: len(self.wished) >= number)
        commands = [make("key", "console") for make in self.wished]
        self.wished.clear()
        return commands
