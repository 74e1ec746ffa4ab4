"""HTTPServer: where its requests go, what it believes of proxies, and how its connections end."""

import asyncio
import logging
import os
import socket
import ssl
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

import pyframework.testing
from pyframework import httpserver, httputil, netutil, web
from pyframework._core.loop import EventLoop
from pyframework.httpserver import HTTPServer, _HTTPRequestContext
from pyframework.util import Configurable

LOOPS: list[Any] = [EventLoop, asyncio.SelectorEventLoop]

Play = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]


@pytest.fixture(params=LOOPS, ids=lambda make: f"{make.__module__}.{make.__name__}")
def play(request: pytest.FixtureRequest) -> Play:
    def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(asyncio.wait_for(main(), 30))

    return run


class Running:
    """A server on a port of the kernel's choice, and requests to it."""

    def __init__(self, server: HTTPServer) -> None:
        self.server = server
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.listening.setblocking(False)
        self.address = self.listening.getsockname()
        server.add_socket(self.listening)

    async def __aenter__(self) -> "Running":
        return self

    async def __aexit__(self, *error: object) -> None:
        self.server.stop()
        await self.server.close_all_connections()
        assert not self.server._connections

    async def connect(self) -> socket.socket:
        client = socket.socket()
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, self.address)
        return client

    async def ask(self, wire: bytes) -> bytes:
        """Send `wire`, which must ask for the end of the connection, and return all that comes back."""
        loop = asyncio.get_running_loop()
        received = b""
        with await self.connect() as client:
            await loop.sock_sendall(client, wire)
            while data := await loop.sock_recv(client, 65536):
                received += data
        return received


def get(path: str = "/", *lines: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: a", "Connection: close", *lines, "", ""]).encode()


def reply(request: httputil.HTTPServerRequest, body: bytes) -> None:
    assert request.connection is not None
    headers = httputil.HTTPHeaders({"Content-Length": str(len(body))})
    request.connection.write_headers(httputil.ResponseStartLine("HTTP/1.1", 200, "OK"), headers, body)
    request.connection.finish()


def show(request: httputil.HTTPServerRequest) -> None:
    reply(request, f"{request.method} {request.path} {request.remote_ip} {request.protocol}".encode())


def test_a_function_as_application(play: Play) -> None:
    requests: list[httputil.HTTPServerRequest] = []

    def application(request: httputil.HTTPServerRequest) -> None:
        requests.append(request)
        show(request)

    async def main() -> None:
        async with Running(HTTPServer(application)) as running:
            body = b"foo=bar&x=%C3%A9"
            answer = await running.ask(
                b"POST /p?q=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n"
                b"Content-Type: application/x-www-form-urlencoded\r\n\r\n%b" % (len(body), body)
            )
            assert answer.endswith(b"\r\n\r\nPOST /p 127.0.0.1 http")
            assert requests[0].body == body
            assert requests[0].arguments == {"q": [b"1"], "foo": [b"bar"], "x": [b"\xc3\xa9"]}

    play(main)


def test_the_interface_of_old(play: Play) -> None:
    """A function may write the whole answer itself, head included."""

    def application(request: httputil.HTTPServerRequest) -> None:
        connection: Any = request.connection
        connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        connection.write(b"hello")
        connection.finish()

    async def main() -> None:
        async with Running(HTTPServer(application)) as running:
            assert await running.ask(get()) == b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

    play(main)


class Delegate(httputil.HTTPServerConnectionDelegate, httputil.HTTPMessageDelegate):
    def __init__(self) -> None:
        self.calls: list[str] = []

    def start_request(self, server_conn: object, request_conn: httputil.HTTPConnection) -> "Delegate":
        self.calls.append("start_request")
        self.connection = request_conn
        return self

    def headers_received(self, start_line: Any, headers: httputil.HTTPHeaders) -> None:
        self.calls.append("headers_received")

    def finish(self) -> None:
        self.calls.append("finish")
        show(
            httputil.HTTPServerRequest(
                connection=self.connection,
                start_line=httputil.RequestStartLine("GET", "/", "HTTP/1.0"),
                headers=httputil.HTTPHeaders(),
            )
        )

    def on_close(self, server_conn: object) -> None:
        raise AssertionError("the server's own on_close is called, not that of its delegate")


def test_a_delegate_as_application(play: Play) -> None:
    async def main() -> None:
        delegate = Delegate()
        async with Running(HTTPServer(delegate)) as running:
            assert (await running.ask(get())).endswith(b"GET / 127.0.0.1 http")
        assert delegate.calls == ["start_request", "headers_received", "finish"]

    play(main)


def test_methods_that_are_overridden_or_patched(play: Play) -> None:
    calls: list[str] = []

    class Mine(HTTPServer):
        def start_request(self, server_conn: object, request_conn: httputil.HTTPConnection) -> Any:
            calls.append("start_request")
            assert server_conn in self._connections
            return super().start_request(server_conn, request_conn)

        def on_close(self, server_conn: object) -> None:
            calls.append("on_close")
            super().on_close(server_conn)

    async def main() -> None:
        server = Mine(show)
        original = server.handle_stream

        def handle_stream(stream: Any, address: Any) -> None:
            calls.append("handle_stream")
            original(stream, address)

        server.handle_stream = handle_stream  # type: ignore[method-assign]
        async with Running(server) as running:
            await running.ask(get())
        assert calls == ["handle_stream", "start_request", "on_close"]

    play(main)


def test_close_all_connections(play: Play) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        opened = asyncio.Event()
        server = HTTPServer(lambda request: opened.set())
        async with Running(server) as running:
            with await running.connect() as idle, await running.connect() as busy:
                await loop.sock_sendall(busy, get())
                await opened.wait()
                assert len(server._connections) == 2
                await server.close_all_connections()
                assert await loop.sock_recv(idle, 1) == await loop.sock_recv(busy, 1) == b""

    play(main)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, "127.0.0.1 http"),
        ({"X-Real-IP": "4.4.4.4"}, "4.4.4.4 http"),
        ({"X-Real-IP": "2620:0:1cfe:face:b00c::3"}, "2620:0:1cfe:face:b00c::3 http"),
        ({"X-Forwarded-For": "127.0.0.1, 4.4.4.4"}, "4.4.4.4 http"),
        ({"X-Forwarded-For": "4.4.4.4, 5.5.5.5"}, "4.4.4.4 http"),
        ({"X-Forwarded-For": "4.4.4.4, 6.6.6.6, 5.5.5.5"}, "6.6.6.6 http"),
        ({"X-Real-IP": "4.4.4.4<script>"}, "127.0.0.1 http"),
        ({"X-Forwarded-For": "www.example.com"}, "127.0.0.1 http"),
        ({"X-Forwarded-For": "4.4.4.4<script>, 5.5.5.5"}, "127.0.0.1 http"),
        ({"X-Scheme": "https"}, "127.0.0.1 https"),
        ({"X-Forwarded-Proto": "https"}, "127.0.0.1 https"),
        ({"X-Forwarded-Proto": "https , http"}, "127.0.0.1 http"),
        ({"X-Forwarded-Proto": "http, https"}, "127.0.0.1 https"),
        ({"X-Forwarded-Proto": "ftp"}, "127.0.0.1 http"),
        ({"X-Scheme": "http", "X-Forwarded-Proto": "https"}, "127.0.0.1 http"),
    ],
)
def test_forwarding_headers(play: Play, headers: dict[str, str], expected: str) -> None:
    lines = [f"{name}: {value}" for name, value in headers.items()]

    async def main() -> None:
        trusting = HTTPServer(show, xheaders=True, trusted_downstream=["5.5.5.5"])
        async with Running(trusting) as running:
            # What the first request says must not stick to the connection.
            wire = get("/first", *lines).replace(b"Connection: close\r\n", b"") + get("/second")
            answer = await running.ask(wire)
            assert f"GET /first {expected}HTTP/1.1".encode() in answer
            assert answer.endswith(b"GET /second 127.0.0.1 http")
        async with Running(HTTPServer(show)) as running:
            assert (await running.ask(get("/", *lines))).endswith(b"GET / 127.0.0.1 http")

    play(main)


def test_a_fixed_scheme(play: Play) -> None:
    async def main() -> None:
        async with Running(HTTPServer(show, protocol="https")) as running:
            assert (await running.ask(get())).endswith(b"127.0.0.1 https")

    play(main)


@pytest.mark.parametrize("abstract", [False, True])
def test_unix_sockets(play: Play, tmp_path: Path, caplog: pytest.LogCaptureFixture, abstract: bool) -> None:
    name = f"\0pyframework-{os.getpid()}" if abstract else str(tmp_path / "socket")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = HTTPServer(show)
        server.add_socket(netutil.bind_unix_socket(name))
        for wire, expected in [(get(), b"GET / 0.0.0.0 http"), (b"garbage\r\n\r\n", b"400 Bad Request\r\n\r\n")]:
            with socket.socket(socket.AF_UNIX) as client:
                client.setblocking(False)
                await loop.sock_connect(client, name)
                await loop.sock_sendall(client, wire)
                received = b""
                while data := await loop.sock_recv(client, 65536):
                    received += data
                assert received.endswith(expected)
        server.stop()
        await server.close_all_connections()

    with caplog.at_level(logging.INFO):
        play(main)
    assert [record.getMessage() for record in caplog.records if record.name.startswith("tornado")] == [
        "Malformed HTTP message from : Malformed HTTP request line"
    ]


def test_parameters_reach_the_connections(play: Play) -> None:
    async def main() -> None:
        server = HTTPServer(
            show,
            no_keep_alive=True,
            decompress_request=True,
            chunk_size=7,
            max_header_size=8,
            max_body_size=0,
            idle_connection_timeout=9,
            body_timeout=10,
            max_buffer_size=11,
        )
        params = server.conn_params
        assert (params.no_keep_alive, params.decompress, params.chunk_size) == (True, True, 7)
        assert (params.max_header_size, params.max_body_size) == (8, 0)
        assert (params.header_timeout, params.body_timeout, server.max_buffer_size) == (9, 10, 11)
        defaults = HTTPServer(show).conn_params
        assert (defaults.no_keep_alive, defaults.decompress, defaults.chunk_size) == (False, False, 65536)
        assert (defaults.max_header_size, defaults.max_body_size) == (65536, None)
        assert (defaults.header_timeout, defaults.body_timeout) == (3600, None)

    play(main)


def test_idle_connections_are_closed(play: Play) -> None:
    async def main() -> None:
        async with Running(HTTPServer(show, idle_connection_timeout=0.01)) as running:
            assert await running.ask(b"") == b""
            keep = get().replace(b"Connection: close\r\n", b"")
            assert (await running.ask(keep)).endswith(b"GET / 127.0.0.1 http")

    play(main)


# ------------------------------------------------------------------------------------------ TLS

CERTIFICATE = str(Path(pyframework.testing.__file__).with_name("testing.crt"))
KEY = str(Path(pyframework.testing.__file__).with_name("testing.key"))


async def ask_tls(server: HTTPServer, wire: bytes, with_certificate: bool = False) -> bytes:
    context = ssl.create_default_context(cafile=CERTIFICATE)
    if with_certificate:
        context.load_cert_chain(CERTIFICATE, KEY)
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    server.add_socket(listening)
    reader, writer = await asyncio.open_connection(*listening.getsockname(), ssl=context, server_hostname="localhost")
    writer.write(wire)
    answer = await reader.read()
    writer.close()
    server.stop()
    await server.close_all_connections()
    return answer


@pytest.mark.parametrize("with_certificate", [False, True])
def test_client_certificates(play: Play, with_certificate: bool) -> None:
    def application(request: httputil.HTTPServerRequest) -> None:
        certificate: Any = request.get_ssl_certificate()
        reply(request, str(certificate and dict(row[0] for row in certificate["subject"])).encode())
        assert isinstance(request.get_ssl_certificate(binary_form=True), bytes) is with_certificate

    async def main() -> None:
        options = {"certfile": CERTIFICATE, "keyfile": KEY, "ca_certs": CERTIFICATE, "cert_reqs": ssl.CERT_OPTIONAL}
        answer = await ask_tls(HTTPServer(application, ssl_options=options), get(), with_certificate)
        assert (b"commonName" in answer or b"organizationName" in answer) is with_certificate
        assert answer.endswith(b"None") is not with_certificate

    play(main)


def test_a_refusal_over_tls_can_be_read(play: Play) -> None:
    async def main() -> None:
        options = {"certfile": CERTIFICATE, "keyfile": KEY}
        server = HTTPServer(show, ssl_options=options, max_body_size=10, strict_rfc=True)
        size = 1_000_000
        wire = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size + bytes(size)
        assert (await ask_tls(server, wire)).startswith(b"HTTP/1.1 413 ")

    play(main)


# ------------------------------------------------------------------------------------------ shutdown


class Slow:
    """Answers a request when it is told to."""

    def __init__(self) -> None:
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()
        self.tasks: set[asyncio.Task[None]] = set()

    def __call__(self, request: httputil.HTTPServerRequest) -> None:
        if request.path != "/slow":
            return show(request)
        self.begun.set()
        self.tasks.add(asyncio.create_task(self.answer(request)))

    async def answer(self, request: httputil.HTTPServerRequest) -> None:
        await self.go_on.wait()
        show(request)


KEEP = b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n"


async def all_of(client: socket.socket) -> bytes:
    received = b""
    while data := await asyncio.get_running_loop().sock_recv(client, 65536):
        received += data
    return received


def test_shutdown_finishes_what_runs(play: Play) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        slow = Slow()
        running = Running(HTTPServer(slow))
        with await running.connect() as busy, await running.connect() as waiting:
            await loop.sock_sendall(busy, KEEP % b"/slow" + KEEP % b"/behind")
            await slow.begun.wait()
            ending = asyncio.create_task(running.server.shutdown(grace=20))
            await asyncio.sleep(0)
            with socket.socket() as refused, pytest.raises(ConnectionRefusedError):
                refused.connect(running.address)
            await loop.sock_sendall(waiting, KEEP % b"/late")
            late = await all_of(waiting)
            waiting.close()
            assert late.startswith(b"HTTP/1.1 200 OK\r\nConnection: close\r\n") and b"GET /late" in late
            assert not ending.done()
            slow.go_on.set()
            answers = await all_of(busy)
            busy.close()
            assert b"GET /slow" in answers and b"GET /behind" in answers
            assert answers.count(b"Connection: close") == 1
            await ending
        assert not running.server._connections

    play(main)


def test_shutdown_serves_what_the_kernel_has_accepted(play: Play) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        running = Running(HTTPServer(show))
        with socket.create_connection(running.address) as client:  # nobody has accepted it yet
            client.sendall(KEEP % b"/early")
            client.setblocking(False)
            ending = asyncio.create_task(running.server.shutdown(grace=20))
            assert b"Connection: close" in (answer := await all_of(client)) and b"GET /early" in answer
            client.close()
            await ending
        assert loop is asyncio.get_running_loop()

    play(main)


def test_shutdown_closes_idle_connections(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(httpserver, "QUIET", 0.01)

    async def main() -> None:
        running = Running(HTTPServer(show))
        with await running.connect() as idle, await running.connect() as used:
            await asyncio.get_running_loop().sock_sendall(used, KEEP % b"/")
            assert await asyncio.get_running_loop().sock_recv(used, 65536)
            await running.server.shutdown()
            assert await all_of(idle) == await all_of(used) == b""

    play(main)


def test_shutdown_cuts_at_its_deadline(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        slow = Slow()
        running = Running(HTTPServer(slow))
        with await running.connect() as client:
            await asyncio.get_running_loop().sock_sendall(client, KEEP % b"/slow")
            await slow.begun.wait()
            await running.server.shutdown(grace=0.01)
            assert await all_of(client) == b""
        for task in slow.tasks:
            task.cancel()

    play(main)
    assert [record.getMessage() for record in caplog.records] == ["1 connections are cut after 0.01 seconds"]


def test_an_upgrade_while_the_server_shuts_down(play: Play) -> None:
    class Upgraded:
        def __init__(self, server: HTTPServer) -> None:
            self.upgraded, self.told = server._upgraded, asyncio.Event()
            self.upgraded.add(self)

        def go_away(self) -> None:
            self.told.set()

        def abort(self) -> None:
            raise AssertionError("it leaves by itself")

    async def main() -> None:
        server = HTTPServer(show)
        first = Upgraded(server)
        ending = asyncio.create_task(server.shutdown(grace=20))
        await first.told.wait()
        second = Upgraded(server)
        await second.told.wait()
        for connection in (first, second):
            assert not ending.done()
            server._upgraded.discard(connection)
        await ending

    play(main)


@pytest.mark.parametrize("stubborn", [False, True])
def test_shutdown_of_upgraded_connections(play: Play, stubborn: bool) -> None:
    calls: list[str] = []

    class Upgraded:
        def __init__(self, request: httputil.HTTPServerRequest) -> None:
            connection: Any = request.connection
            self.upgraded = connection.context.upgraded
            self.upgraded.add(self)
            self.stream = connection.detach()

        def go_away(self) -> None:
            calls.append("go away")
            if not stubborn:
                self.abort()

        def abort(self) -> None:
            calls.append("abort")
            self.stream.close()
            self.upgraded.discard(self)

    async def main() -> None:
        came = asyncio.Event()
        running = Running(HTTPServer(lambda request: (Upgraded(request), came.set())))  # type: ignore[arg-type, return-value]
        with await running.connect() as client:
            await asyncio.get_running_loop().sock_sendall(client, KEEP % b"/")
            await came.wait()
            await running.server.shutdown(grace=0.01 if stubborn else 20)
            assert calls == ["go away", "abort"]
            assert await all_of(client) == b""

    play(main)


# ------------------------------------------------------------------------------------------ limits


def test_connections_over_the_limit_wait(play: Play) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with Running(HTTPServer(show, max_connections=2)) as running:
            first, second = await running.connect(), await running.connect()
            for client in (first, second):
                await loop.sock_sendall(client, KEEP % b"/")
                assert b"GET /" in await loop.sock_recv(client, 65536)
            with socket.create_connection(running.address) as third:
                third.setblocking(False)
                await loop.sock_sendall(third, get("/third"))
                await loop.sock_sendall(second, KEEP % b"/")
                assert b"GET /" in await loop.sock_recv(second, 65536)
                assert len(running.server._connections) == 2
                first.close()
                assert b"GET /third" in await all_of(third)
            second.close()

    play(main)


def test_connections_over_the_limit_are_refused(play: Play) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with Running(HTTPServer(show, max_connections=1, refuse_connections=True)) as running:
            first = await running.connect()
            await loop.sock_sendall(first, KEEP % b"/")
            assert b"GET /" in await loop.sock_recv(first, 65536)
            answer = await running.ask(b"")
            assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n")
            while len(running.server._connections) > 1:
                await asyncio.sleep(0)
            with await running.connect() as second, await running.connect() as third:
                assert (await loop.sock_recv(second, 65536)).startswith(b"HTTP/1.1 503 ")
                assert await all_of(third) == b""  # one is being refused already
            first.close()
            while running.server._connections:
                await asyncio.sleep(0)
            assert (await running.ask(get())).endswith(b"GET / 127.0.0.1 http")

    play(main)


def test_a_body_must_come_at_a_minimum_rate(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = HTTPServer(show, min_data_rate=1e6, strict_rfc=True)
        server.conn_params.data_rate_window = 0.01
        async with Running(server) as running:
            with await running.connect() as client:
                await loop.sock_sendall(client, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc")
                assert (await all_of(client)).startswith(b"HTTP/1.1 408 ")

    with caplog.at_level(logging.INFO, "tornado"):
        play(main)
    assert [record.getMessage() for record in caplog.records] == ["Timeout reading body from 127.0.0.1"]


def test_a_streamed_body_comes_at_any_rate(play: Play) -> None:
    @web.stream_request_body
    class Stream(web.RequestHandler):
        def data_received(self, chunk: bytes) -> None:
            self.write(chunk)

        def post(self) -> None:
            pass

    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = HTTPServer(web.Application([("/", Stream)]), min_data_rate=1e9, idle_connection_timeout=0.1)
        server.conn_params.data_rate_window = 0.01
        async with Running(server) as running:
            with await running.connect() as client:
                await loop.sock_sendall(client, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na")
                assert await running.ask(b"") == b""  # its end comes after many windows
                await loop.sock_sendall(client, b"b")
                assert (await loop.sock_recv(client, 65536)).endswith(b"ab")

    play(main)


def test_an_answer_must_be_taken_at_a_minimum_rate(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = HTTPServer(lambda request: reply(request, bytes(20_000_000)), min_data_rate=1e9)
        server.conn_params.data_rate_window = 0.01
        async with Running(server) as running:
            with await running.connect() as client:
                await loop.sock_sendall(client, get())
                while not caplog.records:
                    await asyncio.sleep(0)
                assert not server._connections or await all_of(client)

    with caplog.at_level(logging.INFO, "tornado"):
        play(main)
    assert [record.getMessage() for record in caplog.records] == ["Timeout sending to 127.0.0.1"]


def test_a_slow_reader_that_goes_on_is_not_cut(play: Play) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = HTTPServer(lambda request: reply(request, bytes(20_000_000)), min_data_rate=1000)
        server.conn_params.data_rate_window = 0.5
        async with Running(server) as running:
            with await running.connect() as client:
                await loop.sock_sendall(client, get())
                received = len(await loop.sock_recv(client, 65536))
                began = loop.time()
                while loop.time() < began + 1.2:  # two windows, in which little is read
                    received += len(await loop.sock_recv(client, 4096))
                    await asyncio.sleep(0.001)
                while data := await loop.sock_recv(client, 1 << 20):
                    received += len(data)
                assert received > 20_000_000

    play(main)


def test_what_waits_for_a_slow_reader_is_limited(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    def endless(request: httputil.HTTPServerRequest) -> None:
        connection: Any = request.connection
        connection.write_headers(httputil.ResponseStartLine("HTTP/1.1", 200, "OK"), httputil.HTTPHeaders())
        while not connection.stream.closed():
            connection.write(bytes(1_000_000))

    async def main() -> None:
        async with Running(HTTPServer(endless, max_unsent_size=5_000_000)) as running:
            with await running.connect() as client:
                await asyncio.get_running_loop().sock_sendall(client, get())
                while not caplog.records:
                    await asyncio.sleep(0)

    with caplog.at_level(logging.INFO, "tornado"):
        play(main)
    assert ["reads too slowly" in record.getMessage() for record in caplog.records] == [True]


def test_configurable() -> None:
    class Other(HTTPServer):
        pass

    assert issubclass(HTTPServer, Configurable)
    assert HTTPServer.configurable_base() is HTTPServer.configurable_default() is HTTPServer
    saved = HTTPServer._save_configuration()
    try:
        HTTPServer.configure(Other)
        assert type(HTTPServer(show)) is Other
    finally:
        HTTPServer._restore_configuration(saved)
    assert httpserver.HTTPRequest is httputil.HTTPServerRequest


class FakeStream:
    def __init__(self, family: int | None) -> None:
        self.socket = None if family is None else type("Socket", (), {"family": family})()


@pytest.mark.parametrize(
    ("family", "address", "shown", "remote_ip"),
    [
        (socket.AF_INET, ("1.2.3.4", 5), "1.2.3.4", "1.2.3.4"),
        (socket.AF_INET6, ("::1", 5, 0, 0), "::1", "::1"),
        (socket.AF_UNIX, "", "", "0.0.0.0"),
        (socket.AF_UNIX, b"\0name", "\0name", "0.0.0.0"),
        (None, None, "None", "0.0.0.0"),
    ],
)
def test_context(family: int | None, address: Any, shown: str, remote_ip: str) -> None:
    stream: Any = FakeStream(family)
    context = _HTTPRequestContext(stream, address, None, ["5.5.5.5"])
    assert str(context) == shown
    assert (context.address, context.address_family) == (address, family)
    assert (context.remote_ip, context._orig_remote_ip) == (remote_ip, remote_ip)
    assert (context.protocol, context._orig_protocol, context.trusted_downstream) == ("http", "http", {"5.5.5.5"})
    context._apply_xheaders(httputil.HTTPHeaders({"X-Real-Ip": "4.4.4.4", "X-Scheme": "https"}))
    assert (context.remote_ip, context.protocol) == ("4.4.4.4", "https")
    context._unapply_xheaders()
    assert (context.remote_ip, context.protocol) == (remote_ip, "http")
