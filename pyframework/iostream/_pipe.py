"""PipeIOStream: a stream over one end of a pipe."""

from __future__ import annotations

import errno
import io
import os
from typing import Any

from pyframework.iostream._base import BaseIOStream


class PipeIOStream(BaseIOStream):
    """Reads or writes one end of a pipe without blocking.

    fd: the descriptor, as of `os.pipe`; it belongs to the stream from now on.
    Further arguments are those of `BaseIOStream`.
    """

    def __init__(self, fd: int, *args: Any, **kwargs: Any) -> None:
        self.fd = fd
        os.set_blocking(fd, False)
        self._file = io.FileIO(fd, "r+")
        super().__init__(*args, **kwargs)

    def fileno(self) -> int:
        return self.fd

    def close_fd(self) -> None:
        self._file.close()

    def write_to_fd(self, data: memoryview) -> int:
        return self._file.write(data) or 0

    def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
        return self._file.readinto(buf)

    def _is_connreset(self, error: BaseException) -> bool:
        # What reading from the end that is for writing says, which is tried when the other end was closed.
        return super()._is_connreset(error) or (isinstance(error, OSError) and error.errno == errno.EBADF)
