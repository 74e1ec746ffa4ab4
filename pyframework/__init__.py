"""Tornado's API on a compiled core; importing it loads no submodule and creates no event loop.

Submodules load on first use, so `import pyframework; pyframework.web` works.
PYTEST_DONT_REWRITE: under `enable` this module is imported before pytest, which would warn that it cannot change it.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import ModuleType
    from typing import Any, TypeVar

    _T = TypeVar("_T")

__version__ = "0.1.0"

# The Tornado release whose behaviour this is, in the two forms that programs compare.
version = "6.6.1"
version_info = (6, 6, 1, 0)

__all__ = [
    *("auth", "autoreload", "concurrent", "curl_httpclient", "escape", "gen", "http1connection", "httpclient"),
    *("httpserver", "httputil", "ioloop", "iostream", "locale", "locks", "log", "netutil", "options", "platform"),
    *("process", "queues", "routing", "simple_httpclient", "tcpclient", "tcpserver", "template", "testing", "util"),
    "web",
]

_SUBMODULES = frozenset([*__all__, "websocket", "wsgi", "alias"])


def __getattr__(name: str) -> "ModuleType":
    if name not in _SUBMODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    # Where this package also answers to another name (pyframework.alias), the submodule is entered under both.
    aliased = sys.modules.get("tornado") is sys.modules[__name__]
    return import_module(f"tornado.{name}" if aliased else f"{__name__}.{name}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_SUBMODULES})


def install() -> None:
    """Make asyncio create pyframework's event loop, for `asyncio.run` and `asyncio.new_event_loop`.

    It sets asyncio's event loop policy, which Python 3.14 deprecates: prefer `run` there.
    """
    import asyncio

    from pyframework._core.loop import EventLoop

    class Policy(asyncio.DefaultEventLoopPolicy):
        def new_event_loop(self) -> asyncio.AbstractEventLoop:
            return EventLoop()

    asyncio.set_event_loop_policy(Policy())


def run(main: "Coroutine[Any, Any, _T]", *, debug: bool | None = None) -> "_T":
    """Run a coroutine to its end on pyframework's event loop, as `asyncio.run` does on asyncio's."""
    import asyncio

    from pyframework._core.loop import EventLoop

    with asyncio.Runner(debug=debug, loop_factory=EventLoop) as runner:
        return runner.run(main)
