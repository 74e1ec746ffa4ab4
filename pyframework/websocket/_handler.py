"""WebSocketHandler: the server's end of a WebSocket."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from pyframework import httputil
from pyframework._core.websocket import WebSocketClosedError
from pyframework.escape import utf8
from pyframework.log import gen_log
from pyframework.web import Application, RequestHandler
from pyframework.websocket import _topics
from pyframework.websocket._protocol import (
    _MAX_UNSENT_SIZE,
    WebSocketProtocol,
    WebSocketProtocol13,
    _default_max_message_size,
    _WebSocketParams,
)

if TYPE_CHECKING:
    from pyframework.concurrent import Future
    from pyframework.iostream import IOStream

_HTTP_ONLY = ("write", "redirect", "set_header", "set_cookie", "set_status", "flush", "finish")


class WebSocketHandler(RequestHandler):
    """Speaks with one client: override `on_message`, and `open` and `on_close` if you like.

    Settings of the application: ``websocket_ping_interval`` and ``websocket_ping_timeout`` (seconds),
    ``websocket_max_message_size`` (bytes, 10 MiB), ``websocket_max_unsent_size`` (bytes, 256 MiB): a client that lets
    so much wait is given up when it is sent more.
    """

    ws_connection: WebSocketProtocol | None = None
    close_code: int | None = None
    close_reason: str | None = None
    _on_close_called = False

    def __init__(self, application: Application, request: httputil.HTTPServerRequest, **kwargs: Any) -> None:
        super().__init__(application, request, **kwargs)

    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Answer the handshake (RFC 6455 section 4.2)."""
        self.open_args = args
        self.open_kwargs = kwargs
        problem = self._handshake_problem()
        if problem is not None:
            status, text = problem
            self.set_status(status)
            self.finish(text)
            gen_log.debug("handshake refused: %s", text)
            return
        self.ws_connection = self.get_websocket_protocol()
        if self.ws_connection is None:
            self.set_status(426, "Upgrade Required")
            self.set_header("Sec-WebSocket-Version", "13")
        else:
            await self.ws_connection.accept_connection(self)

    def _handshake_problem(self) -> tuple[int, str] | None:
        headers = self.request.headers
        if headers.get("Upgrade", "").lower() != "websocket":
            return 400, 'Can "Upgrade" only to "WebSocket".'
        if "upgrade" not in [option.strip().lower() for option in headers.get("Connection", "").split(",")]:
            return 400, '"Connection" must be "Upgrade".'
        # Here rather than before `prepare`: check_origin may need what that finds out.
        if self._check_cross_origin(self.check_origin) is not None:
            return 403, "Cross origin websockets not allowed"
        return None

    # ---- settings

    @property
    def ping_interval(self) -> float | None:
        """Seconds between pings; None or 0 for none. By default the setting ``websocket_ping_interval``."""
        return self.settings.get("websocket_ping_interval", None)

    @property
    def ping_timeout(self) -> float | None:
        """Seconds to wait for a pong before the connection is closed; 0 for ever, None for `ping_interval`.

        No more than `ping_interval`. By default the setting ``websocket_ping_timeout``.
        """
        return self.settings.get("websocket_ping_timeout", None)

    @property
    def max_message_size(self) -> int:
        """Bytes that a message of the client may have. By default the setting ``websocket_max_message_size``."""
        return self.settings.get("websocket_max_message_size", _default_max_message_size)  # type: ignore[no-any-return]

    def get_compression_options(self) -> dict[str, Any] | None:
        """Override to return a dict, which may be empty: then messages are compressed if the client offers that.

        ``compression_level`` (4) and ``mem_level`` (8) in it are those of `zlib.compressobj`.
        """
        return None

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """Override to return one of `subprotocols`, which the client offers, or None.

        Called once, also without an offer.
        """
        return None

    @property
    def selected_subprotocol(self) -> str | None:
        """What `select_subprotocol` returned."""
        assert self.ws_connection is not None
        return self.ws_connection.selected_subprotocol

    def check_origin(self, origin: str) -> bool:
        """Return whether a page of another `origin` may connect: by default what `check_trusted_origin` says.

        Called after `prepare`, and only for requests that seem to come from elsewhere.
        """
        return self.check_trusted_origin(origin)

    # ---- what happens

    def _open(self, *args: str, **kwargs: str) -> Awaitable[None] | None:
        """Override as `open` for what comes before the first message; messages wait for a coroutine.

        The arguments are the groups of the rule's pattern.
        """
        return None

    open: Callable[..., Awaitable[None] | None] = _open

    def on_message(self, message: str | bytes) -> Awaitable[None] | None:
        """Override to act on a message: str for text, bytes for binary. The next one waits for a coroutine."""
        raise NotImplementedError

    def on_ping(self, data: bytes) -> None:
        """Override to know of a ping; it is answered anyhow."""

    def on_pong(self, data: bytes) -> None:
        """Override to know of a pong."""

    def on_close(self) -> None:
        """Override for the end; `close_code` and `close_reason` are what the client said, if it did."""

    def on_connection_close(self) -> None:
        connection, self.ws_connection = self.ws_connection, None
        if connection is not None:
            connection.on_connection_close()
        if self._on_close_called:
            return
        self._on_close_called = True
        self.on_close()
        self._break_cycles()

    def on_ws_connection_close(self, close_code: int | None = None, close_reason: str | None = None) -> None:
        """Keep what the client's Close said, and tell `on_close`."""
        self.close_code = close_code
        self.close_reason = close_reason
        self.ws_connection = None
        self.on_connection_close()

    def _break_cycles(self) -> None:
        # `finish` calls this when the handshake is answered, and `render_string` is needed after that.
        if self.get_status() != 101 or self._on_close_called:
            super()._break_cycles()

    # ---- what can be done

    def write_message(self, message: bytes | str | dict[str, Any], binary: bool = False) -> "Future[None]":
        """Send a message; a dict is sent as JSON.

        :returns: a Future that is done when all of it has left: wait for it, and a slow client makes no memory grow
        :raises WebSocketClosedError: the connection is closed
        """
        connection = self.ws_connection
        if connection is None or connection.is_closing():
            raise WebSocketClosedError()
        return connection.write_message(message, binary)

    @property
    def buffered_amount(self) -> int:
        """Bytes that were written and that wait for the client."""
        connection = self.ws_connection
        return connection.buffered_amount if isinstance(connection, WebSocketProtocol13) else 0

    def ping(self, data: str | bytes = b"") -> None:
        """Send a ping with at most 125 bytes."""
        connection = self.ws_connection
        if connection is None or connection.is_closing():
            raise WebSocketClosedError()
        connection.write_ping(utf8(data))

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Close the connection.

        :arg code, reason: what the client is told (RFC 6455 section 7.4)
        """
        if self.ws_connection is not None:
            self.ws_connection.close(code, reason)
            self.ws_connection = None

    def set_nodelay(self, value: bool) -> None:
        """As `BaseIOStream.set_nodelay`."""
        assert self.ws_connection is not None
        self.ws_connection.set_nodelay(value)

    # ---- topics

    def subscribe(self, topic: str) -> None:
        """Send this client what is published on `topic`, until it leaves."""
        if not isinstance(self.ws_connection, WebSocketProtocol13) or self.ws_connection.is_closing():
            raise WebSocketClosedError()
        _topics.subscribe(self.application, self.ws_connection, topic)

    def unsubscribe(self, topic: str) -> None:
        """Do so no longer."""
        if isinstance(self.ws_connection, WebSocketProtocol13):
            _topics.unsubscribe(self.application, self.ws_connection, topic)

    def publish(self, topic: str, message: bytes | str | dict[str, Any], binary: bool = False) -> int:
        """Send `message` to all subscribers of `topic`; return how many there are."""
        return _topics.publish(self.application, topic, message, binary)

    # ---- the upgrade

    def get_websocket_protocol(self) -> WebSocketProtocol | None:
        """Return the protocol for the version that the client asks for, or None."""
        if self.request.headers.get("Sec-WebSocket-Version") != "13":
            return None
        params = _WebSocketParams(
            self.ping_interval,
            self.ping_timeout,
            self.max_message_size,
            self.get_compression_options(),
            self.settings.get("websocket_max_unsent_size", _MAX_UNSENT_SIZE),
        )
        return WebSocketProtocol13(self, False, params)

    def _detach_stream(self) -> "IOStream":
        for method in _HTTP_ONLY:
            setattr(self, method, _refuse)
        return self.detach()


def _refuse(*args: Any, **kwargs: Any) -> None:
    raise RuntimeError("Method not supported for Web Sockets")
