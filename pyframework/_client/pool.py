"""Connections that a finished request has left open, for the next request to the same place."""

import atexit
import collections
import functools
import weakref
from collections.abc import Hashable

from pyframework.ioloop import IOLoop
from pyframework.iostream import IOStream

MAX_IDLE_CONNECTIONS = 100
IDLE_SECONDS = 30.0

_pools: "weakref.WeakSet[ConnectionPool]" = weakref.WeakSet()


class ConnectionPool:
    """Idle connections by the key of what they are: none is handed out for another key.

    :arg max_idle: the most connections that are kept; the one that has been idle longest goes first
    :arg idle_seconds: how long one is kept
    """

    def __init__(self, max_idle: int = MAX_IDLE_CONNECTIONS, idle_seconds: float = IDLE_SECONDS) -> None:
        self.max_idle = max_idle
        self.idle_seconds = idle_seconds
        self._idle: dict[Hashable, list[IOStream]] = {}
        # All of them, with the time at which each is given up, the first to go first.
        self._deadlines: collections.OrderedDict[IOStream, tuple[Hashable, float]] = collections.OrderedDict()
        self._timer: object | None = None
        _pools.add(self)

    def __len__(self) -> int:
        return len(self._deadlines)

    def __del__(self) -> None:
        self._drop_all()

    def take(self, key: Hashable) -> IOStream | None:
        """Return the connection of this kind that was used last, or None."""
        streams = self._idle.get(key)
        while streams:
            stream = streams.pop()
            if not streams:
                del self._idle[key]
            del self._deadlines[stream]
            stream.set_close_callback(None)
            if not stream.closed():
                return stream
        return None

    def put(self, key: Hashable, stream: IOStream) -> None:
        """Keep a connection, on which nothing is under way, until it is taken, closed by its peer or too old."""
        io_loop = IOLoop.current()
        if self.max_idle <= 0:
            stream.close()
            return
        if len(self._deadlines) >= self.max_idle:
            self._drop(next(iter(self._deadlines)))
        self._idle.setdefault(key, []).append(stream)
        self._deadlines[stream] = key, io_loop.time() + self.idle_seconds
        stream.set_close_callback(functools.partial(self._forget, stream))
        if self._timer is None:
            self._timer = io_loop.call_later(self.idle_seconds, self._close_old, io_loop)

    def close(self) -> None:
        """Close all that are idle."""
        if self._timer is not None:
            IOLoop.current().remove_timeout(self._timer)
            self._timer = None
        self._drop_all()

    def _forget(self, stream: IOStream) -> None:
        key, _ = self._deadlines.pop(stream, (None, 0.0))
        streams = self._idle.get(key)
        if streams and stream in streams:
            streams.remove(stream)
            if not streams:
                del self._idle[key]

    def _close_old(self, io_loop: IOLoop) -> None:
        self._timer = None
        now = io_loop.time()
        while self._deadlines:
            stream, (_, deadline) = next(iter(self._deadlines.items()))
            if deadline > now:
                self._timer = io_loop.call_at(deadline, self._close_old, io_loop)
                return
            self._drop(stream)

    def _drop(self, stream: IOStream) -> None:
        self._forget(stream)
        stream.set_close_callback(None)
        stream.close()

    def _drop_all(self) -> None:
        for stream in list(self._deadlines):
            self._drop(stream)


@atexit.register
def _close_all() -> None:
    for pool in list(_pools):
        pool._drop_all()
