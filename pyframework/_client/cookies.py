"""A jar of `http.cookiejar` for the client: what it stores of responses and adds to requests (RFC 6265)."""

import http.cookiejar
import urllib.request
from email.message import Message

from pyframework.httputil import HTTPHeaders


class _Response:
    """A response as a jar reads it."""

    def __init__(self, headers: HTTPHeaders) -> None:
        self._message = Message()
        for name, value in headers.get_all():
            self._message[name] = value

    def info(self) -> Message:
        return self._message


def send(jar: http.cookiejar.CookieJar, url: str, headers: HTTPHeaders) -> None:
    """Add the cookies that belong to the URL to a request's fields, unless these have a Cookie of their own."""
    if "Cookie" in headers:
        return
    asked = urllib.request.Request(url)
    jar.add_cookie_header(asked)
    cookie = asked.get_header("Cookie")
    if cookie is not None:
        headers["Cookie"] = cookie


def receive(jar: http.cookiejar.CookieJar, url: str, headers: HTTPHeaders) -> None:
    """Store the cookies that a response sets."""
    if "Set-Cookie" in headers:
        jar.extract_cookies(_Response(headers), urllib.request.Request(url))  # type: ignore[arg-type]
