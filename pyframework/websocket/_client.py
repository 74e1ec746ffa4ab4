"""websocket_connect and the connection that it makes."""

import asyncio
import base64
import os
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Any

from pyframework import httpclient, httputil, simple_httpclient
from pyframework._core.loop import finished_future
from pyframework._core.websocket import WebSocketClosedError, WebSocketError
from pyframework.concurrent import Future, future_set_result_unless_cancelled
from pyframework.escape import utf8
from pyframework.ioloop import IOLoop
from pyframework.iostream import StreamClosedError
from pyframework.log import app_log
from pyframework.netutil import Resolver
from pyframework.queues import Queue
from pyframework.tcpclient import TCPClient
from pyframework.websocket._protocol import (
    WebSocketProtocol,
    WebSocketProtocol13,
    _default_max_message_size,
    _WebSocketParams,
)

_Message = None | str | bytes
_MAX_BODY_SIZE = 104857600  # bytes of an answer that is no WebSocket
_MAX_HEADER_SIZE = 65536
_SCHEMES = {"ws": "http", "wss": "https"}


class WebSocketClientConnection(simple_httpclient._HTTPConnection):
    """The client's end of a WebSocket; `websocket_connect` makes it."""

    protocol: WebSocketProtocol | None = None
    close_code: int | None = None
    close_reason: str | None = None

    def __init__(
        self,
        request: httpclient.HTTPRequest,
        on_message_callback: Callable[[_Message], None] | None = None,
        compression_options: dict[str, Any] | None = None,
        ping_interval: float | None = None,
        ping_timeout: float | None = None,
        max_message_size: int = _default_max_message_size,
        subprotocols: list[str] | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        self._on_message_callback = on_message_callback
        self.read_queue: Queue[_Message] = Queue(1)
        self.connect_future: Future[WebSocketClientConnection] = Future()
        self.key = base64.b64encode(os.urandom(16))
        self.params = _WebSocketParams(ping_interval, ping_timeout, max_message_size, compression_options)
        self._prepare(request, subprotocols)
        self.tcp_client = TCPClient(resolver=resolver)
        super().__init__(
            None, request, lambda: None, self._on_http_response,
            _MAX_BODY_SIZE, self.tcp_client, _MAX_HEADER_SIZE, _MAX_BODY_SIZE,
        )  # fmt: skip

    def _prepare(self, request: httpclient.HTTPRequest, subprotocols: list[str] | None) -> None:
        """Make a handshake of the request (RFC 6455 section 4.1)."""
        scheme, colon, rest = request.url.partition(":")
        request.url = _SCHEMES[scheme] + colon + rest
        request.headers["Upgrade"] = "websocket"
        request.headers["Connection"] = "Upgrade"
        request.headers["Sec-WebSocket-Key"] = self.key.decode()
        request.headers["Sec-WebSocket-Version"] = "13"
        if subprotocols is not None:
            request.headers["Sec-WebSocket-Protocol"] = ",".join(subprotocols)
        if self.params.compression_options is not None:
            request.headers["Sec-WebSocket-Extensions"] = "permessage-deflate; client_max_window_bits"
        request.follow_redirects = False

    def __del__(self) -> None:
        if self.protocol is not None:
            warnings.warn("Unclosed WebSocketClientConnection", ResourceWarning, stacklevel=1)

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Close the connection.

        code, reason: what the server is told (RFC 6455 section 7.4)
        """
        if self.protocol is not None:
            self.protocol.close(code, reason)
            self.protocol = None

    # ---- the handshake

    def headers_received(
        self, start_line: httputil.RequestStartLine | httputil.ResponseStartLine, headers: httputil.HTTPHeaders
    ) -> Awaitable[None]:
        assert isinstance(start_line, httputil.ResponseStartLine)
        if start_line.code != 101:
            return super().headers_received(start_line, headers)
        self.headers = headers
        assert self.connection is not None
        protocol = self.get_websocket_protocol()
        try:
            protocol._process_server_headers(self.key, headers)
        except ValueError as error:
            future_set_exception(self.connect_future, WebSocketError(f"handshake failed: {error}"))
            raise
        self._remove_timeout()
        self.final_callback = None
        self.protocol = protocol
        protocol.stream = self.connection.detach()
        protocol.start_pinging()
        future_set_result_unless_cancelled(self.connect_future, self)
        assert isinstance(protocol, WebSocketProtocol13)
        protocol._begin()
        return finished_future(None)

    def get_websocket_protocol(self) -> WebSocketProtocol:
        """Return the protocol that the connection speaks."""
        return WebSocketProtocol13(self, mask_outgoing=True, params=self.params)

    def _on_http_response(self, response: httpclient.HTTPResponse) -> None:
        error = response.error or WebSocketError("Non-websocket response")
        future_set_exception(self.connect_future, error)

    def on_connection_close(self) -> None:
        future_set_exception(self.connect_future, StreamClosedError())
        self._on_message(None)
        self.tcp_client.close()
        super().on_connection_close()

    def on_ws_connection_close(self, close_code: int | None = None, close_reason: str | None = None) -> None:
        """Keep what the server's Close said, and tell the reader that this is the end."""
        self.close_code = close_code
        self.close_reason = close_reason
        self.on_connection_close()

    # ---- messages

    def write_message(self, message: str | bytes | dict[str, Any], binary: bool = False) -> "Future[None]":
        """Send a message; a dict is sent as JSON.

        :returns: a Future that is done when all of it has left
        :raises WebSocketClosedError: the connection is closed
        """
        if self.protocol is None:
            raise WebSocketClosedError("Client connection has been closed")
        return self.protocol.write_message(message, binary)

    @property
    def buffered_amount(self) -> int:
        """Bytes that were written and that wait for the server."""
        return self.protocol.buffered_amount if isinstance(self.protocol, WebSocketProtocol13) else 0

    def read_message(self, callback: "Callable[[Future[_Message]], None] | None" = None) -> Awaitable[_Message]:
        """Return a Future of the next message; None when the connection is closed.

        :arg callback: called with the Future when it is done
        """
        message = self.read_queue.get()
        if callback is not None:
            self.io_loop.add_future(asyncio.ensure_future(message), callback)
        return message

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        while (message := await self.read_message()) is not None:
            yield message

    def on_message(self, message: str | bytes) -> Awaitable[None] | None:
        """Hand a message to the callback, or to the reader; the next one waits until that has room."""
        return self._on_message(message)

    def _on_message(self, message: _Message) -> Awaitable[None] | None:
        if self._on_message_callback is not None:
            self._on_message_callback(message)
            return None
        return self.read_queue.put(message)

    def ping(self, data: str | bytes = b"") -> None:
        """Send a ping with at most 125 bytes."""
        data = utf8(data)
        if self.protocol is None:
            raise WebSocketClosedError()
        self.protocol.write_ping(data)

    def on_ping(self, data: bytes) -> None:
        """Override to know of a ping; it is answered anyhow."""

    def on_pong(self, data: bytes) -> None:
        """Override to know of a pong."""

    @property
    def selected_subprotocol(self) -> str | None:
        """The subprotocol that the server chose."""
        assert self.protocol is not None
        return self.protocol.selected_subprotocol

    def log_exception(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Log what a callback raised."""
        assert typ is not None and value is not None
        app_log.error("Uncaught exception %s", value, exc_info=(typ, value, tb))


def future_set_exception(future: "Future[Any]", error: BaseException) -> None:
    """Give a Future that is not done an exception."""
    if not future.done():
        future.set_exception(error)


def websocket_connect(
    url: str | httpclient.HTTPRequest,
    callback: "Callable[[Future[WebSocketClientConnection]], None] | None" = None,
    connect_timeout: float | None = None,
    on_message_callback: Callable[[_Message], None] | None = None,
    compression_options: dict[str, Any] | None = None,
    ping_interval: float | None = None,
    ping_timeout: float | None = None,
    max_message_size: int = _default_max_message_size,
    subprotocols: list[str] | None = None,
    resolver: Resolver | None = None,
) -> "Awaitable[WebSocketClientConnection]":
    """Connect to a WebSocket and return a Future of the `WebSocketClientConnection`.

    :arg url: ``ws://`` or ``wss://``, or an HTTPRequest with such a URL
    :arg callback: deprecated: called with the Future
    :arg connect_timeout: seconds
    :arg on_message_callback: called with each message, and with None at the end, in place of `read_message`
    :arg compression_options: as of `WebSocketHandler.get_compression_options`
    :arg ping_interval, ping_timeout, max_message_size: as of `WebSocketHandler`
    :arg subprotocols: what is offered to the server
    :arg resolver: finds the address
    """
    if isinstance(url, httpclient.HTTPRequest):
        assert connect_timeout is None, "give connect_timeout to the HTTPRequest"
        request = url
        request.headers = httputil.HTTPHeaders(request.headers)
    else:
        request = httpclient.HTTPRequest(url, connect_timeout=connect_timeout)
    proxy: Any = httpclient._RequestProxy(request, httpclient.HTTPRequest._DEFAULTS)
    connection = WebSocketClientConnection(
        proxy, on_message_callback, compression_options, ping_interval, ping_timeout, max_message_size, subprotocols,
        resolver,
    )  # fmt: skip
    if callback is not None:
        message = "websocket_connect(callback=) is deprecated: use the Future that it returns"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        IOLoop.current().add_future(connection.connect_future, callback)
    return connection.connect_future
