"""Locks for coroutines of one event loop; they are not thread-safe.

Each timeout is a time as `IOLoop.time` tells it, or a timedelta from now; one that has passed gives up at once.
"""

import collections
import datetime
import types
from collections.abc import Awaitable, Callable
from typing import Any

from pyframework._core.loop import create_future, finished_future
from pyframework.concurrent import Future, future_set_result_unless_cancelled
from pyframework.ioloop import IOLoop

__all__ = ["BoundedSemaphore", "Condition", "Event", "Lock", "Semaphore"]

_MAX_EXPIRED_WAITERS = 100


def _set_timeout(
    future: "Future[Any]", timeout: float | datetime.timedelta | None, on_timeout: Callable[[], None] | None = None
) -> None:
    """Let ``future``, if it is not done at the deadline, fail with `TimeoutError`; or call ``on_timeout`` instead."""
    if timeout is None:
        return

    def expire() -> None:
        if future.done():
            return
        if on_timeout is None:
            future.set_exception(TimeoutError("Timeout"))
        else:
            on_timeout()

    io_loop = IOLoop.current()
    handle = io_loop.add_timeout(timeout, expire)
    future.add_done_callback(lambda _: io_loop.remove_timeout(handle))


class _TimeoutGarbageCollector:
    """A queue of waiting Futures. Those that are done stay until they come to its head, or are too many."""

    def __init__(self) -> None:
        self._waiters: collections.deque[Future[Any]] = collections.deque()
        self._timeouts = 0

    def _add_waiter(
        self, timeout: float | datetime.timedelta | None, expire: "Callable[[Future[Any]], None]"
    ) -> "Future[Any]":
        waiter: Future[Any] = create_future()

        def on_timeout() -> None:
            expire(waiter)
            self._garbage_collect()

        _set_timeout(waiter, timeout, on_timeout)
        self._waiters.append(waiter)
        return waiter

    def _pop_waiter(self) -> "Future[Any] | None":
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                return waiter
        return None

    def _garbage_collect(self) -> None:
        self._timeouts += 1
        # Half of the queue at least, so that its length does not matter for the cost of one timeout.
        if self._timeouts > max(_MAX_EXPIRED_WAITERS, len(self._waiters) // 2):
            self._timeouts = 0
            self._waiters = collections.deque(waiter for waiter in self._waiters if not waiter.done())


class Condition(_TimeoutGarbageCollector):
    """Lets coroutines wait until another notifies them."""

    def __repr__(self) -> str:
        waiters = f" waiters[{len(self._waiters)}]" if self._waiters else ""
        return f"<{type(self).__name__}{waiters}>"

    def wait(self, timeout: float | datetime.timedelta | None = None) -> Awaitable[bool]:
        """Wait to be notified: True, or False after the timeout."""
        return self._add_waiter(timeout, lambda waiter: waiter.set_result(False))

    def notify(self, n: int = 1) -> None:
        """Wake the ``n`` coroutines that have waited longest."""
        for _ in range(n):
            waiter = self._pop_waiter()
            if waiter is None:
                return
            waiter.set_result(True)

    def notify_all(self) -> None:
        """Wake all that wait now."""
        self.notify(len(self._waiters))


class Event:
    """A flag that coroutines can wait for."""

    def __init__(self) -> None:
        self._value = False
        self._waiters: set[Future[None]] = set()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'set' if self._value else 'clear'}>"

    def is_set(self) -> bool:
        """Return the flag."""
        return self._value

    def set(self) -> None:
        """Raise the flag and wake all that wait for it."""
        if not self._value:
            self._value = True
            for waiter in self._waiters:
                future_set_result_unless_cancelled(waiter, None)

    def clear(self) -> None:
        """Lower the flag."""
        self._value = False

    def wait(self, timeout: float | datetime.timedelta | None = None) -> Awaitable[None]:
        """Wait until the flag is up.

        :raises TimeoutError: it was not by the timeout
        """
        if self._value:
            return finished_future(None)
        waiter: Future[None] = create_future()
        _set_timeout(waiter, timeout)
        self._waiters.add(waiter)
        waiter.add_done_callback(self._waiters.discard)
        return waiter


class _ReleasingContextManager:
    """What `Semaphore.acquire` and `Lock.acquire` give: leaving its ``with`` block releases."""

    __slots__ = ("_obj",)

    def __init__(self, obj: Any) -> None:
        self._obj = obj

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: types.TracebackType | None,
    ) -> None:
        self._obj.release()


async def _forget_result(awaitable: Awaitable[Any]) -> None:
    await awaitable


class Semaphore(_TimeoutGarbageCollector):
    """A lock that ``value`` coroutines can hold at the same time; use it with ``async with``.

    :raises ValueError: ``value`` is negative
    """

    def __init__(self, value: int = 1) -> None:
        super().__init__()
        if value < 0:
            raise ValueError("semaphore initial value must be >= 0")
        self._value = value

    def __repr__(self) -> str:
        state = f"unlocked,value:{self._value}" if self._value else "locked"
        if self._waiters:
            state += f",waiters:{len(self._waiters)}"
        return f"{super().__repr__()[:-1]} [{state}]>"

    def release(self) -> None:
        """Let in the coroutine that has waited longest; with none, raise the value by one."""
        if self._waiters and (waiter := self._pop_waiter()):
            waiter.set_result(_ReleasingContextManager(self))
        else:
            self._value += 1

    def acquire(self, timeout: float | datetime.timedelta | None = None) -> Awaitable[_ReleasingContextManager]:
        """Lower the value by one, waiting while it is zero; the result is a context manager that releases.

        :raises TimeoutError: it was zero until the timeout
        """
        if not self._value:
            return self._add_waiter(timeout, lambda waiter: waiter.set_exception(TimeoutError()))
        self._value -= 1
        return finished_future(_ReleasingContextManager(self))

    def __enter__(self) -> None:
        raise RuntimeError("a Semaphore is awaited: use 'async with', not 'with'")

    def __exit__(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        self.__enter__()

    def __aenter__(self) -> Awaitable[None]:
        # A subclass's acquire is asked even where there is nothing to wait for.
        if self._value and type(self).acquire is Semaphore.acquire:
            self._value -= 1
            return finished_future(None)
        return _forget_result(self.acquire())

    def __aexit__(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: types.TracebackType | None,
    ) -> Awaitable[None]:
        self.release()
        return finished_future(None)


class BoundedSemaphore(Semaphore):
    """A `Semaphore` that cannot be released more often than it was acquired."""

    def __init__(self, value: int = 1) -> None:
        super().__init__(value=value)
        self._initial_value = value

    def release(self) -> None:
        """Like `Semaphore.release`.

        :raises ValueError: the value is the initial one already
        """
        if self._value >= self._initial_value:
            raise ValueError("the semaphore is released more often than it was acquired")
        Semaphore.release(self)


class Lock:
    """A lock that one coroutine can hold; use it with ``async with``."""

    def __init__(self) -> None:
        self._block = BoundedSemaphore()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} _block={self._block!r}>"

    def acquire(self, timeout: float | datetime.timedelta | None = None) -> Awaitable[_ReleasingContextManager]:
        """Take the lock, waiting while another holds it; the result is a context manager that releases.

        :raises TimeoutError: it was held until the timeout
        """
        return self._block.acquire(timeout)

    def release(self) -> None:
        """Give the lock to the coroutine that has waited longest.

        :raises RuntimeError: nobody holds it
        """
        try:
            self._block.release()
        except ValueError:
            raise RuntimeError("the lock is released, but nobody holds it") from None

    def __enter__(self) -> None:
        raise RuntimeError("a Lock is awaited: use 'async with', not 'with'")

    def __exit__(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: types.TracebackType | None,
    ) -> None:
        self.__enter__()

    def __aenter__(self) -> Awaitable[None]:
        if self._block._value and type(self).acquire is Lock.acquire:
            self._block._value -= 1
            return finished_future(None)
        return _forget_result(self.acquire())

    def __aexit__(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: types.TracebackType | None,
    ) -> Awaitable[None]:
        self.release()
        return finished_future(None)
