"""The request that follows a redirect (RFC 9110 section 15.4)."""

import copy
import urllib.parse
from typing import Any

from pyframework import httputil
from pyframework._client.target import origin
from pyframework.httpclient import HTTPRequest, _RequestProxy

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OF_A_BODY = ("Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding")
_CREDENTIALS = ("Authorization", "Cookie", "Proxy-Authorization")


def following(request: Any, code: int, location: str) -> HTTPRequest:
    """Return the request for `location` that comes after the answer `code` to ``request``.

    Another origin gets no credentials, neither the caller's nor what the answer would make us send.

    :raises ValueError: the location is none of http or https
    """
    old: HTTPRequest = request.request if isinstance(request, _RequestProxy) else request
    new = copy.copy(old)
    new.headers = httputil.HTTPHeaders(old.headers)
    new.url = urllib.parse.urljoin(request.url, location)
    new.max_redirects = request.max_redirects - 1
    new.original_request = old.original_request or old
    dropped = ["Host"]
    if code == 303 and new.method != "HEAD" or code in (301, 302) and new.method == "POST":
        new.method = "GET"
        new.body = None
        new.body_producer = None
        dropped += _OF_A_BODY
    if origin(new.url) != origin(request.url):
        new.auth_username = new.auth_password = None
        parts = urllib.parse.urlsplit(new.url)
        new.url = urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        dropped += _CREDENTIALS
    for name in dropped:
        new.headers.pop(name, None)
    return new
