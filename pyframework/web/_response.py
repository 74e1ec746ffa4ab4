"""Writing the response: buffer, flush, finish, redirect and error pages."""

import os
import traceback
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, BinaryIO

from pyframework import web
from pyframework._core.delegates import DONE
from pyframework.escape import utf8
from pyframework.web._errors import HTTPError
from pyframework.web._etag import EtagMixin
from pyframework.web._headers import ResponseHeadersMixin

if TYPE_CHECKING:

    from pyframework.iostream import IOStream

_SECURITY_NOTE = (
    "Lists not accepted for security reasons; "
    "see http://www.tornadoweb.org/en/stable/web.html#tornado.web.RequestHandler.write"
)

_SMALL_FILE = 64 * 1024  # bytes up to which a file is read rather than sent from where it lies


class ResponseMixin(EtagMixin, ResponseHeadersMixin):
    """What a `RequestHandler` sends."""

    _auto_finish = True

    def _allowed_methods(self) -> list[str]:
        """Return the methods that the class has a method for."""
        raise NotImplementedError

    def _json_of(self, chunk: dict[str, Any]) -> bytes:
        """Return what `write` adds for a dict."""
        encoded = web.escape.json_encode(chunk)
        return encoded.encode() if type(encoded) is str else utf8(encoded)

    def _bytes_of(self, chunk: Any) -> bytes:
        """Return what `write` adds for a chunk that is not plainly str, bytes or a dict."""
        if isinstance(chunk, (str, bytes)):
            return utf8(chunk)
        message = "write() only accepts bytes, unicode, and dict objects"
        raise TypeError(f"{message}. {_SECURITY_NOTE}" if isinstance(chunk, list) else message)

    def _should_not_send_content(self, status_code: int) -> bool:
        """Return whether a response of this status has no body (RFC 9110, section 6.4.1)."""
        return status_code in (204, 304) or 100 <= status_code < 200

    def _break_cycles(self) -> None:
        """Drop what refers back to this handler, so that it goes without the garbage collector."""
        self._ui = None

    def write_file(self, file: BinaryIO | int, offset: int = 0, count: int | None = None) -> Awaitable[None]:
        """Send part of a regular file behind what is written so far; set Content-Length before, if it is known.

        :arg file: open for reading, or its descriptor; it may be closed at once
        :arg offset: where the part begins
        :arg count: bytes; by default all up to the end of the file
        :returns: what to wait for, so that a slow client does not make memory grow
        """
        fd = file if isinstance(file, int) else file.fileno()
        if count is None:
            count = os.fstat(fd).st_size - offset
        connection: Any = self.request.connection
        if self._transforms or not hasattr(connection, "write_file"):
            return self._write_file_on(os.dup(fd), offset, count)
        if count <= _SMALL_FILE:
            self.write(os.pread(fd, count, offset))
            return DONE
        if self.request.method == "HEAD":
            return self.flush()
        connection._more_follows()
        self.flush()
        return connection.write_file(fd, offset, count)  # type: ignore[no-any-return]

    async def _write_file_on(self, fd: int, offset: int, count: int) -> None:
        with open(fd, "rb", buffering=0) as file:
            file.seek(offset)
            while count > 0 and (chunk := file.read(min(count, _SMALL_FILE))):
                count -= len(chunk)
                self.write(chunk)
                await self.flush()

    def redirect(self, url: str, permanent: bool = False, status: int | None = None) -> None:
        """Answer with a redirect.

        :arg url: where to, absolute or relative to this request's URL
        :arg permanent: 301 instead of 302
        :arg status: another status from 300 to 399
        :raises Exception: the headers are sent already
        """
        if self._headers_written:
            raise Exception("Cannot redirect after headers have been written")
        if status is None:
            status = 301 if permanent else 302
        assert isinstance(status, int) and 300 <= status <= 399, "a redirect has a status from 300 to 399"
        self.set_status(status)
        self.set_header("Location", utf8(url))
        self.finish()

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Answer with an error page, in place of what is written so far.

        Where the headers are sent already, it only ends the response.

        :arg status_code: the status
        :arg kwargs: passed to `write_error`; `reason` is a reason phrase in place of the standard one
        """
        if self._headers_written:
            web.gen_log.error("Cannot send error response after headers written")
            self._finish_partial_response()
            return
        self.clear()
        self.set_status(status_code, _reason_of(**kwargs))
        if status_code == 405:
            self.set_header("Allow", ", ".join(self._allowed_methods()))
        try:
            self.write_error(status_code, **kwargs)
        except Exception:
            web.app_log.error("Uncaught exception in write_error", exc_info=True)
        if not self._finished:
            self.finish()

    def _finish_partial_response(self) -> None:
        if self._finished:
            return
        try:
            self.finish()
        except Exception:
            web.gen_log.error("Failed to flush partial response", exc_info=True)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Override for error pages of your own: write and set headers as usual.

        :arg status_code: the status, already set
        :arg kwargs: what `send_error` was given; `exc_info` if an exception was the cause
        """
        if self._should_not_send_content(status_code):
            self.finish()
        elif self.application.settings.get("serve_traceback") and "exc_info" in kwargs:
            self.set_header("Content-Type", "text/plain")
            self.finish("".join(traceback.format_exception(*kwargs["exc_info"])))
        else:
            title = f"{status_code}: {web.escape.xhtml_escape(self._reason)}"
            self.finish(f"<html><title>{title}</title><body>{title}</body></html>")

    def detach(self) -> "IOStream":
        """Take over the connection's stream for another protocol; HTTP is over then.

        HTTP/1.1 only.
        """
        connection: Any = self.request.connection
        stream: IOStream = connection.detach()
        self._finished = True
        return stream


def _reason_of(reason: str | None = None, exc_info: Any = (None, None, None), **kwargs: Any) -> str | None:
    """Return the reason phrase that an HTTPError or else the caller of `send_error` gives."""
    error = exc_info[1]
    return error.reason if isinstance(error, HTTPError) and error.reason else reason
