"""Contexts that follow the callbacks which were arranged inside of them, kept in a variable of `contextvars`.

A callback of `IOLoop` runs in a copy of the context it was arranged in. `run` enters the `StackContext`s found there
around the callback, and offers to the handlers what it raises.
"""

import contextlib
import contextvars
import functools
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Union

from pyframework.legacy._notes import note

TODAY = "contextvars follow callbacks and coroutines, and exceptions are those of a Future"

_Context = Union["StackContext", "Handling"]


class StackContextInconsistentError(Exception):
    """The end of a ``with`` block met another context than its own."""


class _Link:
    """One context, and what is around it."""

    def __init__(self, context: _Context, outer: "_Link | None") -> None:
        self.context = context
        self.outer = outer


_innermost: contextvars.ContextVar[_Link | None] = contextvars.ContextVar("stack_context", default=None)


class _Established:
    """A ``with`` block inside of which a context counts."""

    active = True

    def _deactivate(self) -> None:
        self.active = False

    def _push(self) -> Callable[[], None]:
        self._outer = _innermost.get()
        self._link = _Link(self, self._outer)  # type: ignore[arg-type]
        _innermost.set(self._link)
        return self._deactivate

    def _pop(self) -> None:
        found = _innermost.get()
        _innermost.set(self._outer)
        if found is not self._link:
            raise StackContextInconsistentError("the stack context of a `with` block is not the innermost at its end")


class StackContext(_Established):
    """Enters a context manager around a block and around each callback that was arranged in it.

    ``context_factory`` makes a new context manager for each time. ``with`` gives a function that ends this for
    callbacks arranged later on.
    """

    def __init__(self, context_factory: Callable[[], AbstractContextManager[Any]]) -> None:
        note("stack_context.StackContext", TODAY)
        self.context_factory = context_factory

    def enter(self) -> Callable[..., None]:
        """Enter it once more; return the function that leaves it, which swallows no exception."""
        manager = self.context_factory()
        manager.__enter__()

        def leave(*exc_info: Any) -> None:
            manager.__exit__(*exc_info)

        return leave

    def __enter__(self) -> Callable[[], None]:
        self._leave = self.enter()
        return self._push()

    def __exit__(self, *exc_info: Any) -> None:
        try:
            self._leave(*exc_info)
        finally:
            self._pop()


class Handling(_Established):
    """`ExceptionStackContext`, for the use of this package."""

    def __init__(self, exception_handler: Callable[..., Any]) -> None:
        self.exception_handler = exception_handler

    def enter(self) -> Callable[..., Any]:
        return self.handle

    def handle(self, *exc_info: Any) -> Any:
        return exc_info[0] is not None and self.exception_handler(*exc_info)

    def __enter__(self) -> Callable[[], None]:
        return self._push()

    def __exit__(self, *exc_info: Any) -> Any:
        try:
            return self.handle(*exc_info)
        finally:
            self._pop()


class ExceptionStackContext(Handling):
    """Offers what a block raises, and each callback that was arranged in it, to a handler.

    ``exception_handler(type, value, traceback)`` returns True for what need not go any further.
    """

    def __init__(self, exception_handler: Callable[..., Any]) -> None:
        note("stack_context.ExceptionStackContext", TODAY)
        super().__init__(exception_handler)


class NullContext:
    """A block whose callbacks belong to none of the contexts around it."""

    def __enter__(self) -> None:
        self._outer = _innermost.get()
        _innermost.set(None)

    def __exit__(self, *exc_info: Any) -> None:
        _innermost.set(self._outer)


def establish(handler: Callable[..., Any]) -> None:
    """Have an `ExceptionStackContext` count for all that follows in the present `contextvars` context."""
    _innermost.set(_Link(Handling(handler), _innermost.get()))


def run(function: Callable[[], Any]) -> Any:
    """Call ``function`` inside the contexts that it inherits; return None if a handler took what it raised."""
    link = _innermost.get()
    if link is None or is_wrapped(function):
        return function()
    contexts = []
    while link is not None:
        if link.context.active:
            contexts.append(link.context)
        link = link.outer
    result = None
    with ExitStack() as around:
        for context in reversed(contexts):
            around.push(context.enter())
        result = function()
    return result


def wrap(fn: Any) -> Any:
    """Return ``fn`` so that it runs inside the present contexts, whenever it is called."""
    if fn is None or is_wrapped(fn):
        return fn
    note("stack_context.wrap", TODAY)
    return remember(fn)


def remember(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Do what `wrap` does, for the use of this package."""
    captured = _innermost.get()

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        token = _innermost.set(captured)
        try:
            return run(functools.partial(fn, *args, **kwargs))
        finally:
            _innermost.reset(token)

    with contextlib.suppress(AttributeError, TypeError):
        functools.update_wrapper(wrapped, fn)
    wrapped._wrapped = True  # type: ignore[attr-defined]
    return wrapped


def kept(fn: Any) -> Any:
    """Return a callback that is called later on, and more than once perhaps; it remembers the contexts, if any."""
    return fn if fn is None or _innermost.get() is None else remember(fn)


def is_wrapped(fn: Any) -> bool:
    """Whether `wrap` made the function, or what a `functools.partial` calls."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    return hasattr(fn, "_wrapped")


def run_with_stack_context(context: _Context, func: Callable[[], Any]) -> Any:
    """Call ``func``, a coroutine as a rule, inside of ``context``."""
    with context:
        return func()


def install() -> None:
    """Let it be imported as a module of the framework."""
    import pyframework

    sys.modules["pyframework.stack_context"] = sys.modules[__name__]
    pyframework.stack_context = sys.modules[__name__]
