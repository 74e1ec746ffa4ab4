"""From messages to handlers: collects a request's body, creates its handler and gives it its turn.

The driver: `_execute` is stepped once, right here in the read event. A handler that does not wait is done by
then and has cost no Task. One that must wait yields first, and the same coroutine goes on as an asyncio.Task.
"""

import asyncio
from collections.abc import Awaitable, Coroutine
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any

from pyframework import httputil
from pyframework._core.loop import start_task
from pyframework.concurrent import Future, future_set_result_unless_cancelled
from pyframework.log import app_log
from pyframework.web._handler import RequestHandler
from pyframework.web._static import StaticFileHandler

if TYPE_CHECKING:
    from pyframework.web._application import Application

_EXECUTE_CODE = RequestHandler._execute.__code__

# The event loop itself holds Tasks weakly.
_running: "set[asyncio.Task[None]]" = set()


class _HandlerDelegate(httputil.HTTPMessageDelegate):
    """Feeds one request to one handler."""

    handler: RequestHandler

    def __init__(
        self,
        application: "Application",
        request: httputil.HTTPServerRequest,
        handler_class: type[RequestHandler],
        handler_kwargs: dict[str, Any] | None,
        path_args: list[bytes] | None,
        path_kwargs: dict[str, bytes] | None,
    ) -> None:
        self.application = application
        self.handler_class = handler_class
        self.stream_request_body = handler_class._stream_request_body
        self.handler_kwargs = handler_kwargs or {}
        self.path_args, self.path_kwargs = path_args or [], path_kwargs or {}
        self.request = request
        self.connection = request.connection
        self.chunks: list[bytes] = []

    def headers_received(
        self,
        start_line: httputil.RequestStartLine | httputil.ResponseStartLine,
        headers: httputil.HTTPHeaders,
    ) -> Awaitable[None] | None:
        return self.execute() if self.stream_request_body else None

    def data_received(self, data: bytes) -> Awaitable[None] | None:
        if self.stream_request_body:
            return self.handler.data_received(data)
        self.chunks.append(data)
        return None

    def finish(self) -> None:
        if self.stream_request_body:
            future_set_result_unless_cancelled(self.handler._body_future, None)
        else:
            if self.chunks:
                self.request.body = b"".join(self.chunks)
                self.chunks = []
            self.execute()

    def on_connection_close(self) -> None:
        if self.stream_request_body:
            self.handler.on_connection_close()
        else:
            self.chunks = []

    def execute(self) -> Awaitable[None] | None:
        """Create the handler and run it as far as it goes, in a context of its own.

        :returns: for a handler that streams its body, a Future that is done when it is prepared for the first chunk
        """
        context = copy_context()
        unfinished = context.run(self._begin)
        if unfinished is not None:
            _run_as_task(unfinished, context)
        return self.handler._prepared_future

    def _begin(self) -> Coroutine[Any, Any, None] | None:
        """Create the handler and step `_execute`; return it if it asks for a Task."""
        application, request = self.application, self.request
        settings = application.settings
        if "compiled_template_cache" in settings or "static_hash_cache" in settings:
            _forget_caches(settings)
        kwargs = self.handler_kwargs
        make_handler = self.handler_class
        # Here and below: the plain call is the one that builds no tuple and no dict.
        handler = make_handler(application, request, **kwargs) if kwargs else make_handler(application, request)
        self.handler = handler
        if self.stream_request_body:
            handler._prepared_future, handler._body_future = Future(), Future()
        transforms = [make(request) for make in application.transforms] if application.transforms else []
        args, kwargs = self.path_args, self.path_kwargs
        coroutine = handler._execute(transforms, *args, **kwargs) if args or kwargs else handler._execute(transforms)
        # Only of the original coroutine is it known that its first yield asks for a Task.
        if getattr(coroutine, "cr_code", None) is _EXECUTE_CODE:
            try:
                coroutine.send(None)
            except StopIteration:
                return None
        return coroutine if asyncio.iscoroutine(coroutine) else _await(coroutine)


async def _await(replacement: Awaitable[None]) -> None:
    await replacement


def _run_as_task(coroutine: Coroutine[Any, Any, None], context: Context) -> None:
    task = start_task(coroutine, context)
    if task.done():
        _end_task(task)
    else:
        _running.add(task)
        task.add_done_callback(_end_task)


def _end_task(task: "asyncio.Task[None]") -> None:
    _running.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        app_log.error("Uncaught exception in %s", task, exc_info=error)


def _forget_caches(settings: dict[str, Any]) -> None:
    """Forget templates and versions of files where the settings say that these are not cached (debug mode does)."""
    if not settings.get("static_hash_cache", True):
        settings.get("static_handler_class", StaticFileHandler).reset()
    if not settings.get("compiled_template_cache", True):
        with RequestHandler._template_loader_lock:
            loaders = list(RequestHandler._template_loaders.values())
        for loader in loaders:
            loader.reset()
