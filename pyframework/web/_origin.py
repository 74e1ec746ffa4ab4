"""Protection against requests from other sites' pages by what browsers say of them (Fetch Metadata, Origin)."""

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pyframework.web._errors import HTTPError

if TYPE_CHECKING:
    from pyframework.httputil import HTTPServerRequest
    from pyframework.web._application import Application


class OriginMixin:
    """What a `RequestHandler` does about cross-origin requests."""

    application: "Application"
    request: "HTTPServerRequest"

    def _cross_origin_protection(self) -> None:
        if self.request.method in ("GET", "HEAD", "OPTIONS"):
            return
        if self.application.settings.get("cross_origin_protection"):
            problem = self._check_cross_origin(self.check_trusted_origin)
            if problem is not None:
                raise HTTPError(403, problem)

    def _check_cross_origin(self, check: Callable[[str], bool]) -> str | None:
        """Return why the request is refused, or None if it is not.

        :arg check: called with the Origin header of a request that seems to come from elsewhere
        """
        headers = self.request.headers
        site = headers.get("Sec-Fetch-Site")
        origin = headers.get("Origin")
        if site is not None:
            if site in ("same-origin", "none") or (origin and check(origin)):
                return None
            return f"Sec-Fetch-Site {site} & origin {origin!r} not allowed"
        # Without either header the request does not come from a browser.
        if origin is None or self._origin_matches_host(origin) or check(origin):
            return None
        return f"Origin {origin!r} not allowed"

    def _origin_matches_host(self, origin: str) -> bool:
        try:
            netloc = urlsplit(origin).netloc
        except ValueError:
            return False
        return netloc.lower() == self.request.headers.get("Host", "").lower()

    def check_trusted_origin(self, origin: str) -> bool:
        """Return whether a request from another origin may change state: by default if `trusted_origins` names it.

        Asked with the `cross_origin_protection` setting, before `prepare`, for methods other than GET, HEAD and
        OPTIONS. A handler for requests from anywhere returns True; it must then not rely on cookies.

        :arg origin: the Origin header, such as `https://example.com`
        """
        return origin in self.application.settings.get("trusted_origins", [])
