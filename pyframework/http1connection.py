"""HTTP/1.x connections, of a client and of a server."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from typing import TYPE_CHECKING

from pyframework import httputil
from pyframework._core.http1 import _MAX_1XX_RESPONSES, Connection
from pyframework._core.http1_server import ServerConnection
from pyframework._core.http1_writer import Parameters

if TYPE_CHECKING:
    from pyframework.iostream import IOStream

__all__ = ["_MAX_1XX_RESPONSES", "HTTP1Connection", "HTTP1ConnectionParameters", "HTTP1ServerConnection"]


class HTTP1ConnectionParameters(Parameters):
    """What an HTTP1Connection or HTTP1ServerConnection may do.

    no_keep_alive: close after one message.
    chunk_size: bytes given to `data_received` at a time, at most.
    max_header_size, max_body_size: bytes.
    header_timeout: seconds that the peer has for the head of its next message; body_timeout: for its body.
    decompress: decode gzip bodies.

    Of a server only:
    strict_rfc: where Tornado's behaviour and RFC 9110 and 9112 differ, do as the RFCs say.
    max_header_count: fields of a head.
    head_timeout: seconds that a head may take once its first byte is there.
    min_data_rate: bytes a second that a peer has to send of a body and take of an answer, on average over
        `data_rate_window` seconds; 0 for any.
    max_unsent_size: bytes of an answer that may still wait for a slow peer when more of it is written.
    linger_timeout: seconds for which is read and dropped what comes behind the last answer, to let the peer read it.
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
        *,
        strict_rfc: bool = False,
        max_header_count: int = 1000,
        head_timeout: float | None = 60,
        min_data_rate: float = 100,
        data_rate_window: float = 30,
        max_unsent_size: int = 256 * 1024 * 1024,
        linger_timeout: float = 5,
    ) -> None:
        self.no_keep_alive = no_keep_alive
        self.chunk_size = int(chunk_size or 65536)
        self.max_header_size = int(max_header_size or 65536)
        self.header_timeout = header_timeout
        self.max_body_size = max_body_size
        self.body_timeout = body_timeout
        self.decompress = decompress
        self.strict_rfc = strict_rfc
        self.max_header_count = max_header_count
        self.head_timeout = head_timeout
        self.min_data_rate = min_data_rate
        self.data_rate_window = data_rate_window
        self.max_unsent_size = max_unsent_size
        self.linger_timeout = linger_timeout


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

    def _decompressing(self, delegate: httputil.HTTPMessageDelegate) -> httputil.HTTPMessageDelegate:
        return _DecodingDelegate(delegate, self)


class _DecodingDelegate(httputil.HTTPMessageDelegate):
    """Undoes the content coding of a body (RFC 9110 section 8.4) on its way to `delegate`.

    The head that `delegate` sees has the coding under X-Consumed-Content-Encoding. The decoded body may be as long as
    the connection's limit for a body allows. Of requests only gzip is undone, of responses whatever can be.
    """

    def __init__(self, delegate: httputil.HTTPMessageDelegate, connection: Connection) -> None:
        self._delegate = delegate
        self._connection = connection
        self._decoder: httputil._Decoder | None = None
        self._size = 0

    def headers_received(
        self, start_line: httputil.RequestStartLine | httputil.ResponseStartLine, headers: httputil.HTTPHeaders
    ) -> Awaitable[None] | None:
        coding = headers.get("Content-Encoding")
        if coding is not None:
            known = coding.strip().lower()
            make = httputil._decoders().get(known) if known == "gzip" or self._connection.is_client else None
            if make is not None:
                self._decoder = make()
                headers.add("X-Consumed-Content-Encoding", coding)
                del headers["Content-Encoding"]
        return self._delegate.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        if self._decoder is None:
            return self._delegate.data_received(chunk)
        return self._hand_on(self._decoder.pieces(chunk, self._connection.params.chunk_size))

    def _hand_on(self, pieces: Iterator[bytes]) -> Awaitable[None] | None:
        for piece in pieces:
            waiting = self._take(piece)
            if waiting is not None:
                return self._hand_on_later(waiting, pieces)
        return None

    async def _hand_on_later(self, waiting: Awaitable[None], pieces: Iterator[bytes]) -> None:
        await waiting
        for piece in pieces:
            more = self._take(piece)
            if more is not None:
                await more

    def _take(self, piece: bytes) -> Awaitable[None] | None:
        self._size += len(piece)
        if self._size > self._connection._max_body_size:
            raise httputil._ContentTooLarge("decompressed body too large")
        return self._delegate.data_received(piece)

    def finish(self) -> None:
        if self._decoder is not None:
            self._decoder.finish()
        self._delegate.finish()

    def on_connection_close(self) -> None:
        self._delegate.on_connection_close()


class HTTP1ServerConnection(ServerConnection):
    """The server's side of one stream, with all its messages.

    stream: an IOStream.
    params: an `HTTP1ConnectionParameters`.
    context: what `HTTPServerRequest` and log lines say about the connection.
    """

    _connection_class = HTTP1Connection

    def _default_params(self) -> HTTP1ConnectionParameters:
        return HTTP1ConnectionParameters()
