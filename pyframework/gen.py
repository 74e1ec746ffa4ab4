"""Generator-based coroutines, and the tools for waiting that native coroutines share with them.

A yielded object becomes a Future through `convert_yielded`; `Runner` moves a generator from one Future to the next.
What finishes in another thread is always handed to the event loop before a generator sees it.
"""

import asyncio
import collections
import concurrent.futures
import datetime
import functools
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping, Sequence
from functools import singledispatch
from inspect import isawaitable
from typing import Any, TypeAlias, TypeVar, Union

from pyframework._core.coroutines import Steps, start_coroutine
from pyframework._core.loop import create_future
from pyframework.concurrent import (
    Future,
    _add_loop_callback,
    chain_future,
    future_set_result_unless_cancelled,
    is_future,
)
from pyframework.ioloop import IOLoop
from pyframework.log import app_log
from pyframework.util import TimeoutError

_T = TypeVar("_T")

_Yieldable: TypeAlias = Union[
    None, Awaitable[Any], list[Awaitable[Any]], dict[Any, Awaitable[Any]], "concurrent.futures.Future[Any]"
]
_Quiet: TypeAlias = type[Exception] | tuple[type[Exception], ...]


class KeyReuseError(Exception):
    """Kept for programs that name it; nothing raises it."""


class UnknownKeyError(Exception):
    """Kept for programs that name it; nothing raises it."""


class LeakedCallbackError(Exception):
    """Kept for programs that name it; nothing raises it."""


class BadYieldError(Exception):
    """A coroutine yielded an object that cannot be waited for."""


class ReturnValueIgnoredError(Exception):
    """Kept for programs that name it; nothing raises it."""


class Return(Exception):
    """Raised in a `coroutine` to end it with ``value``; ``return value`` does the same."""

    def __init__(self, value: Any = None) -> None:
        super().__init__(value)
        self.value = value


class _NullFuture:
    """Looks like a Future that is done with the result None, and belongs to no event loop."""

    def result(self) -> None:
        return None

    def exception(self) -> None:
        return None

    def done(self) -> bool:
        return True

    def cancelled(self) -> bool:
        return False


_null_future: Any = _NullFuture()

# Yielding it lets the event loop go round once; so does yielding None. In native coroutines: asyncio.sleep(0).
moment: Any = _NullFuture()


def coroutine(
    func: "Callable[..., Generator[Any, Any, _T]] | Callable[..., _T]",
) -> "Callable[..., Future[_T]]":
    """Decorate a generator function so that a call runs it and returns a Future with its result.

    The generator yields what it waits for (Futures, awaitables, lists and dicts of them) and is resumed with the
    result. It runs in its own copy of the caller's `contextvars` context. Exceptions end up in the Future; a
    `asyncio.CancelledError` cancels it. A function that is no generator just has its outcome wrapped.
    """

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> "Future[_T]":
        return start_coroutine(Runner, func, args, kwargs)

    wrapper.__tornado_coroutine__ = True  # type: ignore[attr-defined]
    return wrapper


def is_coroutine_function(func: Any) -> bool:
    """Whether ``func`` was decorated with `coroutine`."""
    return getattr(func, "__tornado_coroutine__", False)


class Runner(Steps):
    """Takes a generator on from its first yield to its end, and puts the outcome into ``result_future``.

    ``ctx_run`` is the ``run`` method of the `contextvars.Context` the generator runs in; ``first_yielded`` is what the
    generator, already started, yielded first.
    """

    def __init__(
        self,
        ctx_run: Callable[..., Any],
        gen: "Generator[_Yieldable, Any, _T]",
        result_future: "Future[_T]",
        first_yielded: _Yieldable,
    ) -> None:
        self.ctx_run = ctx_run
        self.gen = gen
        self.result_future = result_future
        self.loop = result_future.get_loop()
        if ctx_run(self.handle_yield, first_yielded):
            ctx_run(self.run)

    def handle_yield(self, yielded: _Yieldable) -> bool:
        """Take what the generator yielded, and return whether it can be resumed at once; if not, it is arranged."""
        try:
            self.future = convert_yielded(yielded)
        except Exception as error:
            self.future = _failed(error)
        if self.future is moment:
            self.loop.call_soon(self.wake)
            return False
        if self.future.done():
            return True
        _add_loop_callback(self.future, self.loop, self.wake)
        return False

    def handle_exception(self, typ: type[Exception], value: Exception, tb: types.TracebackType) -> bool:
        """Raise ``value`` in the generator, at the yield where it waits; return False if it does not wait."""
        if self.running or self.finished:
            return False
        self.future = _failed(value.with_traceback(tb))
        self.ctx_run(self.run)
        return True

    @staticmethod
    def settle(future: "Future[Any]", error: BaseException) -> None:
        """End ``future`` with what the body of a coroutine raised."""
        if future.done():
            return
        if isinstance(error, (StopIteration, Return)):
            future.set_result(error.value)
        elif isinstance(error, asyncio.CancelledError):
            future.cancel()
        else:
            future.set_exception(error)


def _failed(error: BaseException) -> "Future[Any]":
    future = create_future()
    future.set_exception(error)
    return future


@singledispatch
def convert_yielded(yielded: Any) -> "Future[Any]":
    """Return the Future to wait for when a coroutine yields ``yielded``.

    Native coroutines and other awaitables start now, as with `asyncio.ensure_future`. Further types are added with
    ``convert_yielded.register``. Raises `BadYieldError` for what cannot be waited for.
    """
    if not isawaitable(yielded):
        raise BadYieldError(f"yielded unknown object {yielded!r}")
    return _wrap_awaitable(yielded)


@convert_yielded.register(Future)
@convert_yielded.register(concurrent.futures.Future)
@convert_yielded.register(_NullFuture)
def _convert_nothing(yielded: Any) -> Any:
    return yielded


@convert_yielded.register(type(None))
def _convert_none(_yielded: None) -> Any:
    return moment


@convert_yielded.register(list)
@convert_yielded.register(dict)
def _convert_many(yielded: Any) -> Any:
    return multi(yielded)


def _wrap_awaitable(awaitable: Awaitable[Any]) -> "Future[Any]":
    future = asyncio.ensure_future(awaitable)
    # The event loop holds its Tasks by weak references only.
    io_loop = IOLoop.current()
    io_loop._register_task(future)
    future.add_done_callback(io_loop._unregister_task)
    return future


_Children: TypeAlias = Sequence[_Yieldable] | Mapping[Any, _Yieldable]


def multi(children: _Children, quiet_exceptions: _Quiet = ()) -> "Future[list[Any]] | Future[dict[Any, Any]]":
    """Wait for all ``children`` at the same time; the result is a list of theirs, or a dict with the same keys.

    When all are done, the first exception in their order is raised; further ones are logged, except those of the types
    ``quiet_exceptions``. A cancelled child raises `asyncio.CancelledError`. Cancelling the returned Future does not
    cancel the children. Raises `BadYieldError` for a child that cannot be waited for.
    """
    return multi_future(children, quiet_exceptions)


Multi = multi


def multi_future(
    children: _Children, quiet_exceptions: _Quiet = ()
) -> "Future[list[Any]] | Future[dict[Any, Any]]":
    """Do what `multi` does, under its older name."""
    if isinstance(children, dict):
        keys = list(children)
        futures = [convert_yielded(child) for child in children.values()]
    else:
        keys = None
        futures = [convert_yielded(child) for child in children]
    outcome = create_future()
    unfinished = {future for future in futures if not future.done()}

    def collect() -> None:
        results = _results_of(futures, outcome, quiet_exceptions)
        if not outcome.done():
            outcome.set_result(results if keys is None else dict(zip(keys, results, strict=True)))

    def child_done(future: "Future[Any]") -> None:
        unfinished.discard(future)
        if not unfinished:
            collect()

    if not unfinished:
        collect()
    for future in tuple(unfinished):
        _add_loop_callback(future, outcome.get_loop(), child_done)
    return outcome


def _results_of(futures: "list[Future[Any]]", outcome: "Future[Any]", quiet_exceptions: _Quiet) -> list[Any]:
    """Return the results of finished Futures; the first failure ends ``outcome``, and others are logged."""
    results = []
    for future in futures:
        try:
            results.append(future.result())
        except (Exception, asyncio.CancelledError) as error:
            if not outcome.done():
                outcome.set_exception(error)
            elif not isinstance(error, asyncio.CancelledError) and not isinstance(error, quiet_exceptions):
                app_log.error("Multiple exceptions in yield list", exc_info=True)
    return results


def maybe_future(x: Any) -> "Future[Any]":
    """Return ``x`` if it is a Future, else a finished Future with the result ``x``."""
    if is_future(x):
        return x  # type: ignore[no-any-return]
    future = create_future()
    future.set_result(x)
    return future


def with_timeout(
    timeout: float | datetime.timedelta,
    future: _Yieldable,
    quiet_exceptions: _Quiet = (),
    *,
    message: str | Callable[[], str] | None = None,
) -> "Future[Any]":
    """Wait for ``future`` (or another yieldable), but not beyond ``timeout``; then `TimeoutError` is raised.

    ``timeout`` is a `datetime.timedelta` from now, or a time on the clock of `IOLoop.time`. ``message`` is the text of
    the error, or a function that is called for it when the time is over. What is waited for is not cancelled; if it
    fails later, that is logged, except for cancellation and exceptions of the types ``quiet_exceptions``.
    """
    waited: Any = convert_yielded(future)
    result = create_future()
    chain_future(waited, result)
    if result.done():
        return result
    io_loop = IOLoop.current()

    def expire() -> None:
        if result.done():
            return
        text = message() if callable(message) else message
        result.set_exception(TimeoutError("Timeout" if text is None else text))
        _add_loop_callback(waited, io_loop.asyncio_loop, log_failure)

    def log_failure(late: Any) -> None:
        error = None if late.cancelled() else late.exception()
        if error is not None and not isinstance(error, quiet_exceptions):
            app_log.error("Exception in Future %r after timeout", late, exc_info=error)

    handle = io_loop.add_timeout(timeout, expire)
    result.add_done_callback(lambda _: io_loop.remove_timeout(handle))
    return result


def sleep(duration: float) -> "Future[None]":
    """Return a Future that is done after ``duration`` seconds."""
    future = create_future()
    future.get_loop().call_later(duration, future_set_result_unless_cancelled, future, None)
    return future


class WaitIterator:
    """Hands out the results of several Futures one by one, in the order in which they finish.

    Takes Futures as positional arguments or as keyword arguments, not both. ``current_future`` and ``current_index``
    (position or keyword) say whose result came last; both are None when all are through. For coroutines::

        waiting = WaitIterator(one, two)
        while not waiting.done():
            result = yield waiting.next()

    or ``async for result in waiting``, which ends at the first exception.
    """

    def __init__(self, *args: "Future[Any]", **kwargs: "Future[Any]") -> None:
        if args and kwargs:
            raise ValueError("pass the Futures as positional or as keyword arguments, not as both")
        named: list[tuple[str | int, Future[Any]]] = list(kwargs.items()) if kwargs else list(enumerate(args))
        self._unfinished: dict[Future[Any], collections.deque[int | str]] = {}
        self._finished: collections.deque[Future[Any]] = collections.deque()
        self.current_index: str | int | None = None
        self.current_future: Future[Any] | None = None
        self._running_future: Future[Any] | None = None
        for index, future in named:
            self._unfinished.setdefault(future, collections.deque()).append(index)
        loop = IOLoop.current().asyncio_loop
        for _, future in named:
            if future.done():
                self._finished.append(future)
            else:
                _add_loop_callback(future, loop, self._done_callback)

    def done(self) -> bool:
        """Whether all results have been handed out."""
        if self._finished or self._unfinished:
            return False
        self.current_index = self.current_future = None
        return True

    def next(self) -> "Future[Any]":
        """Return a Future for the next result; it is a new one, never one of the arguments."""
        self._running_future = create_future()
        result = self._running_future
        if self._finished:
            self._return_result(self._finished.popleft())
        return result

    def _done_callback(self, done: "Future[Any]") -> None:
        if self._running_future is not None and not self._running_future.done():
            self._return_result(done)
        else:
            self._finished.append(done)

    def _return_result(self, done: "Future[Any]") -> "Future[Any]":
        """Pass the outcome of ``done`` on to the Future that `next` returned."""
        if self._running_future is None:
            raise RuntimeError("WaitIterator.next() must be called first")
        chain_future(done, self._running_future)
        indices = self._unfinished[done]
        self.current_future = done
        self.current_index = indices.popleft()
        if not indices:
            del self._unfinished[done]
        return self._running_future

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    def __anext__(self) -> "Future[Any]":
        if self.done():
            raise StopAsyncIteration
        return self.next()
