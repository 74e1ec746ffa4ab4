"""HTTP clients: requests, responses, and `AsyncHTTPClient`, which `simple_httpclient` and `curl_httpclient` implement.

From a shell: ``python -m pyframework.httpclient URL``.
"""

import asyncio
import datetime
import ssl
import time
import weakref
from collections.abc import Awaitable, Callable
from io import BytesIO
from typing import Any, cast

from pyframework import httputil
from pyframework._core.loop import create_future
from pyframework.concurrent import Future, future_set_exception_unless_cancelled, future_set_result_unless_cancelled
from pyframework.escape import native_str, utf8
from pyframework.ioloop import IOLoop
from pyframework.util import Configurable

_Headers = dict[str, str] | httputil.HTTPHeaders

__all__ = ["AsyncHTTPClient", "HTTPClient", "HTTPClientError", "HTTPError", "HTTPRequest", "HTTPResponse", "main"]


class HTTPClient:
    """Fetches and waits for it; for scripts and for tests, not for use inside an event loop.

    :arg async_client_class: the `AsyncHTTPClient` that works for it; further arguments are that one's
    """

    _async_client: "AsyncHTTPClient | None" = None  # once there is one, until it is closed

    def __init__(self, async_client_class: "type[AsyncHTTPClient] | None" = None, **kwargs: Any) -> None:
        self._io_loop = IOLoop(make_current=False)

        async def make_client() -> AsyncHTTPClient:
            return (async_client_class or AsyncHTTPClient)(**kwargs)

        try:
            client: AsyncHTTPClient = self._io_loop.run_sync(make_client)
        except BaseException:
            self._io_loop.close()
            raise
        # Between two calls the loop stands still: it would not see that a kept connection is closed.
        client.defaults.setdefault("keep_alive", False)
        self._async_client = client

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Close the client, and with it its connections and its event loop."""
        client, self._async_client = self._async_client, None
        if client is not None:
            client.close()
            self._io_loop.close()

    def fetch(self, request: "HTTPRequest | str", **kwargs: Any) -> "HTTPResponse":
        """Do what `AsyncHTTPClient.fetch` does, and return the response itself.

        :raises HTTPError: and what else that raises
        """
        client = self._async_client
        if client is None:
            raise RuntimeError("fetch() called on closed HTTPClient")
        response: HTTPResponse = self._io_loop.run_sync(lambda: client.fetch(request, **kwargs))
        return response


class AsyncHTTPClient(Configurable):
    """An HTTP client without waiting. There is one for each event loop: ``AsyncHTTPClient()`` gives the same again.

    ``configure`` chooses the implementation and its arguments for the whole process.

    :arg force_instance: make a client of its own, which its owner closes
    :arg defaults: values for the arguments of `HTTPRequest` that a request leaves out
    """

    _instance_cache: "weakref.WeakKeyDictionary[IOLoop, AsyncHTTPClient] | None"

    @classmethod
    def configurable_base(cls) -> type[Configurable]:
        return AsyncHTTPClient

    @classmethod
    def configurable_default(cls) -> type[Configurable]:
        from pyframework.simple_httpclient import SimpleAsyncHTTPClient

        return SimpleAsyncHTTPClient

    @classmethod
    def _async_clients(cls) -> "weakref.WeakKeyDictionary[IOLoop, AsyncHTTPClient]":
        """The clients of this very class that are shared, by event loop."""
        clients: weakref.WeakKeyDictionary[IOLoop, AsyncHTTPClient] | None = cls.__dict__.get("_shared_clients")
        if clients is None:
            clients = weakref.WeakKeyDictionary()
            cls._shared_clients = clients  # type: ignore[attr-defined]
        return clients

    def __new__(cls, force_instance: bool = False, **kwargs: Any) -> "AsyncHTTPClient":
        if force_instance:
            client = cast(AsyncHTTPClient, super().__new__(cls, **kwargs))
            client._instance_cache = None
            return client
        loop, clients = IOLoop.current(), cls._async_clients()
        if loop not in clients:
            for closed in [known for known in clients if known.asyncio_loop.is_closed()]:
                clients[closed].close()  # nobody else will: a program may run many loops, one after another
            client = cast(AsyncHTTPClient, super().__new__(cls, **kwargs))
            client._instance_cache = clients
            clients[loop] = client
        return clients[loop]

    def initialize(self, defaults: dict[str, Any] | None = None) -> None:
        self.io_loop = IOLoop.current()
        self.defaults = {**HTTPRequest._DEFAULTS, **(defaults or {})}
        self._closed = False

    def close(self) -> None:
        """Give back what the client holds. Only needed for clients made with ``force_instance``, and with loops."""
        if self._closed:
            return
        self._closed = True
        if self._instance_cache is not None:
            if self._instance_cache.pop(self.io_loop, self) is not self:
                raise RuntimeError("another client took the place of this one for its event loop")

    def fetch(self, request: "str | HTTPRequest", raise_error: bool = True, **kwargs: Any) -> "Future[HTTPResponse]":
        """Send a request and return a Future for the `HTTPResponse`.

        :arg request: an `HTTPRequest`, or a URL; then the further arguments are those of `HTTPRequest`
        :arg raise_error: fail with `HTTPError` for a status other than 2xx; else only if there is no response at all
        :raises RuntimeError: the client is closed
        """
        if self._closed:
            raise RuntimeError("fetch() called on closed AsyncHTTPClient")
        if not isinstance(request, HTTPRequest):
            request = HTTPRequest(url=request, **kwargs)
        elif kwargs:
            raise ValueError(f"the HTTPRequest says it all: {', '.join(kwargs)} cannot be given besides")
        request.headers = httputil.HTTPHeaders(request.headers)
        future: Future[HTTPResponse] = create_future()

        def settle(response: HTTPResponse) -> None:
            if isinstance(response.error, asyncio.CancelledError):  # the loop ends
                future.cancel()
            elif response.error and (raise_error or not response._error_is_response_code):
                future_set_exception_unless_cancelled(future, response.error)
            else:
                future_set_result_unless_cancelled(future, response)

        self.fetch_impl(cast(HTTPRequest, _RequestProxy(request, self.defaults)), settle)
        return future

    def fetch_impl(self, request: "HTTPRequest", callback: "Callable[[HTTPResponse], None]") -> None:
        """Send ``request``, whose attributes have their defaults, and call ``callback`` once; for implementations."""
        raise NotImplementedError

    @classmethod
    def configure(cls, impl: "None | str | type[Configurable]", **kwargs: Any) -> None:
        """Choose the implementation for `AsyncHTTPClient` objects made from now on.

        :arg impl: a class or its name, such as "pyframework.curl_httpclient.CurlAsyncHTTPClient"
        """
        super().configure(impl, **kwargs)


class HTTPRequest:
    """What to fetch. The arguments of the same name are attributes; those left out have the client's defaults.

    :arg url: of http or https
    :arg method: such as "GET"; others than the usual ones need ``allow_nonstandard_methods``
    :arg headers: further fields
    :arg body: of the request; text is sent in UTF-8
    :arg body_producer: called with a function ``write``, by which it sends the body bit by bit; may be a coroutine
    :arg auth_username, auth_password, auth_mode: who asks, and "basic" (the default) or, with curl, "digest"
    :arg connect_timeout, request_timeout: seconds for the connection and for everything, 20 each; 0 for no limit
    :arg if_modified_since: ask for a response only if there is a newer one, as of this time
    :arg follow_redirects, max_redirects: whether to go where the response sends us (yes), and how often (5)
    :arg user_agent: what the field says
    :arg decompress_response: ask for compressed responses, and decompress them (yes); ``use_gzip`` is its older name
    :arg network_interface: the address to connect from (curl: or the interface's name)
    :arg streaming_callback: called with each piece of the body; then the response has none. It may be a coroutine
        function, and then the next piece is read when it is through
    :arg header_callback: called with each line of the response's head, start line and last, empty line included
    :arg prepare_curl_callback: called with the handle of curl
    :arg proxy_host, proxy_port: an HTTP proxy to ask instead of the server; for https it makes a tunnel
    :arg proxy_username, proxy_password, proxy_auth_mode: who asks it
    :arg allow_nonstandard_methods: allow any method, and a body, or none, with any
    :arg validate_cert, ca_certs: whether the server's certificate must be good (yes), and by whose word (a file)
    :arg client_key, client_cert: files with the client's own
    :arg ssl_options: a context, instead of these four, or arguments for `netutil.ssl_options_to_context`
    :arg allow_ipv6: use such addresses (yes)
    :arg expect_100_continue: send the body only when the server says that it wants it
    :arg keep_alive: whether a connection that earlier requests have left may be used. None: where nobody can tell but
        by the time it takes, which is with idempotent methods (RFC 9110 section 9.2.2) and servers that are not of this
        process. False: nor may this one's serve later requests
    """

    _host: str | None = None  # the Host that a client has put into the headers, which goes for that URL only
    _DEFAULTS: dict[str, Any] = {
        "connect_timeout": 20.0,
        "request_timeout": 20.0,
        "follow_redirects": True,
        "max_redirects": 5,
        "decompress_response": True,
        "proxy_password": "",
        "allow_nonstandard_methods": False,
        "validate_cert": True,
    }

    def __init__(
        self,
        url: str,
        method: str = "GET",
        headers: _Headers | None = None,
        body: bytes | str | None = None,
        auth_username: str | None = None,
        auth_password: str | None = None,
        auth_mode: str | None = None,
        connect_timeout: float | None = None,
        request_timeout: float | None = None,
        if_modified_since: float | datetime.datetime | None = None,
        follow_redirects: bool | None = None,
        max_redirects: int | None = None,
        user_agent: str | None = None,
        use_gzip: bool | None = None,
        network_interface: str | None = None,
        streaming_callback: Callable[[bytes], Awaitable[None] | None] | None = None,
        header_callback: Callable[[str], None] | None = None,
        prepare_curl_callback: Callable[[Any], None] | None = None,
        proxy_host: str | None = None,
        proxy_port: int | None = None,
        proxy_username: str | None = None,
        proxy_password: str | None = None,
        proxy_auth_mode: str | None = None,
        allow_nonstandard_methods: bool | None = None,
        validate_cert: bool | None = None,
        ca_certs: str | None = None,
        allow_ipv6: bool | None = None,
        client_key: str | None = None,
        client_cert: str | None = None,
        body_producer: "Callable[[Callable[[bytes], Any]], Any] | None" = None,
        expect_100_continue: bool = False,
        decompress_response: bool | None = None,
        ssl_options: dict[str, Any] | ssl.SSLContext | None = None,
        *,
        keep_alive: bool | None = None,
    ) -> None:
        self.headers = headers
        if if_modified_since:
            self.headers = httputil.HTTPHeaders(self.headers)  # the caller's own stay as they are
            self.headers["If-Modified-Since"] = httputil.format_timestamp(if_modified_since)
        self.allow_ipv6 = allow_ipv6
        self.allow_nonstandard_methods = allow_nonstandard_methods
        self.auth_mode = auth_mode
        self.auth_password = auth_password
        self.auth_username = auth_username
        self.body = body
        self.body_producer = body_producer
        self.ca_certs = ca_certs
        self.client_cert = client_cert
        self.client_key = client_key
        self.connect_timeout = connect_timeout
        self.decompress_response = use_gzip if decompress_response is None else decompress_response
        self.expect_100_continue = expect_100_continue
        self.follow_redirects = follow_redirects
        self.header_callback = header_callback
        self.max_redirects = max_redirects
        self.method = method
        self.network_interface = network_interface
        self.prepare_curl_callback = prepare_curl_callback
        self.proxy_auth_mode = proxy_auth_mode
        self.proxy_host = proxy_host
        self.proxy_password = proxy_password
        self.proxy_port = proxy_port
        self.proxy_username = proxy_username
        self.request_timeout = request_timeout
        self.ssl_options = ssl_options
        self.streaming_callback = streaming_callback
        self.url = url
        self.user_agent = user_agent
        self.validate_cert = validate_cert
        self.keep_alive = keep_alive
        self.original_request: HTTPRequest | None = None  # of one that follows a redirect
        self._streamed: Any = None  # the `Streamed` that reads the response
        self.start_time = time.time()

    @property
    def headers(self) -> httputil.HTTPHeaders:
        return self._headers

    @headers.setter
    def headers(self, value: _Headers | None) -> None:
        self._headers = cast(httputil.HTTPHeaders, httputil.HTTPHeaders() if value is None else value)

    @property
    def body(self) -> bytes:
        return self._body

    @body.setter
    def body(self, value: bytes | str | None) -> None:
        self._body = cast(bytes, utf8(value))


class HTTPResponse:
    """What came back.

    Attributes: ``request`` (as it was asked, redirects do not change it); ``code`` and ``reason`` of the status;
    ``headers``; ``effective_url``, the last one of the redirects; ``buffer``, the body as a file; ``body``, as bytes;
    ``error``, the exception if any; ``request_time``, seconds from begin to end; ``start_time``, on the clock of
    `time.time`; ``time_info``, with curl further times in seconds, such as ``queue``, how long it waited because of
    ``max_clients``.
    """

    error: BaseException | None = None
    _error_is_response_code = False
    request: HTTPRequest

    def __init__(
        self,
        request: HTTPRequest,
        code: int,
        headers: httputil.HTTPHeaders | None = None,
        buffer: BytesIO | None = None,
        effective_url: str | None = None,
        error: BaseException | None = None,
        request_time: float | None = None,
        time_info: dict[str, float] | None = None,
        reason: str | None = None,
        start_time: float | None = None,
    ) -> None:
        self.request = request.request if isinstance(request, _RequestProxy) else request
        self.code = code
        self.reason = reason or _reason(code)
        self.headers = httputil.HTTPHeaders() if headers is None else headers
        self.buffer = buffer
        self._body: bytes | None = None
        self.effective_url = request.url if effective_url is None else effective_url
        if error is None and not 200 <= code < 300:
            error = HTTPError(code, message=self.reason, response=self)
            self._error_is_response_code = True
        self.error = error
        self.start_time = start_time
        self.request_time = request_time
        self.time_info = time_info or {}

    @property
    def body(self) -> bytes:
        if self._body is None:
            self._body = b"" if self.buffer is None else self.buffer.getvalue()
        return self._body

    def rethrow(self) -> None:
        """Raise ``error``, if there is one."""
        if self.error:
            raise self.error

    def __repr__(self) -> str:
        shown = ",".join(f"{name}={value!r}" for name, value in sorted(vars(self).items()))
        return f"{type(self).__name__}({shown})"


class HTTPClientError(Exception):
    """A response with a status of no success, or the lack of a response.

    ``code`` is that status, or 599 for none; ``response`` the `HTTPResponse`, if any. Another name is ``HTTPError``,
    which is not `pyframework.web.HTTPError`.
    """

    def __init__(self, code: int, message: str | None = None, response: HTTPResponse | None = None) -> None:
        self.code = code
        self.message = message or _reason(code)
        self.response = response
        super().__init__(code, message, response)

    def __str__(self) -> str:
        return f"HTTP {self.code}: {self.message}"

    # Not those of Exception: the response refers to the error again.
    __repr__ = __str__


HTTPError = HTTPClientError


class _RequestProxy:
    """A request together with the client's defaults for what it leaves out."""

    def __init__(self, request: HTTPRequest, defaults: dict[str, Any] | None) -> None:
        values = vars(self)
        values.update(vars(request), headers=request.headers, body=request.body, request=request, defaults=defaults)
        for name, default in defaults.items() if defaults else ():
            if values.get(name) is None:
                values[name] = default

    def __getattr__(self, name: str) -> Any:
        return getattr(self.request, name)


def _reason(code: int) -> str:
    return httputil.responses.get(code, "Unknown")


def main() -> None:
    """Fetch the URLs of the command line and print what comes back; ``--help`` lists the options."""
    from pyframework.options import define, options, parse_command_line

    define("print_headers", type=bool, default=False, help="print the heads")
    define("print_body", type=bool, default=True, help="print the bodies")
    define("follow_redirects", type=bool, default=True, help="go where a response sends us")
    define("validate_cert", type=bool, default=True, help="demand good certificates")
    define("proxy_host", type=str, help="ask this HTTP proxy")
    define("proxy_port", type=int, help="its port")
    names = ("follow_redirects", "validate_cert", "proxy_host", "proxy_port")
    urls = parse_command_line()
    chosen = {name: getattr(options, name) for name in names}
    client = HTTPClient()
    try:
        for url in urls:
            response = client.fetch(url, raise_error=False, **chosen)
            if options.print_headers:
                print(response.headers)
            if options.print_body:
                print(native_str(response.body))
    finally:
        client.close()


if __name__ == "__main__":
    main()
