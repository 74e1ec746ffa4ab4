"""Decorators of handlers' methods, and the one of handler classes."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from pyframework.web._errors import HTTPError
from pyframework.web._handler import RequestHandler
from pyframework.web._redirect import _is_protocol_relative

_Method = Callable[..., Awaitable[None] | None]
_RequestHandlerType = TypeVar("_RequestHandlerType", bound=RequestHandler)


def stream_request_body(cls: type[_RequestHandlerType]) -> type[_RequestHandlerType]:
    """Let a handler class take the body as it comes, in `data_received`.

    `prepare` is then called with the headers alone, `get`, `post` and so on after the whole body, which is
    kept nowhere: there are no body arguments. Where `prepare` or `data_received` are coroutines, the next
    chunk waits for them.
    """
    if not issubclass(cls, RequestHandler):
        raise TypeError(f"expected subclass of RequestHandler, got {cls!r}")
    cls._stream_request_body = True
    return cls


def _has_stream_request_body(cls: type[RequestHandler]) -> bool:
    if not issubclass(cls, RequestHandler):
        raise TypeError(f"expected subclass of RequestHandler, got {cls!r}")
    return cls._stream_request_body


def authenticated(method: _Method) -> _Method:
    """Let only known users in: others are sent to `get_login_url`, or get 403 unless it is GET or HEAD.

    The login URL gets an argument `next` with the way back, unless it has arguments already.
    """

    @functools.wraps(method)
    def wrapper(self: RequestHandler, *args: Any, **kwargs: Any) -> Awaitable[None] | None:
        if self.current_user:
            return method(self, *args, **kwargs)
        if self.request.method not in ("GET", "HEAD"):
            raise HTTPError(403)
        login = self.get_login_url()
        if "?" not in login:
            back = self.request.full_url() if urlsplit(login).scheme else self.request.uri
            login += "?" + urlencode({"next": back})
        self.redirect(login)
        return None

    return wrapper


def addslash(method: _Method) -> _Method:
    """Redirect to the same path with a slash at its end. The rule's pattern ends in `/?`."""
    return _redirecting(method, lambda path: path if path.endswith("/") else path + "/")


def removeslash(method: _Method) -> _Method:
    """Redirect to the same path without slashes at its end. The rule's pattern ends in `/*`."""
    return _redirecting(method, lambda path: path.rstrip("/") or path)


def _redirecting(method: _Method, normalize: Callable[[str], str]) -> _Method:
    @functools.wraps(method)
    def wrapper(self: RequestHandler, *args: Any, **kwargs: Any) -> Awaitable[None] | None:
        path = normalize(self.request.path)
        if path == self.request.path:
            return method(self, *args, **kwargs)
        if self.request.method not in ("GET", "HEAD"):
            raise HTTPError(404)
        if _is_protocol_relative(path):
            raise HTTPError(403, "cannot redirect path with two initial slashes")
        query = self.request.query
        self.redirect(f"{path}?{query}" if query else path, permanent=True)
        return None

    return wrapper
