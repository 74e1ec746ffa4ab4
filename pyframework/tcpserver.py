"""TCPServer: listening sockets, and a stream for every connection that they accept."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from pyframework import gen
from pyframework.ioloop import IOLoop
from pyframework.iostream import IOStream, SSLIOStream
from pyframework.log import app_log
from pyframework.netutil import (
    _DEFAULT_BACKLOG,
    add_accept_handler,
    bind_sockets,
    ssl_options_to_context,
    ssl_wrap_socket,
)


class TCPServer:
    """Accepts connections and gives each to `handle_stream`, which a subclass defines.

    ssl_options: an `ssl.SSLContext`, or a dict of arguments for `ssl_options_to_context`, to speak TLS.
    max_buffer_size, read_chunk_size: those of each connection's `IOStream`.
    """

    def __init__(
        self,
        ssl_options: dict[str, Any] | ssl.SSLContext | None = None,
        max_buffer_size: int | None = None,
        read_chunk_size: int | None = None,
    ) -> None:
        self.ssl_options = ssl_options
        self.max_buffer_size = max_buffer_size
        self.read_chunk_size = read_chunk_size
        self._check_certificate_files()
        self._started = self._stopped = False
        self._pending_sockets: list[socket.socket] = []
        # By descriptor: what ends the listening, and the socket.
        self._handlers: dict[int, Callable[[], None]] = {}
        self._sockets: dict[int, socket.socket] = {}

    def _check_certificate_files(self) -> None:
        if not isinstance(self.ssl_options, dict):
            return
        if "certfile" not in self.ssl_options:
            raise KeyError('missing key "certfile" in ssl_options')
        for key in ("certfile", "keyfile"):
            name = self.ssl_options.get(key)
            if name is not None and not os.path.exists(name):
                raise ValueError(f'{key} "{name}" does not exist')

    def listen(
        self,
        port: int,
        address: str | None = None,
        family: socket.AddressFamily = socket.AF_UNSPEC,
        backlog: int = _DEFAULT_BACKLOG,
        flags: int | None = None,
        reuse_port: bool = False,
    ) -> None:
        """Accept connections on `port` of `address` (default: every address); arguments as of `bind_sockets`."""
        self.add_sockets(
            bind_sockets(port, address=address, family=family, backlog=backlog, flags=flags, reuse_port=reuse_port)
        )

    def add_sockets(self, sockets: Iterable[socket.socket]) -> None:
        """Accept connections on listening `sockets`, as `bind_sockets` returns them."""
        for sock in sockets:
            number = sock.fileno()
            self._sockets[number] = sock
            self._handlers[number] = add_accept_handler(sock, self._handle_connection)

    def add_socket(self, socket: socket.socket) -> None:
        """Accept connections on one listening socket."""
        self.add_sockets([socket])

    def bind(
        self,
        port: int,
        address: str | None = None,
        family: socket.AddressFamily = socket.AF_UNSPEC,
        backlog: int = _DEFAULT_BACKLOG,
        flags: int | None = None,
        reuse_port: bool = False,
    ) -> None:
        """Bind to `port` now and accept from `start` on; arguments as of `listen`."""
        sockets = bind_sockets(
            port, address=address, family=family, backlog=backlog, flags=flags, reuse_port=reuse_port
        )
        if self._started:
            self.add_sockets(sockets)
        else:
            self._pending_sockets.extend(sockets)

    def start(self, num_processes: int | None = 1, max_restarts: int | None = None) -> None:
        """Accept connections on what was bound.

        num_processes: 1 for this process; None or 0 for one child a CPU, above 1 for that many, forked here and now.
        max_restarts: children that are replaced when they die, in total.
        """
        if self._started:
            raise AssertionError("start() was called before")
        self._started = True
        if num_processes != 1:
            from pyframework.process import fork_processes

            fork_processes(num_processes, max_restarts)
        sockets, self._pending_sockets = self._pending_sockets, []
        self.add_sockets(sockets)

    def stop(self) -> None:
        """Accept no more and close the listening sockets; connections that stand go on."""
        if self._stopped:
            return
        self._stopped = True
        for number, sock in self._sockets.items():
            if sock.fileno() == number:
                if number in self._handlers:
                    self._handlers.pop(number)()
                sock.close()

    def handle_stream(self, stream: IOStream, address: Any) -> Awaitable[None] | None:
        """Serve one new connection; a coroutine's exception is logged.

        address: the peer's, as `socket.accept` returns it.
        """
        raise NotImplementedError()

    def _handle_connection(self, connection: socket.socket, address: Any) -> None:
        try:
            stream = self._stream_for(connection)
            result = None if stream is None else self.handle_stream(stream, address)
        except Exception:
            app_log.error("Error in connection callback", exc_info=True)
        else:
            if result is not None:
                IOLoop.current().add_future(gen.convert_yielded(result), lambda future: future.result())

    def _stream_for(self, connection: socket.socket) -> IOStream | None:
        """Make the stream of a new connection; None if the peer has gone before TLS began."""
        if self.ssl_options is None:
            return IOStream(connection, max_buffer_size=self.max_buffer_size, read_chunk_size=self.read_chunk_size)
        context = ssl_options_to_context(self.ssl_options, server_side=True)
        try:
            secured = ssl_wrap_socket(connection, context, server_side=True, do_handshake_on_connect=False)
        except OSError:
            connection.close()
            return None
        return SSLIOStream(secured, max_buffer_size=self.max_buffer_size, read_chunk_size=self.read_chunk_size)
