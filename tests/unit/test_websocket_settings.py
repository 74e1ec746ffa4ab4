"""Settings of WebSockets, and what a peer that breaks the rules gets, with bytes on the wire where it matters."""

import asyncio
import random
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import pyframework
from pyframework.httpclient import HTTPClientError, HTTPRequest
from pyframework.ioloop import IOLoop
from pyframework.iostream import IOStream, StreamBufferFullError
from pyframework.web import Application
from pyframework.websocket import (
    WebSocketClientConnection,
    WebSocketHandler,
    WebSocketProtocol13,
    _WebSocketParams,
)

Serve = Callable[..., str]
Connect = Callable[..., Awaitable[WebSocketClientConnection]]
MASK = b"\0\0\0\0"  # leaves the payload as it is
ANSWER = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n"
)


class Echo(WebSocketHandler):
    def on_message(self, message: str | bytes) -> None:
        self.write_message(message, isinstance(message, bytes))


class Compressing(Echo):
    def get_compression_options(self) -> dict[str, Any]:
        return {}


async def handshake(url: str, *fields: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A client that says what a test makes it say; its handshake is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    lines = ["GET / HTTP/1.1", "Host: a", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
    lines += ["Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==", *fields]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    return reader, writer


async def end(writer: asyncio.StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()


async def test_a_ping_without_an_answer_ends_the_connection(http_server: Serve, io_loop: IOLoop) -> None:
    ended: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    class Watched(Echo):
        def on_close(self) -> None:
            ended.set_result(self.close_code)

    url = http_server(Application([("/", Watched)], websocket_ping_interval=0.02, websocket_ping_timeout=0.01))
    reader, writer = await handshake(url)
    assert await reader.readexactly(2) == b"\x89\x00"
    assert await reader.readexactly(4 + len("ping timed out")) == b"\x88\x10\x03\xe8ping timed out"
    writer.write(b"\x88\x80" + MASK)
    assert await reader.read() == b""
    assert await ended is None
    await end(writer)


async def test_the_client_pings_too(http_server: Serve, ws_connect: Connect) -> None:
    pinged: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    class Pinged(Echo):
        def on_ping(self, data: bytes) -> None:
            if not pinged.done():
                pinged.set_result(data)

    await ws_connect(http_server(Application([("/", Pinged)])), ping_interval=0.01)
    assert await pinged == b""


@pytest.mark.parametrize(
    ("origin", "settings", "status"),
    [
        (None, {}, 101),
        ("http://{host}", {}, 101),
        ("http://elsewhere.example", {}, 403),
        ("https://{host}", {}, 101),  # TLS may end at a proxy
        ("null", {}, 403),
        ("nonsense", {}, 403),
        ("http://elsewhere.example", {"trusted_origins": ["http://elsewhere.example"]}, 101),
    ],
)
async def test_origins(
    http_server: Serve, ws_connect: Connect, origin: str | None, settings: dict[str, Any], status: int
) -> None:
    url = http_server(Application([("/", Echo)], **settings))
    host = url.removeprefix("http://")
    headers = {} if origin is None else {"Origin": origin.format(host=host)}
    request = HTTPRequest(f"ws://{host}/", headers=headers)
    if status == 101:
        assert (await ws_connect(request)).protocol is not None
    else:
        with pytest.raises(HTTPClientError) as caught:
            await ws_connect(request)
        assert caught.value.code == status


async def test_check_origin_decides(http_server: Serve, ws_connect: Connect) -> None:
    asked = []

    class Open(Echo):
        def check_origin(self, origin: str) -> bool:
            asked.append(origin)
            return True

    url = http_server(Application([("/", Open)]))
    await ws_connect(HTTPRequest("ws" + url.removeprefix("http"), headers={"Origin": "http://elsewhere.example"}))
    assert asked == ["http://elsewhere.example"]


async def test_over_tls(http_server: Serve, ws_connect: Connect) -> None:
    folder = Path(pyframework.__file__).parent
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "testing.crt", folder / "testing.key")
    url = http_server(Application([("/", Compressing)]), ssl_options=context)
    request = HTTPRequest("wss" + url.removeprefix("https"), validate_cert=False)
    connection = await ws_connect(request, compression_options={})
    messages: list[str | bytes] = ["a", b"b" * 300_000]
    for message in messages:
        await connection.write_message(message, isinstance(message, bytes))
        assert await connection.read_message() == message


async def test_a_bomb_is_stopped_at_the_limit(http_server: Serve, ws_connect: Connect) -> None:
    url = http_server(Application([("/", Compressing)], websocket_max_message_size=10_000))
    connection = await ws_connect(url, compression_options={})
    await connection.write_message("a" * 10_000)
    assert await connection.read_message() == "a" * 10_000
    await connection.write_message("a" * 1_000_000)
    assert await connection.read_message() is None
    assert (connection.close_code, connection.close_reason) == (1009, "message too big after decompression")


async def test_a_message_that_is_not_sent_leaves_no_trace_in_the_next(http_server: Serve, ws_connect: Connect) -> None:
    class Full(Compressing):
        lost = b""

        def open(self) -> None:
            assert self.ws_connection is not None and self.ws_connection.stream is not None
            self.ws_connection.stream.max_write_buffer_size = 1_000_000
            with pytest.raises(StreamBufferFullError):
                while True:
                    Full.lost = random.randbytes(900_000)
                    self.write_message(Full.lost, binary=True)

        def on_message(self, message: str | bytes) -> None:
            self.write_message(Full.lost[-1000:], binary=True)

    connection = await ws_connect(http_server(Application([("/", Full)])), compression_options={})
    await connection.write_message("go on")
    while len(message := await connection.read_message() or b"") == 900_000:
        pass
    assert message == Full.lost[-1000:]


@pytest.mark.parametrize("size", [1_000, 9_999])
async def test_fragments_count_together(http_server: Serve, io_loop: IOLoop, size: int) -> None:
    url = http_server(Application([("/", Echo)], websocket_max_message_size=10_000))
    reader, writer = await handshake(url)
    head = b"\xfe" + size.to_bytes(2, "big") + MASK
    writer.write(b"\x02" + head + b"x" * size + b"\x00" + head + b"x" * size)
    if 2 * size > 10_000:
        assert (await reader.readexactly(4))[2:] == (1009).to_bytes(2, "big")
    else:
        writer.write(b"\x80\x80" + MASK)
        assert await reader.readexactly(4 + 2 * size) == b"\x82\x7e" + (2 * size).to_bytes(2, "big") + b"x" * 2 * size
    await end(writer)


async def test_text_that_ends_within_a_character_is_refused_by_the_first_wrong_fragment(
    http_server: Serve, io_loop: IOLoop
) -> None:
    reader, writer = await handshake(http_server(Application([("/", Echo)])))
    writer.write(b"\x01\x81" + MASK + b"\xc3" + b"\x00\x81" + MASK + b"(")
    assert (await reader.readexactly(4))[2:] == (1007).to_bytes(2, "big")
    await end(writer)


@pytest.mark.parametrize("payload", [b"!", b"\x03\xed", b"\x03\xee", b"\x00\x00", b"\x07\xd0", b"\x13\x88"])
async def test_the_client_refuses_a_close_that_may_not_be(ws_connect: Connect, payload: bytes) -> None:
    answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        key = next(line.split(": ")[1] for line in head.splitlines() if line.startswith("Sec-Websocket-Key"))
        writer.write(ANSWER.format(WebSocketProtocol13.compute_accept_value(key)).encode())
        writer.write(bytes([0x88, len(payload)]) + payload)
        frame = await reader.readexactly(8)
        answered.set_result(bytes(data ^ key for data, key in zip(frame[6:8], frame[2:4], strict=True)))
        await end(writer)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        connection = await ws_connect(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        assert await answered == (1002).to_bytes(2, "big")
        assert await connection.read_message() is None
        assert connection.close_code is None


@pytest.mark.parametrize("code", [0, 999, 1005, 1006, 1015, 2999, 5000, 70000, -1])
async def test_no_such_close_is_sent(http_server: Serve, ws_connect: Connect, code: int) -> None:
    connection = await ws_connect(http_server(Application([("/", Echo)])))
    assert connection.protocol is not None
    with pytest.raises(ValueError, match=f"code {code}"):
        connection.protocol.close(code)
    await connection.write_message("still there")
    assert await connection.read_message() == "still there"


async def test_subprotocols(http_server: Serve, ws_connect: Connect) -> None:
    class Choosy(Echo):
        def select_subprotocol(self, subprotocols: list[str]) -> str | None:
            return subprotocols[-1]

        def open(self) -> None:
            self.set_nodelay(True)
            self.write_message(self.selected_subprotocol or "")

    connection = await ws_connect(http_server(Application([("/", Choosy)])), subprotocols=["one", "two"])
    assert await connection.read_message() == connection.selected_subprotocol == "two"


async def test_a_plain_on_message_costs_no_task(http_server: Serve, ws_connect: Connect) -> None:
    class Curious(WebSocketHandler):
        def on_message(self, message: str | bytes) -> None:
            self.write_message(repr(asyncio.current_task()))

    connection = await ws_connect(http_server(Application([("/", Curious)])))
    await connection.write_message("who runs this?")
    assert await connection.read_message() == "None"


class Answering:
    """Who sends each message back."""

    protocol: WebSocketProtocol13

    def on_message(self, message: str | bytes) -> None:
        self.protocol.write_message(message)

    def on_ping(self, data: bytes) -> None: ...

    def on_pong(self, data: bytes) -> None: ...

    def on_ws_connection_close(self, close_code: int | None = None, close_reason: str | None = None) -> None: ...

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        raise AssertionError from value


@pytest.mark.skipif(not hasattr(socket, "SOCK_SEQPACKET"), reason="needs sockets that keep each send apart")
async def test_messages_of_one_read_leave_in_one_send(io_loop: IOLoop) -> None:
    peer, own = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    peer.setblocking(False)
    handler = Answering()
    handler.protocol = WebSocketProtocol13(handler, False, _WebSocketParams())
    handler.protocol.stream = IOStream(own)
    handler.protocol._begin()
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(peer, (b"\x81\x81" + MASK + b"x") * 3)
    assert await loop.sock_recv(peer, 1000) == b"\x81\x01x" * 3
    handler.protocol.stream.close()
    peer.close()
