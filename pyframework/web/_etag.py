"""Entity tags: the response's own, and the check against what the client has (RFC 9110, section 13.1.2)."""

import re

from pyframework.web._headers import ResponseHeadersMixin

_ENTITY_TAG = re.compile(r'\*|(?:W/)?"[^"]*"')


class EtagMixin(ResponseHeadersMixin):
    """What a `RequestHandler` does about entity tags."""

    def _is_offered(self, offered: str) -> bool:
        """Return whether an If-None-Match names the tag in the Etag header."""
        etags = _ENTITY_TAG.findall(offered)
        current = self._headers.get("Etag", "").removeprefix("W/")
        if not etags or not current:
            return False
        return etags[0] == "*" or any(etag.removeprefix("W/") == current for etag in etags)
