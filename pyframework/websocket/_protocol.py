"""What a server's handler and a client share: the handshake's headers, pings, closing."""

from __future__ import annotations

import abc
import asyncio
import base64
import functools
import hashlib
import logging
from collections.abc import Awaitable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from pyframework import httputil
from pyframework._core.deflate import Compressor, Decompressor
from pyframework._core.websocket import FrameConnection, WebSocketClosedError, close_code_is_valid
from pyframework.concurrent import Future
from pyframework.escape import utf8
from pyframework.ioloop import IOLoop
from pyframework.iostream import IOStream
from pyframework.log import gen_log
from pyframework.websocket import _deflate
from pyframework.websocket._topics import unsubscribe_all

if TYPE_CHECKING:
    from pyframework.websocket._handler import WebSocketHandler

_default_max_message_size = 10 * 1024 * 1024  # bytes
_MAX_UNSENT_SIZE = 256 * 1024 * 1024  # bytes
_CLOSING_TIMEOUT = 5  # seconds
_ACCEPT_SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3

de_dupe_gen_log = functools.lru_cache(gen_log.log)  # logs the same record once


class _WebSocketDelegate(Protocol):
    """Whom a connection's messages go to."""

    def on_ws_connection_close(self, close_code: int | None = None, close_reason: str | None = None) -> None: ...

    def on_message(self, message: str | bytes) -> Awaitable[None] | None: ...

    def on_ping(self, data: bytes) -> None: ...

    def on_pong(self, data: bytes) -> None: ...

    def log_exception(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None: ...


class _WebSocketParams:
    """ping_interval, ping_timeout: seconds. max_message_size: bytes of a message of the peer. max_unsent_size: bytes
    that may wait for a slow peer when more is written."""

    __slots__ = ("compression_options", "max_message_size", "max_unsent_size", "ping_interval", "ping_timeout")

    def __init__(
        self,
        ping_interval: float | None = None,
        ping_timeout: float | None = None,
        max_message_size: int = _default_max_message_size,
        compression_options: dict[str, Any] | None = None,
        max_unsent_size: int = _MAX_UNSENT_SIZE,
    ) -> None:
        self.ping_interval = ping_interval
        self.ping_timeout = ping_timeout
        self.max_message_size = max_message_size
        self.compression_options = compression_options
        self.max_unsent_size = max_unsent_size


class WebSocketProtocol(abc.ABC):
    """Base of the versions of the protocol, of which there is one."""

    def __init__(self, handler: _WebSocketDelegate) -> None:
        self.handler = handler
        self.stream: IOStream | None = None
        self.client_terminated = False
        self.server_terminated = False

    def on_connection_close(self) -> None:
        self._abort()

    def _abort(self) -> None:
        """Close the connection without another word."""
        self.client_terminated = self.server_terminated = True
        if self.stream is not None:
            self.stream.close()
        self.close()

    @abc.abstractmethod
    def close(self, code: int | None = None, reason: str | None = None) -> None: ...

    @abc.abstractmethod
    def is_closing(self) -> bool: ...

    @abc.abstractmethod
    async def accept_connection(self, handler: WebSocketHandler) -> None: ...

    @abc.abstractmethod
    def write_message(self, message: str | bytes | dict[str, Any], binary: bool = False) -> Future[None]: ...

    @property
    @abc.abstractmethod
    def selected_subprotocol(self) -> str | None: ...

    @abc.abstractmethod
    def write_ping(self, data: bytes) -> None: ...

    @abc.abstractmethod
    def _process_server_headers(self, key: str | bytes, headers: httputil.HTTPHeaders) -> None: ...

    @abc.abstractmethod
    def start_pinging(self) -> None: ...

    @abc.abstractmethod
    def set_nodelay(self, x: bool) -> None: ...


class WebSocketProtocol13(FrameConnection, WebSocketProtocol):
    """Version 13, that of RFC 6455.

    handler: whom messages go to. mask_outgoing: whether this is a client. params: a `_WebSocketParams`.
    """

    FIN = 0x80
    RSV1 = 0x40
    RSV2 = 0x20
    RSV3 = 0x10
    RSV_MASK = RSV1 | RSV2 | RSV3
    OPCODE_MASK = 0x0F

    def __init__(self, handler: _WebSocketDelegate, mask_outgoing: bool, params: _WebSocketParams) -> None:
        WebSocketProtocol.__init__(self, handler)
        self.mask_outgoing = mask_outgoing
        self.params = params

    @property
    def selected_subprotocol(self) -> str | None:
        return self._selected_subprotocol

    @selected_subprotocol.setter
    def selected_subprotocol(self, value: str | None) -> None:
        self._selected_subprotocol = value

    # ---- the handshake of a server

    async def accept_connection(self, handler: WebSocketHandler) -> None:
        """Answer the handshake and begin to read messages, or refuse it with 400."""
        headers = handler.request.headers
        if not all(headers.get(name) for name in ("Host", "Sec-WebSocket-Key", "Sec-WebSocket-Version")):
            handler.set_status(400)
            handler.finish("Missing/Invalid WebSocket headers")
            gen_log.debug("handshake without Host, Sec-WebSocket-Key or Sec-WebSocket-Version")
            return
        self._choose_subprotocol(handler)
        self._choose_compression(handler)
        handler.clear_header("Content-Type")
        handler.set_status(101)
        accept = self.compute_accept_value(headers["Sec-WebSocket-Key"])
        for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept)):
            handler.set_header(name, value)
        self._upgraded = getattr(getattr(handler.request.connection, "context", None), "upgraded", None)
        handler.finish()
        if self._upgraded is not None:
            self._upgraded.add(self)
        self.stream = handler._detach_stream()
        self.start_pinging()
        self._begin(functools.partial(handler.open, *handler.open_args, **handler.open_kwargs))

    @staticmethod
    def compute_accept_value(key: str | bytes) -> str:
        """Return the Sec-WebSocket-Accept that answers a Sec-WebSocket-Key (RFC 6455 section 4.2.2)."""
        return base64.b64encode(hashlib.sha1(utf8(key) + _ACCEPT_SUFFIX).digest()).decode()

    def _choose_subprotocol(self, handler: WebSocketHandler) -> None:
        header = handler.request.headers.get("Sec-WebSocket-Protocol")
        offered = [name.strip() for name in header.split(",")] if header else []
        selected = self.selected_subprotocol = handler.select_subprotocol(offered)
        if selected:
            assert selected in offered, "select_subprotocol returned a protocol that the client did not offer"
            handler.set_header("Sec-WebSocket-Protocol", selected)

    def _choose_compression(self, handler: WebSocketHandler) -> None:
        """Take the first offer of permessage-deflate that can be kept (RFC 7692 section 5)."""
        options = self.params.compression_options
        if options is None:
            return
        Compressor(False, None, options)  # wrong options are no offer declined: they raise ValueError
        for name, parameters in _deflate.parse_extensions(handler.request.headers):
            if name != "permessage-deflate":
                continue
            try:
                _deflate.check_parameters(parameters, offered=True)
                self._create_compressors("server", parameters, options)
            except ValueError as error:
                gen_log.debug("offer of permessage-deflate declined: %s", error)
                continue
            if parameters.get("client_max_window_bits", "") is None:
                del parameters["client_max_window_bits"]
            extension = httputil._encode_header("permessage-deflate", parameters)
            handler.set_header("Sec-WebSocket-Extensions", extension)
            return

    def _create_compressors(
        self, side: str, parameters: dict[str, str | None], options: dict[str, Any] | None = None
    ) -> None:
        other = "client" if side == "server" else "server"
        self._compressor = Compressor(**_deflate.side_options(side, parameters), compression_options=options)
        self._decompressor = Decompressor(
            **_deflate.side_options(other, parameters), max_message_size=self.params.max_message_size
        )

    # ---- the handshake of a client

    def _process_server_headers(self, key: str | bytes, headers: httputil.HTTPHeaders) -> None:
        """Raise ValueError if `headers` do not complete the handshake (RFC 6455 section 4.1)."""
        if headers.get("Upgrade", "").lower() != "websocket":
            raise ValueError("the server's Upgrade header does not say websocket")
        if "upgrade" not in [option.strip().lower() for option in headers.get("Connection", "").split(",")]:
            raise ValueError("the server's Connection header does not say Upgrade")
        if headers.get("Sec-WebSocket-Accept", "").strip() != self.compute_accept_value(key):
            raise ValueError("the server's Sec-WebSocket-Accept does not fit the key")
        for name, parameters in _deflate.parse_extensions(headers):
            if name != "permessage-deflate" or self.params.compression_options is None or self._compressor is not None:
                raise ValueError(f"unsupported extension {name!r}")
            _deflate.check_parameters(parameters, offered=False)
            self._create_compressors("client", parameters, self.params.compression_options)
        self.selected_subprotocol = headers.get("Sec-WebSocket-Protocol", None)

    # ---- pings

    @property
    def ping_interval(self) -> float:
        """Seconds between pings; 0 for none."""
        return self.params.ping_interval or 0

    @property
    def ping_timeout(self) -> float:
        """Seconds to wait for a pong: no more than `ping_interval`, which is the default; 0 for ever."""
        timeout: float | None = self.params.ping_timeout
        interval = self.ping_interval
        if timeout is None:
            return interval
        if interval and timeout > interval:
            de_dupe_gen_log(
                logging.WARNING, "websocket_ping_timeout (%s) is cut to websocket_ping_interval (%s)", timeout, interval
            )
            return interval
        return timeout

    @staticmethod
    def ping_sleep_time(*, last_ping_time: float, interval: float, now: float) -> float:
        """Return the seconds until the next ping is due."""
        return max(0, last_ping_time + interval - now)

    def write_ping(self, data: bytes) -> None:
        """Send a ping with at most 125 bytes."""
        assert isinstance(data, bytes)
        self._write_frame(True, 0x9, data)

    def start_pinging(self) -> None:
        """Begin to send a ping every `ping_interval` seconds."""
        if self._ping_task is None and self.ping_interval > 0:
            self._ping_task = asyncio.create_task(self.periodic_ping())

    async def periodic_ping(self) -> None:
        """Send a ping every `ping_interval` seconds, and close when one is not answered within `ping_timeout`."""
        interval, timeout, clock = self.ping_interval, self.ping_timeout, IOLoop.current().time
        await asyncio.sleep(interval)
        while not self.is_closing():
            self._received_pong = False
            pinged = clock()
            self.write_ping(b"")
            await asyncio.sleep(timeout)
            if timeout > 0 and not self._received_pong:
                self._ping_task = None  # `close` would cancel it
                self.close(reason="ping timed out")
                return
            await asyncio.sleep(self.ping_sleep_time(last_ping_time=pinged, interval=interval, now=clock()))

    def _stop_pinging(self) -> None:
        task, self._ping_task = self._ping_task, None
        if task is not None:
            task.cancel()

    def _stop_closing_timer(self) -> None:
        timer, self._closing_timer = self._closing_timer, None
        if timer is not None:
            IOLoop.current().remove_timeout(timer)

    # ---- the end

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Send Close, and close the stream when the peer has done so too, or after five seconds.

        code, reason: what the peer is told (RFC 6455 section 7.4); 1000 if there is only a reason.
        """
        stream = self.stream
        if not self.server_terminated:
            if stream is not None and not stream.closed():
                self._write_close(code, reason)
            self.server_terminated = True
        if stream is not None:
            if self.client_terminated:
                self._stop_closing_timer()
                self._close_stream()
            if self._closing_timer is None and not stream.closed():
                self._closing_timer = IOLoop.current().call_later(_CLOSING_TIMEOUT, self._abort)
        self._stop_pinging()

    def _write_close(self, code: int | None, reason: str | None) -> None:
        if code is None and reason is not None:
            code = 1000
        if code is not None and not close_code_is_valid(code):
            raise ValueError(f"a Close may not carry the code {code}: use 1000 to 1014 or 3000 to 4999 (RFC 6455 7.4)")
        data = b"" if code is None else code.to_bytes(2, "big")
        if reason is not None:
            data += utf8(reason)
        try:
            self._write_frame(True, 0x8, data)
        except WebSocketClosedError:
            self._abort()

    def _ended(self) -> None:
        """Nothing more will be read: leave whoever knows this connection."""
        self._stop_pinging()
        if self.stream is None or self.stream.closed():
            self._stop_closing_timer()
        if self._upgraded is not None:
            self._upgraded.discard(self)
        if self._topics is not None:
            unsubscribe_all(self.handler.application, self)

    def go_away(self) -> None:
        """Begin to close, because the server shuts down."""
        self.close(1001)

    def abort(self) -> None:
        """Close at once, because the server shuts down."""
        self._abort()

    def set_nodelay(self, x: bool) -> None:
        assert self.stream is not None
        self.stream.set_nodelay(x)
