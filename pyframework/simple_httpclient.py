"""The HTTP client on our own connections, which `AsyncHTTPClient` uses by default."""

import asyncio
import collections
import copy
import http.cookiejar
import inspect
import time
import urllib.parse
from collections.abc import Awaitable, Callable
from io import BytesIO
from types import TracebackType
from typing import Any

from pyframework import httputil, version
from pyframework._client import cookies, proxies
from pyframework._client.pool import IDLE_SECONDS, MAX_IDLE_CONNECTIONS, ConnectionPool
from pyframework._client.streamed import Streamed
from pyframework._client.target import Target, basic, place, tls_options
from pyframework._core.loop import finished_future
from pyframework.concurrent import Future
from pyframework.http1connection import HTTP1Connection, HTTP1ConnectionParameters
from pyframework.httpclient import AsyncHTTPClient, HTTPError, HTTPRequest, HTTPResponse, _RequestProxy, main
from pyframework.ioloop import IOLoop
from pyframework.iostream import IOStream, StreamClosedError
from pyframework.log import app_log, gen_log
from pyframework.netutil import OverrideResolver, Resolver
from pyframework.tcpclient import TCPClient
from pyframework.util import TimeoutError

__all__ = ["HTTPStreamClosedError", "HTTPTimeoutError", "SimpleAsyncHTTPClient"]

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})
_WITH_BODY = frozenset({"POST", "PATCH", "PUT"})
# RFC 9110 section 9.2.2: to send one of these twice does what sending it once does.
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OF_A_BODY = ("Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding")
_CREDENTIALS = ("Authorization", "Cookie")


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
    :arg resolver: finds addresses
    :arg max_header_size, max_body_size: bytes that the head and the body of a response may have; ``max_buffer_size``
        for a body unless given
    :arg max_idle_connections: the most connections that are kept, 0 for none
    :arg idle_seconds: how long one is kept
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
        cookie_jar: http.cookiejar.CookieJar | None = None,
        trust_env: bool = False,
    ) -> None:
        super().initialize(defaults=defaults)
        self.max_clients = max_clients
        self.max_buffer_size = max_buffer_size
        self.max_header_size = max_header_size
        self.max_body_size = max_body_size
        self.queue: collections.deque[tuple[object, HTTPRequest, Callable[[HTTPResponse], None]]] = collections.deque()
        self.active: dict[object, tuple[HTTPRequest, Callable[[HTTPResponse], None]]] = {}
        self.waiting: dict[object, tuple[HTTPRequest, Callable[[HTTPResponse], None], object]] = {}
        self.own_resolver = resolver is None
        self.resolver = Resolver() if resolver is None else resolver
        if hostname_mapping is not None:
            self.resolver = OverrideResolver(resolver=self.resolver, mapping=hostname_mapping)
        self.tcp_client = TCPClient(resolver=self.resolver)
        self.pool = ConnectionPool(max_idle_connections, idle_seconds)
        self.cookie_jar = cookie_jar
        self.trust_env = trust_env

    def close(self) -> None:
        super().close()
        self.pool.close()
        if self.own_resolver:
            self.resolver.close()
        self.tcp_client.close()

    def stream(self, request: "str | HTTPRequest", raise_error: bool = True, **kwargs: Any) -> "Streamed":
        """Send a request for a response whose body is read piece by piece, no faster than it is taken::

            async with client.stream(url) as response:
                async for chunk in response:
                    ...

        The arguments are those of `fetch`; leaving the block early ends the request.
        """
        if not isinstance(request, HTTPRequest):
            request = HTTPRequest(url=request, **kwargs)
        return Streamed(self, request, raise_error)

    def fetch_impl(self, request: HTTPRequest, callback: Callable[[HTTPResponse], None]) -> None:
        key = object()
        if not self.queue and len(self.active) < self.max_clients:
            self._start(key, request, callback)
            return
        self.queue.append((key, request, callback))
        seconds = _shorter(request.connect_timeout, request.request_timeout)
        timer = self.io_loop.call_later(seconds, self._on_timeout, key, "in request queue") if seconds else None
        self.waiting[key] = request, callback, timer
        gen_log.debug("%d requests are under way, max_clients are; %d wait", len(self.active), len(self.queue))

    def _start(self, key: object, request: HTTPRequest, callback: Callable[[HTTPResponse], None]) -> None:
        self.active[key] = request, callback
        self._handle_request(request, lambda: self._release_fetch(key), callback)

    def _process_queue(self) -> None:
        while self.queue and len(self.active) < self.max_clients:
            key, request, callback = self.queue.popleft()
            if key in self.waiting:
                self._remove_timeout(key)
                self._start(key, request, callback)

    def _connection_class(self) -> type:
        return _HTTPConnection

    def _handle_request(
        self,
        request: HTTPRequest,
        release_callback: Callable[[], None],
        final_callback: Callable[[HTTPResponse], None],
    ) -> None:
        max_body_size = self.max_buffer_size if self.max_body_size is None else self.max_body_size
        max_header_size = 65536 if self.max_header_size is None else self.max_header_size
        self._connection_class()(
            self, request, release_callback, final_callback, self.max_buffer_size, self.tcp_client,
            max_header_size, max_body_size,
        )  # fmt: skip

    def _release_fetch(self, key: object) -> None:
        del self.active[key]
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
    """One request on its way: finds or makes a connection, sends, receives, and hands the response over."""

    def __init__(
        self,
        client: SimpleAsyncHTTPClient | None,
        request: HTTPRequest,
        release_callback: Callable[[], None],
        final_callback: Callable[[HTTPResponse], None],
        max_buffer_size: int,
        tcp_client: TCPClient,
        max_header_size: int,
        max_body_size: int,
    ) -> None:
        self.io_loop = IOLoop.current()
        self.start_time = self.io_loop.time()
        self.start_wall_time = time.time()
        self.client: Any = client
        self.request = request
        self.release_callback: Callable[[], None] | None = release_callback
        self.final_callback: Callable[[HTTPResponse], None] | None = final_callback
        self.max_buffer_size = max_buffer_size
        self.tcp_client = tcp_client
        self.max_header_size = max_header_size
        self.max_body_size = max_body_size
        self.code: int | None = None
        self.reason: str | None = None
        self.headers: httputil.HTTPHeaders | None = None
        self.chunks: list[bytes] = []
        self.stream: IOStream | None = None
        self.connection: HTTP1Connection | None = None
        self.reused = False
        self._sent = False
        self._timeout: object | None = None
        self._work: asyncio.Task[None] | None = None
        if request._on_connection is not None:
            request._on_connection(self)
        try:
            self._begin()
        except Exception as error:
            self._fail(error)

    # ---- on the way there

    def _begin(self) -> None:
        request = self.request
        self.target = Target(request, proxies.proxy_of(request, self.client is not None and self.client.trust_env))
        self._complete_head()
        stream = self._idle_connection()
        if stream is None:
            self._run(self.run())
            return
        self.reused = True
        if request.request_timeout:
            self._timeout = self.io_loop.call_later(request.request_timeout, self._on_timeout, "during request")
        self._send(stream)

    def _idle_connection(self) -> IOStream | None:
        keep_alive = self.request.keep_alive
        if self.client is None or self.target.key is None or keep_alive is False:
            return None
        if keep_alive is None and (self.request.method not in _IDEMPOTENT or self.request.body_producer is not None):
            return None
        pool: ConnectionPool = self.client.pool
        return pool.take(self.target.key)

    def _run(self, work: Any) -> None:
        """Let a coroutine go on with the request; what it raises ends that."""
        self._work = asyncio.ensure_future(work)
        self._work.add_done_callback(self._worked)

    def _worked(self, work: "asyncio.Task[None]") -> None:
        self._work = None
        error = asyncio.CancelledError() if work.cancelled() else work.exception()
        if error is not None:
            self._fail(error)

    async def run(self) -> None:
        """Connect, then send."""
        seconds = _shorter(self.request.connect_timeout, self.request.request_timeout)
        deadline = self.start_time + seconds if seconds else None
        try:
            stream = await self._connect(deadline)
        except TimeoutError as error:
            raise HTTPTimeoutError(str(error)) from error
        if self.final_callback is None:
            stream.close()
            return
        if self.request.request_timeout:
            due = self.start_time + self.request.request_timeout
            self._timeout = self.io_loop.call_at(due, self._on_timeout, "during request")
        self._send(stream)

    async def _connect(self, deadline: float | None) -> IOStream:
        request, target = self.request, self.target
        tls = tls_options(request) if target.scheme == "https" else None
        host, port = target.proxy or (target.host, target.port)
        stream = await self.tcp_client.connect(
            host,
            port,
            af=target.family,
            ssl_options=None if target.proxy else tls,
            max_buffer_size=self.max_buffer_size,
            source_ip=request.network_interface,
            timeout=None if deadline is None else max(0, deadline - self.io_loop.time()),
        )
        stream.set_nodelay(True)
        if target.proxy and tls is not None:
            return await proxies.tunnel(stream, target, self.request, tls, deadline)
        return stream

    def _complete_head(self) -> None:
        """Add the fields that the request needs and does not have."""
        request, headers = self.request, self.request.headers
        self._check_body()
        if request.keep_alive is False and "Connection" not in headers:
            headers["Connection"] = "close"
        if "Host" not in headers:
            headers["Host"] = self.target.place.netloc
        username, password = self.target.place.username, self.target.place.password
        if username is None and request.auth_username is not None:
            username, password = request.auth_username, request.auth_password or ""
        if username is not None:
            if request.auth_mode not in (None, "basic"):
                raise ValueError(f"unsupported auth_mode {request.auth_mode}: it needs CurlAsyncHTTPClient")
            headers["Authorization"] = basic(username, password or "")
        if "User-Agent" not in headers:
            headers["User-Agent"] = request.user_agent or f"Tornado/{version}"
        if request.decompress_response and "Accept-Encoding" not in headers:
            headers["Accept-Encoding"] = "gzip"
        if request.expect_100_continue:
            headers["Expect"] = "100-continue"
        if request.body is not None:
            headers["Content-Length"] = str(len(request.body))
        if request.method == "POST" and "Content-Type" not in headers:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        proxies.add_credentials(request, self.target)
        if self.client is not None and self.client.cookie_jar is not None:
            cookies.send(self.client.cookie_jar, request)

    def _check_body(self) -> None:
        request = self.request
        if request.prepare_curl_callback is not None:
            raise NotImplementedError("prepare_curl_callback needs CurlAsyncHTTPClient")
        if request.allow_nonstandard_methods:
            return
        if request.method not in _METHODS:
            raise KeyError(f"unknown method {request.method}: others need allow_nonstandard_methods")
        body: bytes | None = request.body
        has_body = body is not None or request.body_producer is not None
        if has_body != (request.method in _WITH_BODY):
            not_ = "" if has_body else "not "
            raise ValueError(
                f"Body must {not_}be None for method {request.method} (unless allow_nonstandard_methods is true)"
            )

    # ---- the request

    def _send(self, stream: IOStream) -> None:
        request = self.request
        self.stream = stream
        self.connection = self._create_connection(stream)
        start_line = httputil.RequestStartLine(request.method, self.target.request_target, "")
        if request.expect_100_continue:
            self.connection.write_headers(start_line, request.headers)
            self._receive()
        elif request.body_producer is not None:
            self.connection.write_headers(start_line, request.headers)
            self._run(self._write_body())
            self._receive()  # now: the server may refuse the body before its end
        else:
            self.connection.write_headers(start_line, request.headers, request.body)
            self._end_request()
            self._receive()

    def _create_connection(self, stream: IOStream) -> HTTP1Connection:
        parameters = HTTP1ConnectionParameters(
            no_keep_alive=self.request.keep_alive is False,
            max_header_size=self.max_header_size,
            max_body_size=self.max_body_size,
            decompress=bool(self.request.decompress_response),
        )
        return HTTP1Connection(stream, True, parameters)

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

    def _receive(self) -> None:
        assert self.connection is not None
        self.connection.read_response(self).add_done_callback(self._received)

    # ---- the response


    def headers_received(
        self, first_line: httputil.ResponseStartLine | httputil.RequestStartLine, headers: httputil.HTTPHeaders
    ) -> Awaitable[None]:
        assert isinstance(first_line, httputil.ResponseStartLine)
        if self.request.expect_100_continue and first_line.code == 100:
            return self._write_body()
        self.code = first_line.code
        self.reason = first_line.reason
        self.headers = headers
        if self.request.header_callback is not None and self.code >= 200 and not self._should_follow_redirect():
            self.request.header_callback(f"{first_line.version} {first_line.code} {first_line.reason}\r\n")
            for name, value in headers.get_all():
                self.request.header_callback(f"{name}: {value}\r\n")
            self.request.header_callback("\r\n")
        return finished_future(None)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        if self._should_follow_redirect():
            return None
        if self.request.streaming_callback is None:
            self.chunks.append(chunk)
            return None
        waiting = self.request.streaming_callback(chunk)
        return waiting if inspect.isawaitable(waiting) else None

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
            self._keep(stream)
            self._succeed()
        elif self._may_try_again(stream):
            self.reused = False
            self.connection = self.stream = None
            self._remove_timeout()
            self._run(self.run())
        else:
            self._fail(error or stream.error or HTTPStreamClosedError("Connection closed"))

    def _keep(self, stream: IOStream) -> None:
        """Leave the connection to later requests, if both sides want that."""
        if stream.closed():
            return
        if self.client is None or self.client._closed or self.target.key is None or stream._read_buffer_size:
            stream.close()
        else:
            self.client.pool.put(self.target.key, stream)

    def _may_try_again(self, stream: IOStream) -> bool:
        """Whether the connection was a kept one that its peer had given up, and it does no harm to ask once more."""
        untouched = self.code is None and not stream._read_buffer_size
        return untouched and self.reused and self.request.method in _IDEMPOTENT and self.request.body_producer is None

    def _succeed(self) -> None:
        assert self.code is not None
        if self.client is not None and self.client.cookie_jar is not None:
            cookies.receive(self.client.cookie_jar, self.request, self.headers)
        if self._should_follow_redirect():
            try:
                self._follow_redirect()
            except ValueError as error:  # it leads nowhere
                self._fail(error)
            return
        request = self.request.original_request or self.request
        response = HTTPResponse(
            request,
            self.code,
            reason=self.reason,
            headers=self.headers,
            request_time=self.io_loop.time() - self.start_time,
            start_time=self.start_wall_time,
            buffer=BytesIO(b"".join(self.chunks)),
            effective_url=self.request.url,
        )
        self._run_callback(response)

    def _should_follow_redirect(self) -> bool:
        request = self.request
        return bool(
            self.code in _REDIRECTS
            and request.follow_redirects
            and request.max_redirects
            and request.max_redirects > 0
            and self.headers is not None
            and self.headers.get("Location") is not None
        )

    def _follow_redirect(self) -> None:
        """Go on with another request: RFC 9110 section 15.4."""
        assert self.headers is not None and self.final_callback is not None
        old = self.request.request if isinstance(self.request, _RequestProxy) else self.request
        new = copy.copy(old)
        new.headers = httputil.HTTPHeaders(self.request.headers)
        new.url = urllib.parse.urljoin(self.request.url, self.headers["Location"])
        new.max_redirects = (self.request.max_redirects or 0) - 1
        new.original_request = old.original_request or old
        dropped = ["Host", *(("Cookie",) if self.client.cookie_jar is not None else ())]
        if self.code == 303 and new.method != "HEAD" or self.code in (301, 302) and new.method == "POST":
            new.method = "GET"
            new.body = None
            new.body_producer = None
            dropped += _OF_A_BODY
        if _origin(new.url) != _origin(self.request.url):
            new.auth_username = new.auth_password = None
            dropped += _CREDENTIALS
        for name in dropped:
            new.headers.pop(name, None)
        final_callback, self.final_callback = self.final_callback, None
        self._remove_timeout()
        self._release()
        defaults = self.request.defaults if isinstance(self.request, _RequestProxy) else None
        self.client.fetch_impl(_RequestProxy(new, defaults), final_callback)

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
            request = self.request.original_request or self.request
            response = HTTPResponse(
                request,
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


def _origin(url: str) -> tuple[str, str, int]:
    scheme, _, host, port, *_ = place(url)
    return scheme, host, port


def _shorter(*timeouts: float | None) -> float:
    """The shortest of these, in which None and 0 stand for none; 0 if there is none."""
    return min((timeout for timeout in timeouts if timeout), default=0)


if __name__ == "__main__":
    AsyncHTTPClient.configure(SimpleAsyncHTTPClient)
    main()
