"""What servers and protocols built on HTTPServer and HTTP1Connection reach into: jupyterhub, distributed and others."""

import asyncio
import socket
from typing import Any

from pyframework import httpclient, httpserver, httputil, wsgi
from pyframework.http1connection import HTTP1Connection, HTTP1ServerConnection
from pyframework.iostream import IOStream
from pyframework.testing import bind_unused_port
from pyframework.web import Application, RequestHandler


async def asked(port: int, *requests: str) -> bytes:
    """Send requests on one connection and return all that comes until the server closes it."""
    stream = IOStream(socket.socket())
    await stream.connect(("127.0.0.1", port))
    await stream.write("".join(requests).encode())
    answer = await stream.read_until_close()
    return bytes(answer)


def serve(target: Any, kind: Any = httpserver.HTTPServer) -> tuple[httpserver.HTTPServer, int]:
    server: httpserver.HTTPServer = kind(target)
    listening, port = bind_unused_port()
    server.add_sockets([listening])
    return server, port


CLOSING = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


async def test_a_connection_shows_what_it_works_with(open_site):
    class Looking(RequestHandler):
        def get(self) -> None:
            connection = self.request.connection
            assert type(connection) is HTTP1Connection
            assert isinstance(connection.stream, IOStream) and not connection.stream.closed()
            assert connection.context.remote_ip == "127.0.0.1"
            assert connection.no_keep_alive is False
            assert connection.params.chunk_size == 65536
            self.write("seen")

    assert (await (await open_site(Looking))()).body == b"seen"


async def test_limits_are_set_by_a_handler(open_site):
    class Raising(RequestHandler):
        _stream_request_body = True

        def prepare(self) -> None:
            self.request.connection.set_max_body_size(10)
            self.request.connection.set_body_timeout(60)

        def data_received(self, chunk: bytes) -> None:
            pass

        def get(self) -> None:
            pass

        put = get

    ask = await open_site(Raising, max_body_size=5)
    assert (await ask(method="PUT", body=b"0123456789")).code == 200


async def test_the_close_callback(io_loop):
    closed = asyncio.Event()

    class Waiting(RequestHandler):
        async def get(self) -> None:
            self.request.connection.set_close_callback(closed.set)
            await self.flush()
            await closed.wait()

    server, port = serve(Application([("/", Waiting)]))
    stream = IOStream(socket.socket())
    await stream.connect(("127.0.0.1", port))
    await stream.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await stream.read_until(b"\r\n\r\n")
    stream.close()
    await asyncio.wait_for(closed.wait(), 5)
    server.stop()
    await server.close_all_connections()


async def test_detach_gives_the_stream(io_loop):
    class Detaching(RequestHandler):
        async def get(self) -> None:
            stream = self.request.connection.detach()
            self._auto_finish = False
            await stream.write(b"raw")
            stream.close()

    server, port = serve(Application([("/", Detaching)]))
    assert await asked(port, CLOSING) == b"raw"
    server.stop()


async def test_attributes_of_the_class_are_replaced(io_loop, monkeypatch):
    class Context(httpserver._HTTPRequestContext):
        pass

    monkeypatch.setattr(httpserver, "_HTTPRequestContext", Context)
    contexts: list[Any] = []

    def answer(request: httputil.HTTPServerRequest) -> None:
        contexts.append(request.connection.context)
        request.connection.write_headers(
            httputil.ResponseStartLine("", 200, "OK"), httputil.HTTPHeaders({"Content-Length": "1"}), b"x"
        )
        request.connection.finish()

    server, port = serve(answer)
    assert (await asked(port, CLOSING)).endswith(b"\r\n\r\nx")
    assert [type(context) for context in contexts] == [Context]
    server.stop()


async def test_the_context_of_a_request(open_site):
    class Looking(RequestHandler):
        def get(self) -> None:
            context = self.request.connection.context
            assert context.address[0] == "127.0.0.1" and context.address_family == socket.AF_INET
            assert (context._orig_remote_ip, context._orig_protocol) == ("127.0.0.1", "http")
            assert context.trusted_downstream == {"10.0.0.9"}
            self.write(f"{self.request.protocol} {self.request.remote_ip}")

    ask = await open_site(Looking, xheaders=True, trusted_downstream=["10.0.0.9"])
    forwarded = {"X-Forwarded-For": "10.0.0.1, 10.0.0.9", "X-Scheme": "https"}
    assert (await ask(headers=forwarded)).body == b"https 10.0.0.1"
    assert (await ask()).body == b"http 127.0.0.1"


async def test_the_headers_of_proxies_are_applied_by_methods(open_site, hello, monkeypatch):
    ask = await open_site(hello, xheaders=True)
    steps: list[str] = []
    for name in ("_apply_xheaders", "_unapply_xheaders"):
        original = getattr(httpserver._HTTPRequestContext, name)

        def step(self: Any, *args: Any, name: str = name, original: Any = original) -> None:
            steps.append(name)
            original(self, *args)

        monkeypatch.setattr(httpserver._HTTPRequestContext, name, step)
    await ask()
    assert steps == ["_apply_xheaders", "_unapply_xheaders"]


async def test_a_server_shows_its_sockets_and_connections(io_loop, hello):
    server, port = serve(Application([("/", hello)]))
    assert [(fd, found.fileno()) for fd, found in server._sockets.items()] == [(fd, fd) for fd in server._sockets]
    assert list(server._handlers) == list(server._sockets)
    assert server._stopped is False
    stream = IOStream(socket.socket())
    await stream.connect(("127.0.0.1", port))
    await stream.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await stream.read_until(b"hello world")
    assert [type(found) for found in server._connections] == [HTTP1ServerConnection]
    server.stop()
    assert server._stopped is True and not server._handlers
    await server.close_all_connections()
    assert not server._connections
    stream.close()


async def test_parameters_are_changed_while_the_server_runs(io_loop, hello):
    server, port = serve(Application([("/", hello)]))
    server.conn_params.no_keep_alive = True
    assert b"Connection: close" in await asked(port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert server.ssl_options is None
    server.ssl_options = {}
    server.stop()


async def test_a_handle_stream_of_the_instance(io_loop, hello):
    server, port = serve(Application([("/", hello)]))
    addresses: list[Any] = []
    original = server.handle_stream

    def handle_stream(stream: IOStream, address: Any) -> None:
        addresses.append(address[0])
        original(stream, address)

    server.handle_stream = handle_stream  # type: ignore[method-assign]
    assert b"hello world" in await asked(port, CLOSING)
    assert addresses == ["127.0.0.1"]
    server.stop()


async def test_overridden_delegates_are_called(io_loop):
    calls: list[str] = []
    closed = asyncio.Event()

    class Message(httputil.HTTPMessageDelegate):
        def __init__(self, connection: httputil.HTTPConnection) -> None:
            self.connection = connection

        def headers_received(self, start_line: Any, headers: httputil.HTTPHeaders) -> None:
            calls.append(f"headers_received {start_line.method}")

        def data_received(self, chunk: bytes) -> None:
            calls.append(f"data_received {chunk.decode()}")

        def finish(self) -> None:
            calls.append("finish")
            line = httputil.ResponseStartLine("HTTP/1.1", 204, "No Content")
            self.connection.write_headers(line, httputil.HTTPHeaders())
            self.connection.finish()

        def on_connection_close(self) -> None:
            calls.append("on_connection_close")

    class Server(httpserver.HTTPServer):
        def start_request(self, server_conn: object, request_conn: httputil.HTTPConnection) -> Message:
            calls.append("start_request")
            return Message(request_conn)

        def on_close(self, server_conn: object) -> None:
            super().on_close(server_conn)
            calls.append("on_close")
            closed.set()

    server, port = serve(Application(), Server)
    body = "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"
    assert (await asked(port, body)).startswith(b"HTTP/1.1 204")
    await asyncio.wait_for(closed.wait(), 5)
    server.stop()
    assert calls == ["start_request", "headers_received PUT", "data_received abc", "finish", "on_close"]


def test_other_names_of_classes():
    assert httpserver.HTTPRequest is httputil.HTTPServerRequest  # type: ignore[attr-defined]
    assert wsgi.HTTPRequest is httputil.HTTPServerRequest  # type: ignore[attr-defined]
    assert httpclient.HTTPError is httpclient.HTTPClientError
