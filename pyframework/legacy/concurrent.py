"""Futures with exc_info, and functions that give their result to a callback."""

import functools
from collections.abc import Callable
from typing import Any

from pyframework import concurrent
from pyframework.concurrent import Future
from pyframework.ioloop import IOLoop
from pyframework.legacy._arguments import add
from pyframework.legacy._delivery import FUTURE, deliver
from pyframework.legacy._notes import note
from pyframework.legacy.stack_context import Handling
from pyframework.util import ArgReplacer

_ExcInfo = tuple[type[BaseException], BaseException, Any]


class TracebackFuture(Future):  # type: ignore[type-arg]
    """A Future that also speaks of exceptions in triples like that of `sys.exc_info`."""

    def __init__(self) -> None:
        note("concurrent.TracebackFuture", "any Future keeps the traceback: concurrent.Future")
        super().__init__(loop=IOLoop.current().asyncio_loop)

    def running(self) -> bool:
        """Whether it is not done."""
        return not self.done()

    def result(self, timeout: float | None = None) -> Any:
        """Return the result, or raise the exception; it never waits."""
        return super().result()

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Return the exception, or None."""
        return super().exception()

    def exc_info(self) -> _ExcInfo | None:
        """Return the exception as a triple; None if there is none, or no outcome yet."""
        error = self.exception() if self.done() else None
        return None if error is None else (type(error), error, error.__traceback__)

    def set_exc_info(self, exc_info: _ExcInfo) -> None:
        """Set the exception of such a triple."""
        self.set_exception(exc_info[1])


def return_future(f: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a function that calls ``callback`` with its result, so that it returns a Future.

    The caller may leave the callback out. What the function raises, or a callback that it arranges, ends up in the
    Future; what it raises at once is also raised to the caller.
    """
    note("concurrent.return_future", "write a coroutine: async def, or gen.coroutine")
    replacer = ArgReplacer(f, "callback")

    @functools.wraps(f)
    def returning_future(*args: Any, **kwargs: Any) -> Any:
        future: Future[Any] = TracebackFuture()
        results: list[Any] = []

        def succeed(*result: Any) -> None:
            results.extend(result)
            future.set_result(*result or (None,))

        def fail(_type: Any, error: BaseException, _traceback: Any) -> bool:
            if future.done():
                return False
            future.set_exception(error)
            return True

        callback, args, kwargs = replacer.replace(succeed, args, kwargs)  # type: ignore[assignment]
        with Handling(fail):
            value = f(*args, **kwargs)
            if value is not None:
                raise concurrent.ReturnValueIgnoredError(f"return_future: {f!r} returned {value!r}, nobody takes it")
        if future.done():
            future.result()
        if callback is not None:
            give = callback
            deliver(future, lambda _result: give(*results))
        return future

    return returning_future


def run_on_executor(*args: Any, **kwargs: Any) -> Callable[..., Any]:
    """Do what `concurrent.run_on_executor` does; the method may be called with ``callback``.

    The argument ``io_loop`` of the decorator names an attribute, which is not needed any more.
    """
    kwargs.pop("io_loop", None)
    decorated = _run_on_executor(*args, **kwargs)
    return _taking_callback(decorated) if args else lambda method: _taking_callback(decorated(method))


def _taking_callback(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def taking_callback(*args: Any, **kwargs: Any) -> Any:
        callback = kwargs.pop("callback", None)
        future = method(*args, **kwargs)
        if callback is not None:
            note("concurrent.run_on_executor: callback=", FUTURE)
            deliver(future, callback)
        return future

    return taking_callback


_run_on_executor = concurrent.run_on_executor


def install() -> None:
    add(concurrent, TracebackFuture=TracebackFuture, return_future=return_future)
    concurrent.run_on_executor = run_on_executor
