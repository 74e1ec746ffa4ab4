"""Results for callbacks: what today's function puts into a Future."""

import asyncio
import functools
from collections.abc import Callable
from typing import Any

from pyframework import gen
from pyframework.ioloop import IOLoop
from pyframework.legacy._arguments import _Use
from pyframework.legacy._notes import note

FUTURE = "wait for what it returns: `await`, or `yield` in a coroutine"


def deliver(waited: Any, callback: Callable[..., Any]) -> Any:
    """Call ``callback`` with the result of an awaitable; what that raises goes to the stack context, or is logged.

    Returns the Future.
    """
    future = gen.maybe_future(None) if waited is None else gen.convert_yielded(waited)
    IOLoop.current().add_future(future, lambda done: callback(done.result()))
    return future


def deliver_end(waited: Any, callback: Callable[[], Any]) -> Any:
    """Do what `deliver` does, for a callback that takes no result."""
    return deliver(waited, lambda _result: callback())


def starting(owner: type, name: str) -> None:
    """Let a coroutine method begin when it is called, whether or not somebody waits; it returns a Future."""
    method = getattr(owner, name)

    @functools.wraps(method)
    def started(*args: Any, **kwargs: Any) -> Any:
        result = method(*args, **kwargs)
        if not asyncio.iscoroutine(result):
            return result
        return asyncio.ensure_future(result, loop=IOLoop.current().asyncio_loop)

    setattr(owner, name, started)


def delivering(name: str, how: Callable[[Any, Callable[..., Any]], Any] = deliver) -> _Use:
    """Return a use of ``callback`` for functions that return an awaitable.

    :arg how: is given what the function returns and the callback; its result is returned
    """

    def use(*bound_and_call: Any, callback: Callable[..., Any] | None = None) -> Any:
        waited = bound_and_call[-1]()
        if callback is None:
            return waited
        note(f"{name}(callback=)", FUTURE)
        return how(waited, callback)

    return use
