"""HTTPServer: an HTTP/1 connection for every stream, and where its requests go."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

from pyframework import httputil, netutil
from pyframework.http1connection import HTTP1ConnectionParameters, HTTP1ServerConnection
from pyframework.iostream import IOStream, SSLIOStream
from pyframework.tcpserver import TCPServer
from pyframework.util import Configurable

IDLE_CONNECTION_TIMEOUT = 3600  # seconds


class HTTPServer(TCPServer, Configurable, httputil.HTTPServerConnectionDelegate):
    """A server for HTTP/1 requests.

    request_callback: an `HTTPServerConnectionDelegate` (an Application is one), or a function of a whole
    `HTTPServerRequest` that answers it by its `connection`.
    no_keep_alive: close each connection after one request.
    xheaders: believe X-Real-Ip, X-Forwarded-For, X-Scheme and X-Forwarded-Proto.
    trusted_downstream: addresses of proxies that are left out of X-Forwarded-For.
    protocol: the scheme that requests are said to have come by, where a proxy spoke TLS.
    decompress_request: decode gzip bodies.
    chunk_size, max_header_size, max_body_size, max_buffer_size: bytes.
    idle_connection_timeout: seconds to wait for the next request's head; body_timeout: seconds for its body.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Configurable calls `initialize` with these arguments.
        pass

    def initialize(
        self,
        request_callback: httputil.HTTPServerConnectionDelegate | Callable[[httputil.HTTPServerRequest], None],
        no_keep_alive: bool = False,
        xheaders: bool = False,
        ssl_options: dict[str, Any] | ssl.SSLContext | None = None,
        protocol: str | None = None,
        decompress_request: bool = False,
        chunk_size: int | None = None,
        max_header_size: int | None = None,
        idle_connection_timeout: float | None = None,
        body_timeout: float | None = None,
        max_body_size: int | None = None,
        max_buffer_size: int | None = None,
        trusted_downstream: list[str] | None = None,
    ) -> None:
        self.request_callback = request_callback
        self._requests = (
            request_callback
            if isinstance(request_callback, httputil.HTTPServerConnectionDelegate)
            else _CallableServer(request_callback)
        )
        self.xheaders = xheaders
        self.protocol = protocol
        self.trusted_downstream = trusted_downstream
        self.conn_params = HTTP1ConnectionParameters(
            no_keep_alive=no_keep_alive,
            chunk_size=chunk_size,
            max_header_size=max_header_size,
            header_timeout=idle_connection_timeout or IDLE_CONNECTION_TIMEOUT,
            max_body_size=max_body_size,
            body_timeout=body_timeout,
            decompress=decompress_request,
        )
        # Not chunk_size for read_chunk_size, too: how much a delegate is given at a time is no reason for small reads.
        TCPServer.__init__(self, ssl_options=ssl_options, max_buffer_size=max_buffer_size)
        self._connections: set[HTTP1ServerConnection] = set()

    @classmethod
    def configurable_base(cls) -> type[Configurable]:
        return HTTPServer

    @classmethod
    def configurable_default(cls) -> type[Configurable]:
        return HTTPServer

    async def close_all_connections(self) -> None:
        """Close every connection and wait until all of them are."""
        while self._connections:
            connection = next(iter(self._connections))
            await connection.close()

    def handle_stream(self, stream: IOStream, address: Any) -> None:
        context = _HTTPRequestContext(stream, address, self.protocol, self.trusted_downstream)
        stream.set_nodelay(True)
        connection = HTTP1ServerConnection(stream, self.conn_params, context)
        self._connections.add(connection)
        connection.start_serving(self)

    def start_request(
        self, server_conn: object, request_conn: httputil.HTTPConnection
    ) -> httputil.HTTPMessageDelegate:
        delegate = self._requests.start_request(server_conn, request_conn)
        return _ProxyAdapter(delegate, request_conn) if self.xheaders else delegate

    def on_close(self, server_conn: object) -> None:
        self._connections.discard(server_conn)


class _CallableServer(httputil.HTTPServerConnectionDelegate):
    """Gives every request to a plain function."""

    def __init__(self, request_callback: Callable[[httputil.HTTPServerRequest], None]) -> None:
        self.request_callback = request_callback

    def start_request(
        self, server_conn: object, request_conn: httputil.HTTPConnection
    ) -> httputil.HTTPMessageDelegate:
        return _CallableAdapter(self.request_callback, request_conn)


class _CallableAdapter(httputil.HTTPMessageDelegate):
    """Gathers a request for a server that was given a plain function."""

    def __init__(
        self, request_callback: Callable[[httputil.HTTPServerRequest], None], request_conn: httputil.HTTPConnection
    ) -> None:
        self.connection = request_conn
        self.request_callback = request_callback
        self.request: httputil.HTTPServerRequest | None = None
        self._chunks: list[bytes] = []

    def headers_received(
        self, start_line: httputil.RequestStartLine | httputil.ResponseStartLine, headers: httputil.HTTPHeaders
    ) -> Awaitable[None] | None:
        assert isinstance(start_line, httputil.RequestStartLine)
        self.request = httputil.HTTPServerRequest(
            connection=self.connection, start_line=start_line, headers=headers
        )
        return None

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        self._chunks.append(chunk)
        return None

    def finish(self) -> None:
        assert self.request is not None
        self.request.body = b"".join(self._chunks)
        self.request._parse_body()
        self.request_callback(self.request)

    def on_connection_close(self) -> None:
        self._chunks.clear()


class _HTTPRequestContext:
    """What is known of a connection beside HTTP: who is at its other end, and by which scheme it came."""

    address: Any
    address_family: int | None
    remote_ip: str
    protocol: str

    def __init__(
        self, stream: IOStream, address: Any, protocol: str | None, trusted_downstream: list[str] | None = None
    ) -> None:
        self.address = address
        self.address_family = stream.socket.family if stream.socket is not None else None
        if self.address_family in (socket.AF_INET, socket.AF_INET6) and address is not None:
            self.remote_ip = address[0]
        else:
            self.remote_ip = "0.0.0.0"  # a unix socket: there must be something that looks like an address
        self.protocol = protocol or ("https" if isinstance(stream, SSLIOStream) else "http")
        self._orig_remote_ip = self.remote_ip
        self._orig_protocol = self.protocol
        self.trusted_downstream = set(trusted_downstream or ())

    def __str__(self) -> str:
        if self.address_family in (socket.AF_INET, socket.AF_INET6):
            return self.remote_ip
        if isinstance(self.address, bytes):
            return self.address.decode(errors="replace")
        return str(self.address)

    def _apply_xheaders(self, headers: httputil.HTTPHeaders) -> None:
        """Believe what the proxies in front say, for one request."""
        address = self.remote_ip
        for hop in reversed(headers.get("X-Forwarded-For", self.remote_ip).split(",")):
            address = hop.strip()
            if address not in self.trusted_downstream:
                break
        address = headers.get("X-Real-Ip", address)
        if netutil.is_valid_ip(address):
            self.remote_ip = address
        scheme = headers.get("X-Scheme", headers.get("X-Forwarded-Proto"))
        if scheme is not None:
            nearest = scheme.split(",")[-1].strip()
            if nearest in ("http", "https"):
                self.protocol = nearest

    def _unapply_xheaders(self) -> None:
        self.remote_ip = self._orig_remote_ip
        self.protocol = self._orig_protocol


class _ProxyAdapter(httputil.HTTPMessageDelegate):
    """Applies forwarding headers for as long as one request lasts."""

    def __init__(self, delegate: httputil.HTTPMessageDelegate, request_conn: httputil.HTTPConnection) -> None:
        self.connection: Any = request_conn
        self.delegate = delegate

    def headers_received(
        self, start_line: httputil.RequestStartLine | httputil.ResponseStartLine, headers: httputil.HTTPHeaders
    ) -> Awaitable[None] | None:
        self.connection.context._apply_xheaders(headers)
        return self.delegate.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self.delegate.data_received(chunk)

    def finish(self) -> None:
        self.delegate.finish()
        self._cleanup()

    def on_connection_close(self) -> None:
        self.delegate.on_connection_close()
        self._cleanup()

    def _cleanup(self) -> None:
        self.connection.context._unapply_xheaders()


HTTPRequest = httputil.HTTPServerRequest
