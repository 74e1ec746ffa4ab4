"""The seam between a connection and an application: three interfaces, no behaviour."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from pyframework.httputil._headers import HTTPHeaders
from pyframework.httputil._startline import RequestStartLine, ResponseStartLine

if TYPE_CHECKING:
    from asyncio import Future


class HTTPServerConnectionDelegate:
    """What an HTTP server asks for someone to take each request."""

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """Return the receiver of one request that is about to be read.

        :arg server_conn: stands for the whole connection; the same object for all its requests
        :arg request_conn: where the response to this one request is written
        """
        raise NotImplementedError()

    def on_close(self, server_conn: object) -> None:
        """A connection that was given to `start_request` is closed."""


class HTTPMessageDelegate:
    """Receives one request or response, in this order: head, any number of chunks, end.

    An awaitable returned by one of the first two methods is waited for before the next one is called.
    """

    __slots__ = ()

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        """The head has been read."""
        return None

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """A part of the body has been read."""
        return None

    def finish(self) -> None:
        """The whole message has been read."""

    def on_connection_close(self) -> None:
        """The connection was closed before the message, or the response to it, was complete; nothing follows."""


class HTTPConnection:
    """Where an application writes one response."""

    def write_headers(
        self,
        start_line: RequestStartLine | ResponseStartLine,
        headers: HTTPHeaders,
        chunk: bytes | None = None,
    ) -> Future[None]:
        """Write the head and, if given, the first part of the body; the Future is for flow control."""
        raise NotImplementedError()

    def write(self, chunk: bytes) -> Future[None]:
        """Write a part of the body; the Future is for flow control."""
        raise NotImplementedError()

    def finish(self) -> None:
        """The response is complete."""
        raise NotImplementedError()
