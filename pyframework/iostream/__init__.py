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
from pyframework.iostream._pipe import PipeIOStream
from pyframework.iostream._socket import IOStream
from pyframework.iostream._tls import SSLIOStream

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
]
