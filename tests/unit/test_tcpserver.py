"""TCPServer: what it listens to, what it gives to `handle_stream`, and what happens when that fails."""

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from pyframework import gen
from pyframework._core.loop import EventLoop
from pyframework.iostream import IOStream
from pyframework.netutil import bind_sockets
from pyframework.tcpserver import TCPServer

LOOPS: list[Any] = [EventLoop, asyncio.SelectorEventLoop]

Play = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]


@pytest.fixture(params=LOOPS, ids=lambda make: f"{make.__module__}.{make.__name__}")
def play(request: pytest.FixtureRequest) -> Play:
    def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(asyncio.wait_for(main(), 30))

    return run


def listen(server: TCPServer) -> Any:
    """Serve on a port of the kernel's choice; returns the address."""
    (sock,) = bind_sockets(0, "127.0.0.1")
    server.add_socket(sock)
    return sock.getsockname()


async def connect(address: Any) -> IOStream:
    return await IOStream(socket.socket()).connect(address)


class Echo(TCPServer):
    async def handle_stream(self, stream: IOStream, address: Any) -> None:
        stream.write(b"%d " % address[1] + await stream.read_until(b"\n"))
        stream.close()


def test_coroutine(play: Play) -> None:
    async def main() -> None:
        server = Echo()
        client = await connect(listen(server))
        client.write(b"hello\n")
        port = client.socket.getsockname()[1]
        assert await client.read_until_close() == b"%d hello\n" % port
        client.close()
        server.stop()

    play(main)


def test_decorated_coroutine_and_plain_method(play: Play) -> None:
    class Decorated(TCPServer):
        @gen.coroutine
        def handle_stream(self, stream: IOStream, address: Any) -> Any:
            yield stream.write(b"one")
            stream.close()

    async def main() -> None:
        plain = TCPServer()
        plain.handle_stream = lambda stream, address: stream.close()  # type: ignore[method-assign]
        for server, answer in ((Decorated(), b"one"), (plain, b"")):
            client = await connect(listen(server))
            assert await client.read_until_close() == answer
            client.close()
            server.stop()

    play(main)


@pytest.mark.parametrize("error", [ValueError("mistake"), OSError("mistake")])
def test_method_that_raises(play: Play, caplog: pytest.LogCaptureFixture, error: Exception) -> None:
    async def main() -> None:
        server = TCPServer()
        served = asyncio.get_running_loop().create_future()

        def handle_stream(stream: IOStream, address: Any) -> None:
            served.set_result(stream)
            raise error

        server.handle_stream = handle_stream  # type: ignore[method-assign, assignment]
        client = await connect(listen(server))
        (await served).close()
        assert await client.read_until_close() == b""
        client.close()
        server.stop()

    play(main)
    (record,) = caplog.records
    assert record.getMessage() == "Error in connection callback" and record.levelno == logging.ERROR
    assert record.exc_info is not None and record.exc_info[1] is error


def test_coroutine_that_raises(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    class Failing(TCPServer):
        async def handle_stream(self, stream: IOStream, address: Any) -> None:
            await stream.read_bytes(5)
            stream.close()
            raise ValueError("mistake")

    async def main() -> None:
        server = Failing()
        client = await connect(listen(server))
        client.write(b"hello")
        assert await client.read_until_close() == b""
        await asyncio.sleep(0)
        client.close()
        server.stop()

    play(main)
    assert "Exception in callback" in caplog.text and "mistake" in caplog.text


def test_stop_ends_listening_and_leaves_connections(play: Play) -> None:
    async def main() -> None:
        server = Echo()
        address = listen(server)
        assert len(server._sockets) == 1
        client = await connect(address)
        probe = await connect(address)
        probe.write(b"accepted, so the one before it is too\n")
        await probe.read_until_close()
        server.stop()
        server.stop()
        with pytest.raises(OSError, match="."):
            socket.create_connection(address).close()
        client.write(b"still here\n")
        assert (await client.read_until_close()).endswith(b"still here\n")
        client.close()
        probe.close()

    play(main)


def test_bind_then_start(play: Play) -> None:
    async def main() -> None:
        server = Echo()
        server.bind(0, "127.0.0.1")
        assert not server._sockets
        server.start()
        with pytest.raises(AssertionError, match="start"):
            server.start()
        server.bind(0, "127.0.0.1")     # from now on it listens at once
        server.listen(0, "127.0.0.1")
        assert len(server._sockets) == 3
        for sock in list(server._sockets.values()):
            client = await connect(sock.getsockname())
            client.write(b"x\n")
            assert (await client.read_until_close()).endswith(b"x\n")
            client.close()
        server.stop()

    play(main)


def test_buffer_sizes_of_the_streams(play: Play) -> None:
    class Sized(TCPServer):
        async def handle_stream(self, stream: IOStream, address: Any) -> None:
            stream.write(b"%d %d" % (stream.max_buffer_size, stream.read_chunk_size))
            stream.close()

    async def main() -> None:
        server = Sized(max_buffer_size=1000, read_chunk_size=200)
        client = await connect(listen(server))
        assert await client.read_until_close() == b"1000 200"
        client.close()
        server.stop()

    play(main)


def test_certificates_are_checked_at_once(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="certfile"):
        TCPServer(ssl_options={})
    with pytest.raises(ValueError, match="does not exist"):
        TCPServer(ssl_options={"certfile": str(tmp_path / "none.crt")})
    present = tmp_path / "a.crt"
    present.touch()
    with pytest.raises(ValueError, match="keyfile"):
        TCPServer(ssl_options={"certfile": str(present), "keyfile": str(tmp_path / "none.key")})
    assert TCPServer(ssl_options={"certfile": str(present)}).ssl_options is not None


def test_handle_stream_is_the_users() -> None:
    with pytest.raises(NotImplementedError):
        TCPServer().handle_stream(None, None)  # type: ignore[arg-type]
