"""Takes that begin and end, whoever gives the command: told by the commands and the recorder's replies to them."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from protocols.show import Command, CommandReply, StartRecording, StopRecording
from stage.control.take_files import TakeFiles
from stage.surfaces import RECORD

_MOST_OPEN = 256


class Began(NamedTuple):
    """A take has begun."""

    timecode: str


class Ended(NamedTuple):
    """A take has ended."""

    timecode: str
    csv: str
    """Name of its table of faces, as `TakeFiles` gives it; "" when there is none, also below."""
    mov: str
    """Name of its film."""


class TakeWatch:
    """Understands what the recorder replies."""

    def __init__(self, files: TakeFiles) -> None:
        """Notes in `files` what the recorder names."""
        self._files = files
        self._ends: OrderedDict[tuple[str, str], bool] = OrderedDict()
        """Per command, by surface and id, whether it is the end of a take."""

    def command(self, command: Command) -> None:
        """A command of any surface."""
        if isinstance(command, StartRecording | StopRecording):
            self._ends[command.surface, command.id] = isinstance(command, StopRecording)
            if len(self._ends) > _MOST_OPEN:
                self._ends.popitem(last=False)

    def reply(self, reply: CommandReply) -> Began | Ended | None:
        """What a reply tells; None: nothing of a take, or that there is none."""
        if reply.worker != RECORD:
            return None
        ends = self._ends.pop((reply.surface, reply.id), None)
        if ends is None or not reply.ok:
            return None
        timecode = reply.facts.get("timecode", "")
        if not ends:
            return Began(timecode)
        self.files_of(reply)
        csv, mov = (self._files.note(reply.facts.get(kind, "")) for kind in ("csv", "mov"))
        return Ended(timecode, csv, mov)

    def files_of(self, reply: CommandReply) -> tuple[str, ...]:
        """Names of all files of a take, by the reply to its end."""
        names = (self._files.note(path) for path in reply.facts.get("files", "").splitlines())
        return tuple(name for name in names if name)
