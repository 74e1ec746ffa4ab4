"""Fixtures for pytest; installed with the package, used by the tests that name them.

    async def test_hello(http_server, http_client):
        url = http_server(Application([("/", Hello)]))
        response = await http_client.fetch(url)
        assert response.body == b"hello"

A test that is a coroutine function and names `io_loop`, itself or through another fixture, runs on that loop.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pyframework.httpclient import AsyncHTTPClient
    from pyframework.ioloop import IOLoop
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
    """A coroutine function that opens a WebSocket; it takes the URL, of http or ws, and `websocket_connect`'s options.

    The WebSockets are closed when the test ends.
    """
    from pyframework.websocket import websocket_connect

    opened: list[WebSocketClientConnection] = []

    async def connect(url: str, **options: Any) -> "WebSocketClientConnection":
        connection = await websocket_connect(url.replace("http", "ws", 1) if url.startswith("http") else url, **options)
        opened.append(connection)
        return connection

    async def close() -> None:
        for connection in opened:
            connection.close()

    yield connect
    io_loop.run_sync(close)


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
