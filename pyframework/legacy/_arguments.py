"""Calls in the old way: arguments that are gone, and the places that others had because of them."""

import asyncio
import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

from pyframework.ioloop import IOLoop
from pyframework.legacy._notes import note

_Use = Callable[..., Any]

_IO_LOOP = "leave it out: what is made inside a running loop belongs to that loop"


class OldSignature:
    """The positional arguments that a function had, such as ``delimiter [callback] max_bytes``.

    Those in brackets are gone, those behind a ``*`` had no place. A call is an old one if it names one that is gone,
    has something in its place that fits only there (a function for a callback, an IOLoop), has something that fits
    nowhere today (True for SSL options), or has more arguments than today's function takes.
    """

    def __init__(self, text: str) -> None:
        placed = text.partition("*")[0].split()
        self.names = [word.strip("[]") for word in placed]
        self.gone = [word.strip("[]") for word in text.split() if word.startswith("[")]
        self.today = [word for word in placed if not word.startswith("[")]

    def split(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any], dict[str, Any]]:
        """Return the arguments for today's function, and those that are gone (none of them in a call of today)."""
        if not self._is_old(args, kwargs):
            return args, kwargs, {}
        placed = len(self.names)
        given = {**dict(zip(self.names, args, strict=False)), **kwargs}
        gone = {name: given.pop(name) for name in self.gone if name in given}
        return args[placed:], given, gone

    def _is_old(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        if len(self.today) < len(args) <= len(self.names) or any(name in kwargs for name in self.gone):
            return True
        if any(_misplaced(name, value) for name, value in zip(self.today, args, strict=False)):
            return True
        return any(name in self.gone and _fits(name, value) for name, value in zip(self.names, args, strict=False))


def _fits(name: str, value: Any) -> bool:
    return isinstance(value, IOLoop) if name == "io_loop" else callable(value)


def _misplaced(name: str, value: Any) -> bool:
    return name == "ssl_options" and isinstance(value, bool)


def taking(function: Callable[..., Any], old: str, use: _Use, *, method: bool = True) -> Callable[..., Any]:
    """Return ``function`` so that it takes the calls of an `OldSignature` too.

    :arg use: called for these as ``use(call, **gone)``, where ``call()`` makes the call of today; for a method as
        ``use(self, call, **gone)``
    """
    signature = OldSignature(old)

    @functools.wraps(function)
    def taking_old_calls(*args: Any, **kwargs: Any) -> Any:
        bound, args = (args[:1], args[1:]) if method else ((), args)
        args, kwargs, gone = signature.split(args, kwargs)
        call = functools.partial(function, *bound, *args, **kwargs)
        return use(*bound, call, **gone) if gone else call()

    return taking_old_calls


def replace(owner: Any, name: str, old: str, use: _Use) -> None:
    """Let the function or method ``name`` of a module or class take the calls of an `OldSignature` too."""
    is_class = isinstance(owner, type)
    attribute = inspect.getattr_static(owner, name)
    function = attribute.__func__ if isinstance(attribute, (staticmethod, classmethod)) else attribute
    method = is_class and not isinstance(attribute, staticmethod)
    replacement: Any = taking(function, old, use, method=method)
    if isinstance(attribute, (staticmethod, classmethod)):
        replacement = type(attribute)(replacement)
    setattr(owner, name, replacement)


def ignoring_loop(name: str) -> _Use:
    """Return a use of ``io_loop`` for functions that only have to be called while that loop is the current one."""

    def use(*bound_and_call: Any, io_loop: IOLoop | None = None) -> Any:
        note(f"{name}(io_loop=)", _IO_LOOP)
        with current(io_loop):
            return bound_and_call[-1]()

    return use


def keeping_loop(name: str) -> _Use:
    """Return a use of ``io_loop`` for constructors of what begins its work later: it does so on that loop."""

    def use(self: Any, call: Callable[[], Any], io_loop: IOLoop | None = None) -> Any:
        note(f"{name}(io_loop=)", _IO_LOOP)
        if io_loop is not None:
            self._chosen_loop = io_loop
        with current(io_loop):
            return call()

    return use


def on_kept_loop(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that runs while the loop given to the constructor is the current one."""

    @functools.wraps(function)
    def running_on_kept_loop(self: Any, *args: Any, **kwargs: Any) -> Any:
        with current(getattr(self, "_chosen_loop", None)):
            return function(self, *args, **kwargs)

    return running_on_kept_loop


@contextlib.contextmanager
def current(io_loop: IOLoop | None) -> Iterator[None]:
    """Make ``io_loop`` the current one for a while; None leaves that as it is.

    :raises RuntimeError: another loop runs in this thread
    """
    before = IOLoop.current(instance=False)
    if io_loop is None or io_loop is before:
        yield
        return
    if asyncio._get_running_loop() is not None:
        raise RuntimeError("io_loop is not the loop that runs here: call this before the start, or on that loop")
    asyncio.set_event_loop(io_loop.asyncio_loop)
    try:
        yield
    finally:
        asyncio.set_event_loop(None if before is None else before.asyncio_loop)


def add(owner: Any, **names: Any) -> None:
    """Add names to a module or class that lacks them."""
    for name, value in names.items():
        if not hasattr(owner, name):
            setattr(owner, name, value)
