"""HTTP proxies: which one a request goes through, and the tunnel for https (RFC 9110 section 9.3.6)."""

import ssl
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any

from pyframework import gen, httputil
from pyframework._client.target import Target, basic
from pyframework.http1connection import HTTP1Connection, HTTP1ConnectionParameters
from pyframework.iostream import IOStream

if TYPE_CHECKING:
    from collections.abc import Callable

_PROXY_PORT = 80


def proxy_of(request: Any, trust_env: bool) -> tuple[str, int] | None:
    """Return host and port of the proxy that the request names, or the environment for it."""
    if request.proxy_host:
        if not request.proxy_port:
            raise ValueError("proxy_host needs a proxy_port")
        return request.proxy_host, int(request.proxy_port)
    if not trust_env:
        return None
    url = urllib.parse.urlsplit(request.url)
    if urllib.request.proxy_bypass(url.hostname or ""):
        return None
    proxy = urllib.request.getproxies().get(url.scheme)
    if not proxy:
        return None
    parts = urllib.parse.urlsplit(proxy if "//" in proxy else f"//{proxy}")
    if parts.scheme not in ("", "http") or not parts.hostname:
        raise ValueError(f"the environment names a proxy that is no HTTP proxy: {proxy}")
    return parts.hostname, parts.port or _PROXY_PORT


def _credentials(request: Any) -> str | None:
    if not request.proxy_username:
        return None
    if request.proxy_auth_mode not in (None, "basic"):
        raise ValueError(f"unsupported proxy_auth_mode {request.proxy_auth_mode}: it needs CurlAsyncHTTPClient")
    return basic(request.proxy_username, request.proxy_password or "")


def add_credentials(request: Any, target: Target) -> None:
    """Tell a proxy that forwards the request who asks; one that makes a tunnel is told with CONNECT."""
    credentials = _credentials(request) if target.proxy else None
    if credentials is not None and target.scheme == "http":
        request.headers["Proxy-Authorization"] = credentials


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
    stream: IOStream, target: Target, request: Any, tls: dict[str, Any] | ssl.SSLContext, deadline: float | None
) -> IOStream:
    """Have the proxy at the other end of ``stream`` connect us to the target, and begin TLS with that.

    :raises OSError: the proxy refuses
    :raises TimeoutError: it took longer than ``deadline``
    """
    try:
        await _by(deadline, _ask(stream, target, request), lambda: f"Timeout while connecting through {target.proxy}")
        secured = stream.start_tls(False, ssl_options=tls, server_hostname=target.host)
        try:
            await _by(deadline, secured, lambda: f"Timeout during TLS handshake with {target.authority}")
        except BaseException:
            secured.cancel()
            raise
        return secured.result()
    except BaseException:
        stream.close()
        raise


async def _ask(stream: IOStream, target: Target, request: Any) -> None:
    headers = httputil.HTTPHeaders({"Host": target.authority})
    credentials = _credentials(request)
    if credentials is not None:
        headers["Proxy-Authorization"] = credentials
    connection = HTTP1Connection(stream, True, HTTP1ConnectionParameters(no_keep_alive=True))
    delegate = _TunnelDelegate(connection)
    connection.write_headers(httputil.RequestStartLine("CONNECT", target.authority, ""), headers)
    connection.finish()
    await connection.read_response(delegate)
    if not delegate.open:
        raise _Refused(f"the proxy refused a tunnel to {target.authority}: {delegate.status}")


async def _by(deadline: float | None, awaitable: Any, message: "Callable[[], str]") -> Any:
    return await (awaitable if deadline is None else gen.with_timeout(deadline, awaitable, message=message))
