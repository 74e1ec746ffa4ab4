"""Requests and their answers: order, bodies, how connections are kept, the shape of answers."""

import asyncio
import logging
from typing import Any

import pytest

from pyframework import httputil
from pyframework.http1connection import HTTP1Connection
from pyframework.iostream import StreamClosedError
from tests.unit.http1connection.peers import (
    CHUNKED,
    GET,
    OK,
    OK_CLOSE,
    POST,
    REFUSAL,
    Message,
    Play,
    Server,
    answer,
    later,
    logged,
    ok,
)

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


@pytest.mark.parametrize("field", [b"Content-Length: 2, 2", b"Content-Length: 2\r\nContent-Length: 2"])
def test_a_length_that_is_said_twice_reaches_the_handler_once(play: Play, field: bytes) -> None:
    async def main() -> None:
        async with Server() as server:
            await server.peer.send(b"POST / HTTP/1.1\r\nHost: a\r\n" + field + b"\r\n\r\nok")
            await server.peer.until(b"ok")
            assert server.messages[0].headers == {"Host": "a", "Content-Length": "2"}

    play(main)


@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
def test_a_coding_that_was_copied_does_not_contradict_the_body(play: Play, method: bytes) -> None:
    def coded(message: Message) -> None:
        headers = httputil.HTTPHeaders({"Transfer-Encoding": "identity"})
        message.connection.write_headers(httputil.ResponseStartLine("", 200, "OK"), headers)
        if method == b"GET":
            message.connection.write(b"abc")
        message.connection.finish()

    async def main() -> None:
        async with Server() as server:
            server.on_finish = coded
            await server.peer.send(method + b" / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            head, _, body = (await server.peer.rest()).partition(b"\r\n\r\n")
            coding = b"chunked" if method == b"GET" else b"identity"
            assert b"\r\nTransfer-Encoding: " + coding in head
            assert body == (b"3\r\nabc\r\n0\r\n\r\n" if method == b"GET" else b"")

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
