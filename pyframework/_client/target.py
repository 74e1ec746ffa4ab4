"""Where a request goes: its server and perhaps a proxy, and the key of the connections that lead there."""

import base64
import functools
import socket
import ssl
import urllib.parse
from collections.abc import Hashable
from typing import Any, NamedTuple

from pyframework.httputil import encode_username_password
from pyframework.netutil import _client_ssl_defaults, is_valid_ip

_PORTS = {"http": 80, "https": 443}


class Place(NamedTuple):
    """What a URL says of where to go."""

    scheme: str
    netloc: str
    host: str
    port: int
    path: str
    username: str | None
    password: str | None


@functools.lru_cache(maxsize=256)
def place(url: str) -> Place:
    """Return what ``url`` says.

    :raises ValueError: its scheme is neither http nor https, or it names no host
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in _PORTS:
        raise ValueError(f"Unsupported url scheme: {url}")
    if not parts.hostname:
        raise ValueError(f"the URL has no host: {url}")
    return Place(
        parts.scheme,
        parts.netloc.rpartition("@")[2],
        parts.hostname,
        parts.port or _PORTS[parts.scheme],
        f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/",
        None if parts.username is None else urllib.parse.unquote(parts.username),
        urllib.parse.unquote(parts.password or ""),
    )


class Target:
    """Where the request with this URL goes.

    Attributes: ``place``, where the URL leads; ``scheme``, ``host`` and ``port`` of that; ``family`` of addresses;
    ``proxy``, host and port or None; and ``key``: two requests with the same key may use the same connection, and with
    None no other request may.

    :raises ValueError: the URL leads nowhere, or the address to connect from is none
    """

    def __init__(self, request: Any, proxy: tuple[str, int] | None) -> None:
        if request.network_interface and not is_valid_ip(request.network_interface):
            raise ValueError(f"network_interface must be an IPv4 or IPv6 address, not {request.network_interface!r}")
        self.place = place(request.url)
        self.scheme, _, self.host, self.port, *_ = self.place
        self.family = socket.AF_INET if request.allow_ipv6 is False else socket.AF_UNSPEC
        self.proxy = proxy
        tls = _tls_key(request) if self.scheme == "https" else ()
        self.key: Hashable = None
        if tls is not None:
            self.key = (self.scheme, self.host, self.port, self.family, request.network_interface, proxy, tls)

    @property
    def request_target(self) -> str:
        """What the start line asks for: the path, or of a proxy the whole URL (RFC 9112 section 3.2)."""
        if self.proxy is None or self.scheme != "http":
            return self.place.path
        return f"http://{self.place.netloc}{self.place.path}"

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
