"""Streams: reading from and writing to sockets without blocking."""

from pyframework._core.stream import (
    StreamBuffer as _StreamBuffer,
)
from pyframework._core.stream import (
    StreamBufferFullError,
    StreamClosedError,
    UnsatisfiableReadError,
)
from pyframework.iostream._base import _ERRNO_CONNRESET, BaseIOStream
from pyframework.iostream._socket import IOStream

__all__ = [
    "_ERRNO_CONNRESET",
    "BaseIOStream",
    "IOStream",
    "StreamBufferFullError",
    "StreamClosedError",
    "UnsatisfiableReadError",
    "_StreamBuffer",
]
