"""Twisted beside this framework: its reactor on the same event loop, its Deferreds in `yield`."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from pyframework import gen
from pyframework.concurrent import (
    Future,
    future_set_exception_unless_cancelled,
    future_set_result_unless_cancelled,
)


def install() -> None:
    """Make Twisted's reactor the one that runs on asyncio's event loop; call it before anything imports the reactor.

    Deprecated: `twisted.internet.asyncioreactor.install` does the same.
    """
    from twisted.internet import asyncioreactor

    asyncioreactor.install()


@gen.convert_yielded.register(Deferred)
def _convert_deferred(deferred: Any) -> "Future[Any]":
    future: Future[Any] = Future()

    def succeed(result: Any) -> None:
        future_set_result_unless_cancelled(future, result)

    def fail(failure: Failure) -> None:
        future_set_exception_unless_cancelled(future, failure.value.with_traceback(failure.getTracebackObject()))

    deferred.addCallbacks(succeed, fail)
    return future
