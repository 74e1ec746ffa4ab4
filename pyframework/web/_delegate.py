"""From messages to handlers: the delegate that collects a request's body and gives its handler a turn."""

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any

from pyframework import httputil, web
from pyframework._core.delegates import HandlerDelegate
from pyframework.web._handler import RequestHandler
from pyframework.web._static import StaticFileHandler

# The event loop itself holds Tasks weakly.
_running: "set[asyncio.Task[None]]" = set()


class _HandlerDelegate(HandlerDelegate, httputil.HTTPMessageDelegate):
    """Feeds one request to one handler."""

    __slots__ = ()

    def _coroutine_of(self, execution: Awaitable[None]) -> Coroutine[Any, Any, None]:
        return execution if asyncio.iscoroutine(execution) else _await(execution)

    def _keep(self, task: "asyncio.Task[None]") -> None:
        """See to a Task that goes on, or did not end well."""
        if task.done():
            _end_task(task)
        else:
            _running.add(task)
            task.add_done_callback(_end_task)

    def _forget_caches(self, settings: dict[str, Any]) -> None:
        """Forget templates and versions of files where the settings say that these are not cached (debug mode does)."""
        if not settings.get("static_hash_cache", True):
            settings.get("static_handler_class", StaticFileHandler).reset()
        if not settings.get("compiled_template_cache", True):
            with RequestHandler._template_loader_lock:
                loaders = list(RequestHandler._template_loaders.values())
            for loader in loaders:
                loader.reset()


async def _await(replacement: Awaitable[None]) -> None:
    await replacement


def _end_task(task: "asyncio.Task[None]") -> None:
    _running.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        web.app_log.error("Uncaught exception in %s", task, exc_info=error)
