"""SSLIOStream: a stream over a socket that speaks TLS."""

from __future__ import annotations

import errno
import ssl
from asyncio import Future
from contextlib import suppress
from typing import Any

from pyframework._core.stream import StreamClosedError
from pyframework.ioloop import IOLoop
from pyframework.iostream._socket import IOStream
from pyframework.log import gen_log
from pyframework.netutil import _client_ssl_defaults, ssl_wrap_socket

RECORD = 16384  # bytes of the largest TLS record (RFC 8446, section 5.1); no read brings more than one

# What port scanners and peers that have gone leave behind; 0 is what OpenSSL says of a socket closed under it.
_ERRNO_GONE = (0, errno.EBADF, errno.ENOTCONN)


class SSLIOStream(IOStream):
    """Reads and writes a TLS socket without blocking.

    socket: one that is connected and wrapped (`ssl.SSLContext.wrap_socket` with `do_handshake_on_connect=False`), or
        one to be connected by `connect`, which then wraps it.
    ssl_options: for `connect`: a context, or arguments for `netutil.ssl_options_to_context`; by default that of
        `ssl.create_default_context`, which verifies the peer.
    Further arguments are those of `BaseIOStream`.
    """

    handshake_timeout: float = 60  # seconds

    socket: ssl.SSLSocket

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        ssl_options: dict[str, Any] | ssl.SSLContext | None = kwargs.pop("ssl_options", None)
        super().__init__(*args, **kwargs)
        self.read_chunk_size = min(self.read_chunk_size, RECORD)
        self._ssl_options = ssl_options
        self._server_hostname: str | None = None
        self._handshake_timer: object | None = None
        if self._is_connected():
            self._secure()

    # -- the handshake

    def connect(self, address: Any, server_hostname: str | None = None) -> Future[SSLIOStream]:  # type: ignore[override]
        """Connect to `address` and shake hands; the Future's result is this stream.

        server_hostname: the name that the peer must prove, and that it is told (SNI).
        Writing may begin before the connection stands.
        """
        self._server_hostname = server_hostname
        return super().connect(address)  # type: ignore[return-value]

    def wait_for_handshake(self) -> Future[SSLIOStream]:
        """Return a Future that is done after the handshake; its result is this stream.

        For streams of servers and of `start_tls`; `connect` waits by itself. Raises RuntimeError if somebody waits.
        """
        if self._connect_future is not None:
            raise RuntimeError("Already waiting for the handshake of this stream")
        future: Future[SSLIOStream] = self.io_loop.asyncio_loop.create_future()
        if self._connecting:
            self._connect_future = future
        else:
            self._check_closed()
            future.set_result(self)
        return future

    def _is_connected(self) -> bool:
        try:
            self.socket.getpeername()
        except OSError:
            return False
        return True

    def _handle_connect(self) -> None:
        if self._handshake_timer is not None:
            self._shake_hands()
        elif self._has_connected():
            self._secure()

    def _secure(self) -> None:
        """Put TLS on the connected socket, where that has not been done, and begin the handshake."""
        self._connecting = True
        self._handshake_timer = self.io_loop.call_later(self.handshake_timeout, self._give_up_handshake)
        try:
            if not hasattr(self.socket, "do_handshake"):
                self.socket = ssl_wrap_socket(
                    self.socket,
                    self._ssl_options or _client_ssl_defaults(),
                    server_hostname=self._server_hostname,
                    server_side=False,
                    do_handshake_on_connect=False,
                )
        except (OSError, ValueError) as error:
            self._fail_handshake(error)
            return
        self._connect_state = IOLoop.READ if self.socket.server_side else IOLoop.WRITE
        self._watch()

    def _shake_hands(self) -> None:
        try:
            self.socket.do_handshake()
        except ssl.SSLWantReadError:
            self._connect_state = IOLoop.READ
        except ssl.SSLWantWriteError:
            self._connect_state = IOLoop.WRITE
        except (OSError, ValueError) as error:
            self._fail_handshake(error)
        else:
            self._stop_timer()
            self._hidden = True  # bytes that came right behind the handshake may be in OpenSSL already
            self._finish_connect()

    def _give_up_handshake(self) -> None:
        self.close(OSError(errno.ETIMEDOUT, f"TLS handshake was not over after {self.handshake_timeout} seconds"))

    def _fail_handshake(self, error: OSError | ValueError) -> None:
        gone = isinstance(error, OSError) and error.errno in _ERRNO_GONE
        if not (gone or self._is_connreset(error)):
            peer = self.socket.getpeername() if self._is_connected() else "(not connected)"
            gen_log.warning("SSL Error on %s %s: %s", self.socket.fileno(), peer, error)
        self.close(exc_info=error)

    def _stop_timer(self) -> None:
        timer, self._handshake_timer = self._handshake_timer, None
        if timer is not None:
            self.io_loop.remove_timeout(timer)

    def _signal_closed(self) -> None:
        self._stop_timer()
        future, self._connect_future = self._connect_future, None
        if future is not None and not future.done() and not self.io_loop.asyncio_loop.is_closed():
            future.set_exception(self.error or StreamClosedError())  # not only that it is closed, but why
            future.exception()
        super()._signal_closed()

    # -- the descriptor

    def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
        try:
            count = self.socket.recv_into(buf, len(buf))
            self._hidden = count == len(buf) and self.socket.pending() > 0
            return count
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            self._hidden = False
            return None

    def write_to_fd(self, data: memoryview) -> int:
        try:
            return self.socket.send(data)
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return 0

    def _end_tls(self) -> None:
        """Tell the peer that nothing more will come (RFC 8446, section 6.1), and do not wait for its answer."""
        with suppress(OSError, ValueError):
            self.socket.unwrap()

    def _end_writing(self) -> None:
        self._end_tls()
        super()._end_writing()

    def close_fd(self) -> None:
        if not self._connecting:
            self._end_tls()
        super().close_fd()

    def _is_connreset(self, error: BaseException) -> bool:
        if isinstance(error, ssl.SSLError):
            return error.args[0] in (ssl.SSL_ERROR_EOF, ssl.SSL_ERROR_ZERO_RETURN)
        return super()._is_connreset(error)
