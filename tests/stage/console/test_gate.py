from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import DecodeError
from stage.console import gate as gate_module
from stage.console.gate import MAX_CONNECTIONS, Gate, Request, is_loopback, parse_request
from stage.errors import ConsoleError

TOKEN = "open sesame"


def request(path: str = "/", **headers: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@given(st.one_of(st.binary(max_size=300), st.text(max_size=200).map(str.encode)))
def test_any_bytes_are_a_request_or_an_error(head: bytes) -> None:
    try:
        assert isinstance(parse_request(head), Request)
    except DecodeError:
        pass


@given(st.binary(max_size=40), st.integers(0, 200))
def test_a_damaged_request_is_a_request_or_an_error(damage: bytes, at: int) -> None:
    head = request("/?token=a", Host="localhost:1", Origin="http://localhost:1", Cookie="a=b; stage_console=c")
    try:
        assert isinstance(parse_request(head[:at] + damage + head[at + len(damage) :]), Request)
    except DecodeError:
        pass


def test_a_request_is_read() -> None:
    head = request(
        "/?token=a%20b", Host="h:1", Origin="http://h:1", Cookie="x=1; stage_console=abc", Upgrade="websocket"
    )
    assert parse_request(head) == Request("/", "a b", "h:1", "h:1", "abc", True)


@pytest.mark.parametrize(
    "head",
    [
        b"POST / HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET http://elsewhere/ HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)
def test_what_no_browser_sends_is_refused(head: bytes) -> None:
    with pytest.raises(DecodeError):
        parse_request(head)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8765", "127.0.0.1", "127.9.8.7:1", "::1", "[::1]:8765"])
def test_loopback_names(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "0.0.0.0", "example.org", "localhost.example.org:80", "10.0.0.1:8765", "::", "[::]:1"]
)
def test_other_names(host: str) -> None:
    assert not is_loopback(host)


@asynccontextmanager
async def opened(token: str = "", host: str = "127.0.0.1") -> AsyncIterator[tuple[Gate, list[bytes]]]:
    """A gate in front of a server that answers every head with "inner" and then repeats what it reads."""
    heads: list[bytes] = []

    async def inner(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"inner")
        if b"websocket" in heads[-1]:
            while data := await reader.read(100):
                writer.write(data)
        writer.close()

    server = await asyncio.start_server(inner, "127.0.0.1", 0)
    gate = Gate(host, 0, token)
    await gate.open(*server.sockets[0].getsockname())
    try:
        yield gate, heads
    finally:
        await gate.close()
        server.close()


async def ask(port: int, head: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head)
    answer = await reader.read()
    writer.close()
    return answer


def run(scene: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(scene(), 20.0)

    asyncio.run(bounded())


def test_on_loopback_a_browser_of_this_machine_is_let_through() -> None:
    async def scene() -> None:
        async with opened() as (gate, heads):
            head = request(Host=f"localhost:{gate.port}")
            assert await ask(gate.port, head) == b"inner"
            assert heads == [head]
            assert gate.refused == 0

    run(scene)


def test_pages_of_other_sites_and_rebound_names_are_refused() -> None:
    async def scene() -> None:
        async with opened() as (gate, heads):
            here = f"127.0.0.1:{gate.port}"
            for origin in ("http://evil.example", "http://127.0.0.1:1", "null"):
                answer = await ask(gate.port, request(Host=here, Origin=origin, Upgrade="websocket"))
                assert answer.startswith(b"HTTP/1.1 403 ")
            assert (await ask(gate.port, request(Host="evil.example"))).startswith(b"HTTP/1.1 403 ")
            assert (await ask(gate.port, request())).startswith(b"HTTP/1.1 403 ")
            assert (await ask(gate.port, b"nonsense\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
            assert heads == []
            assert gate.refused == 6

    run(scene)


def test_beyond_loopback_the_token_opens_and_a_cookie_keeps_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_module, "_WRONG_TOKEN_SECONDS", 0.0)

    async def scene() -> None:
        async with opened(TOKEN, "0.0.0.0") as (gate, heads):
            host = f"stage.lan:{gate.port}"
            form = await ask(gate.port, request(Host=host))
            assert form.startswith(b"HTTP/1.1 401 ") and b"<form" in form
            assert (await ask(gate.port, request("/secret.js", Host=host))).startswith(b"HTTP/1.1 401 ")
            assert (await ask(gate.port, request(Host=host, Upgrade="websocket"))).startswith(b"HTTP/1.1 401 ")
            assert (await ask(gate.port, request("/?token=wrong", Host=host))).startswith(b"HTTP/1.1 401 ")
            assert heads == []
            entered = (await ask(gate.port, request("/?token=open%20sesame", Host=host))).decode()
            assert entered.startswith("HTTP/1.1 303 ") and "Location: /\r\n" in entered and "HttpOnly" in entered
            assert TOKEN not in entered
            cookie = entered.partition("Set-Cookie: ")[2].partition(";")[0]
            assert await ask(gate.port, request(Host=host, Cookie=cookie)) == b"inner"
            foreign = request(Host=host, Cookie=cookie, Origin="http://evil.example")
            assert (await ask(gate.port, foreign)).startswith(b"HTTP/1.1 403 ")

    run(scene)


def test_a_websocket_is_carried_both_ways_until_one_side_ends() -> None:
    async def scene() -> None:
        async with opened() as (gate, _):
            host = f"127.0.0.1:{gate.port}"
            reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
            writer.write(request(Host=host, Origin=f"http://{host}", Upgrade="websocket"))
            assert await reader.readexactly(5) == b"inner"
            for number in range(20):
                sent = bytes([number]) * 10_000
                writer.write(sent)
                assert await reader.readexactly(10_000) == sent
            writer.write_eof()
            assert await reader.read() == b""
            writer.close()

    run(scene)


def test_nothing_after_a_plain_request_gets_through_unjudged() -> None:
    async def scene() -> None:
        async with opened() as (gate, heads):
            head = request(Host=f"127.0.0.1:{gate.port}")
            assert await ask(gate.port, head + request("/second", Host="evil.example", Upgrade="websocket")) == b"inner"
            assert heads == [head]

    run(scene)


def test_connections_are_bounded_and_silent_ones_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_module, "_HEAD_SECONDS", 0.2)

    async def scene() -> None:
        async with opened() as (gate, _):
            silent = [await asyncio.open_connection("127.0.0.1", gate.port) for _ in range(MAX_CONNECTIONS + 5)]
            for reader, writer in silent:
                assert await reader.read() == b""
                writer.close()
            long = b"GET / HTTP/1.1\r\n" + b"a" * 100_000
            try:
                assert await ask(gate.port, long) == b""
            except ConnectionResetError:
                pass  # what was left unread makes it a reset
            assert await ask(gate.port, request(Host="localhost")) == b"inner"

    run(scene)


def test_closing_ends_open_connections() -> None:
    async def scene() -> None:
        async with opened() as (gate, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
            writer.write(request(Host="localhost", Upgrade="websocket"))
            assert await reader.readexactly(5) == b"inner"
            await gate.close()
            assert await reader.read() == b""
            writer.close()

    run(scene)


def test_an_address_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConsoleError, match=rf"127\.0\.0\.1:{port}.*in use.*console\.port"):
            Gate("127.0.0.1", port, "")


def test_an_address_that_is_none_is_named() -> None:
    with pytest.raises(ConsoleError, match=r"no-such-host\.invalid"):
        Gate("no-such-host.invalid", 0, "")
    with pytest.raises(ConsoleError, match=r"192\.0\.2\.1:.*console\.host"):
        Gate("192.0.2.1", 0, "")
