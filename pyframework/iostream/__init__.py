"""Streams: reading from and writing to sockets and pipes without blocking."""

from typing import TYPE_CHECKING

from pyframework._core.buffers import StreamBuffer as _StreamBuffer
from pyframework._core.stream import StreamBufferFullError, StreamClosedError, UnsatisfiableReadError
from pyframework.iostream._base import _ERRNO_CONNRESET, BaseIOStream
from pyframework.iostream._pipe import PipeIOStream
from pyframework.iostream._socket import IOStream
from pyframework.iostream._tls import SSLIOStream

if TYPE_CHECKING:
    from unittest import TestSuite

__all__ = [
    "_ERRNO_CONNRESET",
    "BaseIOStream",
    "IOStream",
    "PipeIOStream",
    "SSLIOStream",
    "StreamBufferFullError",
    "StreamClosedError",
    "UnsatisfiableReadError",
    "_StreamBuffer",
    "doctests",
]


def doctests() -> "TestSuite":
    """Collect the examples in this package's docstrings, of which there are none, for `unittest`."""
    from unittest import TestSuite

    return TestSuite()
