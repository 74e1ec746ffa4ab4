"""Handlers that answer later, from a callback."""

import functools
from collections.abc import Callable
from typing import Any

from pyframework import web
from pyframework.legacy._arguments import add, replace
from pyframework.legacy._delivery import deliver_end, delivering
from pyframework.legacy._notes import note
from pyframework.legacy.stack_context import Handling
from pyframework.log import app_log
from pyframework.web import RequestHandler


def asynchronous(method: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a handler's method that returns before there is an answer: the request ends with `finish`.

    What its callbacks raise is answered as what the method raises. Where the method is a coroutine, the end of that
    ends the request, as without this decorator.
    """
    note("web.asynchronous", "write the method as a coroutine: async def, or gen.coroutine")

    @functools.wraps(method)
    def answering_later(self: RequestHandler, *args: Any, **kwargs: Any) -> Any:
        self._auto_finish = False
        with Handling(functools.partial(_answer, self)):
            waited = method(self, *args, **kwargs)
            if waited is not None:
                self._auto_finish = True
            return waited

    return answering_later


def _answer(handler: RequestHandler, _type: Any, error: BaseException, _traceback: Any) -> bool:
    """Answer what a callback has raised."""
    try:
        handler._handle_request_exception(error)
    except Exception:
        app_log.error("Exception in exception handler", exc_info=True)
    return True


def install() -> None:
    add(web, asynchronous=asynchronous)
    replace(RequestHandler, "flush", "include_footers [callback]", delivering("RequestHandler.flush", deliver_end))
