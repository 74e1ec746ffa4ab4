"""Our applications on a server of WSGI."""

import asyncio
import collections
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

from pyframework import httputil
from pyframework._core.loop import EventLoop
from pyframework.concurrent import Future
from pyframework.web import Application
from pyframework.wsgi._environ import content_length_of, headers_of

_CHUNK_SIZE = 65536
_REFUSED = "a WSGI server keeps its connections to itself: {} needs pyframework's own HTTPServer"

class _OwnLoop:
    """An event loop that is closed when nobody needs it any more: here, when its thread has ended."""

    def __init__(self) -> None:
        self.loop = EventLoop()

    def __del__(self) -> None:
        self.loop.close()


_thread = threading.local()


def _loop_of_thread() -> asyncio.AbstractEventLoop:
    """Return the event loop on which handlers run in this thread, from one request to the next."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        raise RuntimeError("WSGIAdapter was called inside a running event loop: serve the application by HTTPServer")
    if not hasattr(_thread, "own"):
        _thread.own = _OwnLoop()
    loop: asyncio.AbstractEventLoop = _thread.own.loop
    return loop


class WSGIAdapter:
    """A WSGI application that answers with an `Application`.

    Handlers may be coroutines: they run on an event loop of the server's thread, until they are done. What they flush
    is sent at once. `detach` and WebSockets are refused, since WSGI has nothing like them.

    :arg application: the `Application`
    """

    def __init__(self, application: Application) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        connection = _Connection(environ)
        loop = _loop_of_thread()
        loop.run_until_complete(_receive(self.application, connection, environ))
        loop.run_until_complete(connection.head_or_end())
        if connection.start_line is None:
            raise RuntimeError("the request was not answered")
        status = f"{connection.start_line.code} {connection.start_line.reason}"
        start_response(status, list(connection.headers.get_all()))
        if connection.finished:
            loop.run_until_complete(last_turn())
            return [b"".join(connection.chunks)]
        return _Body(connection, loop)


class WSGIApplication(Application):
    """An `Application` that a WSGI server can call as it is; its arguments are those of `Application`."""

    def __call__(self, request: Any, start_response: Any = None) -> Any:
        if start_response is None:
            return super().__call__(request)
        return WSGIAdapter(self)(request, start_response)


async def last_turn() -> None:
    """Let those who wait for the end of the handler hear of it: the loop may stand still for long."""
    await asyncio.sleep(0)


class _Body:
    """The pieces of an answer that is still being written; between two of them the event loop runs."""

    def __init__(self, connection: "_Connection", loop: asyncio.AbstractEventLoop) -> None:
        self._connection = connection
        self._loop = loop

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self._loop.run_until_complete(self._connection.chunk_or_end())
        if not self._connection.chunks:
            raise StopIteration
        return self._connection.chunks.popleft()

    def close(self) -> None:
        if not self._connection.finished:
            self._loop.run_until_complete(self._connection.lose())


async def _receive(application: Application, connection: "_Connection", environ: dict[str, Any]) -> None:
    """Hand the request to the application as an HTTP server does: head, body, end."""
    target = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    target = _quoted(target) or "/"
    if environ.get("QUERY_STRING"):
        target += f"?{environ['QUERY_STRING']}"
    version = environ.get("SERVER_PROTOCOL") or "HTTP/1.1"
    start_line = httputil.RequestStartLine(environ["REQUEST_METHOD"], target, version)
    headers = headers_of(environ)
    if "Host" not in headers:
        headers["Host"] = f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    delegate = application.start_request(connection, connection)
    connection.delegate = delegate
    await _done(delegate.headers_received(start_line, headers))
    left = content_length_of(environ)
    while left > 0 and not connection.finished:
        chunk = environ["wsgi.input"].read(min(left, _CHUNK_SIZE))
        if not chunk:
            break
        left -= len(chunk)
        await _done(delegate.data_received(chunk))
    if not connection.finished:
        delegate.finish()


async def _done(awaitable: Awaitable[None] | None) -> None:
    if awaitable is not None:
        await awaitable


def _quoted(path: str) -> str:
    from urllib.parse import quote

    return quote(path.encode("latin1"), safe="/:@!$&'()*+,;=~-._")


class _Context:
    """Who is at the other end, as the WSGI server says."""

    def __init__(self, environ: dict[str, Any]) -> None:
        self.remote_ip = environ.get("REMOTE_ADDR") or "0.0.0.0"
        self.protocol = environ["wsgi.url_scheme"]

    def __str__(self) -> str:
        return str(self.remote_ip)


class _Connection(httputil.HTTPConnection):
    """Keeps what a handler writes until the WSGI server takes it."""

    def __init__(self, environ: dict[str, Any]) -> None:
        self.context = _Context(environ)
        self.delegate: Any = None
        self.start_line: httputil.ResponseStartLine | None = None
        self.headers = httputil.HTTPHeaders()
        self.chunks: collections.deque[bytes] = collections.deque()
        self.finished = False
        self._news: Future[None] | None = None

    def write_headers(
        self,
        start_line: httputil.RequestStartLine | httputil.ResponseStartLine,
        headers: httputil.HTTPHeaders,
        chunk: bytes | None = None,
    ) -> "Future[None]":
        assert isinstance(start_line, httputil.ResponseStartLine)
        self.start_line, self.headers = start_line, headers
        return self.write(chunk or b"")

    def write(self, chunk: bytes) -> "Future[None]":
        if chunk:
            self.chunks.append(bytes(chunk))
        self._tell()
        written: Future[None] = asyncio.get_running_loop().create_future()
        written.set_result(None)
        return written

    def finish(self) -> None:
        self.finished = True
        self._tell()

    def set_close_callback(self, callback: Callable[[], None] | None) -> None:
        """Do nothing: WSGI does not tell that a client has gone, but by closing the answer."""

    def detach(self) -> Any:
        raise RuntimeError(_REFUSED.format("detach, and so a WebSocket,"))

    @property
    def stream(self) -> Any:
        raise RuntimeError(_REFUSED.format("the stream of a connection"))

    async def head_or_end(self) -> None:
        while self.start_line is None and not self.finished:
            await self._wait()

    async def chunk_or_end(self) -> None:
        while not self.chunks and not self.finished:
            await self._wait()
        if self.finished:
            await last_turn()

    async def lose(self) -> None:
        """The WSGI server does not want the rest."""
        self.finished = True
        self.delegate.on_connection_close()
        await asyncio.sleep(0)

    async def _wait(self) -> None:
        self._news = asyncio.get_running_loop().create_future()
        await self._news

    def _tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)
        self._news = None
