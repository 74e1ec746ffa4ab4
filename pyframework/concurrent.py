"""Helpers for Futures, both asyncio's (which is `Future` here) and those of `concurrent.futures`.

Knows nothing of coroutines or of `IOLoop`: where a result crosses threads, it goes through the asyncio loop of the
Future that waits for it.
"""

import asyncio
import functools
import types
from collections.abc import Callable
from concurrent import futures
from typing import Any, TypeVar

from pyframework.log import app_log

_T = TypeVar("_T")

Future = asyncio.Future
FUTURES = (futures.Future, Future)


class ReturnValueIgnoredError(Exception):
    """Kept for programs that name it; nothing raises it."""


def is_future(x: Any) -> bool:
    """Whether ``x`` is an asyncio or a concurrent Future."""
    return isinstance(x, FUTURES)


class DummyExecutor(futures.Executor):
    """An executor that runs each function at once, in the calling thread."""

    def submit(  # type: ignore[override]
        self, fn: Callable[..., _T], *args: Any, **kwargs: Any
    ) -> "futures.Future[_T]":
        """Call ``fn`` and return a finished Future with its result or exception."""
        future: futures.Future[_T] = futures.Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future

    def shutdown(self, wait: bool = True, cancel_futures: bool = False) -> None:
        """Do nothing: there is never work under way."""


dummy_executor = DummyExecutor()


def run_on_executor(*args: Any, **kwargs: Any) -> Callable[..., Any]:
    """Decorate a blocking method so that a call runs on an executor and returns a Future.

    Use it bare, or as ``@run_on_executor(executor="name")`` where ``name`` is the attribute of ``self`` that holds the
    executor ("executor" unless given).
    """

    def decorate(method: Callable[..., _T]) -> Callable[..., "Future[_T]"]:
        attribute = kwargs.get("executor", "executor")

        @functools.wraps(method)
        def submit(self: Any, *call_args: Any, **call_kwargs: Any) -> "Future[_T]":
            result: Future[_T] = Future()
            chain_future(getattr(self, attribute).submit(method, self, *call_args, **call_kwargs), result)
            return result

        return submit

    if not args:
        return decorate
    if kwargs or len(args) > 1:
        raise ValueError("use @run_on_executor, or @run_on_executor(executor=...) with keyword arguments only")
    return decorate(args[0])


def chain_future(a: "Future[_T] | futures.Future[_T]", b: "Future[_T] | futures.Future[_T]") -> None:
    """Give ``b`` the outcome of ``a`` (result, exception or cancellation), unless ``b`` is done before.

    Both may be asyncio or concurrent Futures. The outcome of a concurrent Future that finishes in another thread is
    handed to the event loop of ``b``. Cancelling ``b`` does not cancel ``a``.
    """
    if not is_future(b):
        raise TypeError(f"chain_future needs two Futures, not {b!r}")
    copy = functools.partial(_copy_outcome, b)
    if a.done() or not isinstance(b, Future):
        future_add_done_callback(a, copy)
    else:
        _add_loop_callback(a, b.get_loop(), copy)


def _copy_outcome(target: Any, source: Any) -> None:
    if target.done():
        return
    if source.cancelled():
        # A concurrent Future that already runs refuses to be cancelled.
        if not target.cancel():
            target.set_exception(asyncio.CancelledError())
        return
    error = source.exception()
    if error is None:
        target.set_result(source.result())
    elif isinstance(error, StopIteration):
        # An asyncio Future cannot carry it: it would end the coroutine that waits.
        substitute = RuntimeError("StopIteration was raised into a Future")
        substitute.__cause__ = error
        target.set_exception(substitute)
    else:
        target.set_exception(error)


def _call_on_loop(loop: asyncio.AbstractEventLoop, callback: Callable[..., object], *args: Any) -> None:
    """Call ``callback`` in the thread of ``loop``; a closed loop has nobody left who waits, so the call is dropped."""
    try:
        loop.call_soon_threadsafe(callback, *args)
    except RuntimeError:
        if not loop.is_closed():
            raise


def _add_loop_callback(
    future: "futures.Future[Any] | Future[Any]", loop: asyncio.AbstractEventLoop, callback: Callable[[Any], object]
) -> None:
    """Call ``callback(future)`` from ``loop`` when ``future`` is done, whichever thread finishes it; never at once."""
    if isinstance(future, Future):
        future.add_done_callback(callback)
    else:
        future.add_done_callback(functools.partial(_call_on_loop, loop, callback))


def future_add_done_callback(
    future: "futures.Future[_T] | Future[_T]", callback: Callable[..., None]
) -> None:
    """Call ``callback(future)`` when ``future`` is done: at once if it already is.

    The callback of a concurrent Future runs in whichever thread finishes it.
    """
    if future.done():
        callback(future)
    else:
        future.add_done_callback(callback)


def future_set_result_unless_cancelled(future: "futures.Future[_T] | Future[_T]", value: _T) -> None:
    """Set the result of ``future``, or do nothing if it was cancelled."""
    if not future.cancelled():
        future.set_result(value)


def future_set_exception_unless_cancelled(
    future: "futures.Future[_T] | Future[_T]", exc: BaseException
) -> None:
    """Set the exception of ``future``, or log it if the Future was cancelled."""
    if future.cancelled():
        app_log.error("Exception after Future was cancelled", exc_info=exc)
    else:
        future.set_exception(exc)


def future_set_exc_info(
    future: "futures.Future[_T] | Future[_T]",
    exc_info: tuple[type | None, BaseException | None, types.TracebackType | None],
) -> None:
    """Set the exception of a ``sys.exc_info()`` triple on ``future``, unless it was cancelled."""
    error = exc_info[1]
    if error is None:
        raise ValueError("future_set_exc_info needs the exc_info of an exception that is being handled")
    if not future.cancelled():
        future.set_exception(error)
