"""Writing the response: buffer, flush, finish, redirect and error pages."""

import traceback
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pyframework import httputil
from pyframework.concurrent import Future
from pyframework.escape import json_encode, utf8
from pyframework.log import app_log, gen_log
from pyframework.web._errors import HTTPError
from pyframework.web._etag import EtagMixin
from pyframework.web._headers import ResponseHeadersMixin

if TYPE_CHECKING:
    import http.cookies
    from collections.abc import Sequence

    from pyframework.iostream import IOStream
    from pyframework.util import ObjectDict
    from pyframework.web._application import Application
    from pyframework.web._transforms import OutputTransform

_SECURITY_NOTE = (
    "Lists not accepted for security reasons; "
    "see http://www.tornadoweb.org/en/stable/web.html#tornado.web.RequestHandler.write"
)


@lru_cache(maxsize=256)
def _start_line(code: int, reason: str) -> httputil.ResponseStartLine:
    return httputil.ResponseStartLine("", code, reason)


class ResponseMixin(EtagMixin, ResponseHeadersMixin):
    """What a `RequestHandler` sends."""

    application: "Application"
    request: httputil.HTTPServerRequest
    _new_cookie: "http.cookies.SimpleCookie"
    _transforms: "Sequence[OutputTransform]" = ()
    _headers_written = False
    _finished = False
    _auto_finish = True
    _ui: "ObjectDict | None" = None

    def write(self, chunk: str | bytes | dict[str, Any]) -> None:
        """Add to the buffer of the response; `flush` sends it.

        :arg chunk: a dict is written as JSON, and makes the Content-Type `application/json`
        :raises RuntimeError: the response is finished
        :raises TypeError: any other type; a list too, because older browsers run it as a script
        """
        if self._finished:
            raise RuntimeError("Cannot write() after finish()")
        if isinstance(chunk, str):
            self._write_buffer.append(chunk.encode())
        elif isinstance(chunk, bytes):
            self._write_buffer.append(chunk)
        elif isinstance(chunk, dict):
            self._write_buffer.append(json_encode(chunk).encode())
            self._headers["Content-Type"] = "application/json; charset=UTF-8"
        else:
            message = "write() only accepts bytes, unicode, and dict objects"  # type: ignore[unreachable]
            raise TypeError(f"{message}. {_SECURITY_NOTE}" if isinstance(chunk, list) else message)

    def flush(self, include_footers: bool = False) -> "Future[None]":
        """Send what is in the buffer, after the headers if they are not sent yet.

        :arg include_footers: this is the last flush: transforms write what they held back
        :returns: a Future that is done when the bytes have left the stream's own buffer
        """
        chunk = b"".join(self._write_buffer)
        self._write_buffer = []
        if self._headers_written:
            return self._write_on(chunk, include_footers)
        self._headers_written = True
        for transform in self._transforms:
            self._status_code, self._headers, chunk = transform.transform_first_chunk(
                self._status_code, self._headers, chunk, include_footers
            )
        headers = self._headers
        if hasattr(self, "_new_cookie"):
            for morsel in self._new_cookie.values():
                headers.add("Set-Cookie", morsel.OutputString())
        request = self.request
        connection: Any = request.connection
        start_line = _start_line(self._status_code, self._reason)
        return connection.write_headers(start_line, headers, b"" if request.method == "HEAD" else chunk)  # type: ignore[no-any-return]

    def _write_on(self, chunk: bytes, finishing: bool) -> "Future[None]":
        for transform in self._transforms:
            chunk = transform.transform_chunk(chunk, finishing)
        if self.request.method == "HEAD":
            done: Future[None] = Future()
            done.set_result(None)
            return done
        connection: Any = self.request.connection
        return connection.write(chunk)  # type: ignore[no-any-return]

    def finish(self, chunk: str | bytes | dict[str, Any] | None = None) -> "Future[None]":
        """Send the rest of the response and end the request.

        :arg chunk: written first, as by `write`
        :returns: a Future that is done when all is sent; it fails if the connection is lost before
        :raises RuntimeError: the response is finished already, or has a body that its status does not allow
        """
        if self._finished:
            raise RuntimeError("finish() called twice")
        if chunk is not None:
            self.write(chunk)
        if not self._headers_written:
            self._complete_head()
        connection: Any = self.request.connection
        # From here on a lost connection is of no interest: no callback, and no cycle through it.
        connection.set_close_callback(None)
        sent = self.flush(include_footers=True)
        connection.finish()
        self._log()
        self._finished = True
        self.on_finish()
        if self._ui is not None:
            self._break_cycles()
        return sent

    def _complete_head(self) -> None:
        """Add what can be told only now: the Etag, that the client has it already (304), the Content-Length."""
        headers, buffer = self._headers, self._write_buffer
        if self._status_code == 200 and "Etag" not in headers and self.request.method in ("GET", "HEAD"):
            self.set_etag_header()
            if self.check_etag_header():
                buffer.clear()
                self.set_status(304)
        if self._status_code != 200 and self._should_not_send_content(self._status_code):
            if buffer:
                raise RuntimeError(f"Cannot send body with status code HTTP{self._status_code}")
            self._clear_representation_headers()
        elif "Content-Length" not in headers:
            headers["Content-Length"] = str(len(buffer[0]) if len(buffer) == 1 else sum(map(len, buffer)))

    def _should_not_send_content(self, status_code: int) -> bool:
        """Return whether a response of this status has no body (RFC 9110, section 6.4.1)."""
        return status_code in (204, 304) or 100 <= status_code < 200

    def on_finish(self) -> None:
        """Override to clean up or log; called after the response has been sent.

        The counterpart of `prepare`, which may not have been called if the request failed early.
        """

    def _log(self) -> None:
        """Log the request. Kept for applications that override it: `Application.log_request` does the work."""
        self.application.log_request(self)  # type: ignore[arg-type]

    def _break_cycles(self) -> None:
        """Drop what refers back to this handler, so that it goes without the garbage collector."""
        self._ui = None

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
            gen_log.error("Cannot send error response after headers written")
            self._finish_partial_response()
            return
        self.clear()
        self.set_status(status_code, _reason_of(**kwargs))
        try:
            self.write_error(status_code, **kwargs)
        except Exception:
            app_log.exception("Uncaught exception in write_error")
        if not self._finished:
            self.finish()

    def _finish_partial_response(self) -> None:
        if self._finished:
            return
        try:
            self.finish()
        except Exception:
            gen_log.exception("Failed to flush partial response")

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
            title = f"{status_code}: {self._reason}"
            self.finish(f"<html><title>{title}</title><body>{title}</body></html>")

    def detach(self) -> "IOStream":
        """Take over the connection's stream for another protocol; HTTP is over then.

        HTTP/1.1 only.
        """
        self._finished = True
        connection: Any = self.request.connection
        return connection.detach()  # type: ignore[no-any-return]


def _reason_of(reason: str | None = None, exc_info: Any = (None, None, None), **kwargs: Any) -> str | None:
    """Return the reason phrase that an HTTPError or else the caller of `send_error` gives."""
    error = exc_info[1]
    return error.reason if isinstance(error, HTTPError) and error.reason else reason
