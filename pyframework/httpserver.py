"""HTTPServer: an HTTP/1 connection for every stream, and where its requests go."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

from pyframework import _sigterm, httputil, netutil
from pyframework._forwarded import TrustedProxies, forwarded_origin, x_forwarded_origin
from pyframework._proxy_protocol import ProxyHeader
from pyframework.http1connection import HTTP1ConnectionParameters, HTTP1ServerConnection
from pyframework.ioloop import IOLoop
from pyframework.iostream import IOStream, SSLIOStream
from pyframework.log import gen_log
from pyframework.tcpserver import TCPServer
from pyframework.util import Configurable

IDLE_CONNECTION_TIMEOUT = 3600  # seconds
QUIET = 1.0  # seconds that an idle peer has at shutdown for a request that is on its way
RETRY_AFTER = 5  # seconds

_BUSY = (
    f"HTTP/1.1 503 Service Unavailable\r\nRetry-After: {RETRY_AFTER}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
).encode()


class UpgradedConnection(Protocol):
    """A connection that speaks another protocol than HTTP now.

    It enters itself into the set `request.connection.context.upgraded` before it detaches the stream, and leaves
    it when it is closed.
    """

    def go_away(self) -> None:
        """Begin to close: the server shuts down."""

    def abort(self) -> None:
        """Close at once."""


class _UpgradedConnections(set[UpgradedConnection]):
    """Those of one server, which learns when one leaves."""

    def __init__(self, on_leave: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.on_leave = on_leave
        self.going_away = False

    def add(self, connection: UpgradedConnection) -> None:
        super().add(connection)
        if self.going_away:
            IOLoop.current().add_callback(connection.go_away)

    def discard(self, connection: object) -> None:
        super().discard(connection)
        self.on_leave()


class HTTPServer(TCPServer, Configurable, httputil.HTTPServerConnectionDelegate):
    """A server for HTTP/1 requests.

    request_callback: an `HTTPServerConnectionDelegate` (an Application is one), or a function of a whole
    `HTTPServerRequest` that answers it by its `connection`.
    no_keep_alive: close each connection after one request.
    xheaders: believe X-Real-Ip, X-Forwarded-For, X-Scheme and X-Forwarded-Proto.
    trusted_downstream: addresses of proxies that are left out of X-Forwarded-For.
    protocol: the scheme that requests are said to have come by, where a proxy spoke TLS.
    decompress_request: decode gzip bodies.
    ssl_options: as of `TCPServer`.
    chunk_size (64 KiB), max_header_size (64 KiB), max_body_size (100 MiB), max_buffer_size (100 MiB): bytes.
    idle_connection_timeout (3600), body_timeout (none): seconds to wait for the next request's head, and for its body.

    What a public server needs beside Tornado's arguments:
    trusted_proxies: networks such as "10.0.0.0/8" ("unix": whoever connects by a unix socket) whose word counts. They
        must remove what others have sent of this. What they may say: `xheaders`; `forwarded`, RFC 7239 Forwarded, which
        comes before X-Forwarded-For; `proxy_protocol`, the PROXY header (1 or 2) in front of each connection of theirs.
    strict_rfc: where Tornado's behaviour and RFC 9110 and 9112 differ, do as the RFCs say.
    max_connections: how many may be open at a time. More wait in the listening sockets' backlog or, with
        `refuse_connections`, are answered 503 with `Retry-After`.
    max_header_count (1000), head_timeout (60 seconds), min_data_rate (100 bytes a second, over 30 seconds),
        max_unsent_size (256 MiB), linger_timeout (5 seconds): as of `HTTP1ConnectionParameters`.
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
        *,
        trusted_proxies: Iterable[str] | None = None,
        forwarded: bool = False,
        proxy_protocol: bool = False,
        strict_rfc: bool = False,
        max_header_count: int = 1000,
        head_timeout: float | None = 60,
        min_data_rate: float = 100,
        max_unsent_size: int = 256 * 1024 * 1024,
        linger_timeout: float = 5,
        max_connections: int | None = None,
        refuse_connections: bool = False,
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
        self.trusted_proxies = None if trusted_proxies is None else TrustedProxies(trusted_proxies)
        self.forwarded = forwarded
        self.proxy_protocol = proxy_protocol
        if (forwarded or proxy_protocol) and trusted_proxies is None:
            raise ValueError("forwarded and proxy_protocol need trusted_proxies: the networks to believe")
        self._proxy_headers: set[ProxyHeader] = set()
        self.conn_params = HTTP1ConnectionParameters(
            no_keep_alive=no_keep_alive,
            chunk_size=chunk_size,
            max_header_size=max_header_size,
            header_timeout=idle_connection_timeout or IDLE_CONNECTION_TIMEOUT,
            max_body_size=max_body_size,
            body_timeout=body_timeout,
            decompress=decompress_request,
            strict_rfc=strict_rfc,
            max_header_count=max_header_count,
            head_timeout=head_timeout,
            min_data_rate=min_data_rate,
            max_unsent_size=max_unsent_size,
            linger_timeout=linger_timeout,
        )
        # Not chunk_size for read_chunk_size, too: how much a delegate is given at a time is no reason for small reads.
        TCPServer.__init__(self, ssl_options=ssl_options, max_buffer_size=max_buffer_size)
        self._connections: set[HTTP1ServerConnection] = set()
        self.max_connections = max_connections
        self.refuse_connections = refuse_connections
        # Connections of other protocols, by `_HTTPRequestContext.upgraded`.
        self._upgraded = _UpgradedConnections(self._tell_if_empty)
        # Set while the server shuts down: awaits the end of connections.
        self._emptied: asyncio.Event | None = None
        self._quiet = 0.0

    @classmethod
    def configurable_base(cls) -> type[Configurable]:
        return HTTPServer

    @classmethod
    def configurable_default(cls) -> type[Configurable]:
        return HTTPServer

    def add_sockets(self, sockets: Iterable[socket.socket]) -> None:
        """Accept connections on listening `sockets`, as `bind_sockets` returns them."""
        super().add_sockets(sockets)
        _sigterm.watch(self, IOLoop.current().asyncio_loop)

    async def shutdown(self, grace: float = 30) -> None:
        """Stop accepting, finish what was accepted, then close.

        grace: seconds after which connections that still stand are cut.

        Requests that are under way or arrive within a second are served, with `Connection: close`. Upgraded connections
        (WebSockets) are told to close.
        """
        deadline = asyncio.get_running_loop().time() + grace
        self._accept_waiting()
        self.stop()
        self._emptied = emptied = self._emptied or asyncio.Event()
        self._quiet = min(QUIET, grace)
        for connection in list(self._connections):
            connection._drain(self._quiet)
        self._upgraded.going_away = True
        for upgraded in list(self._upgraded):
            upgraded.go_away()
        self._tell_if_empty()
        try:
            async with asyncio.timeout_at(deadline):
                await emptied.wait()
        except TimeoutError:
            gen_log.warning("%d connections are cut after %s seconds", self._open_connections(), grace)
            for upgraded in list(self._upgraded):
                upgraded.abort()
            for header in list(self._proxy_headers):
                header.fail("the server shuts down")
            await self.close_all_connections()

    def _open_connections(self) -> int:
        return len(self._connections) + len(self._upgraded) + len(self._proxy_headers)

    def _accept_waiting(self) -> None:
        """Accept what the kernel has accepted already: closing the sockets would reset it."""
        for sock in self._sockets.values():
            while sock.fileno() != -1:
                try:
                    connection, address = sock.accept()
                except OSError:
                    break
                self._handle_connection(connection, address)

    def _tell_if_empty(self) -> None:
        if self._emptied is not None and self._open_connections() == 0:
            self._emptied.set()

    async def close_all_connections(self) -> None:
        """Close every connection and wait until all of them are."""
        while self._connections:
            connection = next(iter(self._connections))
            await connection.close()

    def _handle_connection(self, connection: socket.socket, address: Any) -> None:
        if self.proxy_protocol and self.trusted_proxies is not None and self.trusted_proxies.trusts(address):
            self._proxy_headers.add(ProxyHeader(connection, address, self._on_proxy_header))
        else:
            super()._handle_connection(connection, address)

    def _on_proxy_header(self, header: ProxyHeader, connection: socket.socket | None, address: Any) -> None:
        self._proxy_headers.discard(header)
        if connection is not None:
            super()._handle_connection(connection, address)
        self._tell_if_empty()

    def handle_stream(self, stream: IOStream, address: Any) -> None:
        context = _HTTPRequestContext(stream, address, self.protocol, self.trusted_downstream)
        context.trust(self.trusted_proxies, self.xheaders, self.forwarded)
        context.upgraded = self._upgraded
        stream.set_nodelay(True)
        connection = HTTP1ServerConnection(stream, self.conn_params, context)
        self._connections.add(connection)
        if self._is_full():
            self._refuse(connection)
            return
        connection.start_serving(self)
        if self._emptied is not None:
            connection._drain(self._quiet)

    # -- as many connections as there may be

    def _is_full(self) -> bool:
        """Whether the newest connection is one too many; if it is the last one that may be, stop accepting."""
        if self.max_connections is None or len(self._connections) < self.max_connections:
            return False
        if self.refuse_connections:
            return len(self._connections) > self.max_connections
        self._stop_accepting()
        return False

    def _refuse(self, connection: HTTP1ServerConnection) -> None:
        assert self.max_connections is not None
        if len(self._connections) > 2 * self.max_connections:  # those that are being refused are many already
            self._connections.discard(connection)
            connection.stream.close()
        else:
            connection._decline(self, _BUSY)

    def _stop_accepting(self) -> None:
        for end in self._handlers.values():
            end()
        self._handlers.clear()

    def _accept_again(self) -> None:
        if self._handlers or self._stopped or self.max_connections is None:
            return
        if len(self._connections) < self.max_connections:
            for number, sock in self._sockets.items():
                self._handlers[number] = netutil.add_accept_handler(sock, self._handle_connection)

    def start_request(
        self, server_conn: object, request_conn: httputil.HTTPConnection
    ) -> httputil.HTTPMessageDelegate:
        delegate = self._requests.start_request(server_conn, request_conn)
        return _ProxyAdapter(delegate, request_conn) if self.xheaders or self.forwarded else delegate

    def on_close(self, server_conn: object) -> None:
        self._connections.discard(server_conn)
        if self.max_connections is not None:
            self._accept_again()
        self._tell_if_empty()


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
        if isinstance(address, tuple):  # of the peer or, where a PROXY header says so, of its client
            self.remote_ip = address[0]
        else:
            self.remote_ip = "0.0.0.0"  # a unix socket: there must be something that looks like an address
        self.protocol = protocol or ("https" if isinstance(stream, SSLIOStream) else "http")
        self._orig_remote_ip = self.remote_ip
        self._orig_protocol = self.protocol
        self.trusted_downstream = set(trusted_downstream or ())
        self.upgraded = _UpgradedConnections()
        self._proxies: TrustedProxies | None = None

    def trust(self, proxies: TrustedProxies | None, xheaders: bool, forwarded: bool) -> None:
        """Believe only these `proxies`, and only what they are to be believed about."""
        self._proxies, self._xheaders, self._forwarded = proxies, xheaders, forwarded
        self._is_trusted = proxies is not None and proxies.trusts(self.address)

    def __str__(self) -> str:
        if self.address_family in (socket.AF_INET, socket.AF_INET6):
            return self.remote_ip
        if isinstance(self.address, bytes):
            return self.address.decode(errors="replace")
        return str(self.address)

    def _apply_xheaders(self, headers: httputil.HTTPHeaders) -> None:
        """Believe what the proxies in front say, for one request."""
        if self._proxies is not None:
            self._believe(self._proxies, headers)
            return
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

    def _believe(self, proxies: TrustedProxies, headers: httputil.HTTPHeaders) -> None:
        origin = forwarded_origin if self._forwarded and "Forwarded" in headers else x_forwarded_origin
        if origin is x_forwarded_origin and not self._xheaders:
            return
        self.remote_ip, scheme = origin(proxies, self._orig_remote_ip, self._is_trusted, headers)
        self.protocol = scheme or self._orig_protocol

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
