"""Queues between coroutines of one event loop; they are not thread-safe.

Each timeout is a time as `IOLoop.time` tells it, or a timedelta from now; one that has passed gives up at once.
"""

import collections
import datetime
import heapq
from collections.abc import Awaitable
from typing import Any, Generic, TypeVar

from pyframework._core.loop import create_future, finished_future
from pyframework.concurrent import Future
from pyframework.locks import Event, _set_timeout

_T = TypeVar("_T")

__all__ = ["LifoQueue", "PriorityQueue", "Queue", "QueueEmpty", "QueueFull"]


class QueueEmpty(Exception):
    """`Queue.get_nowait` found no item."""


class QueueFull(Exception):
    """`Queue.put_nowait` found no room."""


class _QueueIterator(Generic[_T]):
    def __init__(self, q: "Queue[_T]") -> None:
        self._queue = q

    def __anext__(self) -> Awaitable[_T]:
        return self._queue.get()


class Queue(Generic[_T]):
    """A queue, first in, first out. ``async for`` takes its items for ever.

    :arg maxsize: the most items it holds, 0 for no limit
    :raises TypeError: ``maxsize`` is None
    :raises ValueError: ``maxsize`` is negative
    """

    # The container, made by _init; None only where a subclass keeps its items elsewhere.
    _queue: Any = None

    def __init__(self, maxsize: int = 0) -> None:
        if maxsize is None:
            raise TypeError("maxsize can't be None: 0 means no limit")
        if maxsize < 0:
            raise ValueError("maxsize can't be negative: 0 means no limit")
        self._maxsize = maxsize
        self._init()
        self._getters: collections.deque[Future[_T]] = collections.deque()
        self._putters: collections.deque[tuple[_T, Future[None]]] = collections.deque()
        self._unfinished_tasks = 0
        self._finished = Event()
        self._finished.set()

    # What a subclass with another order overrides.

    def _init(self) -> None:
        self._queue = collections.deque()

    def _get(self) -> _T:
        item: _T = self._queue.popleft()
        return item

    def _put(self, item: _T) -> None:
        self._queue.append(item)

    @property
    def maxsize(self) -> int:
        """The most items the queue holds, 0 for no limit."""
        return self._maxsize

    def qsize(self) -> int:
        """Return the number of items."""
        return len(self._queue)

    def empty(self) -> bool:
        """Return whether there is no item."""
        return not self._queue

    def full(self) -> bool:
        """Return whether there is no room."""
        return self._maxsize != 0 and self.qsize() >= self._maxsize

    def put(self, item: _T, timeout: float | datetime.timedelta | None = None) -> "Future[None]":
        """Put an item in, waiting until there is room.

        :raises TimeoutError: (the Future) there was none by the timeout
        """
        try:
            self.put_nowait(item)
        except QueueFull:
            future: Future[None] = create_future()
            _set_timeout(future, timeout)
            self._putters.append((item, future))
            return future
        return finished_future(None)

    def put_nowait(self, item: _T) -> None:
        """Put an item in.

        :raises QueueFull: there is no room
        """
        self._consume_expired()
        if self._getters:
            # Through the container even so: a subclass may change what comes out.
            self._put_counted(item)
            self._getters.popleft().set_result(self._get())
        elif self._maxsize and self.full():
            raise QueueFull
        else:
            self._put_counted(item)

    def get(self, timeout: float | datetime.timedelta | None = None) -> Awaitable[_T]:
        """Take an item out, waiting until there is one.

        :raises TimeoutError: (the awaitable) there was none by the timeout
        """
        try:
            return finished_future(self.get_nowait())
        except QueueEmpty:
            future: Future[_T] = create_future()
            _set_timeout(future, timeout)
            self._getters.append(future)
            return future

    def get_nowait(self) -> _T:
        """Take an item out.

        :raises QueueEmpty: there is none
        """
        self._consume_expired()
        if self._putters:
            item, putter = self._putters.popleft()
            self._put_counted(item)
            putter.set_result(None)
        elif not self.qsize():
            raise QueueEmpty
        return self._get()

    def task_done(self) -> None:
        """Say that the work on an item is finished; `join` waits for as many of these as items were put in.

        :raises ValueError: all items were finished already
        """
        if not self._unfinished_tasks:
            raise ValueError("task_done() called more often than items were put in")
        self._unfinished_tasks -= 1
        if not self._unfinished_tasks:
            self._finished.set()

    def join(self, timeout: float | datetime.timedelta | None = None) -> Awaitable[None]:
        """Wait until all items are finished.

        :raises TimeoutError: (the awaitable) they were not by the timeout
        """
        return self._finished.wait(timeout)

    def __aiter__(self) -> _QueueIterator[_T]:
        return _QueueIterator(self)

    def _put_counted(self, item: _T) -> None:
        if not self._unfinished_tasks:
            self._finished.clear()
        self._unfinished_tasks += 1
        self._put(item)

    def _consume_expired(self) -> None:
        """Drop those at the head who do not wait any more: timed out or cancelled."""
        while self._getters and self._getters[0].done():
            del self._getters[0]
        while self._putters and self._putters[0][1].done():
            del self._putters[0]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {id(self):#x} {self._format()}>"

    def __str__(self) -> str:
        return f"<{type(self).__name__} {self._format()}>"

    def _format(self) -> str:
        shown_if_any = {
            f"queue={self._queue!r}": self._queue,
            f"getters[{len(self._getters)}]": self._getters,
            f"putters[{len(self._putters)}]": self._putters,
            f"tasks={self._unfinished_tasks}": self._unfinished_tasks,
        }
        return " ".join([f"maxsize={self.maxsize!r}", *(text for text, any_ in shown_if_any.items() if any_)])


class PriorityQueue(Queue[_T]):
    """A `Queue` whose smallest item comes out first; items are often tuples, the priority first."""

    def _init(self) -> None:
        self._queue = []

    def _get(self) -> _T:
        item: _T = heapq.heappop(self._queue)
        return item

    def _put(self, item: _T) -> None:
        heapq.heappush(self._queue, item)


class LifoQueue(Queue[_T]):
    """A `Queue` whose newest item comes out first."""

    def _init(self) -> None:
        self._queue = []

    def _get(self) -> _T:
        item: _T = self._queue.pop()
        return item

    def _put(self, item: _T) -> None:
        self._queue.append(item)
