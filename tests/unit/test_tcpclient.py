"""TCPClient against real listeners: which address is taken, what takes too long, and that nothing stays open."""

import asyncio
import datetime
import gc
import socket
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

import pyframework.testing
from pyframework.iostream import IOStream, SSLIOStream
from pyframework.netutil import Resolver
from pyframework.tcpclient import TCPClient, _format_addr
from pyframework.tcpserver import TCPServer
from pyframework.util import TimeoutError

CERTIFICATE = str(Path(pyframework.testing.__file__).with_name("testing.crt"))
KEY = str(Path(pyframework.testing.__file__).with_name("testing.key"))


def play(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 30))
    gc.collect()  # a socket that was left open is a ResourceWarning, and so a failure


class Greeting(TCPServer):
    """Says where the connection comes from, and closes it."""

    async def handle_stream(self, stream: IOStream, address: Any) -> None:
        await stream.write(f"{address[0]} {address[1]}\n".encode())
        stream.close()


def listen(server: TCPServer, address: str = "127.0.0.1") -> int:
    server.listen(0, address)
    return int(next(iter(server._sockets.values())).getsockname()[1])


def resolver(*addresses: Any) -> Resolver:
    class Fixed(Resolver):
        async def resolve(self, host: str, port: int, family: int = socket.AF_UNSPEC) -> list[tuple[int, Any]]:
            return list(addresses)

    return Fixed()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def test_a_name() -> None:
    async def main() -> None:
        server = Greeting()
        port = listen(server, "localhost")
        client = TCPClient()
        stream = await client.connect("localhost", port)
        assert await stream.read_until(b"\n")
        stream.close()
        client.close()
        server.stop()

    play(main)


def test_one_after_another() -> None:
    async def main() -> None:
        server = Greeting()
        port = listen(server)
        dead = (socket.AF_INET, ("127.0.0.1", free_port()))
        client = TCPClient(resolver(dead, dead, (socket.AF_INET, ("127.0.0.1", port))))
        stream = await client.connect("host", port)
        assert (await stream.read_until(b"\n")).startswith(b"127.0.0.1 ")
        stream.close()
        server.stop()

    play(main)


def test_the_other_family_joins_in() -> None:
    async def main() -> None:
        server = Greeting()
        port = listen(server)

        class Hanging(TCPClient):
            def _create_stream(self, max_buffer_size: Any, af: int, addr: Any, **kwargs: Any) -> Any:
                if af == socket.AF_INET:
                    return super()._create_stream(max_buffer_size, af, addr, **kwargs)
                hanging.append(IOStream(socket.socket()))
                return hanging[0], asyncio.get_running_loop().create_future()

        hanging: list[IOStream] = []
        client = Hanging(resolver((socket.AF_INET6, ("::1", port)), (socket.AF_INET, ("127.0.0.1", port))))
        stream = await client.connect("host", port)
        assert await stream.read_until(b"\n")
        assert hanging[0].closed()
        stream.close()
        server.stop()

    play(main)


def test_no_address_answers() -> None:
    async def main() -> None:
        port = free_port()
        with pytest.raises(OSError) as caught:
            await TCPClient().connect("127.0.0.1", port)
        assert "Stream is closed" in str(caught.value)
        with pytest.raises(OSError, match="no address"):
            await TCPClient(resolver()).connect("host", port)

    play(main)


def test_where_it_comes_from() -> None:
    async def main() -> None:
        server = Greeting()
        port, source = listen(server), free_port()
        stream = await TCPClient().connect("127.0.0.1", port, source_ip="127.0.0.3")
        assert (await stream.read_until(b"\n")).startswith(b"127.0.0.3 ")
        stream.close()
        stream = await TCPClient().connect("127.0.0.1", port, source_port=source)
        assert await stream.read_until(b"\n") == f"127.0.0.1 {source}\n".encode()
        stream.close()
        with pytest.raises(OSError):
            await TCPClient().connect("127.0.0.1", port, source_ip="192.0.2.1")
        server.stop()

    play(main)


def test_tls() -> None:
    async def main() -> None:
        server = Greeting(ssl_options={"certfile": CERTIFICATE, "keyfile": KEY})
        port = listen(server, "localhost")
        trusting = ssl.create_default_context(cafile=CERTIFICATE)
        stream = await TCPClient().connect("localhost", port, ssl_options=trusting, timeout=10)
        assert isinstance(stream, SSLIOStream)
        assert await stream.read_until(b"\n")
        stream.close()
        with pytest.raises(ssl.SSLCertVerificationError):
            await TCPClient().connect("localhost", port, ssl_options=ssl.create_default_context())
        server.stop()

    play(main)


class Silent(TCPServer):
    """Accepts, and waits for the end."""

    def __init__(self) -> None:
        super().__init__()
        self.accepted: asyncio.Queue[IOStream] = asyncio.Queue()

    def handle_stream(self, stream: IOStream, address: Any) -> None:
        self.accepted.put_nowait(stream)


@pytest.mark.parametrize("timeout", [0.02, datetime.timedelta(seconds=0.02)])
@pytest.mark.parametrize("phase", ["resolving", "connecting", "handshake"])
def test_what_takes_too_long(phase: str, timeout: Any) -> None:
    class Never(Resolver):
        def resolve(self, host: str, port: int, family: int = socket.AF_UNSPEC) -> Awaitable[list[tuple[int, Any]]]:
            return asyncio.get_running_loop().create_future()

    class Hanging(TCPClient):
        def _create_stream(self, max_buffer_size: Any, af: int, addr: Any, **kwargs: Any) -> Any:
            return IOStream(socket.socket()), asyncio.get_running_loop().create_future()

    async def main() -> None:
        server = Silent()
        port = listen(server)
        client, message = {
            "resolving": (TCPClient(Never()), "Timeout while resolving 127.0.0.1"),
            "connecting": (Hanging(), f"Timeout while connecting to 127.0.0.1:{port}"),
            "handshake": (TCPClient(), f"Timeout during TLS handshake with 127.0.0.1:{port}"),
        }[phase]
        context = ssl.create_default_context(cafile=CERTIFICATE) if phase == "handshake" else None
        with pytest.raises(TimeoutError) as caught:
            await client.connect("127.0.0.1", port, ssl_options=context, timeout=timeout)
        assert str(caught.value) == message
        if phase == "handshake":
            stream = await server.accepted.get()
            await stream.read_until_close()
        server.stop()

    play(main)


@pytest.mark.parametrize("tls", [False, True])
def test_who_cancels_leaves_nothing_open(tls: bool) -> None:
    class Hanging(TCPClient):
        def _create_stream(self, max_buffer_size: Any, af: int, addr: Any, **kwargs: Any) -> Any:
            streams.append(IOStream(socket.socket()))
            return streams[-1], asyncio.get_running_loop().create_future()

    streams: list[IOStream] = []

    async def main() -> None:
        server = Silent()
        port = listen(server)
        context = ssl.create_default_context(cafile=CERTIFICATE) if tls else None
        client = TCPClient() if tls else Hanging()
        connecting = asyncio.ensure_future(client.connect("127.0.0.1", port, ssl_options=context))
        if tls:
            streams.append(await server.accepted.get())
            await streams[0].read_bytes(1, partial=True)
        while not streams:
            await asyncio.sleep(0)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        if tls:
            await streams[0].read_until_close()
        await asyncio.sleep(0)
        assert streams[0].closed()
        server.stop()

    play(main)


@pytest.mark.parametrize("tls", [False, True])
def test_cancelled_at_any_step_it_leaves_no_stream(tls: bool) -> None:
    async def main() -> None:
        options = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        options.load_cert_chain(CERTIFICATE, KEY)
        server = Greeting(ssl_options=options if tls else None)
        port = listen(server)
        context = ssl.create_default_context(cafile=CERTIFICATE) if tls else None
        client = TCPClient(resolver((socket.AF_INET, ("127.0.0.1", port))))
        finished = steps = 0
        while finished < 3:
            connecting = asyncio.ensure_future(client.connect("localhost", port, ssl_options=context))
            for _ in range(steps):
                await asyncio.sleep(0)
            connecting.cancel()
            await asyncio.wait([connecting])
            if not connecting.cancelled():
                connecting.result().close()
                finished += 1
            steps += 1
        server.stop()

    play(main)
    gc.collect()
    assert not [stream for stream in gc.get_objects() if isinstance(stream, IOStream) and not stream.closed()]


def test_timeouts_that_are_none() -> None:
    async def main() -> None:
        with pytest.raises(TypeError, match="Unsupported timeout"):
            await TCPClient().connect("127.0.0.1", 1, timeout="soon")  # type: ignore[arg-type]

    play(main)


def test_addresses_as_text() -> None:
    assert _format_addr(("1.2.3.4", 443)) == "1.2.3.4:443"
    assert _format_addr(("::1", 443, 0, 0)) == "[::1]:443"
    assert _format_addr("/tmp/sock") == "/tmp/sock"
