"""WebSocketHandler and websocket_connect, against each other over real sockets."""

import asyncio
import contextlib
import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import pytest

from pyframework.httpclient import HTTPRequest
from pyframework.httpserver import HTTPServer
from pyframework.netutil import bind_sockets
from pyframework.web import Application
from pyframework.websocket import (
    WebSocketClientConnection,
    WebSocketClosedError,
    WebSocketError,
    WebSocketHandler,
    WebSocketProtocol13,
    _DecompressTooLargeError,
    _PerMessageDeflateCompressor,
    _PerMessageDeflateDecompressor,
    publish,
    websocket_connect,
)

Play = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture
def play() -> Play:
    def run(main: Coroutine[Any, Any, None]) -> None:
        asyncio.run(asyncio.wait_for(main, 30))

    return run


class Echo(WebSocketHandler):
    def on_message(self, message: str | bytes) -> None:
        self.write_message(message, isinstance(message, bytes))


@contextlib.asynccontextmanager
async def serve(handler: type[WebSocketHandler], **settings: Any) -> AsyncIterator[tuple[HTTPServer, str]]:
    """A server with `handler` at /; yields it and its URL."""
    (sock,) = bind_sockets(0, "127.0.0.1")
    server = HTTPServer(Application([("/", handler)], **settings))
    server.add_socket(sock)
    try:
        yield server, f"ws://127.0.0.1:{sock.getsockname()[1]}/"
    finally:
        server.stop()
        await server.close_all_connections()


async def exchange(handler: type[WebSocketHandler], *messages: str | bytes, **settings: Any) -> list[Any]:
    """Send the messages; return as many answers."""
    async with serve(handler, **settings) as (_, url):
        connection = await websocket_connect(url)
        for message in messages:
            connection.write_message(message, isinstance(message, bytes))
        answers = [await connection.read_message() for _ in messages]
        connection.close()
        assert await connection.read_message() is None
    return answers


def test_messages_of_all_sizes_come_back(play: Play) -> None:
    async def main() -> None:
        messages: list[str | bytes] = ["", "x", "é" * 100, b"\x00\xff", "y" * 65535, b"z" * 65536, b"w" * 1_000_000]
        assert await exchange(Echo, *messages) == messages

    play(main())


def test_a_dict_is_sent_as_json(play: Play) -> None:
    class Json(WebSocketHandler):
        def on_message(self, message: str | bytes) -> None:
            self.write_message({"got": message})

    async def main() -> None:
        assert await exchange(Json, "a") == ['{"got": "a"}']

    play(main())


def test_async_for_ends_with_the_connection(play: Play) -> None:
    class Three(WebSocketHandler):
        def open(self) -> None:
            for number in range(3):
                self.write_message(str(number))
            self.close(4000, "enough")

    async def main() -> None:
        async with serve(Three) as (_, url):
            connection = await websocket_connect(url)
            assert [message async for message in connection] == ["0", "1", "2"]
            assert (connection.close_code, connection.close_reason) == (4000, "enough")
            with pytest.raises(WebSocketClosedError):
                connection.write_message("late")
            connection.close()

    play(main())


def test_a_ping_is_answered_while_on_message_waits(play: Play) -> None:
    async def main() -> None:
        release = asyncio.Event()

        class Slow(WebSocketHandler):
            async def on_message(self, message: str | bytes) -> None:
                await release.wait()
                await self.write_message(message)

        pong: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        async with serve(Slow) as (_, url):
            connection = await websocket_connect(url)
            connection.on_pong = pong.set_result
            connection.write_message("one")
            connection.write_message("two")
            connection.ping(b"there?")
            assert await pong == b"there?"
            release.set()
            assert [await connection.read_message(), await connection.read_message()] == ["one", "two"]
            connection.close()
            assert await connection.read_message() is None

    play(main())


def test_what_waits_for_a_slow_handler_is_bounded(play: Play) -> None:
    async def main() -> None:
        release = asyncio.Event()
        seen: list[int] = []

        class Slow(WebSocketHandler):
            async def on_message(self, message: str | bytes) -> None:
                await release.wait()
                seen.append(len(message))

        async with serve(Slow) as (_, url):
            connection = await websocket_connect(url)
            writes = [connection.write_message(b"x" * 100_000, binary=True) for _ in range(200)]
            assert connection.buffered_amount > 1_000_000
            assert not writes[-1].done()
            release.set()
            await writes[-1]
            assert connection.buffered_amount == 0
            connection.close()
            assert await connection.read_message() is None
            assert seen == [100_000] * 200

    play(main())


def test_a_client_that_does_not_read_is_given_up(play: Play) -> None:
    async def main() -> None:
        ended: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        class Flood(WebSocketHandler):
            def open(self) -> None:
                with pytest.raises(WebSocketClosedError):
                    while True:
                        self.write_message(b"x" * 100_000, binary=True)

            def on_close(self) -> None:
                ended.set_result(True)

        async with serve(Flood, websocket_max_unsent_size=1_000_000) as (_, url):
            connection = await websocket_connect(url)
            assert await ended
            connection.close()

    play(main())


@pytest.mark.parametrize("pauses", [None, 0, 1])
def test_a_handler_whose_open_failed_is_not_told_of_the_end(play: Play, pauses: int | None) -> None:
    seen: list[str] = []

    class Failing(WebSocketHandler):
        def open(self) -> Awaitable[None] | None:
            return self.fail(None) if pauses is None else self.fail_late(pauses)

        def fail(self, nothing: None) -> None:
            raise ValueError

        async def fail_late(self, pauses: int) -> None:
            for _ in range(pauses):
                await asyncio.sleep(0)
            self.fail(None)

        def on_close(self) -> None:
            seen.append("on_close")

        def log_exception(self, *args: Any) -> None:
            seen.append("log_exception")

    async def main() -> None:
        async with serve(Failing) as (_, url):
            connection = await websocket_connect(url)
            assert await connection.read_message() is None
            connection.close()
        for _ in range(10):
            await asyncio.sleep(0)
        assert seen == ["log_exception"]

    play(main())


def test_publish_reaches_the_subscribers(play: Play) -> None:
    async def main() -> None:
        class Member(WebSocketHandler):
            def open(self) -> None:
                self.subscribe("news")
                self.write_message("ready")

            def on_message(self, message: str | bytes) -> None:
                if message == "leave":
                    self.unsubscribe("news")
                    self.write_message("left")
                else:
                    self.publish("news", message)

            def get_compression_options(self) -> dict[str, Any] | None:
                return {}

        async with serve(Member) as (server, url):
            options: list[dict[str, Any] | None] = [None, None, {}]
            connections = [await websocket_connect(url, compression_options=option) for option in options]
            for connection in connections:
                assert await connection.read_message() == "ready"
            connections[0].write_message("hear")
            assert [await connection.read_message() for connection in connections] == ["hear"] * 3
            connections[0].write_message("leave")
            assert await connections[0].read_message() == "left"
            application: Any = server.request_callback
            assert publish(application, "news", b"\xff", binary=True) == 2
            assert [await connection.read_message() for connection in connections[1:]] == [b"\xff"] * 2
            for connection in connections:
                connection.close()
                assert await connection.read_message() is None
            assert publish(application, "news", "nobody") == 0
            assert application._websocket_topics == {}

    play(main())


def test_a_server_that_shuts_down_says_so(play: Play) -> None:
    async def main() -> None:
        async with serve(Echo) as (server, url):
            connection = await websocket_connect(url)
            connection.write_message("there")
            assert await connection.read_message() == "there"
            await server.shutdown(grace=5)
            assert await connection.read_message() is None
            assert connection.close_code == 1001
            connection.close()

    play(main())


@pytest.mark.parametrize(
    ("offer", "answer"),
    [
        ("permessage-deflate", "permessage-deflate"),
        ("permessage-deflate; client_max_window_bits", "permessage-deflate"),
        ("permessage-deflate; server_max_window_bits=10", "permessage-deflate; server_max_window_bits=10"),
        ("permessage-deflate; server_no_context_takeover", "permessage-deflate; server_no_context_takeover"),
        ("permessage-deflate; server_max_window_bits=8, permessage-deflate", "permessage-deflate"),
        ("permessage-deflate; server_max_window_bits=16", None),
        ("permessage-deflate; server_max_window_bits", None),
        ("permessage-deflate; what=1", None),
        ("x-other", None),
    ],
)
def test_offers_of_compression(play: Play, offer: str, answer: str | None) -> None:
    class Compressing(Echo):
        def get_compression_options(self) -> dict[str, Any] | None:
            return {"compression_level": 9}

    async def main() -> None:
        async with serve(Compressing) as (_, url):
            port = int(url.split(":")[2].rstrip("/"))
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(
                b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
                b"Sec-WebSocket-Extensions: " + offer.encode() + b"\r\n\r\n"
            )
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            fields = dict(line.split(": ", 1) for line in head.splitlines()[1:] if line)
            assert head.startswith("HTTP/1.1 101 ")
            values = [value for name, value in fields.items() if name.lower() == "sec-websocket-extensions"]
            assert values == ([] if answer is None else [answer])
            writer.close()
            await writer.wait_closed()

    play(main())


@pytest.mark.parametrize("persistent", [True, False])
def test_what_is_compressed_is_decompressed(persistent: bool) -> None:
    compressor = _PerMessageDeflateCompressor(persistent, 9)
    decompressor = _PerMessageDeflateDecompressor(persistent, 9, 1000)
    for message in (b"", b"hello" * 10, b"hello" * 200):
        assert decompressor.decompress(compressor.compress(message)) == message


@pytest.mark.parametrize("options", [{"compression_level": 10}, {"mem_level": 0}, {"compression_level": "9"}])
def test_compression_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        _PerMessageDeflateCompressor(True, 15, options)


def test_a_message_may_be_as_long_decompressed_as_the_limit() -> None:
    compressor = _PerMessageDeflateCompressor(True, 15)
    decompressor = _PerMessageDeflateDecompressor(True, 15, 1000)
    assert decompressor.decompress(compressor.compress(b"a" * 1000)) == b"a" * 1000
    with pytest.raises(_DecompressTooLargeError):
        decompressor.decompress(compressor.compress(b"a" * 1001))


@pytest.mark.parametrize("bits", [7, 16])
def test_window_bits_out_of_range_are_refused(bits: int) -> None:
    with pytest.raises(ValueError, match="max_wbits"):
        _PerMessageDeflateCompressor(True, bits)


def test_a_wrong_accept_header_is_refused(play: Play) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: bm9uc2Vuc2U=\r\n\r\n"
        )
        await reader.read()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            with pytest.raises(WebSocketError, match="Sec-WebSocket-Accept"):
                await websocket_connect(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/")

    play(main())


@pytest.mark.parametrize("waits", [False, True])
def test_messages_are_handled_in_the_context_of_open(play: Play, waits: bool) -> None:
    who = contextvars.ContextVar("who", default="nobody")

    class Known(WebSocketHandler):
        def open(self) -> Any:
            who.set("me")
            return self.wait() if waits else None

        async def wait(self) -> None:
            await asyncio.sleep(0)
            who.set("me, later")

        def on_message(self, message: str | bytes) -> None:
            self.write_message(who.get())

    async def main() -> None:
        assert await exchange(Known, "a") == ["me, later" if waits else "me"]

    play(main())


def test_pings_follow_the_interval_and_the_answer(play: Play) -> None:
    async def main() -> None:
        pinged: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        class Watched(WebSocketHandler):
            def on_pong(self, data: bytes) -> None:
                if not pinged.done():
                    pinged.set_result(True)

        async with serve(Watched, websocket_ping_interval=0.01) as (_, url):
            connection = await websocket_connect(url)
            assert await pinged
            connection.close()
            assert await connection.read_message() is None

    play(main())


def test_a_subclass_hooks_into_the_client(play: Play) -> None:
    seen: list[str | bytes] = []

    class Client(WebSocketClientConnection):
        def on_message(self, message: str | bytes) -> Any:
            seen.append(message)
            return super().on_message(message)

    async def main() -> None:
        async with serve(Echo) as (_, url):
            connection = await Client(HTTPRequest(url, headers={})).connect_future
            assert isinstance(connection.protocol, WebSocketProtocol13)
            connection.write_message("a")
            assert await connection.read_message() == "a"
            connection.close()
            assert await connection.read_message() is None
        assert seen == ["a"]

    play(main())
