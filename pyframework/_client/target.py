"""Where a request goes: its server and perhaps a proxy, and the key of the connections that lead there."""

import base64
import functools
import re
import socket
import ssl
import urllib.parse
from collections.abc import Hashable
from typing import Any, NamedTuple

from pyframework.httputil import encode_username_password
from pyframework.netutil import _client_ssl_defaults, is_valid_ip

_PORTS = {"http": 80, "https": 443}
_UNSENDABLE = re.compile(r"[^!-~]+")
# These schemes prove who speaks once for a whole connection (RFC 4559 section 6).
_OF_CONNECTIONS = ("ntlm", "negotiate")


class Place(NamedTuple):
    """What a URL says of where to go."""

    scheme: str
    netloc: str
    host: str
    port: int
    path: str
    username: str | None
    password: str


class Proxy(NamedTuple):
    """A proxy, and the Proxy-Authorization for it or None."""

    host: str
    port: int
    credentials: str | None


@functools.lru_cache(maxsize=256)
def place(url: str) -> Place:
    """Return what ``url`` says; what cannot stand in a request is percent-encoded.

    :raises ValueError: its scheme is neither http nor https, or it names no host
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in _PORTS:
        raise ValueError(f"Unsupported url scheme: {url}")
    if not parts.hostname:
        raise ValueError(f"the URL has no host: {url}")
    netloc, host = parts.netloc.rpartition("@")[2], parts.hostname
    if not netloc.isascii():
        host = host.encode("idna").decode()
        netloc = host if parts.port is None else f"{host}:{parts.port}"
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return Place(
        parts.scheme,
        netloc,
        host,
        _PORTS[parts.scheme] if parts.port is None else parts.port,
        _UNSENDABLE.sub(lambda match: urllib.parse.quote(match[0]), path),
        None if parts.username is None else urllib.parse.unquote(parts.username),
        urllib.parse.unquote(parts.password or ""),
    )


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of ``url`` (RFC 9110 section 4.3.1).

    :raises ValueError: as `place` does
    """
    parts = place(url)
    return parts.scheme, parts.host, parts.port


class Target:
    """Where the request with this URL goes.

    Attributes: ``place``, where the URL leads; ``scheme``, ``host`` and ``port`` of that; ``family`` of addresses;
    ``proxy``, a `Proxy` or None; and ``key``: two requests with the same key may use the same connection, and with
    None no other request may.

    :arg tcp_client: what connects to it
    :raises ValueError: the URL leads nowhere, or the address to connect from is none
    """

    def __init__(self, request: Any, proxy: Proxy | None, tcp_client: Any) -> None:
        source = request.network_interface
        if source and not is_valid_ip(source):
            raise ValueError(f"network_interface must be an IPv4 or IPv6 address, not {source!r}")
        self.place = place(request.url)
        self.scheme, _, self.host, self.port, *_ = self.place
        self.family = socket.AF_INET if request.allow_ipv6 is False else socket.AF_UNSPEC
        self.proxy = proxy
        resolver = tcp_client.resolver
        self.key: Hashable = None
        if self.scheme == "http":
            self.key = self.scheme, self.host, self.port, self.family, source, proxy, tcp_client, resolver
        elif not isinstance(request.ssl_options, dict):
            tls = request.ssl_options, request.validate_cert, request.ca_certs, request.client_cert, request.client_key
            self.key = self.scheme, self.host, self.port, self.family, source, proxy, tcp_client, resolver, tls

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


def tls_options(request: Any) -> dict[str, Any] | ssl.SSLContext:
    """Return the TLS options that a request of https asks for."""
    if request.ssl_options is not None:
        options: dict[str, Any] | ssl.SSLContext = request.ssl_options
        return options
    if request.validate_cert and request.ca_certs is None and request.client_cert is None:
        return _client_ssl_defaults()
    if request.validate_cert or request.ca_certs is not None:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=request.ca_certs)
    else:  # without the certificates of the system, whose loading takes longer than the whole request
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.options |= ssl.OP_NO_COMPRESSION
    if not request.validate_cert:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if request.client_cert is not None:
        context.load_cert_chain(request.client_cert, request.client_key)
    return context


def basic(username: str, password: str) -> str:
    """The value of Authorization for the scheme Basic (RFC 7617)."""
    return "Basic " + base64.b64encode(encode_username_password(username, password)).decode("ascii")


def speaks_for_connection(credentials: str | None) -> bool:
    """Whether these credentials stay with the connection that they are sent on."""
    return credentials is not None and credentials.partition(" ")[0].lower() in _OF_CONNECTIONS
