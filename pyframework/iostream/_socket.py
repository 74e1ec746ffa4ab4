"""IOStream: a stream over a socket."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import ssl
import sys
import termios
from asyncio import Future
from typing import TYPE_CHECKING, Any

from pyframework.iostream._base import BaseIOStream
from pyframework.log import gen_log
from pyframework.netutil import _client_ssl_defaults, _server_ssl_defaults, ssl_wrap_socket

if TYPE_CHECKING:
    from pyframework.iostream._tls import SSLIOStream


class IOStream(BaseIOStream):
    """Reads and writes a stream socket without blocking.

    socket: connected, or to be connected by `connect`; it belongs to the stream from now on.
    Further arguments are those of `BaseIOStream`.
    """

    def __init__(self, socket: socket.socket, *args: Any, **kwargs: Any) -> None:
        self.socket = socket
        socket.setblocking(False)
        super().__init__(*args, **kwargs)

    def _is_raw(self) -> bool:
        kind = type(self)
        return type(self.socket) is socket.socket and (kind.read_from_fd, kind.write_to_fd) == _PLAIN_HOOKS

    def fileno(self) -> int:
        return self.socket.fileno()

    def close_fd(self) -> None:
        self.socket.close()
        self.socket = None  # type: ignore[assignment]

    def get_fd_error(self) -> Exception | None:
        number = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return OSError(number, os.strerror(number))

    def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
        try:
            return self.socket.recv_into(buf, len(buf))
        except BlockingIOError:
            return None

    def write_to_fd(self, data: memoryview) -> int:
        return self.socket.send(data)

    def _end_writing(self) -> None:
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            self.close(exc_info=error)

    def _unacknowledged(self) -> int:
        count = bytearray(4)
        try:
            fcntl.ioctl(self.socket, termios.TIOCOUTQ, count)
        except OSError:  # only Linux tells it of sockets
            return 0
        return int.from_bytes(count, sys.byteorder)

    def connect(self, address: Any, server_hostname: str | None = None) -> Future[IOStream]:
        """Connect to `address`; the Future's result is this stream.

        server_hostname: the name that a TLS peer must prove, for subclasses that use it.
        Writing may begin before the connection stands.
        """
        self._connecting = True
        future: Future[IOStream] = self.io_loop.asyncio_loop.create_future()
        self._connect_future = future
        try:
            self.socket.connect(address)
        except BlockingIOError:
            pass
        except OSError as error:
            self.close(exc_info=error)
            return future
        self._watch()
        return future

    def _handle_connect(self) -> None:
        if self._has_connected():
            self._finish_connect()

    def _has_connected(self) -> bool:
        """Whether the attempt to connect, which is over, went well; if not, close the stream."""
        number = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if not number:
            return True
        error = OSError(number, os.strerror(number))
        if number != errno.ECONNREFUSED:
            gen_log.warning("Connect error on fd %s: %s", self.socket.fileno(), error)
        self.close(exc_info=error)
        return False

    def _finish_connect(self) -> None:
        self._connecting = False
        future, self._connect_future = self._connect_future, None
        if future is not None and not future.done():
            future.set_result(self)

    def start_tls(
        self,
        server_side: bool,
        ssl_options: dict[str, Any] | ssl.SSLContext | None = None,
        server_hostname: str | None = None,
    ) -> Future[SSLIOStream]:
        """Go on in TLS, on a new stream that takes over the socket; the Future is done after the handshake.

        server_side: which side of the handshake this is.
        ssl_options: a context, or arguments for `netutil.ssl_options_to_context`; by default those of
            `ssl.create_default_context`, which verify the peer of a client.
        server_hostname: the name that the peer must prove, and that it is told (SNI).

        This stream must be idle: no pending reads or writes, no unread bytes; it cannot be used any more. Its close
        callback moves to the new one. Cancelling the Future closes the socket. Raises ValueError if it is not idle.
        """
        from pyframework.iostream._tls import SSLIOStream

        if self._closed or self._connecting or self.reading() or self.writing() or self._read_buffer_size:
            raise ValueError("IOStream is not idle; cannot convert to SSL")
        secured = ssl_wrap_socket(
            self.socket,
            ssl_options or (_server_ssl_defaults() if server_side else _client_ssl_defaults()),
            server_hostname=server_hostname,
            server_side=server_side,
            do_handshake_on_connect=False,
        )
        self._state = None
        self.socket = None  # type: ignore[assignment]
        stream = SSLIOStream(
            secured, max_buffer_size=self.max_buffer_size, max_write_buffer_size=self.max_write_buffer_size
        )
        close_callback, self._close_callback = self._close_callback, None
        stream.set_close_callback(close_callback)
        future = stream.wait_for_handshake()
        future.add_done_callback(lambda done: stream.close() if done.cancelled() else None)
        return future

    def set_nodelay(self, value: bool) -> None:
        if self.socket is None or self.socket.family not in (socket.AF_INET, socket.AF_INET6):
            return
        try:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1 if value else 0)
        except OSError as error:
            # A socket that was shut down says EINVAL on some systems, one that was reset says ECONNRESET.
            if error.errno != errno.EINVAL and not self._is_connreset(error):
                gen_log.warning("TCP_NODELAY on %r: %s", self, error)
                raise


_PLAIN_HOOKS = (IOStream.read_from_fd, IOStream.write_to_fd)
