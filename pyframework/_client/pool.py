"""Connections that a finished request has left open, for the next request to the same place."""

import atexit
import time
import weakref
from collections.abc import Hashable

from pyframework.http1connection import HTTP1Connection
from pyframework.ioloop import IOLoop

MAX_IDLE_CONNECTIONS = 100
IDLE_SECONDS = 30.0

_pools: "weakref.WeakSet[ConnectionPool]" = weakref.WeakSet()


class ConnectionPool:
    """Idle connections by the key of what they are: none is handed out for another key.

    :arg io_loop: the loop that they belong to
    :arg max_idle: the most connections that are kept; the one that has been idle longest goes first
    :arg idle_seconds: how long one is kept
    """

    def __init__(
        self, io_loop: IOLoop, max_idle: int = MAX_IDLE_CONNECTIONS, idle_seconds: float = IDLE_SECONDS
    ) -> None:
        self.max_idle = max_idle
        self.idle_seconds = idle_seconds
        self._io_loop = io_loop
        # With the time since when; the last one to come is the first to go.
        self._idle: dict[Hashable, list[tuple[HTTP1Connection, float]]] = {}
        self._count = 0
        self._timer: object | None = None
        _pools.add(self)

    def __len__(self) -> int:
        """How many are open."""
        return sum(not connection.stream.closed() for kept in self._idle.values() for connection, _ in kept)

    def __del__(self) -> None:
        self.close()

    def take(self, key: Hashable) -> HTTP1Connection | None:
        """Return the connection of this kind that was used last and is good for a request, or None."""
        kept = self._idle.get(key)
        while kept:
            connection, since = kept.pop()
            self._count -= 1
            if not kept:
                del self._idle[key]
            # What the server sent unasked would be read as the next answer.
            stream = connection.stream
            if not (stream.closed() or stream._read_buffer_size or time.monotonic() - since > self.idle_seconds):
                return connection
            stream.close()
        return None

    def put(self, key: Hashable, connection: HTTP1Connection) -> None:
        """Keep a connection, on which nothing is under way, until it is taken, closed by its peer or too old."""
        if self.max_idle <= 0 or self.idle_seconds <= 0:
            connection.stream.close()
            return
        if self._count >= self.max_idle:
            self._close_oldest()
        kept = self._idle.get(key)
        if kept is None:
            kept = self._idle[key] = []
        kept.append((connection, time.monotonic()))
        self._count += 1
        if self._timer is None:
            self._look_in(self.idle_seconds)

    def close(self) -> None:
        """Close all that are idle."""
        if self._timer is not None:
            self._io_loop.remove_timeout(self._timer)
            self._timer = None
        for kept in self._idle.values():
            for connection, _ in kept:
                connection.stream.close()
        self._idle.clear()
        self._count = 0

    def _close_oldest(self) -> None:
        key = min(self._idle, key=lambda key: self._idle[key][0][1])
        connection, _ = self._idle[key].pop(0)
        self._count -= 1
        if not self._idle[key]:
            del self._idle[key]
        connection.stream.close()

    def _look_in(self, seconds: float) -> None:
        # By a weak reference: with its client goes the pool, and with the pool its connections.
        self._timer = self._io_loop.call_later(seconds, _close_old, weakref.ref(self))

    def _close_old(self) -> None:
        self._timer = None
        now = time.monotonic()
        while self._idle:
            oldest = min(kept[0][1] for kept in self._idle.values())
            if oldest + self.idle_seconds > now:
                self._look_in(oldest + self.idle_seconds - now)
                return
            self._close_oldest()


def _close_old(reference: "weakref.ref[ConnectionPool]") -> None:
    pool = reference()
    if pool is not None:
        pool._close_old()


@atexit.register
def _close_all() -> None:
    for pool in list(_pools):
        pool.close()
