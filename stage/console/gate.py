"""The door of the page: decides about every connection before anything of the stage is shown.

viser serves its page to whoever connects and knows no password. So it listens where nobody else
looks, on an unguessable loopback address, and browsers talk to this gate, which reads the head of
each HTTP request, judges it, and passes the bytes on in both directions:

1. A page of another web site that reaches for the cameras through the operator's own browser is
   refused: its `Origin` is not the address it asks for, or, while the gate is on loopback, it asks
   for a host that is not loopback.
2. Beyond loopback a browser must show the token: once as `/?token=...` or in the form that it gets
   instead of the page, from then on by a cookie that holds only the token's digest.

The token is as safe as the network it crosses: the gate speaks plain HTTP. Where that is not
enough, leave the page on loopback and reach it through an SSH tunnel.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import socket
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from protocols.errors import DecodeError
from stage.errors import ConsoleError

MAX_CONNECTIONS = 64
"""Open at one time; a browser needs two."""

_COOKIE = "stage_console"
_HEAD_BYTES = 16_384
_HEAD_SECONDS = 5.0
_WRONG_TOKEN_SECONDS = 1.0
"""How long a wrong guess waits for its answer."""

_CHUNK_BYTES = 262_144
_FORM = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Stage</title><style>
body{margin:0;height:100vh;display:grid;place-items:center;background:#101317;color:#c9d3de;font:15px system-ui}
form{display:grid;gap:14px;width:300px}input,button{padding:10px;border-radius:6px;border:1px solid #2c343e;
background:#171c22;color:inherit;font:inherit}button{background:#2f8f83;border:0;color:#fff}p{margin:0;color:#7f8b99}
</style></head><body><form method="get" action="/"><b>Stage</b><p>This page asks for the token of the stage.</p>
<input name="token" type="password" autofocus autocomplete="off" aria-label="token"><button>Enter</button>
</form></body></html>"""


class Request(NamedTuple):
    """What the gate needs to know of an HTTP request."""

    path: str
    token: str
    """From the query; "" when there is none."""
    host: str
    """The Host header: name and port that the browser believes it talks to."""
    origin: str | None
    """Host and port of the page that asks, by the Origin header; None when there is no such header."""
    cookie: str
    """The digest that our cookie holds, "" when there is none."""
    websocket: bool


def parse_request(head: bytes) -> Request:
    """Read the head of an HTTP request, its closing empty line included.

    Raises:
        DecodeError: It is not a GET request as a browser writes it.
    """
    try:
        first, *lines = head.decode("ascii").removesuffix("\r\n\r\n").split("\r\n")
        method, target, version = first.split(" ")
        pairs = [line.split(":", 1) for line in lines]
        url = urlsplit(target)
        query = parse_qs(url.query)
        headers = {name.lower(): value.strip() for name, value in pairs}
        origin = urlsplit(headers["origin"]).netloc if "origin" in headers else None
    except ValueError as error:
        raise DecodeError(f"not an HTTP request: {error}") from None
    if method != "GET" or not version.startswith("HTTP/1.") or not target.startswith("/"):
        raise DecodeError(f"not a GET request for a page: {first[:80]!r}")
    if len(headers) != len(pairs):
        raise DecodeError("an HTTP header twice")
    cookies = [part.strip().partition("=") for part in headers.get("cookie", "").split(";")]
    return Request(
        path=url.path,
        token=query.get("token", [""])[0],
        host=headers.get("host", ""),
        origin=origin,
        cookie=next((value for name, _, value in cookies if name == _COOKIE), ""),
        websocket=headers.get("upgrade", "").lower() == "websocket",
    )


def is_loopback(host: str) -> bool:
    """Whether a host name or address, as configured or as in a Host header, means this machine only."""
    name = host.rpartition(":")[0] if host.count(":") == 1 or "]:" in host else host
    name = name.strip("[]").lower()
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class Gate:
    """Listens at the public address and lets admitted browsers through to the inner one."""

    def __init__(self, host: str, port: int, token: str) -> None:
        """Bind the address; nobody is answered before `open`.

        Args:
            host: Name or address to listen on.
            port: 0 takes any free one.
            token: Asked of browsers; "" asks for none, which is only sensible on loopback.

        Raises:
            ConsoleError: The address does not exist or is in use.
        """
        self._socket = _bound_socket(host, port)
        self.port: int = self._socket.getsockname()[1]
        self.refused = 0
        """Requests that were not let through."""
        self._loopback = is_loopback(host)
        self._token = token
        self._digest = hashlib.sha256(token.encode()).hexdigest()
        self._inner = ("", 0)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def open(self, inner_host: str, inner_port: int) -> None:
        """Begin to answer, on the running event loop; what is admitted goes to the inner address."""
        self._inner = (inner_host, inner_port)
        self._server = await asyncio.start_server(self._on_connection, sock=self._socket, limit=_HEAD_BYTES)

    async def close(self) -> None:
        """Stop listening and end all connections; call it on the event loop of `open`."""
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def release(self) -> None:
        """Give the address back when the gate has never been opened."""
        self._socket.close()

    def judge(self, request: Request) -> bytes | None:
        """The answer to a request that is not let through; None lets it through."""
        if request.origin is not None and request.origin != request.host:
            return _response("403 Forbidden", "asked for by a page of another site")
        if self._loopback and not is_loopback(request.host):
            return _response("403 Forbidden", "this page is only for browsers on its own machine")
        if not self._token or hmac.compare_digest(request.cookie.encode(), self._digest.encode()):
            return None
        if hmac.compare_digest(request.token.encode(), self._token.encode()):
            cookie = f"{_COOKIE}={self._digest}; Path=/; HttpOnly; SameSite=Lax"
            return _response("303 See Other", "", f"Location: /\r\nSet-Cookie: {cookie}\r\n")
        return _response("401 Unauthorized", _FORM if request.path == "/" else "token needed")

    async def _on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            if len(self._connections) <= MAX_CONNECTIONS:
                await self._serve(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the other side is gone, slow, or speaks something else
        except asyncio.CancelledError:
            pass  # `close`; the stream's own done-callback would report it as an error
        finally:
            self._connections.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _HEAD_SECONDS)
        try:
            request = parse_request(head)
            answer = self.judge(request)
        except DecodeError as error:
            request, answer = None, _response("400 Bad Request", str(error))
        if request is None or answer is not None:
            self.refused += 1
            if request is not None and request.token and answer is not None and not answer.startswith(b"HTTP/1.1 303"):
                await asyncio.sleep(_WRONG_TOKEN_SECONDS)
            writer.write(answer or b"")
            await writer.drain()
            return
        inner_reader, inner_writer = await asyncio.open_connection(*self._inner, limit=_CHUNK_BYTES)
        try:
            inner_writer.write(head)
            # Of a plain request nothing may follow its head: a second one would go unjudged.
            ways = [asyncio.create_task(_pump(inner_reader, writer))]
            if request.websocket:
                ways.append(asyncio.create_task(_pump(reader, inner_writer)))
            await _until_one_ends(ways)
        finally:
            inner_writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK_BYTES):
        writer.write(data)
        await writer.drain()  # a slow browser slows viser, which then leaves out what is outdated


async def _until_one_ends(tasks: list[asyncio.Task[None]]) -> None:
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _response(status: str, body: str, headers: str = "") -> bytes:
    kind = "text/html" if body.startswith("<!doctype") else "text/plain"
    payload = body.encode()
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {len(payload)}\r\n"
        f"{headers}Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Frame-Options: DENY\r\n"
        "Connection: close\r\n\r\n"
    ).encode() + payload


def _bound_socket(host: str, port: int) -> socket.socket:
    advice = "set console.host and console.port in stage.toml, or leave the page out with --no-console"
    try:
        family, *_, address = sorted(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))[0]
    except (OSError, UnicodeError) as error:
        raise ConsoleError(f"the page's address {host!r} cannot be resolved ({error}); {advice}") from None
    try:
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        raise ConsoleError(f"the page cannot be served at {host}:{port} ({error.strerror}); {advice}") from None
