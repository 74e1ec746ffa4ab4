"""Connections of clients."""

import asyncio
import gzip
import logging
import socket
from collections.abc import Callable
from typing import Any

import pytest

from pyframework import http1connection, httputil
from pyframework.http1connection import HTTP1Connection, HTTP1ConnectionParameters
from pyframework.iostream import IOStream, StreamClosedError, UnsatisfiableReadError
from tests.unit.http1connection.peers import (
    OK,
    Peer,
    Play,
    later,
    logged,
)

# ------------------------------------------------------------------------------------------ clients


class Client(httputil.HTTPMessageDelegate):
    """Reads answers from one end of a pair of sockets."""

    def __init__(self, **params: Any) -> None:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        self.peer = Peer(theirs)
        self.stream = IOStream(ours)
        self.connection = HTTP1Connection(self.stream, True, HTTP1ConnectionParameters(**params))
        self.events: list[Any] = []
        self.body = b""
        self.on_headers: Callable[[], Any] = lambda: None
        self.on_data: Callable[[], Any] = lambda: None

    def read(self) -> Any:
        return self.connection.read_response(self)

    def headers_received(self, start_line: Any, headers: httputil.HTTPHeaders) -> Any:
        self.events.append(start_line.code)
        return self.on_headers()

    def data_received(self, chunk: bytes) -> Any:
        self.body += chunk
        return self.on_data()

    def finish(self) -> None:
        self.events.append("finish")

    def on_connection_close(self) -> None:
        self.events.append("closed")

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *error: object) -> None:
        self.peer.socket.close()
        self.stream.close()
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("wire", "body", "again"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", b"ok", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b"", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok", True),
    ],
)
def test_answers(play: Play, wire: bytes, body: bytes, again: bool) -> None:
    async def main() -> None:
        async with Client() as client:
            await client.peer.send(wire)
            assert await client.read() is again
            assert client.body == body and client.events[1:] == ["finish"]
            assert client.stream.closed() == wire.startswith(b"HTTP/1.0")

    play(main)


@pytest.mark.parametrize("early", [True, False])
def test_an_answer_up_to_the_end(play: Play, early: bool) -> None:
    async def main() -> None:
        async with Client() as client:
            if not early:
                reading = client.read()
            await client.peer.send(b"HTTP/1.0 200 OK\r\n\r\nhello")
            client.peer.end()
            if early:
                reading = client.read()
            await reading
            assert client.body == b"hello" and client.events == [200, "finish"] and client.stream.closed()

    play(main)


def test_informational_answers(play: Play) -> None:
    async def main() -> None:
        async with Client() as client:
            await client.peer.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 2 + OK)
            assert await client.read() is True
            assert client.body == b"ok" and client.events == [100, 100, 200, "finish"]

    play(main)


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (b"HTTP/1.1 100 Continue\r\nContent-Length: 1\r\n\r\n", "Response code 100 cannot have body"),
        (b"HTTP/1.1 100 C\r\n\r\n" * (http1connection._MAX_1XX_RESPONSES + 1), "Too many 1xx responses"),
        (b"HTTP/1.1 204 X\r\nContent-Length: 1\r\n\r\n", "Response with code 204 should not have body"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nfooXX0\r\n\r\n", "improperly terminated chunk"),
        (b"HTTP/1.1 200 OK\r\n\r\n0123456789", "Body too long"),
        (b"FTP/1.1 200 OK\r\n\r\n", "Malformed HTTP status line"),
    ],
)
def test_bad_answers(play: Play, caplog: pytest.LogCaptureFixture, wire: bytes, reason: str) -> None:
    async def main() -> None:
        async with Client(max_body_size=9) as client:
            await client.peer.send(wire)
            assert await client.read() is False
            assert client.stream.closed() and "finish" not in client.events
            assert client.events.count("closed") == (0 if wire.startswith(b"FTP") else 1)
            assert await client.peer.rest() == b""

    with logged(caplog, ("tornado.general", logging.INFO, f"Malformed HTTP message from None: {reason}")):
        play(main)


@pytest.mark.parametrize("where", ["headers", "data"])
def test_the_end_of_a_server_while_the_delegate_is_busy(play: Play, where: str) -> None:
    async def main() -> None:
        async with Client() as client:
            gate = asyncio.get_running_loop().create_future()
            setattr(client, f"on_{where}", lambda: gate)
            reading = client.read()
            await client.peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello")
            client.peer.end()
            later(gate.set_result, None)
            assert await reading is False
            assert client.body == b"hello" and client.events == [200, "closed"]

    play(main)


@pytest.mark.parametrize("where", ["headers", "data"])
@pytest.mark.parametrize("method", ["close", "detach"])
def test_a_client_that_closes_or_detaches(play: Play, where: str, method: str) -> None:
    async def main() -> None:
        async with Client() as client:
            setattr(client, f"on_{where}", lambda: (getattr(client.connection, method)(), None)[1])
            await client.peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello")
            assert await client.read() is False
            assert client.stream.closed() == (method == "close")

    play(main)


@pytest.mark.parametrize(
    "wire", [b"Content-Length: 2\r\n\r\nok", b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"]
)
def test_a_client_that_detaches_at_the_end_of_the_answer(play: Play, wire: bytes) -> None:
    """Before its own request is complete."""

    async def main() -> None:
        async with Client() as client:
            start_line = httputil.RequestStartLine("POST", "/", "")
            client.connection.write_headers(start_line, httputil.HTTPHeaders({"Content-Length": "5"}))
            client.finish = client.connection.detach  # type: ignore[method-assign]
            await client.peer.send(b"HTTP/1.1 200 OK\r\n" + wire)
            assert await client.read() is False
            assert not client.stream.closed()
            with pytest.raises(StreamClosedError):
                await client.read()

    play(main)


class Alone(Client):
    """A connection of a server that nobody else serves."""

    def __init__(self) -> None:
        super().__init__()
        self.connection = HTTP1Connection(self.stream, False)

    def headers_received(self, start_line: Any, headers: httputil.HTTPHeaders) -> Any:
        self.events.append(start_line.method)

    def finish(self) -> None:
        super().finish()
        headers = httputil.HTTPHeaders({"Content-Length": str(len(self.body))})
        self.connection.write_headers(httputil.ResponseStartLine("", 200, "OK"), headers, self.body)
        self.connection.finish()


@pytest.mark.parametrize(
    ("wire", "end", "events"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"Content-Length: 0\r\n\r\n", ["GET", "finish"]),
        (b"POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nok", b"\r\n\r\nok", ["POST", "finish"]),
        (b"POST / HTTP/1.0\r\nContent-Length: 1000000\r\n\r\n" + bytes(10**6), bytes(10**6), ["POST", "finish"]),
        (b"GET /\0 HTTP/1.1\r\n\r\n", b"400 Bad Request\r\n\r\n", []),
    ],
    ids=["without a body", "short", "long", "bad"],
)
def test_a_server_connection_alone(play: Play, wire: bytes, end: bytes, events: list[str]) -> None:
    async def main() -> None:
        async with Alone() as alone:
            reading = alone.read()
            sending = asyncio.ensure_future(alone.peer.send(wire))
            assert (await alone.peer.until(end)).endswith(end)
            await sending
            assert await reading is bool(events)
            assert alone.events == events

    play(main)


def test_a_server_connection_alone_whose_peer_goes_away(play: Play) -> None:
    async def main() -> None:
        async with Alone() as alone:
            reading = alone.read()
            await alone.peer.send(b"GET / HT")
            alone.peer.socket.close()
            with pytest.raises(StreamClosedError):
                await reading

    play(main)


def test_the_head_of_an_answer_may_be_too_long(play: Play) -> None:
    async def main() -> None:
        async with Client(max_header_size=50) as client:
            await client.peer.send(b"HTTP/1.1 200 " + b"x" * 50)
            with pytest.raises(UnsatisfiableReadError):
                await client.read()
            assert isinstance(client.stream.error, UnsatisfiableReadError)

    play(main)


def test_a_client_sees_the_end_only_behind_what_came_before(play: Play) -> None:
    """With each part read by a delegate that waits, as one that decodes gzip does."""

    async def main() -> None:
        async with Client() as client:
            client.on_headers = client.on_data = lambda: asyncio.sleep(0)
            client.stream.set_close_callback(lambda: client.events.append("stream closed"))
            reading = client.read()
            await client.peer.send(
                b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
                + b"1\r\nx\r\n" * 9
                + b"0\r\n\r\n"
            )
            client.peer.end()
            await reading
            await asyncio.sleep(0)
            assert client.body == b"x" * 9 and client.events == [200, "finish", "stream closed"]

    play(main)


def test_the_answer_is_read_when_the_request_is_sent(play: Play) -> None:
    async def main() -> None:
        async with Client() as client:
            line = httputil.RequestStartLine("POST", "/", "")
            client.connection.write_headers(line, httputil.HTTPHeaders({"Host": "a"}), b"ab")
            reading = client.read()
            await client.peer.send(OK)
            while "finish" not in client.events:
                await asyncio.sleep(0)
            assert not reading.done()
            client.connection.write(b"c")
            client.connection.finish()
            assert await reading is True
            head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            assert await client.peer.until(b"0\r\n\r\n") == head + b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"

    play(main)


def test_the_end_of_a_server_that_waits_for_the_request(play: Play) -> None:
    async def main() -> None:
        async with Client() as client:
            line = httputil.RequestStartLine("POST", "/", "")
            client.connection.write_headers(line, httputil.HTTPHeaders({"Host": "a"}))
            reading = client.read()
            await client.peer.send(OK)
            client.peer.end()
            assert await reading is False
            assert client.events == [200, "finish"]

    play(main)


def test_an_answer_to_head(play: Play) -> None:
    async def main() -> None:
        async with Client() as client:
            client.connection.write_headers(httputil.RequestStartLine("HEAD", "/", ""), httputil.HTTPHeaders())
            client.connection.finish()
            await client.peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
            assert await client.read() is True

    play(main)


@pytest.mark.parametrize("params", [{"header_timeout": 0.01}, {"body_timeout": 0.01}])
def test_a_server_that_takes_too_long(play: Play, params: dict[str, float]) -> None:
    async def main() -> None:
        async with Client(**params) as client:
            if "body_timeout" in params:
                await client.peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
            assert await client.read() is False

    play(main)


def test_tiny_chunks_of_an_answer_leave_others_their_turn(play: Play) -> None:
    async def main() -> None:
        async with Client() as client:
            chunks: list[bytes] = []
            turns = 0

            def tick() -> None:
                nonlocal turns
                if "finish" not in client.events:
                    turns += 1
                    later(tick)

            client.on_headers = tick
            client.on_data = lambda: chunks.append(client.body)
            await client.peer.send(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 5000 + b"0\r\n\r\n"
            )
            client.peer.end()
            assert await client.read() is True or client.stream.closed()
            assert client.body == b"x" * 5000 and len(chunks) < 10 and turns > 10

    play(main)


ZIPPED = gzip.compress(b"foo=") + gzip.compress(b"bar" * 1000)


def test_gzip_of_an_answer(play: Play) -> None:
    async def main() -> None:
        async with Client(decompress=True) as client:
            await client.peer.send(
                b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(ZIPPED) + ZIPPED
            )
            assert await client.read() is True
            assert client.body == b"foo=" + b"bar" * 1000

    play(main)
