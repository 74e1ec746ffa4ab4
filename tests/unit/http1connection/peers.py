"""What the tests of HTTP/1 connections play with: a server on one end of a pair of sockets, and the other end."""

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pyframework import httputil
from pyframework._core.loop import EventLoop
from pyframework.http1connection import HTTP1ConnectionParameters, HTTP1ServerConnection
from pyframework.iostream import IOStream

LOOPS: list[Any] = [EventLoop, asyncio.SelectorEventLoop]

GET = b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
OK_CLOSE = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
REFUSAL = b"HTTP/1.1 400 Bad Request\r\n\r\n"

Play = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]


class Peer:
    """The other end of the connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.received = b""

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.socket, data)

    async def read(self) -> bytes:
        try:
            data = await asyncio.get_running_loop().sock_recv(self.socket, 65536)
        except ConnectionResetError:
            data = b""
        self.received += data
        return data

    async def until(self, end: bytes) -> bytes:
        while end not in self.received:
            assert await self.read(), f"closed behind {self.received!r}"
        size = self.received.index(end) + len(end)
        data, self.received = self.received[:size], self.received[size:]
        return data

    async def rest(self) -> bytes:
        """Read up to the end, and end this side, too: a server that lingers waits for that."""
        while await self.read():
            pass
        self.socket.close()
        data, self.received = self.received, b""
        return data

    def end(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)


def ok(code: int = 200, reason: str = "OK") -> httputil.ResponseStartLine:
    return httputil.ResponseStartLine("HTTP/1.1", code, reason)


def answer(connection: Any, body: bytes = b"ok", **fields: str) -> None:
    headers = httputil.HTTPHeaders({name.replace("_", "-"): value for name, value in fields.items()})
    headers["Content-Length"] = str(len(body))
    connection.write_headers(ok(), headers, body)
    connection.finish()


class Message(httputil.HTTPMessageDelegate):
    """One request: notes what comes, and answers at its end if nobody says otherwise."""

    def __init__(self, server: "Server", connection: Any) -> None:
        self.server = server
        self.connection = connection
        self.events: list[Any] = []
        self.body = b""

    def headers_received(self, start_line: Any, headers: httputil.HTTPHeaders) -> Any:
        self.start_line, self.headers = start_line, headers
        self.events.append("headers")
        return self.server.on_headers(self)

    def data_received(self, chunk: bytes) -> Any:
        self.body += chunk
        self.events.append(len(chunk))
        return self.server.on_data(self)

    def finish(self) -> None:
        self.events.append("finish")
        self.server.on_finish(self)

    def on_connection_close(self) -> None:
        self.events.append("closed")
        self.server.lost.set()


class Server(httputil.HTTPServerConnectionDelegate):
    """Serves one end of a pair of sockets; a test replaces `on_headers`, `on_data` and `on_finish`."""

    def __init__(self, **params: Any) -> None:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        self.peer = Peer(theirs)
        self.messages: list[Message] = []
        self.closes = 0
        self.closed, self.lost, self.started = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.on_headers: Callable[[Message], Any] = lambda message: None
        self.on_data: Callable[[Message], Any] = lambda message: None
        self.on_finish: Callable[[Message], Any] = lambda message: answer(message.connection)
        self.stream = IOStream(ours)
        self.connection = HTTP1ServerConnection(self.stream, HTTP1ConnectionParameters(**params), "the peer")
        self.connection.start_serving(self)

    def start_request(self, server_conn: object, request_conn: Any) -> Message:
        assert server_conn is self.connection
        self.messages.append(Message(self, request_conn))
        self.started.set()
        return self.messages[-1]

    def on_close(self, server_conn: object) -> None:
        assert server_conn is self.connection
        self.closes += 1
        self.closed.set()

    async def __aenter__(self) -> "Server":
        return self

    async def __aexit__(self, *error: object) -> None:
        self.peer.socket.close()
        self.stream.close()
        await self.closed.wait() if self.connection.stream.closed() and not self.closes else None
        assert self.closes <= 1

    @property
    def events(self) -> list[Any]:
        return [message.events for message in self.messages]


@contextmanager
def logged(caplog: pytest.LogCaptureFixture, *expected: tuple[str, int, str]) -> Iterator[None]:
    caplog.clear()
    with caplog.at_level(logging.INFO):
        yield
    # asyncio warns of slow callbacks in its debug mode.
    records = [record for record in caplog.records if record.name != "asyncio" or record.levelno >= logging.ERROR]
    found = [(record.name, record.levelno, record.getMessage()) for record in records]
    assert [
        (name, level, text[: len(end[2])]) for (name, level, text), end in zip(found, expected, strict=True)
    ] == list(expected)


def later(callback: Callable[..., Any], *args: Any) -> None:
    asyncio.get_running_loop().call_soon(callback, *args)
