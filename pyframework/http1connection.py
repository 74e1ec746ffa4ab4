"""HTTP/1.x connections, of a client and of a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyframework import httputil
from pyframework._core.http1 import Connection, Parameters, ServerConnection

if TYPE_CHECKING:
    from pyframework.iostream import IOStream


class HTTP1ConnectionParameters(Parameters):
    """What an HTTP1Connection or HTTP1ServerConnection may do.

    no_keep_alive: close after one message.
    chunk_size: bytes given to `data_received` at a time, at most.
    max_header_size, max_body_size: bytes.
    header_timeout: seconds that the peer has for the head of its next message; body_timeout: for its body.
    decompress: decode gzip bodies.
    """

    def __init__(
        self,
        no_keep_alive: bool = False,
        chunk_size: int | None = None,
        max_header_size: int | None = None,
        header_timeout: float | None = None,
        max_body_size: int | None = None,
        body_timeout: float | None = None,
        decompress: bool = False,
    ) -> None:
        self.no_keep_alive = no_keep_alive
        self.chunk_size = chunk_size or 65536
        self.max_header_size = max_header_size or 65536
        self.header_timeout = header_timeout
        self.max_body_size = max_body_size or 0
        self.body_timeout = body_timeout
        self.decompress = decompress


class HTTP1Connection(Connection, httputil.HTTPConnection):
    """One message read from and one written to a stream.

    stream: an IOStream.
    is_client: whether requests are written and answers read, or the other way round.
    params: an `HTTP1ConnectionParameters`.
    context: what `HTTPServerRequest` and log lines say about the connection.
    """

    stream: IOStream

    def _default_params(self) -> HTTP1ConnectionParameters:
        return HTTP1ConnectionParameters()


class HTTP1ServerConnection(ServerConnection):
    """The server's side of one stream, with all its messages.

    stream: an IOStream.
    params: an `HTTP1ConnectionParameters`.
    context: what `HTTPServerRequest` and log lines say about the connection.
    """

    _connection_class = HTTP1Connection

    def _default_params(self) -> HTTP1ConnectionParameters:
        return HTTP1ConnectionParameters()
