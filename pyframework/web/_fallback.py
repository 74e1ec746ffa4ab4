"""A handler that gives the request to another server callback."""

from collections.abc import Callable

from pyframework.httputil import HTTPServerRequest
from pyframework.web._handler import RequestHandler


class FallbackHandler(RequestHandler):
    """Lets a callable answer, such as a `WSGIContainer` or another Application: its rule's `fallback`."""

    def initialize(self, fallback: Callable[[HTTPServerRequest], None]) -> None:
        self.fallback = fallback

    def prepare(self) -> None:
        self.fallback(self.request)
        self._finished = True
        self.on_finish()
