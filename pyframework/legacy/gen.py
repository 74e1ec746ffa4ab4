"""Coroutines with callbacks: Task, engine, callback= and the yield points."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

from pyframework import gen
from pyframework._core.loop import create_future
from pyframework.ioloop import IOLoop
from pyframework.legacy import _yield_points
from pyframework.legacy._arguments import add, replace
from pyframework.legacy._delivery import FUTURE, deliver
from pyframework.legacy._notes import note
from pyframework.legacy._yield_points import MultiYieldPoint, Runner, has_yield_points, one_argument
from pyframework.legacy.stack_context import Handling


def Task(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call ``func`` with a callback, and return a Future for what that is called with.

    What ``func`` raises, or a callback that it arranges, ends up in the Future.
    """
    note("gen.Task", "wait for the Future that the function returns")
    future = create_future()

    def succeed(result: Any) -> None:
        if not future.done():
            future.set_result(result)

    def fail(_type: Any, error: BaseException, _traceback: Any) -> bool:
        if future.done():
            return False
        future.set_exception(error)
        return True

    with Handling(fail):
        func(*args, callback=one_argument(succeed), **kwargs)
    return future


def engine(func: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a generator function whose callers do not wait for it: it gives its result to a callback.

    What it raises goes to the stack context, or is logged.
    """
    note("gen.engine", "write a coroutine: async def, or gen.coroutine")

    @functools.wraps(func)
    def running(*args: Any, **kwargs: Any) -> None:
        def end(done: Any) -> None:
            if done.result() is not None:
                raise gen.ReturnValueIgnoredError(f"gen.engine: {func!r} returned {done.result()!r}, nobody takes it")

        future = _start_coroutine(Runner, func, args, kwargs)
        if future.done():
            end(future)
        else:
            IOLoop.current().add_future(future, end)

    return running


def start_coroutine(runner: Any, function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """Start what `gen.coroutine` decorates; take ``callback`` from the arguments of a function that has none."""
    old = "callback" in kwargs and not _takes_callback(function)
    callback = kwargs.pop("callback") if old else None
    future: Any = _start_coroutine(runner, function, args, kwargs)
    try:
        if future._source_traceback:
            future._source_traceback.pop()  # this frame is none of the program's
        if callback is not None:
            note("gen.coroutine: callback=", FUTURE)
            deliver(future, callback)
        return future
    finally:
        del future  # its exception may know this frame: no cycle through it


def _takes_callback(function: Callable[..., Any]) -> bool:
    parameters = inspect.signature(function).parameters
    return "callback" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def multi(children: Any, quiet_exceptions: Any = ()) -> Any:
    """Do what `gen.multi` does; among the children may be yield points, and then the result is one."""
    if has_yield_points(children):
        return MultiYieldPoint(children, quiet_exceptions)
    return _multi(children, quiet_exceptions)


def _without(call: Callable[[], Any], **_gone: Any) -> Any:
    return call()


_multi = gen.multi
_start_coroutine = gen.start_coroutine  # type: ignore[attr-defined]


def install() -> None:
    names = ("Arguments", "YieldPoint", "Callback", "Wait", "WaitAll", "YieldFuture", "MultiYieldPoint")
    add(gen, Task=Task, engine=engine, **{name: getattr(_yield_points, name) for name in names})
    gen.Runner = Runner  # type: ignore[misc]
    gen.start_coroutine = start_coroutine  # type: ignore[attr-defined]
    gen.multi = gen.Multi = multi
    replace(gen, "coroutine", "func [replace_callback]", _without)
    replace(gen, "with_timeout", "timeout future [io_loop] quiet_exceptions", _without)
