"""The patches of an instrumentation agent, applied to Tornado or to what stands in its place.

It does what agents for Tornado do: it wraps `_execute` in a coroutine that times the request, `on_finish` and
`log_exception` to count outcomes, and `HTTP1Connection.write_headers` to add a field with the trace's id. Nothing is
recorded but a few numbers: a real agent's own work would be the same for both and hide the difference.
"""

import functools
import itertools
import time
from collections import Counter
from typing import Any

from tornado.http1connection import HTTP1Connection
from tornado.web import RequestHandler

outcomes: Counter[int] = Counter()
seconds = 0.0
identities = itertools.count()


def install() -> None:
    execute, on_finish = RequestHandler._execute, RequestHandler.on_finish
    log_exception, write_headers = RequestHandler.log_exception, HTTP1Connection.write_headers

    @functools.wraps(execute)
    async def timed_execute(self: RequestHandler, *args: Any, **kwargs: Any) -> None:
        global seconds
        began = time.perf_counter()
        try:
            await execute(self, *args, **kwargs)
        finally:
            seconds += time.perf_counter() - began

    @functools.wraps(on_finish)
    def counted_on_finish(self: RequestHandler) -> None:
        outcomes[self.get_status()] += 1
        on_finish(self)

    @functools.wraps(log_exception)
    def counted_log_exception(self: RequestHandler, *args: Any) -> None:
        outcomes[-1] += 1
        log_exception(self, *args)

    @functools.wraps(write_headers)
    def traced_write_headers(self: HTTP1Connection, start_line: Any, headers: Any, *args: Any, **kwargs: Any) -> Any:
        headers["X-Trace"] = str(next(identities))
        return write_headers(self, start_line, headers, *args, **kwargs)

    RequestHandler._execute = timed_execute  # type: ignore[method-assign]
    RequestHandler.on_finish = counted_on_finish  # type: ignore[method-assign]
    RequestHandler.log_exception = counted_log_exception  # type: ignore[method-assign]
    HTTP1Connection.write_headers = traced_write_headers  # type: ignore[method-assign]
