"""Fixtures for pytest; installed with the package, used by the tests that name them.

    async def test_hello(http_server, http_client):
        url = http_server(Application([("/", Hello)]))
        response = await http_client.fetch(url)
        assert response.body == b"hello"

    async def test_echo(http_server, ws_connect):
        connection = await ws_connect(http_server(Application([("/", Echo)])))
        await connection.write_message("hello")
        assert await connection.read_message() == "hello"

A test that is a coroutine function and names `io_loop`, itself or through another fixture, runs on that loop.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pyframework.httpclient import AsyncHTTPClient, HTTPRequest
    from pyframework.ioloop import IOLoop
    from pyframework.iostream import IOStream
    from pyframework.websocket import WebSocketClientConnection

TEST_SECONDS = 10.0


@pytest.fixture
def io_loop() -> "Iterator[IOLoop]":
    """A new event loop, the current one during the test; what is left on it is cancelled and closed at the end."""
    from pyframework.ioloop import IOLoop

    loop = IOLoop(make_current=True)
    yield loop
    asyncio_loop = loop.asyncio_loop
    tasks = asyncio.all_tasks(asyncio_loop)
    for task in tasks:
        task.cancel()
    asyncio_loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.close(all_fds=True)


@pytest.fixture
def http_server(io_loop: "IOLoop") -> Iterator[Callable[..., str]]:
    """A function that serves an application (or a request callback) on a free port of 127.0.0.1 and returns its URL.

    It takes the application and `HTTPServer`'s options; with ``ssl_options`` the URL is one of https. The servers stop
    when the test ends.
    """
    from pyframework.httpserver import HTTPServer
    from pyframework.testing import bind_unused_port

    servers: list[HTTPServer] = []

    def serve(app: Any, **options: Any) -> str:
        server = HTTPServer(app, **options)
        socket, port = bind_unused_port()
        server.add_sockets([socket])
        servers.append(server)
        return f"{'https' if options.get('ssl_options') else 'http'}://127.0.0.1:{port}"

    yield serve
    for server in servers:
        server.stop()
        io_loop.run_sync(server.close_all_connections, timeout=TEST_SECONDS)


@pytest.fixture
def http_client(io_loop: "IOLoop") -> "Iterator[AsyncHTTPClient]":
    """An HTTP client of its own on `io_loop`."""
    from pyframework.httpclient import AsyncHTTPClient

    async def make() -> AsyncHTTPClient:
        return AsyncHTTPClient(force_instance=True)

    client = io_loop.run_sync(make)
    yield client
    client.close()


@pytest.fixture
def ws_connect(io_loop: "IOLoop") -> "Iterator[Callable[..., Awaitable[WebSocketClientConnection]]]":
    """A coroutine function that connects to a WebSocket; it is closed when the test ends.

    It takes the URL, one of `http_server` will do, or an HTTPRequest, and `websocket_connect`'s options.
    """
    from pyframework.websocket import WebSocketProtocol13, websocket_connect

    connections: list[WebSocketClientConnection] = []

    async def connect(url: "str | HTTPRequest", **options: Any) -> "WebSocketClientConnection":
        if isinstance(url, str) and url.startswith("http"):
            url = "ws" + url.removeprefix("http")
        connection = await websocket_connect(url, **options)
        connections.append(connection)
        return connection

    yield connect
    for connection in connections:
        protocol = connection.protocol
        connection.close()
        if isinstance(protocol, WebSocketProtocol13) and protocol.stream is not None:
            stream: IOStream = protocol.stream
            io_loop.run_sync(lambda stream=stream: _closed(stream), timeout=TEST_SECONDS)


async def _closed(stream: "IOStream") -> None:
    closed = asyncio.Event()
    stream.set_close_callback(closed.set)
    await closed.wait()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a coroutine function that asked for `io_loop` on it, at most `TEST_SECONDS` long."""
    loop: Any = pyfuncitem.funcargs.get("io_loop")
    if loop is None or not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    loop.run_sync(lambda: pyfuncitem.obj(**arguments), timeout=TEST_SECONDS)
    return True
