"""What IOLoop and PeriodicCallback had besides."""

import signal
import threading
import traceback
from collections.abc import Callable
from typing import Any

from pyframework import ioloop
from pyframework.ioloop import IOLoop, PeriodicCallback
from pyframework.legacy import stack_context
from pyframework.legacy._arguments import add, keeping_loop, on_kept_loop, replace
from pyframework.legacy._notes import note
from pyframework.legacy._watchdog import Watchdog
from pyframework.log import app_log, gen_log
from pyframework.platform.asyncio import AsyncIOLoop, BaseAsyncIOLoop

_DEBUG = "asyncio tells of slow callbacks in debug mode: loop.slow_callback_duration"


class PollIOLoop(AsyncIOLoop):
    """The loop under the name that it had where it was chosen by the system's call for polling.

    :arg impl: not used: the loop has its own
    :arg time_func: the clock, in place of `time.time`
    """

    def initialize(  # type: ignore[override]
        self, impl: Any = None, time_func: Callable[[], float] | None = None, **kwargs: Any
    ) -> None:
        note("ioloop.PollIOLoop", "IOLoop() makes the right loop for the system")
        if time_func is not None:
            self.time = time_func  # type: ignore[method-assign]
        super().initialize(**kwargs)


def initialized() -> bool:
    """Whether this thread has a loop."""
    note("IOLoop.initialized()", "IOLoop.current(instance=False) is None where there is no loop")
    return IOLoop.current(instance=False) is not None


def handle_callback_exception(self: IOLoop, callback: Callable[..., Any]) -> None:
    """Log the exception that is being handled; override for something else."""
    app_log.error("Exception in callback %r", callback, exc_info=True)


def run_callback(self: Any, callback: Callable[[], Any]) -> None:
    """Do what `IOLoop` does with each callback, inside of its stack contexts."""
    _run_callback(self, lambda: _guarded(self, callback))


def _guarded(io_loop: Any, callback: Callable[[], Any]) -> Any:
    try:
        return stack_context.run(callback)
    except Exception:
        io_loop.handle_callback_exception(callback)
        return None


def add_handler(self: Any, fd: Any, handler: Callable[..., Any], events: int) -> None:
    """Call ``handler`` for the events of a descriptor, in the stack contexts of now."""
    _add_handler(self, fd, stack_context.kept(handler), events)


class _Within:
    """The callback of a `PeriodicCallback`, inside of the contexts of its start; none is offered what it raises."""

    def __init__(self, periodic: Any, callback: Callable[[], Any]) -> None:
        self.callback = callback
        self._periodic = periodic
        self._call_within = stack_context.remember(self._call)

    def __call__(self) -> Any:
        return self._call_within()

    def _call(self) -> Any:
        try:
            return self.callback()
        except Exception:
            self._periodic.io_loop.handle_callback_exception(self.callback)
            return None


def start(self: PeriodicCallback) -> None:
    """Begin, on the current IOLoop, with the stack contexts of now around each call."""
    callback = self.callback.callback if isinstance(self.callback, _Within) else self.callback
    self.callback = _Within(self, callback) if stack_context.kept(callback) is not callback else callback
    with stack_context.NullContext():
        _start(self)


def log_stack(self: IOLoop, signal: Any, frame: Any) -> None:
    """Log where the loop's thread is."""
    seconds = self._blocking_threshold  # type: ignore[attr-defined]
    gen_log.warning("IOLoop blocked for %f seconds in\n%s", seconds, "".join(traceback.format_stack(frame)))


def set_blocking_log_threshold(self: Any, seconds: float | None) -> None:
    """Log a stack whenever the loop does not come round for ``seconds``; None ends that."""
    note("IOLoop.set_blocking_log_threshold()", _DEBUG)
    _watch(self, seconds, lambda frame: self.log_stack(None, frame))


def set_blocking_signal_threshold(self: Any, seconds: float | None, action: Callable[..., Any] | None) -> None:
    """Send SIGALRM to the loop's thread, the main one, whenever it does not come round for ``seconds``.

    :arg seconds: None ends that
    :arg action: the handler of the signal; None lets it end the process
    """
    note("IOLoop.set_blocking_signal_threshold()", _DEBUG)
    if seconds is not None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL if action is None else action)
    main = threading.main_thread().ident
    assert main is not None
    _watch(self, seconds, lambda _frame: signal.pthread_kill(main, signal.SIGALRM))


def _watch(io_loop: Any, seconds: float | None, report: Callable[[Any], object]) -> None:
    before = getattr(io_loop, "_watchdog", None)
    if before is not None:
        before.stop()
    io_loop._blocking_threshold = seconds
    io_loop._watchdog = None if seconds is None else Watchdog(io_loop, seconds, report)


_add_handler = BaseAsyncIOLoop.add_handler
_start = PeriodicCallback.start
_run_callback = IOLoop._run_callback


def install() -> None:
    add(ioloop, PollIOLoop=PollIOLoop)
    add(
        IOLoop,
        initialized=staticmethod(initialized),
        handle_callback_exception=handle_callback_exception,
        log_stack=log_stack,
        set_blocking_log_threshold=set_blocking_log_threshold,
        set_blocking_signal_threshold=set_blocking_signal_threshold,
    )
    BaseAsyncIOLoop.add_handler = add_handler  # type: ignore[method-assign]
    IOLoop._run_callback = run_callback  # type: ignore[method-assign]
    replace(PeriodicCallback, "__init__", "callback callback_time [io_loop] jitter", keeping_loop("PeriodicCallback"))
    PeriodicCallback.start = on_kept_loop(start)  # type: ignore[method-assign]
