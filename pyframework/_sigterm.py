"""SIGTERM under `python -m pyframework run`: a process ends when its HTTP servers have finished.

Whoever handles SIGTERM itself is left alone.
"""

import asyncio
import os
import signal
import threading
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyframework.httpserver import HTTPServer

SWITCH = "PYFRAMEWORK_FINISH_ON_SIGTERM"  # in the environment: what `run` turns on

_servers: "weakref.WeakSet[HTTPServer]" = weakref.WeakSet()
_ending: "set[asyncio.Task[None]]" = set()


def watch(server: "HTTPServer", loop: asyncio.AbstractEventLoop) -> None:
    """Have SIGTERM shut `server` down, unless the program does something about SIGTERM itself."""
    if SWITCH not in os.environ:
        return
    _servers.add(server)
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        with suppress(NotImplementedError, RuntimeError):  # a loop without signals
            loop.add_signal_handler(signal.SIGTERM, _begin, loop)


def _begin(loop: asyncio.AbstractEventLoop) -> None:
    loop.remove_signal_handler(signal.SIGTERM)  # a second one ends the process at once
    _ending.add(loop.create_task(_end()))


async def _end() -> None:
    await asyncio.gather(*[server.shutdown() for server in _servers], return_exceptions=True)
    os.kill(os.getpid(), signal.SIGTERM)
