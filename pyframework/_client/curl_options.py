"""How a request is told to a handle of curl: https://curl.se/libcurl/c/curl_easy_setopt.html."""

import functools
import logging
import re
import ssl
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pycurl

from pyframework import httputil, version
from pyframework.escape import native_str, utf8

curl_log = logging.getLogger("tornado.curl_httpclient")
CR_OR_LF_RE = re.compile(b"\r|\n")

_DEBUG_NAMES = ("I", "<", ">", "<", ">")
_METHODS = {"GET": pycurl.HTTPGET, "POST": pycurl.POST, "PUT": pycurl.UPLOAD, "HEAD": pycurl.NOBODY}
_OTHERS = frozenset({"OPTIONS", "DELETE", "PATCH"})
_AUTH_MODES = {None: pycurl.HTTPAUTH_BASIC, "basic": pycurl.HTTPAUTH_BASIC, "digest": pycurl.HTTPAUTH_DIGEST}


def _log(kind: int, text: bytes) -> None:
    if kind == 0:
        curl_log.debug("curl: %s", native_str(text).strip())
    elif kind in (1, 2):
        for line in native_str(text).splitlines():
            curl_log.debug("curl %s %s", _DEBUG_NAMES[kind], line)


def set_up(
    curl: "pycurl.Curl",
    request: Any,
    headers: httputil.HTTPHeaders,
    write: Callable[[bytes], int],
    on_headers: Callable[[Callable[..., None]], None],
) -> None:
    """Prepare a handle that is fresh or `reset` for ``request``.

    :arg headers: is filled with the response's fields
    :arg write: gets the pieces of the body, and answers as a WRITEFUNCTION does
    :arg on_headers: gets calls to do soon, on the event loop
    :raises ValueError, KeyError: the request contradicts itself
    """
    _set_protocols(curl)
    _set_request_head(curl, request)
    _set_response(curl, request, headers, write, on_headers)
    _set_limits(curl, request)
    _set_proxy(curl, request)
    _set_tls(curl, request)
    _set_method(curl, request)
    _set_credentials(curl, request)
    if request.prepare_curl_callback is not None:
        request.prepare_curl_callback(curl)


def _set_protocols(curl: "pycurl.Curl") -> None:
    if curl_log.isEnabledFor(logging.DEBUG):
        curl.setopt(pycurl.VERBOSE, 1)
        curl.setopt(pycurl.DEBUGFUNCTION, _log)
    # Nothing but HTTP, also where a redirect leads: libcurl would read files.
    protocols = pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS
    curl.setopt(pycurl.PROTOCOLS, protocols)
    curl.setopt(pycurl.REDIR_PROTOCOLS, protocols)


def _set_request_head(curl: "pycurl.Curl", request: Any) -> None:
    fields = request.headers
    curl.setopt(pycurl.URL, native_str(request.url))
    # curl adds these two by itself, where they are not told otherwise.
    for name in ("Expect", "Pragma"):
        if name not in fields:
            fields[name] = ""
    curl.setopt(pycurl.HTTPHEADER, [_line(name, native_str(value)) for name, value in fields.get_all()])
    user_agent = request.user_agent or f"Mozilla/5.0 (compatible; pycurl; Tornado/{version})"
    curl.setopt(pycurl.USERAGENT, native_str(user_agent))


def _line(name: str, value: str) -> bytes:
    line = (f"{name}: {value}" if value else f"{name}:").encode("latin1")
    if CR_OR_LF_RE.search(line):
        raise ValueError(f"Illegal characters (CR or LF) in header: {line!r}")
    return line


def _set_response(
    curl: "pycurl.Curl",
    request: Any,
    headers: httputil.HTTPHeaders,
    write: Callable[[bytes], int],
    on_headers: Callable[[Callable[..., None]], None],
) -> None:
    curl.setopt(pycurl.HEADERFUNCTION, functools.partial(_on_header, headers, request.header_callback, on_headers))
    curl.setopt(pycurl.WRITEFUNCTION, write)
    if request.decompress_response:
        curl.setopt(pycurl.ENCODING, "gzip,deflate")


def _on_header(
    headers: httputil.HTTPHeaders,
    header_callback: Callable[[str], None] | None,
    soon: Callable[..., None],
    line: bytes,
) -> None:
    text = native_str(line.decode("latin1"))
    if header_callback is not None:
        soon(header_callback, text)
    stripped = text.strip()
    if stripped.startswith("HTTP/"):  # of another response, after a redirect or a 100
        headers.clear()
        try:
            stripped = f"X-Http-Reason: {httputil.parse_response_start_line(stripped).reason}"
        except httputil.HTTPInputError:
            return
    if stripped:
        headers.parse_line(stripped)


def _set_limits(curl: "pycurl.Curl", request: Any) -> None:
    curl.setopt(pycurl.NOSIGNAL, 1)
    curl.setopt(pycurl.FOLLOWLOCATION, int(bool(request.follow_redirects)))
    curl.setopt(pycurl.MAXREDIRS, request.max_redirects)
    curl.setopt(pycurl.CONNECTTIMEOUT_MS, int(1000 * request.connect_timeout))
    curl.setopt(pycurl.TIMEOUT_MS, int(1000 * request.request_timeout))
    if request.network_interface:
        curl.setopt(pycurl.INTERFACE, request.network_interface)
    if request.allow_ipv6 is False:
        # With IPv6 a curl that cannot use it waits a second before it tries the other family.
        curl.setopt(pycurl.IPRESOLVE, pycurl.IPRESOLVE_V4)


def _set_proxy(curl: "pycurl.Curl", request: Any) -> None:
    if not (request.proxy_host and request.proxy_port):
        return
    curl.setopt(pycurl.PROXY, request.proxy_host)
    curl.setopt(pycurl.PROXYPORT, request.proxy_port)
    if request.proxy_username:
        curl.setopt(
            pycurl.PROXYUSERPWD, httputil.encode_username_password(request.proxy_username, request.proxy_password)
        )
    if request.proxy_auth_mode not in _AUTH_MODES:
        raise ValueError(f"Unsupported proxy_auth_mode {request.proxy_auth_mode}")
    curl.setopt(pycurl.PROXYAUTH, _AUTH_MODES[request.proxy_auth_mode])


def _set_tls(curl: "pycurl.Curl", request: Any) -> None:
    if request.ssl_options is not None:
        kind = "an SSLContext" if isinstance(request.ssl_options, ssl.SSLContext) else "ssl_options"
        raise ValueError(f"{kind} not supported in curl_httpclient: use validate_cert, ca_certs and client_cert")
    curl.setopt(pycurl.SSL_VERIFYPEER, int(bool(request.validate_cert)))
    curl.setopt(pycurl.SSL_VERIFYHOST, 2 if request.validate_cert else 0)
    files = {pycurl.CAINFO: request.ca_certs, pycurl.SSLCERT: request.client_cert, pycurl.SSLKEY: request.client_key}
    for option, file in files.items():
        if file is not None:
            curl.setopt(option, file)


def _set_method(curl: "pycurl.Curl", request: Any) -> None:
    method, body = request.method, request.body
    if request.body_producer is not None:
        raise ValueError("body_producer needs simple_httpclient")
    if method in _METHODS:
        curl.setopt(_METHODS[method], True)
    elif method in _OTHERS or request.allow_nonstandard_methods:
        curl.setopt(pycurl.CUSTOMREQUEST, method)
    else:
        raise KeyError(f"unknown method {method}: others need allow_nonstandard_methods")
    expected = method in ("POST", "PATCH", "PUT")
    if not request.allow_nonstandard_methods and expected != (body is not None):
        not_ = "not " if expected else ""
        raise ValueError(f"Body must {not_}be None for method {method} (unless allow_nonstandard_methods is true)")
    if not expected and body is None:
        return
    if method == "GET":
        raise ValueError("Body must be None for GET request")
    file = BytesIO(utf8(body or b""))
    size = len(file.getbuffer())

    def seek(offset: int, origin: int) -> int:
        file.seek(offset, origin)  # back to the start, for digest authentication and some redirects
        return int(pycurl.SEEKFUNC_OK)

    curl.setopt(pycurl.READFUNCTION, file.read)
    curl.setopt(pycurl.SEEKFUNCTION, seek)
    if method == "POST":
        curl.setopt(pycurl.POSTFIELDSIZE, size)
    else:
        curl.setopt(pycurl.UPLOAD, True)
        curl.setopt(pycurl.INFILESIZE, size)
        if method != "PUT":
            curl.setopt(pycurl.CUSTOMREQUEST, method)


def _set_credentials(curl: "pycurl.Curl", request: Any) -> None:
    if request.auth_username is None:
        return
    if request.auth_mode not in _AUTH_MODES:
        raise ValueError(f"Unsupported auth_mode {request.auth_mode}")
    curl.setopt(pycurl.USERPWD, httputil.encode_username_password(request.auth_username, request.auth_password or ""))
    curl.setopt(pycurl.HTTPAUTH, _AUTH_MODES[request.auth_mode])
