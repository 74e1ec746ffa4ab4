"""HTTP1Connection and HTTP1ServerConnection over a pair of sockets: on our loop, on asyncio's own and on uvloop."""

import asyncio
import gzip
import importlib
import importlib.util
import logging
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pyframework import http1connection, httputil
from pyframework._core.loop import EventLoop
from pyframework.http1connection import HTTP1Connection, HTTP1ConnectionParameters, HTTP1ServerConnection
from pyframework.iostream import IOStream, StreamClosedError, UnsatisfiableReadError

LOOPS: list[Any] = [EventLoop, asyncio.SelectorEventLoop]
if importlib.util.find_spec("uvloop"):
    LOOPS.append(importlib.import_module("uvloop").new_event_loop)

GET = b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
OK_CLOSE = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
REFUSAL = b"HTTP/1.1 400 Bad Request\r\n\r\n"

Play = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]


@pytest.fixture(params=LOOPS, ids=lambda make: f"{make.__module__}.{make.__name__}")
def play(request: pytest.FixtureRequest) -> Play:
    def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(asyncio.wait_for(main(), 30))

    return run


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


# ------------------------------------------------------------------------------------------ requests and answers


def test_requests_one_after_another(play: Play) -> None:
    async def main() -> None:
        async with Server() as server:
            for _ in range(2):
                await server.peer.send(GET % b"x")
                assert await server.peer.until(b"ok") == OK
            assert server.messages[0].start_line == ("GET", "/x", "HTTP/1.1")
            assert server.messages[0].headers == {"Host": "a"}
            assert server.events == [["headers", "finish"]] * 2
            server.peer.end()
            assert await server.peer.rest() == b""
            await server.closed.wait()
            assert server.closes == 1 and server.events == [["headers", "finish"]] * 2

    play(main)


def test_pipelined_requests_are_answered_in_order_in_one_send(play: Play) -> None:
    async def main() -> None:
        async with Server() as server:
            server.on_finish = lambda message: answer(message.connection, message.start_line.path.encode())
            await server.peer.send(GET % b"1" + GET % b"2" + GET % b"3")
            assert (await server.peer.read()).split(b"\r\n\r\n/")[1:] == [
                b"1HTTP/1.1 200 OK\r\nContent-Length: 2",
                b"2HTTP/1.1 200 OK\r\nContent-Length: 2",
                b"3",
            ]

    play(main)


def test_pipelined_requests_wait_for_a_handler_that_waits(play: Play) -> None:
    async def main() -> None:
        async with Server() as server:
            server.on_finish = lambda message: None
            await server.peer.send((GET % b"") * 3)
            for number in range(3):
                while len(server.messages) <= number or "finish" not in server.messages[number].events:
                    await asyncio.sleep(0)
                assert len(server.messages) == number + 1
                answer(server.messages[number].connection)
                assert await server.peer.until(b"ok") == OK

    play(main)


@pytest.mark.parametrize("turns", [1, 5])
def test_pipelined_requests_of_a_half_closed_peer_may_wait(play: Play, turns: int) -> None:
    async def wait(message: Message) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        answer(message.connection)

    async def main() -> None:
        tasks: list[asyncio.Task[None]] = []
        async with Server() as server:
            server.on_finish = lambda message: (
                answer(message.connection)
                if len(server.messages) == 3
                else tasks.append(asyncio.ensure_future(wait(message)))
            )
            await server.peer.send((GET % b"") * 3)
            server.peer.end()
            assert await server.peer.rest() == OK * 3

    play(main)


def test_every_request_before_the_end_of_a_half_closed_peer_is_answered(play: Play) -> None:
    async def main() -> None:
        async with Server() as server:
            await server.peer.send((GET % b"") * 500)
            server.peer.end()
            assert await server.peer.rest() == OK * 500

    play(main)


@pytest.mark.parametrize("wait", ["never", "head", "answer"])
def test_the_end_of_a_half_closed_peer_does_not_cut_its_answers(play: Play, wait: str) -> None:
    big = bytes(1 << 22)

    async def main() -> None:
        async with Server() as server:
            server.on_finish = lambda message: answer(message.connection, big)
            if wait == "answer":
                server.on_finish = lambda message: later(answer, message.connection, big)
            elif wait == "head":
                server.on_headers = lambda message: asyncio.sleep(0)
            await server.peer.send((GET % b"") + CHUNKED + b"1\r\nx\r\n" * 1000 + b"0\r\n\r\n" + GET % b"")
            while wait == "answer" and len(server.messages) < 3:
                await server.peer.read()
            if wait == "answer":
                while not server.stream.writing():
                    await server.peer.read()
            server.peer.end()
            assert (await server.peer.rest()).count(b"\0") == 3 * len(big)

    play(main)


def test_a_peer_that_does_not_read_is_not_served_further(play: Play) -> None:
    big = bytes(1 << 22)

    async def main() -> None:
        async with Server() as server:
            server.on_finish = lambda message: answer(message.connection, big)
            await server.peer.send((GET % b"") * 3)
            while not server.stream.writing():
                await asyncio.sleep(0)
            assert len(server.messages) == 1
            for _ in range(3):
                await server.peer.until(b"\r\n\r\n")
                size = 0
                while size < len(big):
                    size += len(server.peer.received) or len(await server.peer.read())
                    server.peer.received, extra = b"", server.peer.received
                    if size > len(big):
                        server.peer.received = extra[len(extra) - (size - len(big)) :]
                        size = len(big)
            assert len(server.messages) == 3

    play(main)


@pytest.mark.parametrize("size", [1, 65536, 1_000_000])
def test_body(play: Play, size: int) -> None:
    async def main() -> None:
        async with Server() as server:
            server.on_finish = lambda message: answer(message.connection, b"%d" % len(message.body))
            body = bytes(range(256)) * (size // 256 + 1)
            sending = asyncio.ensure_future(server.peer.send(POST % (size, body[:size]) + GET % b""))
            assert (await server.peer.until(b"\r\n\r\n%d" % size)).startswith(b"HTTP/1.1 200")
            await server.peer.until(b"\r\n\r\n0")
            await sending
            assert server.messages[0].body == body[:size]

    play(main)


def test_chunk_size_bounds_what_is_handed_up(play: Play) -> None:
    async def main() -> None:
        async with Server(chunk_size=16) as server:
            await server.peer.send(POST % (50, b"x" * 50) + CHUNKED + b"1\r\nx\r\n" * 50 + b"0\r\n\r\n")
            await server.peer.until(b"ok")
            await server.peer.until(b"ok")
            assert server.events == [["headers", 16, 16, 16, 2, "finish"]] * 2

    play(main)


def test_chunks_are_joined_and_trailers_dropped(play: Play) -> None:
    async def main() -> None:
        async with Server() as server:
            await server.peer.send(CHUNKED + b"3;x=y\r\nfoo\r\n" * 1000 + b"0\r\nX-Trailer: y\r\n\r\n" + GET % b"")
            await server.peer.until(b"ok")
            await server.peer.until(b"ok")
            assert server.messages[0].body == b"foo" * 1000
            assert "X-Trailer" not in server.messages[0].headers
            assert len(server.messages[0].events) < 10

    play(main)


@pytest.mark.parametrize("name", [b"100-continue", b"100-Continue"])
def test_expect_continue(play: Play, name: bytes) -> None:
    async def main() -> None:
        async with Server() as server:
            await server.peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: %b\r\nContent-Length: 2\r\n\r\n" % name)
            await server.peer.until(b"HTTP/1.1 100 (Continue)\r\n\r\n")
            await server.peer.send(b"ab")
            assert await server.peer.until(b"ok") == OK

    play(main)


def test_expect_continue_waits_for_the_delegate(play: Play) -> None:
    async def main() -> None:
        async with Server() as server:

            async def prepare(message: Message) -> None:
                await asyncio.sleep(0)
                message.connection.set_max_body_size(1)

            server.on_headers = prepare
            await server.peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            assert await server.peer.rest() == REFUSAL

    play(main)


# ------------------------------------------------------------------------------------------ how connections are kept


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", OK_CLOSE),
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", OK_CLOSE),
        (b"GET / HTTP/1.0\r\n\r\n", OK),
        (b"POST / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", OK),
    ],
)
def test_closed_after_one(play: Play, request_: bytes, expected: bytes) -> None:
    async def main() -> None:
        async with Server() as server:
            await server.peer.send(request_ * 2)
            assert await server.peer.rest() == expected
            assert len(server.messages) == 1

    play(main)


def test_http10_keep_alive(play: Play) -> None:
    async def main() -> None:
        async with Server() as server:
            await server.peer.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" * 2)
            for _ in range(2):
                assert b"\r\nConnection: Keep-Alive\r\n" in await server.peer.until(b"ok")

    play(main)


def test_no_keep_alive(play: Play) -> None:
    async def main() -> None:
        async with Server(no_keep_alive=True) as server:
            await server.peer.send((GET % b"") * 2)
            assert await server.peer.rest() == OK_CLOSE

    play(main)


def test_a_handler_that_says_close(play: Play) -> None:
    async def main() -> None:
        async with Server() as server:
            server.on_finish = lambda message: answer(message.connection, Connection="Close")
            await server.peer.send((GET % b"") * 2)
            assert (await server.peer.rest()).count(b"ok") == 1

    play(main)


def test_an_answer_before_the_body_is_read(play: Play) -> None:
    async def main() -> None:
        async with Server() as server:
            server.on_headers = lambda message: answer(message.connection)
            await server.peer.send(POST % (9, b"x") + b"")
            assert await server.peer.rest() == OK
            await server.lost.wait()
            assert server.events == [["headers", "closed"]]

    play(main)


# ------------------------------------------------------------------------------------------ the shape of answers


@pytest.mark.parametrize(
    ("code", "method", "version", "wire"),
    [
        (200, b"GET", b"1.1", b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"),
        (200, b"GET", b"1.0", b"HTTP/1.1 200 X\r\n\r\nabc"),
    ],
)
def test_body_of_unknown_length(play: Play, code: int, method: bytes, version: bytes, wire: bytes) -> None:
    def unknown(message: Message) -> None:
        message.connection.write_headers(ok(code, "X"), httputil.HTTPHeaders(), b"ab")
        message.connection.write(b"")
        message.connection.write(memoryview(b"c"))
        message.connection.finish()
        message.connection.finish()

    async def main() -> None:
        async with Server() as server:
            server.on_finish = unknown
            await server.peer.send(b"%b / HTTP/%b\r\nHost: a\r\n\r\n" % (method, version))
            server.peer.end()
            assert await server.peer.rest() == wire

    play(main)


@pytest.mark.parametrize("code", [100, 101, 204, 304])
@pytest.mark.parametrize("length", [None, "2"])
def test_answers_without_body(play: Play, caplog: pytest.LogCaptureFixture, code: int, length: str | None) -> None:
    headers = httputil.HTTPHeaders() if length is None else httputil.HTTPHeaders({"Content-Length": length})

    def bodiless(message: Message) -> None:
        if message.start_line.path == "/good":
            message.connection.write_headers(ok(code, "X"), headers)
            message.connection.finish()
        else:
            message.connection.write_headers(ok(code, "X"), headers, b"no")

    async def main() -> None:
        async with Server() as server:
            server.on_finish = bodiless
            await server.peer.send(GET % b"good" + GET % b"bad")
            assert (await server.peer.rest()).replace(b"Content-Length: 2\r\n", b"") == b"HTTP/1.1 %d X\r\n\r\n" % code

    with logged(caplog, ("tornado.application", logging.ERROR, "Uncaught exception")):
        play(main)


def test_head_has_no_body(play: Play) -> None:
    def head(message: Message) -> None:
        message.connection.write_headers(ok(), httputil.HTTPHeaders({"Content-Length": "5"}))
        message.connection.finish()

    async def main() -> None:
        async with Server() as server:
            server.on_finish = head
            await server.peer.send(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
            for _ in range(2):
                assert await server.peer.until(b"\r\n\r\n") == b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"

    play(main)


@pytest.mark.parametrize("body", [b"abc", b"abcde"])
def test_content_length_must_be_kept(play: Play, body: bytes) -> None:
    errors: list[str] = []

    def wrong(message: Message) -> None:
        with pytest.raises(httputil.HTTPOutputError) as error:
            message.connection.write_headers(ok(), httputil.HTTPHeaders({"Content-Length": "4"}))
            message.connection.write(body)
            message.connection.finish()
        errors.append(str(error.value))

    async def main() -> None:
        async with Server() as server:
            server.on_finish = wrong
            await server.peer.send(GET % b"")
            sent = await server.peer.rest()
            assert sent.endswith(b"\r\n\r\n" + (body if len(body) < 4 else b""))

    play(main)
    assert errors == [
        "Tried to write 1 bytes less than Content-Length"
        if len(body) < 4
        else "Tried to write more data than Content-Length"
    ]


@pytest.mark.parametrize("length", ["foo", "+10", "1_0", "-1", ""])
def test_content_length_must_be_digits(play: Play, caplog: pytest.LogCaptureFixture, length: str) -> None:
    async def main() -> None:
        async with Server() as server:
            server.on_finish = lambda message: message.connection.write_headers(
                ok(), httputil.HTTPHeaders({"Content-Length": length})
            )
            await server.peer.send(GET % b"")
            assert await server.peer.rest() == b""

    with logged(caplog, ("tornado.application", logging.ERROR, "Uncaught exception")):
        play(main)


@pytest.mark.parametrize(
    ("reason", "fields"), [("O\r\nK", {}), ("OK", {"X": "a\nb"}), ("OK", {"X": "\u2603"}), ("OK", {"a b": "c"})]
)
def test_nothing_is_sent_of_a_head_that_must_not_be(play: Play, reason: str, fields: dict[str, str]) -> None:
    def wrong(message: Message) -> None:
        with pytest.raises(ValueError):
            message.connection.write_headers(ok(200, reason), httputil.HTTPHeaders(fields))
        answer(message.connection)

    async def main() -> None:
        async with Server() as server:
            server.on_finish = wrong
            await server.peer.send(GET % b"")
            assert await server.peer.until(b"ok") == OK

    play(main)


def test_nothing_can_be_written_behind_the_end(play: Play) -> None:
    def more(message: Message) -> None:
        answer(message.connection)
        with pytest.raises(httputil.HTTPOutputError):
            message.connection.write(b"more")
        with pytest.raises(httputil.HTTPOutputError):
            message.connection.write_headers(ok(), httputil.HTTPHeaders())

    async def main() -> None:
        async with Server() as server:
            server.on_finish = more
            await server.peer.send((GET % b"") * 2)
            await server.peer.until(b"ok")
            assert await server.peer.until(b"ok") == OK

    play(main)


def test_writing_to_a_closed_connection(play: Play) -> None:
    async def main() -> None:
        async with Server() as server:
            server.on_finish = lambda message: message.connection.set_close_callback(server.lost.set)
            await server.peer.send(GET % b"")
            server.peer.end()
            await server.lost.wait()
            connection = server.messages[0].connection
            for future in (connection.write_headers(ok(), httputil.HTTPHeaders()), connection.write(b"x")):
                with pytest.raises(StreamClosedError):
                    await future
            connection.finish()
            assert server.events == [["headers", "finish"]]

    play(main)


def test_methods_patched_late_are_called(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []

    def patch(name: str) -> None:
        original = getattr(HTTP1Connection, name)

        def patched(self: Any, *args: Any) -> Any:
            called.append(name)
            return original(self, *args)

        monkeypatch.setattr(HTTP1Connection, name, patched)

    async def main() -> None:
        async with Server() as server:
            await server.peer.send(GET % b"")
            await server.peer.until(b"ok")
            patch("write_headers")
            patch("finish")
            await server.peer.send(GET % b"")
            await server.peer.until(b"ok")
            server.messages[-1].connection.mine = 1  # there is a __dict__
            assert called == ["write_headers", "finish"]

    play(main)


# ------------------------------------------------------------------------------------------ delegates that wait or fail


@pytest.mark.parametrize("where", ["headers", "data"])
def test_reading_waits_for_the_delegate(play: Play, where: str) -> None:
    async def main() -> None:
        async with Server() as server:
            gate = asyncio.get_running_loop().create_future()
            setattr(server, f"on_{where}", lambda message: gate)
            await server.peer.send(POST % (2, b"ab") + GET % b"")
            await server.started.wait()
            await asyncio.sleep(0)
            assert server.events == [["headers"] if where == "headers" else ["headers", 2]]
            gate.set_result(None)
            await server.peer.until(b"ok")
            await server.peer.until(b"ok")
            assert server.events[0] == ["headers", 2, "finish"]

    play(main)


@pytest.mark.parametrize("where", ["headers", "data", "finish"])
@pytest.mark.parametrize("kind", ["bug", "input", "late bug", "late input", "cancelled"])
def test_a_delegate_that_raises(play: Play, caplog: pytest.LogCaptureFixture, where: str, kind: str) -> None:
    if where == "finish" and kind not in ("bug", "input"):
        pytest.skip("finish() returns nothing to wait for")
    error: BaseException = httputil.HTTPInputError("no good") if "input" in kind else ValueError("bug")

    def fail(message: Message) -> Any:
        future = asyncio.get_running_loop().create_future()
        if kind == "cancelled":
            later(future.cancel)
        elif kind.startswith("late"):
            later(future.set_exception, error)
        else:
            raise error
        return future

    async def main() -> None:
        async with Server() as server:
            setattr(server, f"on_{where}", fail)
            await server.peer.send(POST % (2, b"ab") + GET % b"")
            assert await server.peer.rest() == (REFUSAL if "input" in kind else b"")
            await server.closed.wait()
            assert len(server.messages) == 1 and server.closes == 1
            assert server.messages[0].events[-1] == "closed"

    expected = []
    if "input" in kind:
        expected = [("tornado.general", logging.INFO, "Malformed HTTP message from the peer: no good")]
    else:
        expected = [("tornado.application", logging.ERROR, "Uncaught exception")]
    with logged(caplog, *expected):
        play(main)


def test_a_delegate_that_fails_after_the_connection_did(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with Server() as server:
            gate = asyncio.get_running_loop().create_future()
            server.on_headers = lambda message: gate
            await server.peer.send(POST % (2, b""))
            await server.started.wait()
            server.stream.close()
            await server.lost.wait()
            gate.set_exception(ValueError("bug"))
            await server.peer.rest()

    with logged(caplog, ("tornado.application", logging.ERROR, "Uncaught exception")):
        play(main)


def test_start_request_that_raises(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with Server() as server:
            server.start_request = None  # type: ignore[assignment,method-assign]
            await server.peer.send(GET % b"")
            assert await server.peer.rest() == b""
            await server.closed.wait()

    with logged(caplog, ("tornado.application", logging.ERROR, "Uncaught exception")):
        play(main)


@pytest.mark.parametrize("where", ["headers", "data", "finish"])
def test_close_in_a_delegate(play: Play, where: str) -> None:
    async def main() -> None:
        async with Server() as server:
            setattr(server, f"on_{where}", lambda message: message.connection.close())
            await server.peer.send(POST % (2, b"ab") + GET % b"")
            assert await server.peer.rest() == b""
            await server.closed.wait()
            assert server.closes == 1 and len(server.messages) == 1
            assert (server.messages[0].events[-1] == "closed") == (where != "finish")

    play(main)


@pytest.mark.parametrize("where", ["headers", "data", "finish"])
def test_detach_in_a_delegate(play: Play, where: str) -> None:
    streams: list[IOStream] = []
    left = {"headers": b"abrest", "data": b"rest", "finish": b"rest"}

    async def main() -> None:
        async with Server() as server:
            setattr(server, f"on_{where}", lambda message: streams.append(message.connection.detach()))
            await server.peer.send(POST % (2, b"ab") + b"rest")
            await server.closed.wait()
            assert streams == [server.stream] and server.messages[0].connection.stream is None
            assert await server.stream.read_bytes(len(left[where])) == left[where]
            await server.stream.write(b"free")
            await server.peer.until(b"free")
            assert server.messages[0].events[-1] != "closed"

    play(main)


def test_detach_behind_an_answer(play: Play) -> None:
    def switch(message: Message) -> None:
        message.connection.write_headers(ok(101, "Switching Protocols"), httputil.HTTPHeaders({"Upgrade": "x"}))
        message.connection.finish()
        later(lambda: message.connection.detach().write(b"switched"))

    async def main() -> None:
        async with Server() as server:
            server.on_finish = switch
            await server.peer.send(GET % b"")
            expected = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nswitched"
            assert await server.peer.until(b"switched") == expected
            assert server.closes == 1

    play(main)


# ------------------------------------------------------------------------------------------ peers that go away


@pytest.mark.parametrize("sent", [POST % (5, b"ab"), CHUNKED + b"5\r\nab"])
def test_the_end_amid_a_body(play: Play, caplog: pytest.LogCaptureFixture, sent: bytes) -> None:
    async def main() -> None:
        async with Server() as server:
            server.on_headers = lambda message: message.connection.set_close_callback(
                lambda: message.events.append("callback")
            )
            await server.peer.send(sent)
            server.peer.end()
            assert await server.peer.rest() == b""
            await server.closed.wait()
            assert server.events == [["headers", 2, "closed"]]

    with logged(caplog):
        play(main)


@pytest.mark.parametrize("sent", [b"", b"GET / HT"])
def test_the_end_before_a_request(play: Play, caplog: pytest.LogCaptureFixture, sent: bytes) -> None:
    async def main() -> None:
        async with Server() as server:
            await server.peer.send(sent)
            server.peer.end()
            assert await server.peer.rest() == b""
            await server.closed.wait()
            assert server.closes == 1 and all(not message.events for message in server.messages)

    with logged(caplog):
        play(main)


def test_close_callback_while_the_answer_is_awaited(play: Play) -> None:
    async def main() -> None:
        async with Server() as server:
            server.on_finish = lambda message: message.connection.set_close_callback(server.lost.set)
            await server.peer.send(GET % b"")
            server.peer.end()
            await server.lost.wait()
            await server.closed.wait()
            assert server.events == [["headers", "finish"]] and server.closes == 1

    play(main)


def test_close_of_the_server_connection(play: Play) -> None:
    async def main() -> None:
        async with Server() as server:
            await server.connection.close()
            await server.connection.close()
            assert server.closes == 1
            assert await server.peer.rest() == b""

    play(main)


# ------------------------------------------------------------------------------------------ limits


@pytest.mark.parametrize(
    ("params", "sent", "status", "message"),
    [
        ({"max_header_size": 50}, GET % (b"x" * 50), 414, "Unsatisfiable read, closing connection to the peer"),
        ({"max_header_size": 50}, b"GET /" + b"x" * 50, 414, "Unsatisfiable read, closing connection to the peer"),
        ({"max_header_size": 50}, GET[:-2] % b"" + b"A: " + b"x" * 50, 431, "Unsatisfiable read, closing connection"),
        ({"max_header_count": 1}, GET[:-2] % b"" + b"A:\r\n\r\n", 431, "Malformed HTTP message from the peer: more"),
        ({}, b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "Malformed HTTP message from the peer: Unexpected"),
        ({"max_body_size": 1}, POST % (2, b"ab"), 400, "Malformed HTTP message from the peer: Content-Length too long"),
        ({"max_body_size": 0}, POST % (1, b"a"), 400, "Malformed HTTP message from the peer: Content-Length too long"),
        (
            {"max_body_size": 1},
            CHUNKED + b"2\r\nab\r\n0\r\n\r\n",
            400,
            "Malformed HTTP message from the peer: chunked body",
        ),
        (
            {},
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            400,
            "Malformed HTTP message from the peer: Unsupported Transfer-Encoding gzip, chunked",
        ),
        (
            {},
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n",
            400,
            "Malformed HTTP message from the peer: Unsupported Transfer-Encoding chunked,chunked",
        ),
        (
            {},
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\x9bx" + b"y" * 200 + b"\r\n\r\n",
            400,
            "Malformed HTTP message from the peer: Only integer Content-Length is allowed: 1\\x9bx" + "y" * 97,
        ),
    ],
)
def test_refusals(
    play: Play, caplog: pytest.LogCaptureFixture, params: dict[str, int], sent: bytes, status: int, message: str
) -> None:
    async def main() -> None:
        async with Server(**params) as server:
            await server.peer.send(sent)
            assert (await server.peer.rest()).startswith(b"HTTP/1.1 %d " % status)
            await server.closed.wait()
            assert "finish" not in server.messages[0].events

    with logged(caplog, ("tornado.general", logging.INFO, message)):
        play(main)


def test_the_limit_of_one_request_is_its_own(play: Play) -> None:
    async def main() -> None:
        async with Server(max_body_size=1) as server:
            server.on_headers = lambda message: (
                message.connection.set_max_body_size(9) if len(server.messages) == 1 else None
            )
            await server.peer.send((POST % (2, b"ab")) * 2)
            assert await server.peer.rest() == OK + REFUSAL

    play(main)


@pytest.mark.parametrize("sent", [b"", b"GET / HT"])
def test_header_timeout(play: Play, caplog: pytest.LogCaptureFixture, sent: bytes) -> None:
    async def main() -> None:
        async with Server(header_timeout=0.01) as server:
            await server.peer.send(sent)
            status = b"HTTP/1.1 408 Request Timeout" if sent else b""
            assert (await server.peer.rest()).partition(b"\r\n")[0] == status

    with logged(caplog, *[("tornado.general", logging.INFO, "Timeout reading head from the peer")] if sent else []):
        play(main)


def test_header_timeout_is_not_for_bodies_or_handlers(play: Play) -> None:
    async def main() -> None:
        async with Server(header_timeout=0.01) as server:
            server.on_finish = lambda message: None
            await server.peer.send(POST % (2, b"a"))
            await server.started.wait()
            other = Server(header_timeout=0.02)  # its end comes after the time in question
            assert await other.peer.rest() == b""
            await server.peer.send(b"b")
            while "finish" not in server.messages[0].events:
                await asyncio.sleep(0)
            answer(server.messages[0].connection)
            assert await server.peer.rest() == OK
            other.peer.socket.close()

    play(main)


@pytest.mark.parametrize("sent", [POST % (5, b"ab"), CHUNKED + b"5\r\nab"])
@pytest.mark.parametrize("params", [{"body_timeout": 0.01}, {}])
def test_body_timeout(play: Play, caplog: pytest.LogCaptureFixture, sent: bytes, params: dict[str, float]) -> None:
    async def main() -> None:
        async with Server(**params) as server:
            if not params:
                server.on_headers = lambda message: message.connection.set_body_timeout(0.01)
            await server.peer.send(sent)
            assert await server.peer.rest() == b""
            assert server.events == [["headers", 2, "closed"]]

    with logged(caplog, ("tornado.general", logging.INFO, "Timeout reading body from the peer")):
        play(main)


# ------------------------------------------------------------------------------------------ gzip


ZIPPED = gzip.compress(b"foo=") + gzip.compress(b"bar" * 1000)


def zipped(body: bytes, coding: bytes = b"gzip") -> bytes:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: %b\r\nContent-Length: %d\r\n\r\n"
    return head % (coding, len(body)) + body


@pytest.mark.parametrize("coding", [b"gzip", b"GZIP"])
@pytest.mark.parametrize("chunk_size", [None, 16])
def test_gzip(play: Play, coding: bytes, chunk_size: int | None) -> None:
    async def main() -> None:
        async with Server(decompress=True, chunk_size=chunk_size) as server:
            server.on_data = lambda message: asyncio.sleep(0)
            await server.peer.send(zipped(ZIPPED, coding) + GET % b"")
            await server.peer.until(b"ok")
            await server.peer.until(b"ok")
            message = server.messages[0]
            assert message.body == b"foo=" + b"bar" * 1000
            assert message.headers["X-Consumed-Content-Encoding"] == coding.decode()
            assert "Content-Encoding" not in message.headers
            assert all(event <= (chunk_size or 65536) for event in message.events if isinstance(event, int))

    play(main)


def test_other_codings_are_left_alone(play: Play) -> None:
    async def main() -> None:
        async with Server(decompress=True) as server:
            await server.peer.send(zipped(b"raw", b"br"))
            await server.peer.until(b"ok")
            assert server.messages[0].body == b"raw"
            assert server.messages[0].headers["Content-Encoding"] == "br"

    play(main)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"hello", "invalid gzip data"),
        (ZIPPED + b"\0", "invalid gzip data"),
        (ZIPPED[:-1], "invalid gzip data"),
        (gzip.compress(bytes(5000)), "decompressed body too large"),
        (gzip.compress(bytes(2500)) * 2, "decompressed body too large"),
    ],
)
def test_bad_gzip(play: Play, caplog: pytest.LogCaptureFixture, body: bytes, reason: str) -> None:
    async def main() -> None:
        async with Server(decompress=True, max_body_size=4000, chunk_size=1024) as server:
            await server.peer.send(zipped(body))
            assert await server.peer.rest() == REFUSAL
            await server.closed.wait()
            assert server.messages[0].events[-1] == "closed" and "finish" not in server.messages[0].events

    with logged(caplog, ("tornado.general", logging.INFO, f"Malformed HTTP message from the peer: {reason}")):
        play(main)


def test_gzip_of_an_answer(play: Play) -> None:
    async def main() -> None:
        async with Client(decompress=True) as client:
            await client.peer.send(
                b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(ZIPPED) + ZIPPED
            )
            assert await client.read() is True
            assert client.body == b"foo=" + b"bar" * 1000

    play(main)


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
