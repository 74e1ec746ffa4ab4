"""A handler that redirects, and how a browser reads the URL it is redirected to."""

import re
from typing import Any

from pyframework.httputil import qs_to_qsl, url_concat
from pyframework.web._errors import HTTPError
from pyframework.web._handler import RequestHandler

# What browsers remove from a URL before they read it (WHATWG URL, section 4.4).
_AROUND_URL = "".join(map(chr, range(0x21)))
_INSIDE_URL = str.maketrans({"\t": "", "\n": "", "\r": "", "\\": "/"})

# For these a browser reads "https:host", "https:/host" and "https:///host" as "https://host".
_SPECIAL_SCHEME = re.compile(r"(https?|wss?|ftp|file):/*([^/?#]*)", re.IGNORECASE)
_OTHER_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):(?://([^/?#]*))?", re.IGNORECASE)
_NO_SCHEME = re.compile(r"()//+([^/?#]*)")

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f]")


def _scheme_and_netloc(url: str) -> tuple[str, str]:
    """Return the scheme and the host (with user and port) that a browser sees; both empty for a relative URL."""
    seen = url.strip(_AROUND_URL).translate(_INSIDE_URL)
    for pattern in (_SPECIAL_SCHEME, _OTHER_SCHEME, _NO_SCHEME):
        if match := pattern.match(seen):
            return match[1].lower(), (match[2] or "").lower()
    return "", ""


def _is_protocol_relative(url: str) -> bool:
    """Return whether a browser reads the URL as `//host/path`: to redirect there may leave this site."""
    return _NO_SCHEME.match(url.strip(_AROUND_URL).translate(_INSIDE_URL)) is not None


class RedirectHandler(RequestHandler):
    """Redirects GET requests.

    The rule's arguments: `url`, where to, with the pattern's groups in place of `{0}`, `{name}` and so on, though
    not in its scheme and host; `permanent`, whether for good. The request's query arguments are passed on.
    """

    def initialize(self, url: str, permanent: bool = True) -> None:
        self._url = url
        self._permanent = permanent

    def get(self, *args: Any, **kwargs: Any) -> None:
        target = self._url.format(*args, **kwargs)
        scheme, netloc = _scheme_and_netloc(self._url)
        own = scheme, netloc.partition("{")[0]
        _check_target(target, own)
        if self.request.query_arguments:
            arguments: Any = self.request.query_arguments
            target = url_concat(target, list(qs_to_qsl(arguments)))
            _check_target(target, own)
        self.redirect(target, permanent=self._permanent)


def _check_target(target: str, own: tuple[str, str]) -> None:
    if _scheme_and_netloc(target) != own:
        raise HTTPError(400, "Redirect URL cannot change the scheme or netloc: %r", target)
    if _FORBIDDEN.search(target):
        raise HTTPError(400, "Redirect URL contains invalid characters: %r", target)
