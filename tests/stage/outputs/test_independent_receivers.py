"""Frames with faces as three other OSC libraries read them."""

from __future__ import annotations

import socket

import pytest
from msgspec.structs import replace
from osc4py3 import oscbuildparse
from pythonosc.osc_bundle import OscBundle

from protocols import osc
from stage.outputs.open_stream import open_stream
from tests.sections import output_section
from tests.stage.outputs.faces import any_face, face_performance
from tests.stage.outputs.performers import random_pose

KINDS = pytest.mark.parametrize("kind", ["vmc", "osc"])


def sent(kind: str) -> list[bytes]:
    """A body with its face, a face between bodies, a face alone."""
    section = output_section(kind, actor="anna", trace=True) if kind == "vmc" else output_section(kind, actor="anna")
    stream = open_stream(section)
    whole = replace(random_pose(1).performance, face=any_face(1))
    datagrams = [bytes(datagram) for datagram in stream.frame(whole, 0)]
    for alone in (False, True):
        datagrams += [bytes(datagram) for datagram in stream.face(face_performance(any_face(2)), 0, alone=alone)]
    return datagrams


def flat(datagram: bytes) -> list[osc.Message]:
    return list(osc.messages(osc.parse(datagram)))


@KINDS
def test_liblo(kind: str) -> None:
    liblo = pytest.importorskip("pyliblo3")
    server = liblo.Server(None, proto=liblo.LO_UDP)
    received: list[tuple[str, str, list[object]]] = []
    server.add_method(None, None, lambda path, args, types: received.append((path, types, list(args))))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for datagram in sent(kind):
            sender.sendto(datagram, ("127.0.0.1", server.port))
            assert server.recv(2000)
    server.free()
    assert received == [(m.address, m.tags, list(m.arguments)) for datagram in sent(kind) for m in flat(datagram)]


@KINDS
def test_osc4py3(kind: str) -> None:
    for datagram in sent(kind):
        elements = oscbuildparse.decode_packet(datagram).elements  # type: ignore[union-attr]
        for theirs, ours in zip(elements, flat(datagram), strict=True):
            assert (theirs.addrpattern, tuple(theirs.arguments)) == (ours.address, ours.arguments)


@KINDS
def test_python_osc(kind: str) -> None:
    for datagram in sent(kind):
        messages = list(OscBundle(datagram))
        for theirs, ours in zip(messages, flat(datagram), strict=True):
            assert (theirs.address, tuple(theirs.params)) == (ours.address, ours.arguments)  # type: ignore[union-attr]
