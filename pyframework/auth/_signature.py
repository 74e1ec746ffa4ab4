"""Signatures of OAuth 1.0 and 1.0a (RFC 5849, section 3.4.2)."""

import base64
import hashlib
import hmac
import urllib.parse
from collections.abc import Mapping
from typing import Any

from pyframework.escape import utf8


def percent_encoded(value: Any) -> str:
    """Encode as RFC 5849, section 3.6, says; what is not text is written as text first."""
    return urllib.parse.quote(value if isinstance(value, (str, bytes)) else str(value), safe="~")


def base_string(method: str, url: str, parameters: Mapping[str, Any]) -> str:
    """Return what is signed (RFC 5849, section 3.4.1)."""
    scheme, netloc, path = urllib.parse.urlparse(url)[:3]
    pairs = "&".join(f"{name}={percent_encoded(value)}" for name, value in sorted(parameters.items()))
    place = f"{scheme.lower()}://{netloc.lower()}{path}"
    return "&".join(percent_encoded(part) for part in (method.upper(), place, pairs))


def signature(
    consumer: Mapping[str, Any],
    method: str,
    url: str,
    parameters: Mapping[str, Any],
    token: Mapping[str, Any] | None,
    version: str,
) -> bytes:
    """Return the HMAC-SHA1 of a request, in Base64.

    :arg consumer, token: their ``secret`` is used; there is no token yet when a request token is asked for
    :arg version: ``1.0a`` encodes the secrets, ``1.0`` does not
    """
    secrets = [consumer["secret"], token["secret"] if token else ""]
    key = b"&".join(utf8(percent_encoded(secret) if version == "1.0a" else secret) for secret in secrets)
    digest = hmac.new(key, base_string(method, url, parameters).encode(), hashlib.sha1).digest()
    return base64.b64encode(digest)
