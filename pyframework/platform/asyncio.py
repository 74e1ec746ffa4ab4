"""`IOLoop` on asyncio: the classes that wrap an asyncio loop, and a selector thread for those without ``add_reader``.

Works on any asyncio loop. Nothing above `IOLoop` and `gen` is known here.
"""

import asyncio
import atexit
import concurrent.futures
import functools
import queue
import select
import socket
import threading
import warnings
from collections.abc import AsyncGenerator, Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar, TypeVarTuple, Unpack

from pyframework._core.loop import poller_of
from pyframework.gen import _Yieldable, convert_yielded
from pyframework.ioloop import IOLoop, _current_asyncio_loop, _new_asyncio_loop, _Selectable

if TYPE_CHECKING:
    from pyframework._core.loop import Poller

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


class _HasFileno(Protocol):
    def fileno(self) -> int: ...


_FileDescriptorLike: TypeAlias = int | _HasFileno


class BaseAsyncIOLoop(IOLoop):
    """An `IOLoop` on the given asyncio loop.

    ``handlers`` maps descriptors to what `add_handler` was given; ``readers`` and ``writers`` are the descriptors that
    are watched. Raises `RuntimeError` if the asyncio loop has another IOLoop.
    """

    def initialize(self, asyncio_loop: asyncio.AbstractEventLoop, **kwargs: Any) -> None:  # type: ignore[override]
        self.asyncio_loop = asyncio_loop
        self.selector_loop = asyncio_loop
        if type(asyncio_loop).add_reader is asyncio.AbstractEventLoop.add_reader:
            self.selector_loop = AddThreadSelectorEventLoop(asyncio_loop)  # type: ignore[abstract]
        self.handlers: dict[int, tuple[int | _Selectable, Callable[..., None]]] = {}
        self.readers: set[int] = set()
        self.writers: set[int] = set()
        self.closing = False
        for known in list(IOLoop._ioloop_for_asyncio):
            if known.is_closed():
                IOLoop._ioloop_for_asyncio.pop(known, None)
        if IOLoop._ioloop_for_asyncio.setdefault(asyncio_loop, self) is not self:
            raise RuntimeError(f"{asyncio_loop!r} has an IOLoop already: use IOLoop.current() there")
        super().initialize(**kwargs)

    @functools.cached_property
    def _poller(self) -> "Poller":  # type: ignore[override]
        return poller_of(self.asyncio_loop)

    def close(self, all_fds: bool = False) -> None:
        self.closing = True
        for fd, (fileobj, _) in list(self.handlers.items()):
            self.remove_handler(fd)
            if all_fds:
                self.close_fd(fileobj)
        if "_poller" in self.__dict__:
            if all_fds:
                self._poller.close_descriptors()
            self._poller.close()
        IOLoop._ioloop_for_asyncio.pop(self.asyncio_loop, None)
        self.selector_loop.close()

    def add_handler(self, fd: int | _Selectable, handler: Callable[..., None], events: int) -> None:
        number, fileobj = self.split_fd(fd)
        if number in self.handlers:
            raise ValueError(f"fd {number} has a handler already: use update_handler, or remove_handler first")
        if number < 0:
            raise ValueError(f"Invalid file descriptor: {number}")
        self._watch(number, events)
        self.handlers[number] = (fileobj, handler)

    def update_handler(self, fd: int | _Selectable, events: int) -> None:
        number, _ = self.split_fd(fd)
        if number not in self.handlers:
            raise ValueError(f"fd {number} has no handler: use add_handler")
        self._watch(number, events)

    def remove_handler(self, fd: int | _Selectable) -> None:
        number, _ = self.split_fd(fd)
        if self.handlers.pop(number, None) is not None:
            self._watch(number, IOLoop.NONE)

    def _watch(self, fd: int, events: int) -> None:
        """Tell the asyncio loop what changes in the watching of ``fd``; it reports errors as readiness."""
        loop = self.selector_loop
        for event, watched, add, remove in (
            (IOLoop.READ, self.readers, loop.add_reader, loop.remove_reader),
            (IOLoop.WRITE, self.writers, loop.add_writer, loop.remove_writer),
        ):
            if events & event and fd not in watched:
                add(fd, self._handle_events, fd, event)
                watched.add(fd)
            elif not events & event and fd in watched:
                watched.remove(fd)
                remove(fd)

    def _handle_events(self, fd: int, events: int) -> None:
        fileobj, handler = self.handlers[fd]
        handler(fileobj, events)

    def start(self) -> None:
        self.asyncio_loop.run_forever()

    def stop(self) -> None:
        self.asyncio_loop.stop()

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> object:
        # The clocks differ: ours is time.time(), asyncio's is monotonic.
        delay = max(0, when - self.time())
        return self.asyncio_loop.call_later(delay, self._run_callback, functools.partial(callback, *args, **kwargs))

    def remove_timeout(self, timeout: object) -> None:
        timeout.cancel()  # type: ignore[attr-defined]

    def add_callback(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        in_loop = asyncio._get_running_loop() is self.asyncio_loop
        call_soon = self.asyncio_loop.call_soon if in_loop else self.asyncio_loop.call_soon_threadsafe
        self._queue(call_soon, functools.partial(callback, *args, **kwargs))

    def add_callback_from_signal(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        advice = "add_callback_from_signal is deprecated: use the add_signal_handler method of the asyncio loop"
        warnings.warn(advice, DeprecationWarning, stacklevel=2)
        self._queue(self.asyncio_loop.call_soon_threadsafe, functools.partial(callback, *args, **kwargs))

    def _queue(self, call_soon: Callable[..., object], callback: Callable[[], Any]) -> None:
        try:
            call_soon(self._run_callback, callback)
        except RuntimeError:
            # Another thread may close the loop at any moment; then the callback is dropped.
            if not self.asyncio_loop.is_closed():
                raise

    def run_in_executor(
        self, executor: concurrent.futures.Executor | None, func: Callable[..., _T], *args: Any
    ) -> "asyncio.Future[_T]":
        return self.asyncio_loop.run_in_executor(executor, func, *args)

    def set_default_executor(self, executor: concurrent.futures.Executor) -> None:
        self.asyncio_loop.set_default_executor(executor)


class AsyncIOMainLoop(BaseAsyncIOLoop):
    """The `IOLoop` of the asyncio loop that is current in this thread."""

    def initialize(self, **kwargs: Any) -> None:  # type: ignore[override]
        loop = _current_asyncio_loop(create=True)
        assert loop is not None
        super().initialize(loop, **kwargs)

    def _make_current(self) -> None:
        """Do nothing: the asyncio loop is the current one."""


class AsyncIOLoop(BaseAsyncIOLoop):
    """An `IOLoop` on an asyncio loop of its own, or on the one given as ``asyncio_loop``."""

    def initialize(self, **kwargs: Any) -> None:  # type: ignore[override]
        self.is_current = False
        if "asyncio_loop" in kwargs:
            super().initialize(**kwargs)
            return
        loop = _new_asyncio_loop()
        try:
            super().initialize(asyncio_loop=loop, **kwargs)
        except Exception:
            loop.close()
            raise

    def close(self, all_fds: bool = False) -> None:
        if self.is_current:
            self._clear_current_hook()
        super().close(all_fds)

    def _make_current(self) -> None:
        if not self.is_current:
            self.old_asyncio = _current_asyncio_loop(create=False)
            self.is_current = True
        asyncio.set_event_loop(self.asyncio_loop)

    def _clear_current_hook(self) -> None:
        if self.is_current:
            self.is_current = False
            if _current_asyncio_loop(create=False) is self.asyncio_loop:
                asyncio.set_event_loop(self.old_asyncio)


def to_tornado_future(asyncio_future: "asyncio.Future[_T]") -> "asyncio.Future[_T]":
    """Return the argument: asyncio's Futures are the ones used here."""
    return asyncio_future


def to_asyncio_future(tornado_future: _Yieldable) -> "asyncio.Future[Any]":
    """Return an asyncio Future for anything that a coroutine may yield."""
    future: Any = convert_yielded(tornado_future)
    if isinstance(future, concurrent.futures.Future):
        future = asyncio.wrap_future(future)
    return future  # type: ignore[no-any-return]


class AnyThreadEventLoopPolicy(asyncio.DefaultEventLoopPolicy):
    """An event loop policy that makes a loop in any thread that asks for one, not only in the main thread; old."""

    def __init__(self) -> None:
        super().__init__()
        warnings.warn(
            "AnyThreadEventLoopPolicy is deprecated: use asyncio.run or asyncio.new_event_loop in each thread",
            DeprecationWarning,
            stacklevel=2,
        )

    def get_event_loop(self) -> asyncio.AbstractEventLoop:
        try:
            return super().get_event_loop()
        except RuntimeError:
            loop = self.new_event_loop()
            self.set_event_loop(loop)
            return loop


_selector_loops: "set[SelectorThread]" = set()


def _atexit_callback() -> None:
    for selector in list(_selector_loops):
        selector.close()


atexit.register(_atexit_callback)


class SelectorThread:
    """Provides ``add_reader`` and its like for an asyncio loop that has none, by ``select`` in a thread.

    All callbacks run on the loop. It and the thread take turns: the loop sends what to watch, the thread answers with
    what is ready. The thread starts when the loop runs, and ends at `close`, at the end of ``asyncio.run`` or at exit.
    """

    _closed = False

    def __init__(self, real_loop: asyncio.AbstractEventLoop) -> None:
        self._real_loop = real_loop
        self._readers: dict[_FileDescriptorLike, asyncio.Handle] = {}
        self._writers: dict[_FileDescriptorLike, asyncio.Handle] = {}
        self._requests: queue.SimpleQueue[tuple[list[_FileDescriptorLike], list[_FileDescriptorLike]] | None]
        self._requests = queue.SimpleQueue()
        self._waker_r, self._waker_w = socket.socketpair()
        self._waker_r.setblocking(False)
        self._waker_w.setblocking(False)
        self._thread: threading.Thread | None = None
        self._thread_manager_task: asyncio.Task[None] | None = None
        self._manager = self._thread_manager()
        self._opening = self._open()
        self.add_reader(self._waker_r, self._consume_waker)
        _selector_loops.add(self)
        real_loop.call_soon(self._create_task)

    def close(self) -> None:
        """Stop the thread and forget all descriptors; none of them is closed."""
        if self._closed:
            return
        self._closed = True
        self._requests.put(None)
        self._wake_selector()
        if self._thread is not None:
            self._thread.join()
        _selector_loops.discard(self)
        self._readers.clear()
        self._writers.clear()
        self._waker_r.close()
        self._waker_w.close()
        if self._thread is None:
            self._abandon_task()

    def _create_task(self) -> None:
        if not self._closed:
            self._thread_manager_task = self._real_loop.create_task(self._opening)

    async def _open(self) -> None:
        await anext(self._manager)

    async def _thread_manager(self) -> AsyncGenerator[None, None]:
        """Holds the thread: asyncio's ``shutdown_asyncgens`` ends this generator, and so the thread."""
        self._thread = threading.Thread(target=self._run_select, name="pyframework selector", daemon=True)
        self._thread.start()
        self._start_select()
        try:
            yield
        finally:
            self.close()

    def _abandon_task(self) -> None:
        """Have the Task that would have started the thread vanish without a warning; its loop may never run again."""
        if self._thread_manager_task is not None:
            self._thread_manager_task._log_destroy_pending = False  # type: ignore[attr-defined]
            self._thread_manager_task.add_done_callback(lambda task: task.cancelled() or task.exception())
            self._thread_manager_task.cancel()
        self._opening.close()

    def _wake_selector(self) -> None:
        try:
            self._waker_w.send(b"x")
        except BlockingIOError:
            pass  # so many bytes are waiting that the thread will wake
        except OSError:
            if not self._closed:
                raise

    def _consume_waker(self) -> None:
        try:
            self._waker_r.recv(1024)
        except BlockingIOError:
            pass

    def _start_select(self) -> None:
        self._requests.put((list(self._readers), list(self._writers)))

    def _run_select(self) -> None:
        """The thread: answer each request once something is ready."""
        while (request := self._requests.get()) is not None:
            readers, writers = request
            answer: Callable[[], None]
            try:
                # Windows tells of a failed connect by the third list alone.
                readable, writable, failed = select.select(readers, writers, writers)
                answer = functools.partial(self._handle_select, readable, {*writable, *failed})
            except (OSError, ValueError):
                answer = self._drop_invalid
            try:
                self._real_loop.call_soon_threadsafe(answer)
            except RuntimeError:
                return  # the loop is closed

    def _handle_select(self, rs: Iterable[_FileDescriptorLike], ws: Iterable[_FileDescriptorLike]) -> None:
        for fd in rs:
            self._handle_event(fd, self._readers)
        for fd in ws:
            self._handle_event(fd, self._writers)
        if not self._closed:
            self._start_select()

    def _handle_event(self, fd: _FileDescriptorLike, handles: dict[_FileDescriptorLike, asyncio.Handle]) -> None:
        # An earlier callback may have removed it.
        handle = handles.get(fd)
        if handle is not None:
            handle._run()

    def _drop_invalid(self) -> None:
        """Forget the descriptors that select refuses: they have been closed, or their number is too high for it."""
        for fd in {*self._readers, *self._writers}:
            try:
                select.select([fd], [], [], 0)
            except (OSError, ValueError) as error:
                self._readers.pop(fd, None)
                self._writers.pop(fd, None)
                details = {"message": f"File descriptor {fd!r} cannot be watched any more", "exception": error}
                self._real_loop.call_exception_handler(details)
        if not self._closed:
            self._start_select()

    def add_reader(
        self, fd: _FileDescriptorLike, callback: Callable[[Unpack[_Ts]], object], *args: *_Ts
    ) -> None:
        """Call ``callback(*args)`` whenever ``fd`` can be read."""
        self._readers[fd] = asyncio.Handle(callback, args, self._real_loop)
        self._wake_selector()

    def add_writer(
        self, fd: _FileDescriptorLike, callback: Callable[[Unpack[_Ts]], object], *args: *_Ts
    ) -> None:
        """Call ``callback(*args)`` whenever ``fd`` can be written."""
        self._writers[fd] = asyncio.Handle(callback, args, self._real_loop)
        self._wake_selector()

    def remove_reader(self, fd: _FileDescriptorLike) -> bool:
        """Undo `add_reader`, and return whether there was something to undo."""
        return self._remove(fd, self._readers)

    def remove_writer(self, fd: _FileDescriptorLike) -> bool:
        """Undo `add_writer`, and return whether there was something to undo."""
        return self._remove(fd, self._writers)

    def _remove(self, fd: _FileDescriptorLike, handles: dict[_FileDescriptorLike, asyncio.Handle]) -> bool:
        if handles.pop(fd, None) is None:
            return False
        self._wake_selector()
        return True


class AddThreadSelectorEventLoop(asyncio.AbstractEventLoop):
    """An asyncio loop with a `SelectorThread` added; everything else is passed on to ``real_loop``."""

    # What this class answers itself.
    MY_ATTRIBUTES = {"add_reader", "remove_reader", "add_writer", "remove_writer", "close", "_selector", "_real_loop"}

    def __getattribute__(self, name: str) -> Any:
        own = name in AddThreadSelectorEventLoop.MY_ATTRIBUTES
        return super().__getattribute__(name) if own else getattr(self._real_loop, name)

    def __init__(self, real_loop: asyncio.AbstractEventLoop) -> None:
        self._real_loop = real_loop
        self._selector = SelectorThread(real_loop)

    def add_reader(
        self, fd: _FileDescriptorLike, callback: Callable[[Unpack[_Ts]], object], *args: *_Ts
    ) -> None:
        self._selector.add_reader(fd, callback, *args)

    def remove_reader(self, fd: _FileDescriptorLike) -> bool:
        return self._selector.remove_reader(fd)

    def add_writer(
        self, fd: _FileDescriptorLike, callback: Callable[[Unpack[_Ts]], object], *args: *_Ts
    ) -> None:
        self._selector.add_writer(fd, callback, *args)

    def remove_writer(self, fd: _FileDescriptorLike) -> bool:
        return self._selector.remove_writer(fd)

    def close(self) -> None:
        self._selector.close()
        self._real_loop.close()
