"""`wsgi.input` of a body that is still on its way: fed in the event loop's thread, read in the application's."""

import asyncio
import io
import threading
from collections import deque

from pyframework.concurrent import future_set_result_unless_cancelled

MAX_UNREAD_SIZE = 1024 * 1024  # bytes that wait for the application before reading from the peer stops


class BodyInput(io.RawIOBase):
    """A body of unknown end. A read waits for bytes; it raises ConnectionResetError if the peer goes before the end.

    :arg loop: where the body comes from
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._changed = threading.Condition()
        self._chunks: deque[memoryview] = deque()
        self._unread = 0
        self._ended = False
        self._dropping = False
        self._room: asyncio.Future[None] | None = None
        self.cut = False

    def feed(self, chunk: bytes) -> asyncio.Future[None] | None:
        """Add bytes; a Future, if there is one, is done when more are welcome."""
        with self._changed:
            if self._dropping:
                return None
            self._chunks.append(memoryview(chunk))
            self._unread += len(chunk)
            self._changed.notify()
            if self._unread < MAX_UNREAD_SIZE:
                return None
            self._room = self._loop.create_future()
            return self._room

    def end(self, cut: bool = False) -> None:
        """Nothing comes any more: the body is complete, or `cut`."""
        with self._changed:
            self._ended = True
            self.cut = cut
            self._changed.notify()

    def drop(self) -> None:
        """The application reads no more."""
        with self._changed:
            self._dropping = True
            self._chunks.clear()
            self._make_room()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        with self._changed:
            self._changed.wait_for(lambda: self._chunks or self._ended)
            if self.cut:
                raise ConnectionResetError("the client closed the connection before the end of the request's body")
            if not self._chunks:
                return 0
            chunk = self._chunks.popleft()
            size = min(len(buffer), len(chunk))
            buffer[:size] = chunk[:size]
            if size < len(chunk):
                self._chunks.appendleft(chunk[size:])
            self._unread -= size
            if self._room is not None and self._unread < MAX_UNREAD_SIZE:
                self._loop.call_soon_threadsafe(self._make_room)
            return size

    def _make_room(self) -> None:
        room, self._room = self._room, None
        if room is not None:
            future_set_result_unless_cancelled(room, None)
