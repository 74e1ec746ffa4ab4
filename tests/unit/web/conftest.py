"""Requests without a network: a connection that records what is written to it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from pyframework import httputil
from pyframework.web import Application, RequestHandler


class RecordingConnection(httputil.HTTPConnection):
    """Keeps what a handler writes, and in which order."""

    def __init__(self) -> None:
        self.context = SimpleNamespace(remote_ip="127.0.0.1", protocol="http")
        self.calls: list[str] = []
        self.start_line: Any = None
        self.headers = httputil.HTTPHeaders()
        self.chunks: list[bytes] = []
        self.close_callback: Callable[[], None] | None = None

    def set_close_callback(self, callback: Callable[[], None] | None) -> None:
        self.close_callback = callback

    def write_headers(self, start_line: Any, headers: httputil.HTTPHeaders, chunk: bytes | None = None) -> Any:
        self.calls.append("write_headers")
        self.start_line, self.headers = start_line, headers
        self.chunks.append(chunk or b"")
        return _done()

    def write(self, chunk: bytes) -> Any:
        self.calls.append("write")
        self.chunks.append(chunk)
        return _done()

    def finish(self) -> None:
        self.calls.append("finish")

    def detach(self) -> str:
        self.calls.append("detach")
        return "the stream"

    @property
    def status(self) -> int:
        return self.start_line.code  # type: ignore[no-any-return]

    @property
    def reason(self) -> str:
        return self.start_line.reason  # type: ignore[no-any-return]

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)


def _done() -> "asyncio.Future[None]":
    future = asyncio.get_running_loop().create_future()
    future.set_result(None)
    return future


@dataclass
class Exchange:
    """One request to an application, piece by piece."""

    application: Any
    method: str = "GET"
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    version: str = "HTTP/1.1"

    def __post_init__(self) -> None:
        self.connection = RecordingConnection()
        self.delegate = self.application.start_request(object(), self.connection)

    def begin(self) -> Awaitable[None] | None:
        headers = httputil.HTTPHeaders({"Host": "example.com", **self.headers})
        start_line = httputil.RequestStartLine(self.method, self.path, self.version)
        waiting: Awaitable[None] | None = self.delegate.headers_received(start_line, headers)
        return waiting

    async def run(self, *chunks: bytes) -> RecordingConnection:
        """Send the request and wait until all other Tasks are done."""
        for waiting in (self.begin(), *(self.delegate.data_received(chunk) for chunk in chunks)):
            if waiting is not None:
                await waiting
        self.delegate.finish()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)
        return self.connection


@pytest.fixture
def exchange() -> type[Exchange]:
    return Exchange


@pytest.fixture
def fetch() -> Callable[..., RecordingConnection]:
    """Return a function that sends one request and returns the connection with the answer.

    It takes an Application, or a handler class that is to answer everything, then the request and settings.
    """

    def fetch(
        target: Any, path: str = "/", method: str = "GET", headers: Any = None, body: bytes = b"", **settings: Any
    ) -> RecordingConnection:
        async def run() -> RecordingConnection:
            application = target if isinstance(target, Application) else Application([(".*", target)], **settings)
            return await Exchange(application, method, path, headers or {}).run(*([body] if body else []))

        return asyncio.run(run())

    return fetch


@pytest.fixture
def make_handler() -> Callable[..., RequestHandler]:
    """Return a function that makes a handler which is not executed."""

    def make_handler(
        handler_class: type[RequestHandler] = RequestHandler,
        path: str = "/",
        method: str = "GET",
        headers: Any = None,
        **settings: Any,
    ) -> RequestHandler:
        request = httputil.HTTPServerRequest(
            connection=RecordingConnection(),
            start_line=httputil.RequestStartLine(method, path, "HTTP/1.1"),
            headers=httputil.HTTPHeaders({"Host": "example.com", **(headers or {})}),
        )
        return handler_class(Application(None, **settings), request)

    return make_handler


@pytest.fixture
def in_loop() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    return asyncio.run
