"""Requests that are answered by bytes, and connections whose writing takes a callback."""

from typing import Any

from pyframework import httputil
from pyframework.http1connection import HTTP1Connection
from pyframework.httputil import HTTPHeaders, HTTPServerRequest, parse_response_start_line
from pyframework.legacy import stack_context
from pyframework.legacy._arguments import add, replace
from pyframework.legacy._delivery import deliver_end, delivering
from pyframework.legacy._notes import note

_CONNECTION = "write by request.connection: write_headers, write, finish"


class _RawAnswer:
    """Takes an answer as bytes, head and body, and hands it to a connection."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._head: bytearray | None = bytearray()

    def write(self, chunk: bytes) -> Any:
        if self._head is None:
            return self._connection.write(chunk)
        self._head += chunk
        head, end, body = bytes(self._head).partition(b"\r\n\r\n")
        if not end:
            return None
        self._head = None
        line, _, fields = head.decode("latin1").partition("\r\n")
        return self._connection.write_headers(parse_response_start_line(line), HTTPHeaders.parse(fields), body)


def write(self: Any, chunk: bytes, callback: Any = None) -> None:
    """Send bytes of the answer, which begins with its status line.

    :arg callback: called when they are sent
    """
    note("HTTPServerRequest.write()", _CONNECTION)
    if "_raw_answer" not in vars(self):
        self._raw_answer = _RawAnswer(self.connection)
    sent = self._raw_answer.write(chunk)
    if callback is not None and sent is not None:
        deliver_end(sent, callback)


def finish(self: Any) -> None:
    """The answer is complete."""
    note("HTTPServerRequest.finish()", _CONNECTION)
    self.connection.finish()


def supports_http_1_1(self: Any) -> bool:
    """Whether the client speaks HTTP/1.1."""
    note("HTTPServerRequest.supports_http_1_1()", 'compare request.version with "HTTP/1.1"')
    return bool(self.version == "HTTP/1.1")


def set_close_callback(self: HTTP1Connection, callback: Any) -> None:
    """Call ``callback`` when the peer goes away while the answer is awaited, in the stack contexts of now."""
    _set_close_callback(self, stack_context.kept(callback))


_set_close_callback = HTTP1Connection.set_close_callback


def install() -> None:
    add(HTTPServerRequest, write=write, finish=finish, supports_http_1_1=supports_http_1_1)
    HTTP1Connection.set_close_callback = set_close_callback  # type: ignore[method-assign, assignment]
    for kind in (httputil.HTTPConnection, HTTP1Connection):
        name = kind.__name__
        written = delivering(f"{name}.write_headers", deliver_end)
        replace(kind, "write_headers", "start_line headers chunk [callback]", written)
        replace(kind, "write", "chunk [callback]", delivering(f"{name}.write", deliver_end))
