"""The header fields that a request is sent with: the caller's, and those that it needs besides."""

from typing import Any

from pyframework import httputil, version
from pyframework._client.target import Target, basic, speaks_for_connection

_METHODS = frozenset({"GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"})
_WITH_BODY = frozenset({"POST", "PATCH", "PUT"})
_USER_AGENT = f"Tornado/{version}"


def check(request: Any) -> None:
    """Raise KeyError or ValueError if the request contradicts itself, NotImplementedError if it asks for curl."""
    if request.prepare_curl_callback is not None:
        raise NotImplementedError("prepare_curl_callback needs CurlAsyncHTTPClient")
    if request.allow_nonstandard_methods:
        return
    if request.method not in _METHODS:
        raise KeyError(f"unknown method {request.method}: others need allow_nonstandard_methods")
    has_body = request.body is not None or request.body_producer is not None
    if has_body != (request.method in _WITH_BODY):
        not_ = "" if has_body else "not "
        raise ValueError(
            f"Body must {not_}be None for method {request.method} (unless allow_nonstandard_methods is true)"
        )


def fields_of(request: Any, target: Target, keep: bool) -> httputil.HTTPHeaders:
    """Return the fields for a request.

    Its own headers get those that belong to what is asked, and the Host. Those that tell who asks are only in the copy
    that is returned: they do not go where a redirect leads, or where the request is used again.

    :arg keep: whether the connection may serve other requests
    :raises ValueError: it asks for authentication of a kind that this client does not know
    """
    own = request.headers
    if request.user_agent:
        own["User-Agent"] = request.user_agent
    elif "User-Agent" not in own:
        own["User-Agent"] = _USER_AGENT
    if request.decompress_response:
        own["Accept-Encoding"] = httputil._accepted_codings()
    if request.expect_100_continue:
        own["Expect"] = "100-continue"
    if request.body is not None:
        own["Content-Length"] = str(len(request.body))
    if request.method == "POST" and "Content-Type" not in own:
        own["Content-Type"] = "application/x-www-form-urlencoded"
    known: Any = getattr(request, "request", request)  # behind the client's defaults, if there are any
    if own.get("Host") in (None, known._host):  # not set by the caller
        own["Host"] = known._host = target.place.netloc
    headers = httputil.HTTPHeaders(own)
    if not keep and "Connection" not in headers:
        headers["Connection"] = "close"
    credentials = _credentials(request, target)
    if credentials is not None:
        headers["Authorization"] = credentials
    # Only a proxy that forwards requests sees them; one that makes a tunnel was told with CONNECT.
    if target.proxy is not None and target.proxy.credentials is not None and target.scheme == "http":
        headers["Proxy-Authorization"] = target.proxy.credentials
    return headers


def _credentials(request: Any, target: Target) -> str | None:
    username, password = target.place.username, target.place.password
    if username is None:
        username, password = request.auth_username, request.auth_password or ""
    if username is None:
        return None
    if request.auth_mode not in (None, "basic"):
        raise ValueError(f"unsupported auth_mode {request.auth_mode}: it needs CurlAsyncHTTPClient")
    return basic(username, password)


def leaves_connection(headers: httputil.HTTPHeaders) -> bool:
    """Whether a request with these fields leaves a connection that another one may use."""
    connection = headers.get("Connection")
    if connection is not None:
        options = {option.strip() for option in connection.lower().split(",")}
        if not options.isdisjoint(("close", "upgrade")):
            return False
    return not (
        speaks_for_connection(headers.get("Authorization")) or speaks_for_connection(headers.get("Proxy-Authorization"))
    )
