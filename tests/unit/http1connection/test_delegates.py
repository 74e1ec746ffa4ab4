"""Delegates that wait or fail, and peers that go away."""

import asyncio
import logging
from typing import Any

import pytest

from pyframework import httputil
from pyframework.iostream import IOStream
from tests.unit.http1connection.peers import (
    CHUNKED,
    GET,
    POST,
    REFUSAL,
    Message,
    Play,
    Server,
    later,
    logged,
    ok,
)

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
