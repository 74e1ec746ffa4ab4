"""The public face of the event loop: `IOLoop`, a wrapper around an asyncio loop, and `PeriodicCallback`.

What needs a concrete asyncio loop is done by the classes of `pyframework.platform.asyncio`.
"""

import asyncio
import concurrent.futures
import contextlib
import datetime
import functools
import math
import numbers
import os
import random
import time
import warnings
from asyncio.events import BaseDefaultEventLoopPolicy, _get_running_loop
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, overload

from pyframework._core.loop import EventLoop
from pyframework.concurrent import Future, future_add_done_callback, is_future
from pyframework.log import app_log
from pyframework.util import Configurable, TimeoutError, import_object

if TYPE_CHECKING:
    from pyframework._core.loop import Poller

_T = TypeVar("_T")
_S = TypeVar("_S", bound="_Selectable")


class _Selectable(Protocol):
    """An object with a file descriptor, such as a socket."""

    def fileno(self) -> int: ...

    def close(self) -> None: ...


def _new_asyncio_loop() -> asyncio.AbstractEventLoop:
    """Make the asyncio loop of a new IOLoop: ours, unless the program has installed an event loop policy."""
    if type(asyncio.get_event_loop_policy()) is asyncio.DefaultEventLoopPolicy:
        return EventLoop()
    return asyncio.new_event_loop()


def _current_asyncio_loop(create: bool) -> asyncio.AbstractEventLoop | None:
    """Return the asyncio loop that runs in this thread or is set for it; if there is none, make one or return None."""
    loop: asyncio.AbstractEventLoop | None = _get_running_loop()
    if loop is not None:
        return loop
    policy = asyncio.get_event_loop_policy()
    if isinstance(policy, BaseDefaultEventLoopPolicy):
        # policy.get_event_loop() would make one, and of asyncio's own kind.
        loop = policy._local._loop  # type: ignore[attr-defined]
    else:
        try:
            loop = policy.get_event_loop()
        except RuntimeError:
            loop = None
    if loop is None and create:
        loop = _new_asyncio_loop()
        asyncio.set_event_loop(loop)
    return loop


class IOLoop(Configurable):
    """An event loop: callbacks, timers and file descriptors, on top of an asyncio loop (``asyncio_loop``).

    ``IOLoop.current()`` is the one that belongs to the running asyncio loop, whichever kind that is. ``IOLoop()`` makes
    a new one on a new asyncio loop; arguments: ``make_current`` (true unless given: set it for this thread) and
    ``asyncio_loop`` (use this one). Times are seconds on the clock of `time.time`. Only `add_callback` may be called
    from other threads. An IOLoop does not survive a fork.
    """

    NONE = 0
    READ = 1
    WRITE = 4
    ERROR = 0x18

    asyncio_loop: asyncio.AbstractEventLoop
    _poller: "Poller"

    _ioloop_for_asyncio: "dict[asyncio.AbstractEventLoop, IOLoop]" = {}
    _pending_tasks: "set[Future[Any]]" = set()

    @classmethod
    def configure(cls, impl: "None | str | type[Configurable]", **kwargs: Any) -> None:
        """Choose the class that ``IOLoop()`` makes: a subclass of `AsyncIOLoop`'s base, or its dotted name."""
        from pyframework.platform.asyncio import BaseAsyncIOLoop

        chosen = import_object(impl) if isinstance(impl, str) else impl
        if isinstance(chosen, type) and not issubclass(chosen, BaseAsyncIOLoop):
            raise RuntimeError(f"an IOLoop must run on asyncio: {chosen.__qualname__} is no subclass of AsyncIOLoop")
        super().configure(chosen, **kwargs)

    @classmethod
    def configurable_base(cls) -> type[Configurable]:
        return IOLoop

    @classmethod
    def configurable_default(cls) -> type[Configurable]:
        from pyframework.platform.asyncio import AsyncIOLoop

        return AsyncIOLoop

    def initialize(self, make_current: bool = True) -> None:
        if make_current:
            self._make_current()

    # Which loop is current.

    @staticmethod
    def instance() -> "IOLoop":
        """Do what `current` does, under its older name."""
        return IOLoop.current()

    def install(self) -> None:
        """Do what `make_current` does, under its older name."""
        self.make_current()

    @staticmethod
    def clear_instance() -> None:
        """Do what `clear_current` does, under its older name."""
        IOLoop.clear_current()

    @overload
    @staticmethod
    def current() -> "IOLoop": ...

    @overload
    @staticmethod
    def current(instance: Literal[True]) -> "IOLoop": ...

    @overload
    @staticmethod
    def current(instance: bool) -> "IOLoop | None": ...

    @staticmethod
    def current(instance: bool = True) -> "IOLoop | None":
        """Return the IOLoop of the running asyncio loop, or of the one that is set for this thread.

        Where there is none, one is made, or None returned if ``instance`` is false.
        """
        loop = _get_running_loop()
        if loop is None:
            loop = _current_asyncio_loop(instance)
        try:
            return IOLoop._ioloop_for_asyncio[loop]  # type: ignore[index]
        except KeyError:
            if not instance:
                return None
        from pyframework.platform.asyncio import AsyncIOMainLoop

        io_loop: IOLoop = AsyncIOMainLoop()
        return io_loop

    def make_current(self) -> None:
        """Make this the IOLoop of the thread; deprecated, as a loop becomes current when it starts."""
        warnings.warn("make_current is deprecated; start the event loop first", DeprecationWarning, stacklevel=2)
        self._make_current()

    def _make_current(self) -> None:
        raise NotImplementedError

    @staticmethod
    def clear_current() -> None:
        """Leave this thread without a current IOLoop; deprecated."""
        warnings.warn("clear_current is deprecated", DeprecationWarning, stacklevel=2)
        IOLoop._clear_current()

    @staticmethod
    def _clear_current() -> None:
        io_loop = IOLoop.current(instance=False)
        if io_loop is not None:
            io_loop._clear_current_hook()

    def _clear_current_hook(self) -> None:
        """Called when this loop stops being the current one."""

    # What the classes for asyncio loops provide.

    def close(self, all_fds: bool = False) -> None:
        """Free the loop, which must have stopped; with ``all_fds``, also close the descriptors that have handlers."""
        raise NotImplementedError

    @overload
    def add_handler(self, fd: int, handler: Callable[[int, int], None], events: int) -> None: ...

    @overload
    def add_handler(self, fd: _S, handler: Callable[[_S, int], None], events: int) -> None: ...

    def add_handler(self, fd: "int | _Selectable", handler: Callable[..., None], events: int) -> None:
        """Call ``handler(fd, events)`` whenever ``fd`` is ready.

        ``fd`` is a descriptor, or an object with ``fileno()`` and ``close()``, which the handler then gets; ``events``
        is made of `READ`, `WRITE` and `ERROR`. Raises `ValueError` if the descriptor has a handler.
        """
        raise NotImplementedError

    def update_handler(self, fd: "int | _Selectable", events: int) -> None:
        """Change the events that the handler of ``fd`` is called for."""
        raise NotImplementedError

    def remove_handler(self, fd: "int | _Selectable") -> None:
        """Stop watching ``fd``, if it is watched."""
        raise NotImplementedError

    def start(self) -> None:
        """Run the loop until `stop` is called."""
        raise NotImplementedError

    def stop(self) -> None:
        """End `start` after the present turn of the loop; if it is not running, the next `start` returns at once."""
        raise NotImplementedError

    def add_callback(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Call ``callback`` in the next turn of the loop; may be called from any thread, but not a signal handler."""
        raise NotImplementedError

    def add_callback_from_signal(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Call ``callback`` in the next turn of the loop, from a signal handler; deprecated."""
        raise NotImplementedError

    def run_in_executor(
        self, executor: concurrent.futures.Executor | None, func: Callable[..., _T], *args: Any
    ) -> "Future[_T]":
        """Call ``func(*args)`` in ``executor``, or in the default one if that is None."""
        raise NotImplementedError

    def set_default_executor(self, executor: concurrent.futures.Executor) -> None:
        """Set the executor that `run_in_executor` uses where it is given none."""
        raise NotImplementedError

    # What follows from these.

    def run_sync(self, func: Callable[..., Any], timeout: float | None = None) -> Any:
        """Start the loop, run ``func``, stop the loop and return the result.

        ``func`` returns an awaitable (or another yieldable), or None. Raises `TimeoutError` when ``timeout`` seconds
        have passed, after cancelling what ``func`` returned.
        """
        outcome: Any = None
        timer: object = None
        timed_out = False
        deadline = None if timeout is None else self.time() + timeout

        def begin() -> None:
            nonlocal outcome, timer
            if deadline is not None:
                timer = self.add_timeout(deadline, expire)
            outcome = _outcome_of(func)
            self.add_future(outcome, lambda _: self.stop())

        def expire() -> None:
            nonlocal timed_out
            timed_out = True
            # What is done, and a Task that is cancelled, stops the loop.
            if not outcome.done() and not outcome.cancel():
                self.stop()

        self.add_callback(begin)
        try:
            self.start()
        finally:
            if timer is not None:
                self.remove_timeout(timer)
        if outcome is not None and outcome.done() and not outcome.cancelled():
            return outcome.result()
        if timed_out:
            raise TimeoutError(f"Operation timed out after {timeout} seconds")
        raise RuntimeError("Event loop stopped before Future completed.")

    def time(self) -> float:
        """Return the time on the clock of the loop: that of `time.time`."""
        return time.time()

    def add_timeout(
        self, deadline: float | datetime.timedelta, callback: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> object:
        """Call ``callback`` at ``deadline``: a time on the loop's clock, or a `datetime.timedelta` from now.

        Returns a handle for `remove_timeout`.
        """
        when: Any = deadline
        if isinstance(when, datetime.timedelta):
            when = self.time() + when / datetime.timedelta(seconds=1)
        elif not isinstance(when, numbers.Real):
            raise TypeError(f"Unsupported deadline {when!r}: use a time in seconds or a datetime.timedelta")
        return self.call_at(when, callback, *args, **kwargs)

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> object:
        """Call ``callback`` after ``delay`` seconds; returns a handle for `remove_timeout`."""
        return self.call_at(self.time() + delay, callback, *args, **kwargs)

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> object:
        """Call ``callback`` at the time ``when`` on the loop's clock; returns a handle for `remove_timeout`."""
        return self.add_timeout(when, callback, *args, **kwargs)

    def remove_timeout(self, timeout: object) -> None:
        """Drop what `add_timeout`, `call_later` or `call_at` has arranged, if it has not run yet."""
        raise NotImplementedError

    def spawn_callback(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Do what `add_callback` does."""
        self.add_callback(callback, *args, **kwargs)

    def add_future(
        self, future: "Future[_T] | concurrent.futures.Future[_T]", callback: "Callable[[Future[_T]], None]"
    ) -> None:
        """Call ``callback(future)`` from the loop when ``future`` is done, whichever thread finishes it."""
        if isinstance(future, Future):
            future.add_done_callback(lambda done: self._run_callback(functools.partial(callback, done)))
        elif is_future(future):
            future_add_done_callback(future, lambda done: self.add_callback(callback, done))
        else:
            raise TypeError(f"add_future needs a Future, not {future!r}")

    def _run_callback(self, callback: Callable[[], Any]) -> None:
        """Call ``callback``; wait for the awaitable it may return, and log the exceptions of both."""
        try:
            result = callback()
            if result is not None:
                self._watch_result(result)
        except asyncio.CancelledError:
            pass
        except Exception:
            app_log.error("Exception in callback %r", callback, exc_info=True)

    def _watch_result(self, result: Any) -> None:
        from pyframework import gen

        try:
            future = gen.convert_yielded(result)
        except gen.BadYieldError:
            # A plain function may return anything.
            return
        if future is not gen.moment:
            self.add_future(future, self._discard_future_result)

    def _discard_future_result(self, future: "Future[Any]") -> None:
        """Have the exception of ``future`` raised, and with that logged."""
        future.result()

    def split_fd(self, fd: "int | _Selectable") -> "tuple[int, int | _Selectable]":
        """Return the descriptor of ``fd``, and ``fd`` itself."""
        number = fd if isinstance(fd, int) else fd.fileno()
        return number, fd

    def close_fd(self, fd: "int | _Selectable") -> None:
        """Close a descriptor or the object that has one, which may be closed already."""
        with contextlib.suppress(OSError):
            os.close(fd) if isinstance(fd, int) else fd.close()

    def _register_task(self, f: "Future[Any]") -> None:
        self._pending_tasks.add(f)

    def _unregister_task(self, f: "Future[Any]") -> None:
        self._pending_tasks.discard(f)


def _outcome_of(func: Callable[[], Any]) -> "Future[Any]":
    """Call ``func`` and return a Future for what it returns or raises."""
    from pyframework.gen import convert_yielded

    outcome: Future[Any] = Future()
    try:
        result = func()
        if result is not None:
            return convert_yielded(result)
    except (Exception, asyncio.CancelledError) as error:
        outcome.set_exception(error)
    else:
        outcome.set_result(None)
    return outcome


class PeriodicCallback:
    """Calls ``callback`` again and again, and never before the last call is through.

    ``callback_time`` is the time from one start to the next: a `datetime.timedelta`, or a number of MILLISECONDS. A
    call that takes longer (a coroutine included) makes the next ones drop out, so that the rhythm is kept. ``jitter``
    is the width of the random deviation as a share of ``callback_time``: 0.1 means 5 % more or less. Raises
    `ValueError` unless ``callback_time`` is positive. `start` sets it going.
    """

    def __init__(
        self,
        callback: Callable[[], Awaitable[Any] | None],
        callback_time: datetime.timedelta | float,
        jitter: float = 0,
    ) -> None:
        if isinstance(callback_time, datetime.timedelta):
            callback_time /= datetime.timedelta(milliseconds=1)
        if callback_time <= 0:
            raise ValueError(f"callback_time must be positive, not {callback_time!r}")
        self.callback_time = callback_time
        self.callback = callback
        self.jitter = jitter
        self._timeout: object | None = None
        self._running = False

    def is_running(self) -> bool:
        """Whether it has been started, and not stopped since."""
        return self._running

    def start(self) -> None:
        """Begin, on the current IOLoop; the first call is one ``callback_time`` from now."""
        self._cancel()
        self._running = True
        self.io_loop = io_loop = IOLoop.current()
        self._next_timeout = io_loop.time()
        self._schedule_next()

    def stop(self) -> None:
        """End it; a call under way is not interrupted."""
        self._running = False
        self._cancel()

    async def _run(self) -> None:
        if not self._running:
            return
        try:
            outcome = self.callback()
            if isawaitable(outcome):
                await outcome
        except Exception:
            app_log.error("Exception in callback %r", self.callback, exc_info=True)
        finally:
            self._schedule_next()

    def _cancel(self) -> None:
        timer, self._timeout = self._timeout, None
        if timer is not None:
            self.io_loop.remove_timeout(timer)

    def _schedule_next(self) -> None:
        # A stop() and start() during a call has set a timer: there must not be two.
        self._cancel()
        if not self._running:
            return
        io_loop = self.io_loop
        self._update_next(io_loop.time())
        self._timeout = io_loop.add_timeout(self._next_timeout, self._run)

    def _update_next(self, current_time: float) -> None:
        """Move ``_next_timeout`` to the first beat after ``current_time``."""
        period = self.callback_time / 1000
        if self.jitter:
            period *= 1 + self.jitter * (random.random() - 0.5)
        # At least one beat on, even where the clock has been set back.
        missed = max(0, math.floor((current_time - self._next_timeout) / period))
        self._next_timeout += (missed + 1) * period
