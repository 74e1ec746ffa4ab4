"""Credentials of HTTP authentication."""

import unicodedata

from pyframework.escape import utf8


def encode_username_password(username: str | bytes, password: str | bytes) -> bytes:
    """Join the two with a colon as Basic authentication does (RFC 7617); str is normalised (NFC), then UTF-8."""
    parts = [
        utf8(unicodedata.normalize("NFC", part)) if isinstance(part, str) else part for part in (username, password)
    ]
    return b":".join(parts)
