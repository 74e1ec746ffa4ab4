"""SSLIOStream: real handshakes between two streams, or with a peer that does not play its part."""

import asyncio
import errno
import hashlib
import logging
import os
import random
import socket
import ssl
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

import pyframework.testing
from pyframework.httpserver import HTTPServer
from pyframework.iostream import IOStream, SSLIOStream, StreamClosedError
from pyframework.tcpserver import TCPServer

Play = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]

CERTIFICATE = str(Path(pyframework.testing.__file__).with_name("testing.crt"))
KEY = str(Path(pyframework.testing.__file__).with_name("testing.key"))
FILES = {"certfile": CERTIFICATE, "keyfile": KEY}


def server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)
    return context


def client_context() -> ssl.SSLContext:
    """A context that believes the test certificate, which is for localhost, and nothing else."""
    return ssl.create_default_context(cafile=CERTIFICATE)


def plain_pair() -> tuple[IOStream, IOStream]:
    near, far = socket.socketpair()
    return IOStream(near), IOStream(far)


async def tls_pair(
    client: ssl.SSLContext | None = None, server: ssl.SSLContext | None = None, **sizes: int
) -> tuple[SSLIOStream, SSLIOStream]:
    near, far = (IOStream(sock, **sizes) for sock in socket.socketpair())
    streams = await asyncio.gather(
        near.start_tls(False, client or client_context(), server_hostname="localhost"),
        far.start_tls(True, server or server_context()),
    )
    return streams[0], streams[1]



# ---------------------------------------------------------------------------------------------- bytes


@pytest.mark.parametrize("sizes", [{}, {"max_buffer_size": 10_000}, {"read_chunk_size": 100}], ids=str)
def test_every_byte_arrives_once(play: Play, sizes: dict[str, int]) -> None:
    async def main() -> None:
        near, far = await tls_pair(**sizes)
        noise = random.Random(7)
        data = os.urandom(3 << 20)

        async def send() -> None:
            at = 0
            while at < len(data):
                size = noise.choice((1, 3, 100, 16384, 16385, 70_000))
                await far.write(memoryview(data)[at : at + size])
                at += size

        async def receive() -> str:
            digest = hashlib.sha256()
            left = len(data)
            while left:
                size = min(left, noise.choice((1, 2, 5, 1000, 4999)))
                if noise.random() < 0.5:
                    digest.update(await near.read_bytes(size))
                else:
                    buffer = bytearray(size)
                    assert await near.read_into(buffer) == size
                    digest.update(buffer)
                left -= size
            return digest.hexdigest()

        _, received = await asyncio.gather(send(), receive())
        assert received == hashlib.sha256(data).hexdigest()
        near.close()
        far.close()

    play(main)


def test_large_buffers_are_filled_in_place(play: Play) -> None:
    async def main() -> None:
        near, far = await tls_pair()
        data = os.urandom(1_000_001)
        sent = far.write(data)
        buffer = bytearray(len(data))
        assert await near.read_into(buffer) == len(data)
        await sent
        assert buffer == data
        near.close()
        far.close()

    play(main)


def test_records_before_the_end_are_read(play: Play) -> None:
    async def main() -> None:
        near, far = await tls_pair()
        far.write(b"first\n" + b"x" * 100_000)
        far.close()
        assert await near.read_until(b"\n") == b"first\n"
        assert await near.read_until_close() == b"x" * 100_000
        assert near.closed() and near.error is None

    play(main)


def test_end_is_said_in_tls(play: Play) -> None:
    def read_to_the_end(sock: socket.socket) -> bytes:
        # Not suppressed, an end that TLS did not announce is an error.
        with client_context().wrap_socket(sock, server_hostname="localhost", suppress_ragged_eofs=False) as secured:
            return secured.recv(10) + secured.recv(10)

    async def main() -> None:
        near, far = socket.socketpair()
        stream = IOStream(near)
        handshake = stream.start_tls(True, server_context())
        read = asyncio.get_running_loop().run_in_executor(None, read_to_the_end, far)
        await (await handshake).write(b"the end")
        stream = await handshake
        stream.close()
        assert await read == b"the end"

    play(main)


def test_end_without_a_word_of_tls(play: Play) -> None:
    async def main() -> None:
        near, far = await tls_pair()
        far.write(b"data")
        far.socket.shutdown(socket.SHUT_WR)
        assert await near.read_until_close() == b"data"
        far.close()

    play(main)


# ---------------------------------------------------------------------------------------------- the handshake


def test_names_protocols_and_certificates(play: Play) -> None:
    async def main() -> None:
        asked: list[str | None] = []
        server, client = server_context(), client_context()
        server.sni_callback = lambda sock, name, context: asked.append(name)
        server.set_alpn_protocols(["b", "c"])
        client.set_alpn_protocols(["a", "b"])
        server.verify_mode = ssl.CERT_REQUIRED
        server.load_verify_locations(CERTIFICATE)
        client.load_cert_chain(CERTIFICATE, KEY)
        near, far = await tls_pair(client, server)
        assert asked == ["localhost"]
        assert near.socket.selected_alpn_protocol() == far.socket.selected_alpn_protocol() == "b"
        for stream in (near, far):
            assert stream.socket.getpeercert()
            stream.close()

    play(main)


def test_connect_shakes_hands(play: Play) -> None:
    async def main() -> None:
        class Upper(TCPServer):
            async def handle_stream(self, stream: IOStream, address: Any) -> None:
                assert isinstance(stream, SSLIOStream)
                stream.write((await stream.read_until(b"\n")).upper())

        server = Upper(ssl_options=FILES)
        server.listen(0, "127.0.0.1")
        address = next(iter(server._sockets.values())).getsockname()
        stream = SSLIOStream(socket.socket(), ssl_options=client_context())
        connected = stream.connect(address, server_hostname="localhost")
        with pytest.raises(RuntimeError):
            stream.wait_for_handshake()
        stream.write(b"hello\n")
        assert await stream.read_until(b"\n") == b"HELLO\n"
        assert await connected is stream
        assert await stream.wait_for_handshake() is stream
        stream.close()
        with pytest.raises(StreamClosedError):
            stream.wait_for_handshake()
        server.stop()

    play(main)


def test_server_options_can_be_exchanged(play: Play) -> None:
    async def main() -> None:
        class Greeting(TCPServer):
            async def handle_stream(self, stream: IOStream, address: Any) -> None:
                await stream.write(b"hello\n")
                stream.close()

        server = Greeting()
        server.listen(0, "127.0.0.1")
        address = next(iter(server._sockets.values())).getsockname()
        plain = await IOStream(socket.socket()).connect(address)
        assert await plain.read_until(b"\n") == b"hello\n"
        server.ssl_options = server_context()
        stream = SSLIOStream(socket.socket(), ssl_options=client_context())
        await stream.connect(address, server_hostname="localhost")
        assert await stream.read_until(b"\n") == b"hello\n"
        plain.close()
        stream.close()
        server.stop()

    play(main)


def test_http_over_tls(play: Play) -> None:
    async def main() -> None:
        def answer(request: Any) -> None:
            body = f"{request.protocol} {request.get_ssl_certificate()}".encode()
            request.connection.write_headers(
                pyframework.httputil.ResponseStartLine("HTTP/1.1", 200, "OK"),
                pyframework.httputil.HTTPHeaders({"Content-Length": str(len(body))}),
                body,
            )
            request.connection.finish()

        server = HTTPServer(answer, ssl_options=server_context())
        server.listen(0, "127.0.0.1")
        address = next(iter(server._sockets.values())).getsockname()
        stream = SSLIOStream(socket.socket(), ssl_options=client_context())
        await stream.connect(address, server_hostname="localhost")
        for _ in range(2):
            stream.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2)
            for _ in range(2):
                assert b"200 OK" in await stream.read_until(b"\r\n\r\n")
                assert await stream.read_bytes(10) == b"https None"
        stream.close()
        server.stop()
        await server.close_all_connections()

    play(main)


def test_name_that_is_not_proven(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        near, far = plain_pair()
        client = near.start_tls(False, client_context(), server_hostname="example.com")
        server = far.start_tls(True, server_context())
        with pytest.raises(ssl.SSLCertVerificationError):
            await client
        with pytest.raises(OSError):
            await (await server).read_bytes(1)

    play(main)
    assert [r.levelno for r in caplog.records if "certificate verify failed" in r.getMessage()] == [logging.WARNING]


def test_peer_that_speaks_plain_http(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        near, far = plain_pair()
        server = far.start_tls(True, server_context())
        near.write(b"GET / HTTP/1.1\r\n\r\n")
        with pytest.raises(ssl.SSLError):
            await server
        await near.read_until_close()

    play(main)
    assert [r.levelno for r in caplog.records] == [logging.WARNING]


@pytest.mark.parametrize("server_side", [True, False])
def test_peer_that_goes_away(play: Play, caplog: pytest.LogCaptureFixture, server_side: bool) -> None:
    async def main() -> None:
        near, far = plain_pair()
        context, name = (server_context(), None) if server_side else (client_context(), "localhost")
        handshake = far.start_tls(server_side, context, server_hostname=name)
        near.close()
        with pytest.raises(OSError):
            await handshake

    play(main)
    assert not caplog.records


def test_peer_that_says_nothing(play: Play, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SSLIOStream, "handshake_timeout", 0.01)

    async def main() -> None:
        near, far = plain_pair()
        closed = asyncio.Event()
        far.set_close_callback(closed.set)
        with pytest.raises(TimeoutError) as caught:
            await far.start_tls(True, server_context())
        assert caught.value.errno == errno.ETIMEDOUT
        await closed.wait()
        near.close()

    play(main)
    assert not caplog.records


def test_handshake_that_is_over_does_not_time_out(play: Play) -> None:
    async def main() -> None:
        near, far = await tls_pair()
        assert near._handshake_timer is far._handshake_timer is None
        near.close()
        far.close()

    play(main)


def test_cancelled_handshake_closes_the_socket(play: Play) -> None:
    async def main() -> None:
        near, far = plain_pair()
        handshake = far.start_tls(True, server_context())
        handshake.cancel()
        assert await near.read_until_close() == b""

    play(main)


def test_only_an_idle_stream_becomes_tls(play: Play) -> None:
    async def main() -> None:
        near, far = plain_pair()
        reading = far.read_bytes(1)
        with pytest.raises(ValueError, match="not idle"):
            far.start_tls(True, server_context())
        near.write(b"12")
        await reading
        with pytest.raises(ValueError, match="not idle"):
            far.start_tls(True, server_context())
        await far.read_bytes(1)
        with pytest.raises(ValueError, match="server_hostname"):
            far.start_tls(True, server_context(), server_hostname="localhost")
        far.write(b"still here")
        assert await near.read_bytes(10) == b"still here"
        far.close()
        with pytest.raises(ValueError, match="not idle"):
            far.start_tls(True, server_context())
        near.close()

    play(main)


def test_connect_that_is_refused(play: Play) -> None:
    async def main() -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            stream = SSLIOStream(socket.socket(), ssl_options=client_context())
            with pytest.raises(ConnectionRefusedError):
                await stream.connect(unused.getsockname(), server_hostname="localhost")

    play(main)


def test_connect_with_options_that_do_not_fit(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            stream = SSLIOStream(socket.socket(), ssl_options=client_context())
            with pytest.raises(ValueError, match="server_hostname"):
                await stream.connect(listener.getsockname())

    play(main)
    assert [r.levelno for r in caplog.records] == [logging.WARNING]
