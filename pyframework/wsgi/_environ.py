"""A request as WSGI's `environ`, and back."""

import io
import sys
from collections.abc import Callable, Iterable
from typing import Any

from pyframework import httputil
from pyframework.escape import url_unescape

WSGIAppType = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_PORTS = {"http": "80", "https": "443"}
_BARE_FIELDS = {"Content-Type": "CONTENT_TYPE", "Content-Length": "CONTENT_LENGTH"}


def to_wsgi_str(s: bytes) -> str:
    """Return bytes as WSGI wants them in a str: one character each."""
    return s.decode("latin1")


def environ_of(request: httputil.HTTPServerRequest, multithread: bool) -> dict[str, Any]:
    """Return the `environ` of PEP 3333 for a request.

    :arg multithread: whether the application may be called in several threads at the same time
    """
    host, port = httputil.split_host_and_port(request.host)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": to_wsgi_str(url_unescape(request.path, encoding=None, plus=False)),
        "QUERY_STRING": request.query,
        "REMOTE_ADDR": request.remote_ip,
        "SERVER_NAME": host,
        "SERVER_PORT": str(port) if port is not None else _PORTS.get(request.protocol, "80"),
        "SERVER_PROTOCOL": request.version,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.protocol,
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": multithread,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name in request.headers:
        value = request.headers[name]
        bare = _BARE_FIELDS.get(name)
        if bare is not None:
            environ[bare] = value
        elif "_" not in name:  # X_Name would be taken for X-Name, which a proxy may have set
            environ[f"HTTP_{name.replace('-', '_').upper()}"] = value
    return environ


def headers_of(environ: dict[str, Any]) -> httputil.HTTPHeaders:
    """Return the fields of a request from its `environ`."""
    headers = httputil.HTTPHeaders()
    for name, key in _BARE_FIELDS.items():
        if environ.get(key):
            headers[name] = environ[key]
    for key, value in environ.items():
        if key.startswith("HTTP_"):
            headers[key[5:].replace("_", "-")] = value
    return headers


def content_length_of(environ: dict[str, Any]) -> int:
    """Return how many bytes the body has; 0 where that is not said, or is no number."""
    length = str(environ.get("CONTENT_LENGTH") or "0")
    return int(length) if length.isascii() and length.isdigit() else 0
