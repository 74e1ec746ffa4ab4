"""Entity tags: the response's own, and the check against what the client has (RFC 9110, section 13.1.2)."""

import re
from hashlib import sha1
from typing import TYPE_CHECKING

from pyframework.escape import to_unicode
from pyframework.web._headers import ResponseHeadersMixin

if TYPE_CHECKING:
    from pyframework.httputil import HTTPServerRequest

_ENTITY_TAG = re.compile(r'\*|(?:W/)?"[^"]*"')


class EtagMixin(ResponseHeadersMixin):
    """What a `RequestHandler` does about entity tags."""

    request: "HTTPServerRequest"

    def compute_etag(self) -> str | None:
        """Return the tag of what is written so far, a hash by default; None for no tag."""
        return f'"{sha1(b"".join(self._write_buffer), usedforsecurity=False).hexdigest()}"'

    def set_etag_header(self) -> None:
        """Set the Etag header to what `compute_etag` returns, unless that is None."""
        etag = self.compute_etag()
        if etag is not None:
            self._headers["Etag"] = etag if isinstance(etag, str) else to_unicode(etag)

    def check_etag_header(self) -> bool:
        """Return whether the client already has the tag in the Etag header: the answer is then 304.

        Tags are compared weakly, as If-None-Match asks.
        """
        offered = self.request.headers.get("If-None-Match")
        if not offered:
            return False
        etags = _ENTITY_TAG.findall(offered)
        if not etags:
            return False
        if etags[0] == "*":
            return True
        current = self._headers.get("Etag", "").removeprefix("W/")
        return any(etag.removeprefix("W/") == current for etag in etags)
