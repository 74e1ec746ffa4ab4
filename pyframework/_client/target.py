"""Where a request goes: its server and perhaps a proxy, and the key of the connections that lead there."""

import base64
import re
import socket
import ssl
import urllib.parse
from collections.abc import Hashable
from typing import Any

from pyframework.httputil import encode_username_password
from pyframework.netutil import _client_ssl_defaults, is_valid_ip

_PORTS = {"http": 80, "https": 443}
_USER = re.compile(r".*@")


class Target:
    """Where the request with this URL goes.

    Attributes: ``url`` (split), ``scheme``, ``netloc`` (as the field Host says it), ``host``, ``port``, ``family`` of
    addresses, ``path`` with its query, ``tls`` (options of `IOStream.start_tls`, or None), ``proxy`` (host and port, or
    None), and ``key``: two requests with the same key may use the same connection; it is None where none is shared.

    Raises ValueError for another scheme than http and https.
    """

    def __init__(self, request: Any, proxy: tuple[str, int] | None) -> None:
        url = urllib.parse.urlsplit(request.url)
        if url.scheme not in _PORTS:
            raise ValueError(f"Unsupported url scheme: {request.url}")
        if not url.hostname:
            raise ValueError(f"the URL has no host: {request.url}")
        self.url = url
        self.scheme = url.scheme
        self.netloc = _USER.sub("", url.netloc)
        self.host = url.hostname
        self.port = url.port or _PORTS[url.scheme]
        self.family = socket.AF_INET if request.allow_ipv6 is False else socket.AF_UNSPEC
        self.path = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
        self.proxy = proxy
        if request.network_interface and not is_valid_ip(request.network_interface):
            raise ValueError(f"network_interface must be an IPv4 or IPv6 address, not {request.network_interface!r}")
        self.key: Hashable = (
            self.scheme, self.host, self.port, self.family, request.network_interface,
            proxy, self.scheme == "https" and _tls_key(request),
        )  # fmt: skip
        if self.scheme == "https" and _tls_key(request) is None:
            self.key = None

    @property
    def authority(self) -> str:
        """Host and port as CONNECT names them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _tls_key(request: Any) -> Hashable:
    options = request.ssl_options
    if isinstance(options, dict):
        return None
    return options, request.validate_cert, request.ca_certs, request.client_cert, request.client_key


def tls_options(request: Any) -> dict[str, Any] | ssl.SSLContext:
    """Return the TLS options that a request of https asks for."""
    if request.ssl_options is not None:
        options: dict[str, Any] | ssl.SSLContext = request.ssl_options
        return options
    if request.validate_cert and request.ca_certs is None and request.client_cert is None:
        return _client_ssl_defaults()
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=request.ca_certs)
    if not request.validate_cert:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if request.client_cert is not None:
        context.load_cert_chain(request.client_cert, request.client_key)
    return context


def basic(username: str, password: str) -> str:
    """The value of Authorization for the scheme Basic (RFC 7617)."""
    return "Basic " + base64.b64encode(encode_username_password(username, password)).decode("ascii")
