"""The HTTP client on our own connections, which `AsyncHTTPClient` uses by default."""

import asyncio
import collections
import contextvars
import functools
import http.cookiejar
import inspect
import time
import urllib.parse
from collections.abc import Awaitable, Callable
from io import BytesIO
from types import TracebackType
from typing import Any

from pyframework import httputil
from pyframework._client import cookies, head, proxies
from pyframework._client.pool import IDLE_SECONDS, MAX_IDLE_CONNECTIONS, ConnectionPool
from pyframework._client.redirect import REDIRECTS, following
from pyframework._client.resolver import DNS_SECONDS, CachingResolver
from pyframework._client.streamed import Streamed
from pyframework._client.target import Target, tls_options
from pyframework._core.loop import finished_future
from pyframework.concurrent import Future
from pyframework.http1connection import HTTP1Connection, HTTP1ConnectionParameters
from pyframework.httpclient import AsyncHTTPClient, HTTPError, HTTPRequest, HTTPResponse, _RequestProxy, main
from pyframework.ioloop import IOLoop
from pyframework.iostream import IOStream, StreamClosedError
from pyframework.log import app_log, gen_log
from pyframework.netutil import OverrideResolver, Resolver, _accepts_here
from pyframework.tcpclient import TCPClient
from pyframework.util import TimeoutError

__all__ = ["HTTPStreamClosedError", "HTTPTimeoutError", "SimpleAsyncHTTPClient"]

# RFC 9110 section 9.2.2: to send one of these twice does what sending it once does.
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
_MAX_HEADER_SIZE = 65536

_Callback = Callable[[HTTPResponse], None]


class HTTPTimeoutError(HTTPError):
    """The request took too long; the text says what did. Its ``code`` is 599."""

    def __init__(self, message: str) -> None:
        super().__init__(599, message=message)

    def __str__(self) -> str:
        return self.message or "Timeout"


class HTTPStreamClosedError(HTTPError):
    """The connection was closed before the response was complete. Its ``code`` is 599."""

    def __init__(self, message: str) -> None:
        super().__init__(599, message=message)

    def __str__(self) -> str:
        return self.message or "Stream closed"


class SimpleAsyncHTTPClient(AsyncHTTPClient):
    """An HTTP/1.1 client without dependencies. ``digest`` authentication and ``prepare_curl_callback`` are curl's.

    Connections are kept for later requests, see `HTTPRequest`'s ``keep_alive``.

    :arg max_clients: the most requests at a time; the others wait
    :arg hostname_mapping: host names (or pairs of name and port) to look for elsewhere, as of `OverrideResolver`
    :arg max_buffer_size: bytes that one read may have to hold
    :arg resolver: finds addresses; by default a `Resolver` whose answers are remembered for ``dns_seconds``
    :arg max_header_size, max_body_size: bytes that the head and the body of a response may have; 64 KiB for a head and
        ``max_buffer_size`` for a body unless given
    :arg max_idle_connections: the most connections that are kept, 0 for none
    :arg idle_seconds: how long one is kept
    :arg dns_seconds: how long the addresses of a name are remembered, 0 for not at all
    :arg cookie_jar: remembers the cookies of responses and sends them with later requests
    :arg trust_env: take proxies from the environment (``http_proxy``, ``https_proxy``, ``no_proxy``) where a request
        names none
    """

    def initialize(  # type: ignore[override]
        self,
        max_clients: int = 10,
        hostname_mapping: dict[Any, Any] | None = None,
        max_buffer_size: int = 104857600,
        resolver: Resolver | None = None,
        defaults: dict[str, Any] | None = None,
        max_header_size: int | None = None,
        max_body_size: int | None = None,
        *,
        max_idle_connections: int = MAX_IDLE_CONNECTIONS,
        idle_seconds: float = IDLE_SECONDS,
        dns_seconds: float = DNS_SECONDS,
        cookie_jar: http.cookiejar.CookieJar | None = None,
        trust_env: bool = False,
    ) -> None:
        super().initialize(defaults=defaults)
        # By a key of each request: those under way, those that wait with their timers, and the order of these.
        self.active: dict[object, tuple[HTTPRequest, _Callback]] = {}
        self.waiting: dict[object, tuple[HTTPRequest, _Callback, object]] = {}
        self._processing = False
        self.queue: collections.deque[tuple[object, HTTPRequest, _Callback]] = collections.deque()
        self.max_body_size, self.max_header_size = max_body_size, max_header_size
        self.max_buffer_size, self.max_clients = max_buffer_size, max_clients
        self.own_resolver = resolver is None
        self.resolver = Resolver() if resolver is None else resolver
        if self.own_resolver and dns_seconds > 0:
            self.resolver = CachingResolver(resolver=self.resolver, seconds=dns_seconds)
        if hostname_mapping is not None:
            self.resolver = OverrideResolver(resolver=self.resolver, mapping=hostname_mapping)
        self.tcp_client = TCPClient(resolver=self.resolver)
        self.pool = ConnectionPool(self.io_loop, max_idle_connections, idle_seconds)
        self.cookie_jar = cookie_jar
        self.trust_env = trust_env

    def close(self) -> None:
        super().close()
        self.pool.close()
        if self.own_resolver:
            self.resolver.close()
        self.tcp_client.close()

    def stream(self, request: "str | HTTPRequest", raise_error: bool = True, **kwargs: Any) -> Streamed:
        """Send a request for a response whose body is read piece by piece, no faster than it is taken::

            async with client.stream(url) as response:
                async for chunk in response:
                    ...

        The arguments are those of `fetch`; leaving the block early ends the request.
        """
        if not isinstance(request, HTTPRequest):
            request = HTTPRequest(url=request, **kwargs)
        elif kwargs:
            raise ValueError(f"the HTTPRequest says it all: {', '.join(kwargs)} cannot be given besides")
        return Streamed(self, request, raise_error)

    def fetch_impl(self, request: HTTPRequest, callback: _Callback) -> None:
        key = object()
        if not self.queue and len(self.active) < self.max_clients:
            self._start(key, request, callback)
            return
        self.queue.append((key, request, callback))
        seconds = _shorter(request.connect_timeout, request.request_timeout)
        timer = self.io_loop.call_later(seconds, self._on_timeout, key, "in request queue") if seconds else None
        self.waiting[key] = request, callback, timer
        gen_log.debug("%d requests are under way, max_clients are; %d wait", len(self.active), len(self.queue))

    def _start(self, key: object, request: HTTPRequest, callback: _Callback) -> None:
        self.active[key] = request, callback
        self._handle_request(request, functools.partial(self._release_fetch, key), callback)

    def _process_queue(self) -> None:
        """Start as many of those that wait as may be under way; one that ends at once leaves its place to the next."""
        if self._processing:
            return
        self._processing = True
        try:
            while self.waiting and len(self.active) < self.max_clients:
                key, request, callback = self.queue.popleft()
                self._remove_timeout(key)
                self._start(key, request, callback)
        finally:
            self._processing = False

    def _connection_class(self) -> type:
        return _HTTPConnection

    def _handle_request(
        self,
        request: HTTPRequest,
        release_callback: Callable[[], None],
        final_callback: _Callback,
    ) -> None:
        max_body_size = self.max_buffer_size if self.max_body_size is None else self.max_body_size
        max_header_size = _MAX_HEADER_SIZE if self.max_header_size is None else self.max_header_size
        self._connection_class()(
            self, request, release_callback, final_callback, self.max_buffer_size, self.tcp_client,
            max_header_size, max_body_size,
        )  # fmt: skip

    def _release_fetch(self, key: object) -> None:
        del self.active[key]
        if self.waiting:
            self._process_queue()

    def _remove_timeout(self, key: object) -> None:
        _, _, timer = self.waiting.pop(key)
        if timer is not None:
            self.io_loop.remove_timeout(timer)

    def _on_timeout(self, key: object, info: str | None = None) -> None:
        """A request has waited too long for its turn."""
        request, callback, timer = self.waiting.pop(key)
        self.queue.remove((key, request, callback))
        error = HTTPTimeoutError(f"Timeout {info}" if info else "Timeout")
        callback(HTTPResponse(request, 599, error=error, request_time=time.time() - request.start_time))


class _HTTPConnection(httputil.HTTPMessageDelegate):
    """One request on its way: finds or makes a connection, sends, receives, and hands the response over.

    :arg client: whose connections may be used and whose cookies are sent; None for a request by itself
    :arg release_callback: called when the next request may take the place of this one
    :arg final_callback: called with the response, or with a lack of one in the shape of a response
    """

    def __init__(
        self,
        client: SimpleAsyncHTTPClient | None,
        request: HTTPRequest,
        release_callback: Callable[[], None],
        final_callback: _Callback,
        max_buffer_size: int,
        tcp_client: TCPClient,
        max_header_size: int,
        max_body_size: int,
    ) -> None:
        self.io_loop = IOLoop.current() if client is None else client.io_loop
        self.start_time = self.io_loop.time()
        self.start_wall_time = time.time()
        self.client: Any = client
        self.request = request
        self.release_callback: Callable[[], None] | None = release_callback
        self.final_callback: _Callback | None = final_callback
        self.tcp_client = tcp_client
        self.max_body_size, self.max_header_size = max_body_size, max_header_size
        self.max_buffer_size = max_buffer_size
        self.code: int | None = None
        self.reason: str | None = None
        self.headers: httputil.HTTPHeaders | None = None
        self.chunks: list[bytes] = []
        self.stream: IOStream | None = None
        self.connection: HTTP1Connection | None = None
        self.reused = False
        self._continued = False  # the server has said that it wants the body
        self._sent = False  # the whole request has been written
        self._follows = False  # this response sends us elsewhere, and we go
        self._timeout: object | None = None
        self._work: asyncio.Task[None] | None = None
        self._context: contextvars.Context | None = None
        if request.streaming_callback is not None or request.header_callback is not None:
            self._context = contextvars.copy_context()
        if request._streamed is not None:
            request._streamed.begin(self)
        try:
            self._begin()
        except Exception as error:
            self._fail(error)

    @functools.cached_property
    def parsed(self) -> urllib.parse.SplitResult:
        """The URL of the request in parts; Tornado has it, and programs look at it."""
        return urllib.parse.urlsplit(self.request.url)

    # ---- on the way there

    def _begin(self) -> None:
        if self.final_callback is None:
            return
        request, client = self.request, self.client
        head.check(request)
        proxy = proxies.proxy_of(request, client is not None and client.trust_env)
        self.target = Target(request, proxy, self.tcp_client)
        kept = request.keep_alive
        if kept is None:
            kept = not _accepts_here(self.target.host, self.target.port)
        self._keeps = client is not None and self.target.key is not None and kept
        self._fields = head.fields_of(request, self.target, self._keeps)
        self._keeps = self._keeps and head.leaves_connection(self._fields)
        if client is not None and client.cookie_jar is not None:
            cookies.send(client.cookie_jar, request.url, self._fields)
        connection = self._idle_connection()
        if connection is None:
            self._run(self.run())
        else:
            self.reused = True
            self._send(connection)

    def _idle_connection(self) -> HTTP1Connection | None:
        if not self._keeps:
            return None
        if not self.request.keep_alive and not self._may_repeat():
            return None
        connection: HTTP1Connection | None = self.client.pool.take(self.target.key)
        return connection

    def _may_repeat(self) -> bool:
        """Whether the request may be sent twice."""
        return self.request.method in _IDEMPOTENT and self.request.body_producer is None

    def _run(self, work: Any) -> None:
        """Let a coroutine go on with the request; what it raises ends that."""
        self._work = asyncio.ensure_future(work)
        self._work.add_done_callback(self._worked)

    def _worked(self, work: "asyncio.Task[None]") -> None:
        if self._work is work:
            self._work = None
        error = asyncio.CancelledError() if work.cancelled() else work.exception()
        if error is not None:
            self._fail(error)

    def _may_try_again(self, stream: IOStream) -> bool:
        """Whether a connection that has ended without any head had been given up by the server before we used it."""
        return self.reused and self._may_repeat() and not stream._read_buffer_size

    async def run(self) -> None:
        """Connect, then send."""
        limits = (self.io_loop.time(), self.request.connect_timeout), (self.start_time, self.request.request_timeout)
        deadline = min((start + seconds for start, seconds in limits if seconds), default=None)
        try:
            stream = await self._connect(deadline)
        except TimeoutError as error:
            raise HTTPTimeoutError(str(error) or "Timeout while connecting") from error
        if self.final_callback is None:
            stream.close()
            return
        self._send(self._create_connection(stream))

    async def _connect(self, deadline: float | None) -> IOStream:
        target, proxy = self.target, self.target.proxy
        tls = tls_options(self.request) if target.scheme == "https" else None
        stream = await self.tcp_client.connect(
            target.host if proxy is None else proxy.host,
            target.port if proxy is None else proxy.port,
            af=target.family,
            ssl_options=tls if proxy is None else None,
            max_buffer_size=self.max_buffer_size,
            source_ip=self.request.network_interface,
            timeout=None if deadline is None else max(0, deadline - self.io_loop.time()),
        )
        stream.set_nodelay(True)
        if proxy is not None and tls is not None:
            return await proxies.tunnel(stream, target, tls, deadline)
        return stream

    def _create_connection(self, stream: IOStream) -> HTTP1Connection:
        return HTTP1Connection(stream, True, self._parameters())

    def _parameters(self) -> HTTP1ConnectionParameters:
        return _parameters(self.max_header_size, self.max_body_size, bool(self.request.decompress_response))

    # ---- the request

    def _send(self, connection: HTTP1Connection) -> None:
        request = self.request
        self.connection = connection
        self.stream = connection.stream
        connection.params = self._parameters()
        connection.no_keep_alive = not self._keeps
        if request.request_timeout:
            left = self.start_time + request.request_timeout - self.io_loop.time()
            self._timeout = self.io_loop.asyncio_loop.call_later(max(0, left), self._on_timeout, "during request")
        start_line = httputil.RequestStartLine(request.method, self.target.request_target, "")
        if request.expect_100_continue:
            connection.write_headers(start_line, self._fields)
        elif request.body_producer is not None:
            connection.write_headers(start_line, self._fields)
            self._run(self._write_body())
        else:
            connection.write_headers(start_line, self._fields, request.body)
            self._end_request()
        # At once: the server may refuse the body before its end.
        connection.read_response(self).add_done_callback(self._received)

    async def _write_body(self) -> None:
        connection = self.connection
        assert connection is not None
        body: bytes | None = self.request.body
        if body is not None:
            connection.write(body)
        elif self.request.body_producer is not None:
            waiting = self.request.body_producer(connection.write)
            if waiting is not None:
                await waiting
        self._end_request()

    def _end_request(self) -> None:
        assert self.connection is not None
        self._sent = True
        self.connection.finish()

    # ---- the response

    def headers_received(
        self, first_line: httputil.ResponseStartLine | httputil.RequestStartLine, headers: httputil.HTTPHeaders
    ) -> Awaitable[None]:
        assert isinstance(first_line, httputil.ResponseStartLine)
        if first_line.code == 100 and self.request.expect_100_continue and not self._continued:
            self._continued = True
            self._run(self._write_body())
        if first_line.code < 200 and first_line.code != 101:  # which ends HTTP, so it is the last
            return finished_future(None)
        self.code = first_line.code
        self.reason = first_line.reason
        self.headers = headers
        self._follows = self._should_follow_redirect()
        if not self._follows:
            if self.request._streamed is not None:
                self.request._streamed.head_received(self)
            if self.request.header_callback is not None:
                self._call_with_head(self.request.header_callback, first_line, headers)
        return finished_future(None)

    def _call_with_head(
        self, callback: Callable[[str], None], start_line: httputil.ResponseStartLine, headers: httputil.HTTPHeaders
    ) -> None:
        assert self._context is not None
        lines = [f"{name}: {value}" for name, value in headers.get_all()]
        for line in (f"{start_line.version} {start_line.code} {start_line.reason}", *lines, ""):
            self._context.run(callback, f"{line}\r\n")

    def _should_follow_redirect(self) -> bool:
        request = self.request
        return bool(
            self.code in REDIRECTS
            and request.follow_redirects
            and request.max_redirects
            and request.max_redirects > 0
            and self.headers is not None
            and self.headers.get("Location") is not None
        )

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        if self._follows:
            return None
        if self.request.streaming_callback is None:
            self.chunks.append(chunk)
            return None
        assert self._context is not None
        waiting = self._context.run(self.request.streaming_callback, chunk)
        if waiting is None or not inspect.isawaitable(waiting):
            return None
        return self._context.run(asyncio.ensure_future, waiting)

    def finish(self) -> None:
        if not self._sent:  # the server does not want the rest of the request
            self._succeed()
            self._on_end_request()

    def on_connection_close(self) -> None:
        pass  # _received knows

    def _received(self, reading: "Future[bool]") -> None:
        """The response is complete, or will never be."""
        connection, stream = self.connection, self.stream
        assert connection is not None and stream is not None
        error = asyncio.CancelledError() if reading.cancelled() else reading.exception()
        if self.final_callback is None:  # given up, or detached
            if connection.stream is not None:
                stream.close()
        elif error is None and reading.result() and self.code is not None:
            self._leave(connection)
            self._succeed()
        elif isinstance(error, StreamClosedError) and self._may_try_again(stream):
            self._remove_timeout()
            self.reused = False
            self.connection = self.stream = None
            self._run(self.run())
        else:
            self._fail(error or stream.error or HTTPStreamClosedError("Connection closed"))

    def _leave(self, connection: HTTP1Connection) -> None:
        """Leave the connection to later requests, if both sides want that."""
        stream = connection.stream
        if stream.closed():
            return
        at_rest = not stream._read_buffer_size and not stream.writing()
        if self._keeps and at_rest and not self.client._closed:
            self.client.pool.put(self.target.key, connection)
        else:
            stream.close()

    def _succeed(self) -> None:
        assert self.code is not None and self.headers is not None
        if self.client is not None and self.client.cookie_jar is not None:
            cookies.receive(self.client.cookie_jar, self.request.url, self.headers)
        if self._follows:
            try:
                self._follow_redirect()
            except ValueError as error:  # it leads nowhere
                self._fail(error)
            return
        response = HTTPResponse(
            self.request.original_request or self.request,
            self.code,
            reason=self.reason,
            headers=self.headers,
            request_time=self.io_loop.time() - self.start_time,
            start_time=self.start_wall_time,
            buffer=BytesIO(b"".join(self.chunks)),
            effective_url=self.request.url,
        )
        self._run_callback(response)

    def _follow_redirect(self) -> None:
        assert self.code is not None and self.headers is not None and self.final_callback is not None
        new = following(self.request, self.code, self.headers["Location"])
        final_callback, self.final_callback = self.final_callback, None
        self._remove_timeout()
        self._release()
        self.client.fetch_impl(_RequestProxy(new, self.client.defaults), final_callback)

    # ---- the end

    def _on_timeout(self, info: str | None = None) -> None:
        self._timeout = None
        self._fail(HTTPTimeoutError(f"Timeout {info}" if info else "Timeout"))

    def _remove_timeout(self) -> None:
        if self._timeout is not None:
            self.io_loop.remove_timeout(self._timeout)
            self._timeout = None

    def _fail(self, error: BaseException) -> None:
        if self.final_callback is None:
            if not isinstance(error, (StreamClosedError, asyncio.CancelledError)):
                app_log.error("Uncaught exception after the response", exc_info=error)
        else:
            if isinstance(error, StreamClosedError):
                error = error.real_error or HTTPStreamClosedError("Stream closed")
            response = HTTPResponse(
                self.request.original_request or self.request,
                599,
                error=error,
                request_time=self.io_loop.time() - self.start_time,
                start_time=self.start_wall_time,
            )
            self._run_callback(response)
        self._on_end_request()

    def _on_end_request(self) -> None:
        if self._work is not None:
            self._work.cancel()
        if self.stream is not None:
            self.stream.close()

    def abandon(self) -> None:
        """End the request: nobody waits for the response any more."""
        if self.final_callback is not None:
            self._fail(HTTPStreamClosedError("The request was given up"))

    def _handle_exception(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> bool:
        """End the request with ``value``; return whether it was still under way."""
        waiting = self.final_callback is not None
        if value is not None:
            self._fail(value)
        return waiting

    def _run_callback(self, response: HTTPResponse) -> None:
        self._remove_timeout()
        final_callback, self.final_callback = self.final_callback, None
        self._release()
        if final_callback is not None:
            final_callback(response)

    def _release(self) -> None:
        release_callback, self.release_callback = self.release_callback, None
        if release_callback is not None:
            release_callback()


@functools.lru_cache(maxsize=64)
def _parameters(max_header_size: int, max_body_size: int, decompress: bool) -> HTTP1ConnectionParameters:
    return HTTP1ConnectionParameters(
        max_header_size=max_header_size, max_body_size=max_body_size, decompress=decompress
    )


def _shorter(*timeouts: float | None) -> float:
    """The shortest of these, in which None and 0 stand for none; 0 if there is none."""
    return min((timeout for timeout in timeouts if timeout), default=0)


if __name__ == "__main__":
    AsyncHTTPClient.configure(SimpleAsyncHTTPClient)
    main()
