"""The way back from the text of WSGI; `WSGIApplication` and `WSGIAdapter` are in `pyframework.wsgi` anyway."""

from pyframework import wsgi
from pyframework.legacy._arguments import add
from pyframework.legacy._notes import note


def from_wsgi_str(s: str) -> bytes:
    """Return the bytes that a WSGI string stands for (PEP 3333)."""
    note("wsgi.from_wsgi_str", "s.encode('latin1')")
    return s.encode("latin1")


def install() -> None:
    add(wsgi, from_wsgi_str=from_wsgi_str)
