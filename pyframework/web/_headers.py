"""Status line and headers of the response, and the check that keeps forbidden characters out of them."""

import datetime
import numbers
import re

import pyframework
from pyframework import httputil
from pyframework._core.response import Response

HeaderValue = bytes | str | int | numbers.Integral | datetime.datetime

# A reason phrase has no control characters (RFC 9112, section 4); `<` and `>` stay out because the
# default error page shows it.
_FORBIDDEN_IN_REASON = re.compile(r"[\x00-\x08\x0a-\x1f\x7f<>]")


class ResponseHeadersMixin(Response):
    """What a `RequestHandler` will say about its response before the body."""

    _VALID_HEADER_CHARS = re.compile(r"[\x09\x20-\x7e\x80-\xff]*")

    def _default_headers(self, now: int) -> httputil.HTTPHeaders:
        """Return what every response of this second starts from."""
        return httputil.HTTPHeaders(
            {
                "Server": f"pyframework/{pyframework.__version__}",
                "Content-Type": "text/html; charset=UTF-8",
                "Date": httputil.format_timestamp(now),
            }
        )

    def set_status(self, status_code: int, reason: str | None = None) -> None:
        """Set the status of the response.

        :arg status_code: three digits, not necessarily a registered status
        :arg reason: the reason phrase; by default the standard one, or "Unknown"
        """
        self._status_code = status_code
        if reason is None:
            self._reason = httputil.responses.get(status_code, "Unknown")
        elif not reason or _FORBIDDEN_IN_REASON.search(reason):
            self._reason = "Unknown"
        else:
            self._reason = reason

    def get_status(self) -> int:
        """Return the status of the response."""
        return self._status_code

    def set_header(self, name: str, value: HeaderValue) -> None:
        """Set a header, in place of any value it had.

        :raises TypeError: value has a type that no header value is made from
        :raises ValueError: value holds a character that may not stand in a header
        """
        self._headers[name] = self._convert_header_value(value)

    def add_header(self, name: str, value: HeaderValue) -> None:
        """Add one more line of a header; see `set_header`."""
        self._headers.add(name, self._convert_header_value(value))

    # Whoever has not replaced these is given the framework's own headers without a call.
    _plain_get_status = get_status
    _plain_set_header = set_header
    _plain_add_header = add_header

    def clear_header(self, name: str) -> None:
        """Remove a header, if it is set."""
        if name in self._headers:
            del self._headers[name]

    def _convert_header_value(self, value: HeaderValue) -> str:
        if isinstance(value, str):
            text = value
        elif isinstance(value, bytes):
            text = value.decode("latin1")
        elif isinstance(value, (int, numbers.Integral)):
            return str(value)
        elif isinstance(value, datetime.datetime):
            return httputil.format_timestamp(value)
        else:
            raise TypeError(f"Unsupported header value {value!r}")
        if not (text.isascii() and text.isprintable()) and self._VALID_HEADER_CHARS.fullmatch(text) is None:
            raise ValueError(f"Unsafe header value {text!r}")
        return text

    def _clear_representation_headers(self) -> None:
        """Remove what describes a body, for a response that has none (RFC 9110, section 15.4.5)."""
        for name in ("Content-Encoding", "Content-Language", "Content-Type"):
            self.clear_header(name)
