"""IOStream: a stream over a socket."""

from __future__ import annotations

import errno
import os
import socket
from asyncio import Future
from typing import Any

from pyframework.iostream._base import BaseIOStream
from pyframework.log import gen_log


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
        """The socket became writable, or failed, while connecting."""
        number = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            error = OSError(number, os.strerror(number))
            if number != errno.ECONNREFUSED:
                gen_log.warning("Connect error on fd %s: %s", self.socket.fileno(), error)
            self.close(exc_info=error)
            return
        self._connecting = False
        future, self._connect_future = self._connect_future, None
        if future is not None and not future.done():
            future.set_result(self)

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
