"""BaseIOStream: what users subclass to read and write a descriptor of their own kind."""

from __future__ import annotations

import errno
import sys

from pyframework._core.stream import Stream
from pyframework.ioloop import IOLoop

_ERRNO_CONNRESET = tuple(
    getattr(errno, name) for name in ("ECONNRESET", "ECONNABORTED", "EPIPE", "ETIMEDOUT") if hasattr(errno, name)
)

MAX_BUFFER_SIZE = 100 * 1024 * 1024
READ_CHUNK_SIZE = 64 * 1024


class BaseIOStream(Stream):
    """A stream over a descriptor; a subclass says how the descriptor is read, written and closed.

    max_buffer_size: bytes that may be received before somebody reads them (default 100 MiB).
    read_chunk_size: bytes asked of `read_from_fd` at a time (default 64 KiB).
    max_write_buffer_size: bytes that may wait to be sent (default: no limit).
    """

    def __init__(
        self,
        max_buffer_size: int | None = None,
        read_chunk_size: int | None = None,
        max_write_buffer_size: int | None = None,
    ) -> None:
        self.io_loop = IOLoop.current()
        self.max_buffer_size = max_buffer_size or MAX_BUFFER_SIZE
        self.read_chunk_size = min(read_chunk_size or READ_CHUNK_SIZE, self.max_buffer_size // 2)
        self.max_write_buffer_size = max_write_buffer_size
        self._open(self.io_loop._poller, self._is_raw())

    def _is_raw(self) -> bool:
        """Whether the descriptor may be read and written by recv(2) and send(2) past the methods below."""
        return False

    def fileno(self) -> int:
        """Return the descriptor."""
        raise NotImplementedError

    def close_fd(self) -> None:
        """Close the descriptor; called once, by `close`."""
        raise NotImplementedError

    def write_to_fd(self, data: memoryview) -> int:
        """Send some of `data`; return how many bytes the descriptor took, 0 if it takes none now."""
        raise NotImplementedError

    def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
        """Receive into `buf`; return the number of bytes, 0 at the end of the stream, None if there are none yet."""
        raise NotImplementedError

    def get_fd_error(self) -> Exception | None:
        """Return the error that the descriptor is in, if it knows one."""
        return None

    def _end_writing(self) -> None:
        """Tell the peer that nothing more will be sent; a descriptor that cannot is closed."""
        self.close()

    def _unacknowledged(self) -> int:
        """Return how many bytes the descriptor has taken that the peer has not, as far as it can tell."""
        return 0

    def set_nodelay(self, value: bool) -> None:
        """Send small writes at once (True) or let the kernel gather them (False), where the descriptor has a choice."""

    def _handle_connect(self) -> None:
        """The descriptor is ready for what `_connect_state` says, or failed, while `_connecting` is set."""
        raise NotImplementedError

    def _is_connreset(self, error: BaseException) -> bool:
        return isinstance(error, OSError) and error.errno in _ERRNO_CONNRESET

    def _keep_reason(self, exc_info: object) -> None:
        """Remember in `error` why the stream is being closed."""
        if isinstance(exc_info, tuple):
            self.error = exc_info[1]
        elif isinstance(exc_info, BaseException):
            self.error = exc_info
        elif exc_info:
            self.error = sys.exception()
