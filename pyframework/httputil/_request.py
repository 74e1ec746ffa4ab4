"""One request as the application sees it; what can be derived from the start line and headers is, at first use."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from typing import Any, Generic, Self, TypeVar, overload

from pyframework._core import forms
from pyframework._core.request import Request
from pyframework.httputil import _body
from pyframework.httputil._abnf import _ABNF
from pyframework.httputil._body import FORM_TYPES, HTTPFile, parse_arguments, parse_body_arguments
from pyframework.httputil._cookies import parse_cookie, put_cookie
from pyframework.httputil._errors import HTTPInputError
from pyframework.httputil._headers import HTTPHeaders
from pyframework.httputil._startline import RequestStartLine
from pyframework.httputil._url import split_host_and_port

T = TypeVar("T")


class _AtFirstUse(Generic[T]):
    """An attribute that is computed when it is first read and may be assigned as any other."""

    # functools.cached_property takes a lock on 3.11 and makes the instance build its dict.
    def __init__(self, compute: Callable[[Any], T]) -> None:
        self.compute = compute
        self.name = compute.__name__
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object, owner: type) -> Self | T:
        if instance is None:
            return self
        value = self.compute(instance)
        setattr(instance, self.name, value)
        return value


# Host headers that were found valid; a peer chooses them, so both their number and their length are bounded.
_valid_hosts: set[str] = set()
_MAX_VALID_HOSTS = 1000
_MAX_HOST_SIZE = 255


def _check_host(host: str) -> None:
    """Raise HTTPInputError if the value of a Host header is malformed (RFC 9110 section 7.2)."""
    if "," in host:
        raise HTTPInputError(f"Multiple host headers not allowed: {host!r}")
    if _ABNF.host.fullmatch(host) is None:
        raise HTTPInputError(f"Invalid Host header: {host!r}")
    if len(host) <= _MAX_HOST_SIZE:
        if len(_valid_hosts) >= _MAX_VALID_HOSTS:
            _valid_hosts.clear()
        _valid_hosts.add(host)


class HTTPServerRequest(Request):
    """A request that a server received.

    :arg start_line: method, target and version
    :arg headers: the header fields
    :arg body: the whole body, if it is already known
    :arg connection: where the response goes; its `context` tells the peer's address and the protocol
    :arg server_connection: stands for the connection that this and other requests come in by
    :arg files: uploaded files, if they are already known
    :arg method, uri, version, host: deprecated; use `start_line` and `headers`

    Raises HTTPInputError for a missing (but in HTTP/1.0), repeated or malformed Host, and for too many query arguments.
    """

    _finish_time: float | None = None

    def _no_headers(self) -> HTTPHeaders:
        return HTTPHeaders()

    def _check_host_field(self, host: str | None) -> None:
        if host is None:
            raise HTTPInputError("Missing Host header")
        if host not in _valid_hosts:
            _check_host(host)

    def _check_query(self) -> None:
        if self.uri.count("&") >= _body.default_config().urlencoded.max_arguments:
            self.query_arguments  # noqa: B018  (raises if the query alone has too many)

    def _warn_of_deprecated(
        self, method: str | None, uri: str | None, host: str | None, start_line: RequestStartLine | None
    ) -> None:
        messages = []
        if method is not None or uri is not None:
            messages.append("the arguments method, uri and version are deprecated; pass start_line")
        if start_line is None:
            messages.append("the argument start_line will be required")
        if host is not None:
            messages.append("the argument host is deprecated; pass headers with a Host")
        for message in messages:
            warnings.warn(f"HTTPServerRequest: {message}", DeprecationWarning, stacklevel=2)

    @_AtFirstUse
    def host_name(self) -> str:
        """The host in lower case and without a port."""
        return split_host_and_port(self.host.lower())[0]

    @_AtFirstUse
    def query_arguments(self) -> dict[str, list[bytes]]:
        """The values of the arguments in the query by name."""
        arguments: dict[str, list[bytes]] = {}
        if query := self.query:
            parse_arguments(query, arguments, _body.default_config().urlencoded)
        return arguments

    @_AtFirstUse
    def body_arguments(self) -> dict[str, list[bytes]]:
        """The values of the arguments in the body by name."""
        return {}

    @_AtFirstUse
    def arguments(self) -> dict[str, list[bytes]]:
        """The values of all arguments by name; those in the query come first."""
        arguments: dict[str, list[bytes]] = {}
        for part in (self.query_arguments, self.body_arguments):
            forms.add_all(arguments, part)
        return arguments

    @_AtFirstUse
    def files(self) -> dict[str, list[HTTPFile]]:
        """The uploaded files by name of the form's field."""
        return {}

    @_AtFirstUse
    def _cookie_values(self) -> dict[str, str]:
        """The cookies that the client sent, those that `cookies` leaves out among them."""
        return parse_cookie(self.headers.get("Cookie", ""))

    @_AtFirstUse
    def cookies(self) -> SimpleCookie:
        """The cookies that the client sent; those that cannot be represented are left out."""
        cookies: SimpleCookie = SimpleCookie()
        for name, value in self._cookie_values.items():
            try:
                put_cookie(cookies, name, value)
            except CookieError:
                pass
        return cookies

    def full_url(self) -> str:
        """The URL that was asked for."""
        if not self.uri.startswith("/") and "://" in self.uri.partition("?")[0]:
            return self.uri  # an absolute target
        return f"{self.protocol}://{self.host}{self.uri}"

    def request_time(self) -> float:
        """How many seconds the request took, or has taken until now."""
        return (self._finish_time or time.time()) - self._start_time

    def get_ssl_certificate(self, binary_form: bool = False) -> None | dict[str, Any] | bytes:
        """The client's certificate if TLS asked it for one, as `ssl.SSLSocket.getpeercert` returns it; else None."""
        try:
            certificate: dict[str, Any] | bytes | None = self.connection.stream.socket.getpeercert(binary_form)
        except (AttributeError, OSError, ValueError):
            return None
        return certificate

    def _parse_body(self) -> None:
        content_type = self.headers.get("Content-Type", "")
        if not content_type.startswith(FORM_TYPES):
            return
        parse_body_arguments(content_type, self.body, self.body_arguments, self.files, self.headers)
        if "arguments" in self.__dict__:  # read before there was a body
            forms.add_all(self.arguments, self.body_arguments)

    def __repr__(self) -> str:
        shown = ("protocol", "host", "method", "uri", "version", "remote_ip")
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"
