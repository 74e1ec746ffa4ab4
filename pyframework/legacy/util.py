"""What bridged Python 2 and 3."""

from pyframework import escape, util
from pyframework.legacy._arguments import add
from pyframework.legacy._notes import note


def u(s: str) -> str:
    """Return the text itself."""
    note("util.u()", "every literal is text: 'text'")
    return s


def b(s: str) -> bytes:
    """Return the characters of a literal as bytes."""
    note("util.b()", "bytes have a literal of their own: b'bytes'")
    return s.encode("latin1")


def install() -> None:
    add(util, u=u, b=b, xrange=range, PY3=True)
    add(escape, PY3=True, unichr=chr, unicode_type=str, basestring_type=str)
