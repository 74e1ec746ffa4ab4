"""HTTP proxies: which one a request goes through, and the tunnel for https (RFC 9110 section 9.3.6)."""

import asyncio
import ssl
import urllib.parse
import urllib.request
from typing import Any

from pyframework import httputil
from pyframework._client.target import Proxy, Target, basic
from pyframework.http1connection import HTTP1Connection, HTTP1ConnectionParameters
from pyframework.iostream import IOStream
from pyframework.tcpclient import _abandon

_PROXY_PORT = 80


def proxy_of(request: Any, trust_env: bool) -> Proxy | None:
    """Return the proxy that the request names, or else the environment for it if that is trusted.

    :raises ValueError: there is one that cannot be used
    """
    if request.proxy_host:
        if not request.proxy_port:
            raise ValueError("proxy_host needs a proxy_port")
        if request.proxy_auth_mode not in (None, "basic"):
            raise ValueError(f"unsupported proxy_auth_mode {request.proxy_auth_mode}: it needs CurlAsyncHTTPClient")
        username, password = request.proxy_username, request.proxy_password or ""
        return Proxy(request.proxy_host, int(request.proxy_port), basic(username, password) if username else None)
    return _proxy_of_environment(request.url) if trust_env else None


def _proxy_of_environment(url: str) -> Proxy | None:
    parts = urllib.parse.urlsplit(url)
    # With its port, as no_proxy may name one.
    if urllib.request.proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    named = urllib.request.getproxies().get(parts.scheme)
    if not named:
        return None
    proxy = urllib.parse.urlsplit(named if "//" in named else f"//{named}")
    if proxy.scheme not in ("", "http") or not proxy.hostname:
        raise ValueError(f"the environment names a proxy for {parts.scheme} that is no HTTP proxy: {proxy.hostname}")
    credentials = None
    if proxy.username:
        credentials = basic(urllib.parse.unquote(proxy.username), urllib.parse.unquote(proxy.password or ""))
    return Proxy(proxy.hostname, proxy.port or _PROXY_PORT, credentials)


class _Refused(OSError):
    """The proxy does not make the tunnel."""


class _TunnelDelegate(httputil.HTTPMessageDelegate):
    """Detaches the connection once the proxy agrees; what follows is the server's."""

    def __init__(self, connection: HTTP1Connection) -> None:
        self.connection = connection
        self.status = "no answer"
        self.open = False

    def headers_received(
        self, start_line: httputil.RequestStartLine | httputil.ResponseStartLine, headers: httputil.HTTPHeaders
    ) -> None:
        assert isinstance(start_line, httputil.ResponseStartLine)
        self.status = f"{start_line.code} {start_line.reason}"
        if 200 <= start_line.code < 300:
            self.open = True
            self.connection.detach()

    def data_received(self, chunk: bytes) -> None:
        pass


async def tunnel(
    stream: IOStream, target: Target, tls: dict[str, Any] | ssl.SSLContext, deadline: float | None
) -> IOStream:
    """Have the proxy at the other end of ``stream`` connect us to the target, and begin TLS with that.

    :raises OSError: the proxy refuses
    :raises TimeoutError: it took longer than ``deadline``
    """
    seconds = None if deadline is None else max(0, deadline - stream.io_loop.time())
    stage = "while connecting through the proxy"
    try:
        async with asyncio.timeout(seconds):
            try:
                await _ask(stream, target)
                secured = stream.start_tls(False, ssl_options=tls, server_hostname=target.host)
            except BaseException:
                stream.close()
                raise
            stage = f"during TLS handshake with {target.authority}"
            try:
                return await asyncio.shield(secured)
            except BaseException:
                _abandon(secured, lambda secured_stream: secured_stream)
                raise
    except TimeoutError:
        raise TimeoutError(f"Timeout {stage}") from None


async def _ask(stream: IOStream, target: Target) -> None:
    headers = httputil.HTTPHeaders({"Host": target.authority})
    if target.proxy is not None and target.proxy.credentials is not None:
        headers["Proxy-Authorization"] = target.proxy.credentials
    connection = HTTP1Connection(stream, True, HTTP1ConnectionParameters(no_keep_alive=True))
    delegate = _TunnelDelegate(connection)
    connection.write_headers(httputil.RequestStartLine("CONNECT", target.authority, ""), headers)
    connection.finish()
    await connection.read_response(delegate)
    if not delegate.open:
        raise _Refused(f"the proxy refused a tunnel to {target.authority}: {delegate.status}")
