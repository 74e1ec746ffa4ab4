"""Bodies that are larger than what one receive brings, and than what one send takes."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from pyframework._core.loop import EventLoop
from pyframework.httpserver import HTTPServer
from pyframework.testing import bind_unused_port
from pyframework.web import Application, RequestHandler

Peer = tuple[asyncio.StreamReader, asyncio.StreamWriter]
PIECE = 4194304


class Digest(RequestHandler):
    def put(self) -> None:
        self.write(f"{len(self.request.body)} {hashlib.sha256(self.request.body).hexdigest()}")


class Large(RequestHandler):
    async def get(self, length: str) -> None:
        if length == "known":
            self.set_header("Content-Length", 40 * 110_000)
        await asyncio.sleep(0)
        for _ in range(40):
            self.write(b"0123456789\n" * 10_000)
            await self.flush()


@pytest.fixture(params=[EventLoop, asyncio.SelectorEventLoop])
def play(request: pytest.FixtureRequest) -> Iterator[Callable[[Callable[[int], Awaitable[None]]], None]]:
    def run(main: Callable[[int], Awaitable[None]], **options: Any) -> None:
        async def served() -> None:
            server = HTTPServer(Application([("/digest", Digest), ("/large/(.*)", Large)]), **options)
            sock, port = bind_unused_port()
            server.add_sockets([sock])
            try:
                await asyncio.wait_for(main(port), 30)
            finally:
                server.stop()
                await server.close_all_connections()

        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(served())

    yield run


async def answer(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
    return head.split(b"\r\n")[0], await reader.readexactly(int(fields.get(b"Content-Length", b"0")))


def put(size: int) -> bytes:
    return b"PUT /digest HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size


def numbered(size: int) -> bytes:
    return b"".join(b"%09d\n" % number for number in range(size // 10 + 1))[:size]


@pytest.mark.parametrize("size", [65536, 65537, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE + 70_000])
@pytest.mark.parametrize("first", [0, 1, 65536, 200_000])
def test_every_byte_arrives_and_the_next_request_too(play: Any, size: int, first: int) -> None:
    body = numbered(size)
    expected = f"{size} {hashlib.sha256(body).hexdigest()}".encode()

    async def main(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        message = put(size) + body
        at = len(put(size)) + first
        writer.write(message[:at])
        await writer.drain()
        await asyncio.sleep(0)
        writer.write(message[at:] + put(3) + b"abc")
        assert await answer(reader) == (b"HTTP/1.1 200 OK", expected)
        assert (await answer(reader))[1] == f"3 {hashlib.sha256(b'abc').hexdigest()}".encode()
        writer.close()
        await writer.wait_closed()

    play(main)


def test_a_peer_that_goes_in_the_middle(play: Any) -> None:
    async def main(port: int) -> None:
        for _ in range(3):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(put(2 * PIECE) + b"x" * PIECE + b"y" * 100)
            await writer.drain()
            writer.transport.abort()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(put(3) + b"abc")
        assert (await answer(reader))[0] == b"HTTP/1.1 200 OK"
        writer.close()
        await writer.wait_closed()

    play(main)


def test_a_body_that_stands_still_is_given_up(play: Any) -> None:
    async def main(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(put(PIECE) + b"x" * 200_000)
        assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
        writer.close()
        await writer.wait_closed()

    play(main, body_timeout=0.05, strict_rfc=True)


@pytest.mark.parametrize("length", ["known", "chunked"])
def test_a_large_answer_waits_for_a_slow_reader(play: Any, length: str) -> None:
    async def main(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /large/%b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % length.encode())
        size = 0
        while piece := await reader.read(65536):
            size += len(piece)
            await asyncio.sleep(0)
        assert size > 40 * 110_000
        writer.close()
        await writer.wait_closed()

    play(main)
