"""Poller and EventLoop.

Owns: the epoll or kqueue descriptor, who waits for which descriptor, and the queue of callbacks of our own loop.
Must not know: sockets' contents, protocols, or anything of Tornado's API.
Trick: an epoll descriptor can be polled itself. So the same Poller drives our own loop and is the guest of any other
asyncio loop, where all ready sockets together cost that loop one callback a turn.
"""
import asyncio
import collections
import heapq
import inspect
import logging
import os
import sys
import weakref
from asyncio import format_helpers

from cpython.contextvars cimport PyContext_CopyCurrent, PyContext_Enter, PyContext_Exit
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memset
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from pyframework._core.capi cimport (
    PF_POLL_ERROR, PF_POLL_READ, PF_POLL_WOKEN, PF_POLL_WRITE,
    pf_buf_free, pf_buf_reserve, pf_poll_close, pf_poll_event, pf_poll_open, pf_poll_set, pf_poll_wait, pf_poll_wake,
    pf_timer, pf_wheel_add, pf_wheel_advance, pf_wheel_init, pf_wheel_next, pf_wheel_remove,
)

cdef enum:
    BATCH = 256                 # events taken from the kernel at a time
    SCRATCH = 65536             # bytes that one receive can bring
    MAX_WAIT_MS = 86400000      # a day; longer waits are cut and begun again
    TICK_MS = 50                # an alarm may be so much late

cdef object logger = logging.getLogger("asyncio")
cdef bint EAGER_TASKS = sys.version_info >= (3, 12)


cdef double monotonic() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec + now.tv_nsec * 1e-9


cdef class Watch:
    cdef int on_ready(self, unsigned mask) except -1:
        raise NotImplementedError

    cdef int on_alarm(self) except -1:
        return 0

    cdef int yield_inbox(self) except -1:
        return 0

    cdef int yield_outbox(self) except -1:
        return 0


cdef class Poller:
    """Tells each `Watch` when its descriptor is ready.

    host: the asyncio loop that this poller works for.
    guest: whether that loop is not ours, so that it waits for this poller's descriptor among its own.
    """

    def __cinit__(self, host, bint guest=True):
        self.c.fd = self.c.wake_fd = -1
        self.watches = {}
        self.host = weakref.ref(host)
        self.guest = guest
        check(pf_poll_open(&self.c))
        self.now_ms = <uint64_t>(monotonic() * 1000)
        pf_wheel_init(&self.wheel, TICK_MS, self.now_ms)
        if guest:
            host.add_reader(self.c.fd, self.run_ready)
        else:
            own_pollers.add(self)

    def __dealloc__(self):
        pf_poll_close(&self.c)
        pf_buf_free(&self.inbox)
        pf_buf_free(&self.outbox)
        free(self.slots)

    def fileno(self) -> int:
        """The descriptor that is readable while somebody here is ready."""
        return self.c.fd

    def run_ready(self) -> None:
        """Serve all that is ready now, without waiting."""
        self.poll(0)

    def wake(self) -> None:
        """End the wait of the thread that is in it; from any thread or signal handler."""
        pf_poll_wake(&self.c)

    def close(self) -> None:
        """Forget every descriptor; none of them is closed."""
        if self.closed:
            return
        self.closed = True
        host = self.host()
        if self.guest and host is not None and not host.is_closed():
            host.remove_reader(self.c.fd)
            if self.alarm_call is not None:
                self.alarm_call.cancel()
        for watch in list(self.watches.values()):
            self.unwatch(watch)
        pf_poll_close(&self.c)
        self.c.fd = self.c.wake_fd = -1

    cdef int reopen(self) except -1:
        """In the child after a fork: the descriptor is the parent's, so take a new one and watch the same again."""
        cdef Watch watch
        if self.closed:
            return 0
        pf_poll_close(&self.c)
        check(pf_poll_open(&self.c))
        for watch in self.watches.values():
            check(pf_poll_set(&self.c, watch.fd, 0, watch.mask | PF_POLL_ERROR, self.token(watch.fd)))
        return 0

    cdef uint64_t token(self, int fd):
        return (<uint64_t>self.slots[fd].generation << 32) | <uint32_t>fd

    cdef int grow(self, int fd) except -1:
        cdef int count = max(fd + 1, self.slot_count * 2, 64)
        cdef Slot *slots = <Slot *>realloc(self.slots, count * sizeof(Slot))
        if slots == NULL:
            raise MemoryError
        memset(slots + self.slot_count, 0, (count - self.slot_count) * sizeof(Slot))
        self.slots = slots
        self.slot_count = count
        return 0

    cdef int watch(self, Watch watch, int fd, unsigned mask) except -1:
        """Call `watch.on_ready` when `fd` is ready for `mask`, from now on; mask 0: only for an error or hang-up."""
        cdef Slot *slot
        cdef unsigned old = 0
        if self.closed:
            raise RuntimeError("the event loop is closed: open the stream on a running one")
        if fd >= self.slot_count:
            self.grow(fd)
        slot = &self.slots[fd]
        if slot.watch == <void *>watch:
            old = watch.mask | PF_POLL_ERROR
        else:
            if slot.watch != NULL:  # its owner closed the descriptor without a word, and here it is again
                self.forget(<Watch>slot.watch)
            slot.generation += 1
        check(pf_poll_set(&self.c, fd, old, mask | PF_POLL_ERROR, self.token(fd)))
        slot.watch = <void *>watch
        self.watches[fd] = watch
        watch.poller = self
        watch.fd = fd
        watch.mask = mask
        return 0

    cdef int unwatch(self, Watch watch) except -1:
        if watch.poller is not self:
            return 0
        pf_poll_set(&self.c, watch.fd, watch.mask | PF_POLL_ERROR, 0, 0)
        self.forget(watch)
        return 0

    cdef int forget(self, Watch watch) except -1:
        cdef Slot *slot = &self.slots[watch.fd]
        slot.watch = NULL
        slot.generation += 1
        if self.inbox_user is watch:
            watch.yield_inbox()
            self.inbox_user = None
        if self.outbox_user is watch:
            self.outbox_user = None
        self.stop_alarm(watch)
        watch.poller = None
        watch.mask = 0
        del self.watches[watch.fd]
        return 0

    cdef int poll(self, int timeout_ms) except -1:
        """Wait (0: only look, -1: for ever) and serve one batch."""
        cdef pf_poll_event events[BATCH]
        cdef int count, i
        if timeout_ms == 0:
            count = pf_poll_wait(&self.c, events, BATCH, 0)
        else:
            self.sleeping = True
            with nogil:
                count = pf_poll_wait(&self.c, events, BATCH, timeout_ms)
            self.sleeping = False
        check(count)
        self.now_ms = <uint64_t>(monotonic() * 1000)
        for i in range(count):
            if events[i].token != PF_POLL_WOKEN:
                self.dispatch(<int>(events[i].token & 0xffffffff), <uint32_t>(events[i].token >> 32), events[i].mask)
        if self.wheel.count:
            self.run_alarms()
        return count

    cdef int dispatch(self, int fd, uint32_t generation, unsigned mask) except -1:
        if fd >= self.slot_count or self.slots[fd].watch == NULL or self.slots[fd].generation != generation:
            return 0
        cdef Watch watch = <Watch>self.slots[fd].watch
        return self.serve(watch, mask, False)

    cdef int serve(self, Watch watch, unsigned mask, bint alarm) except -1:
        try:
            if alarm:
                watch.on_alarm()
            else:
                watch.on_ready(mask)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self.host().call_exception_handler({"message": f"Exception while serving {watch!r}", "exception": error})
        return 0

    cdef int set_alarm(self, Watch watch, double seconds) except -1:
        """Call `watch.on_alarm` in that time, at most a tick late; an alarm that was set before is moved."""
        watch.alarm.owner = <void *>watch
        pf_wheel_add(&self.wheel, &watch.alarm.timer, self.now_ms + <uint64_t>(seconds * 1000))
        if self.guest and self.alarm_call is None:
            self.arm_host()
        return 0

    cdef int stop_alarm(self, Watch watch) except -1:
        pf_wheel_remove(&self.wheel, &watch.alarm.timer)
        return 0

    cdef int run_alarms(self) except -1:
        cdef pf_timer *timer
        cdef Watch watch
        while True:
            timer = pf_wheel_advance(&self.wheel, self.now_ms)
            if timer == NULL:
                return 0
            watch = <Watch>(<Alarm *>timer).owner
            self.serve(watch, 0, True)

    cdef int arm_host(self) except -1:
        cdef int64_t ms = pf_wheel_next(&self.wheel, self.now_ms)
        if ms >= 0:
            self.alarm_call = self.host().call_later(ms / 1000.0, self.on_host_timer)
        return 0

    def on_host_timer(self) -> None:
        self.alarm_call = None
        self.now_ms = <uint64_t>(monotonic() * 1000)
        self.run_alarms()
        self.arm_host()

    cdef pf_buf *borrow_inbox(self, Watch user) except NULL:
        """The buffer to receive into, empty and with room."""
        if self.inbox_user is not None and self.inbox_user is not user:
            self.inbox_user.yield_inbox()
        self.inbox_user = user
        if pf_buf_reserve(&self.inbox, SCRATCH) < 0:
            raise MemoryError
        return &self.inbox

    cdef pf_buf *borrow_outbox(self, Watch user) except NULL:
        """The buffer to lay an answer out in."""
        if self.outbox_user is not user:
            if self.outbox_user is not None:
                self.outbox_user.yield_outbox()
            self.outbox_user = user
        return &self.outbox

    cdef object done(self):
        """The one finished Future of this loop."""
        if self._done is None:
            self._done = self.host().create_future()
            self._done.set_result(None)
        return self._done


cdef int check(int result) except -1:
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    return result


# ---------------------------------------------------------------------------------------------- callbacks

cdef class Handle:
    """A callback that waits for its turn, with the interface of `asyncio.Handle`."""

    cdef public object _callback
    cdef public tuple _args
    cdef public object _context
    cdef public bint _cancelled
    cdef readonly LoopCore _loop
    cdef public object _source_traceback
    cdef object __weakref__

    def cancel(self) -> None:
        if not self._cancelled:
            self._cancelled = True
            self._callback = None
            self._args = None

    def cancelled(self) -> bool:
        return self._cancelled

    def get_context(self):
        return self._context

    def _run(self) -> None:
        self.run()

    cdef int run(self) except -1:
        context = self._context
        try:
            PyContext_Enter(context)
            try:
                if self._args is None:
                    self._callback()
                else:
                    self._callback(*self._args)
            finally:
                PyContext_Exit(context)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self.report(error)      # outside of the context: the loop enters it for the exception handler
        return 0

    cdef int report(self, error) except -1:
        source = format_helpers._format_callback_source(self._callback, self._args or ())
        details = {"message": f"Exception in callback {source}", "exception": error, "handle": self}
        if self._source_traceback:
            details["source_traceback"] = self._source_traceback
        (<object>self._loop).call_exception_handler(details)
        return 0

    def __repr__(self) -> str:
        if self._cancelled:
            return f"<{type(self).__name__} cancelled>"
        source = format_helpers._format_callback_source(self._callback, self._args or ())
        return f"<{type(self).__name__} {source}>"


cdef class TimerHandle(Handle):
    """A callback that waits for a time, with the interface of `asyncio.TimerHandle`."""

    cdef public double _when
    cdef public bint _scheduled

    def when(self) -> float:
        return self._when

    def cancel(self) -> None:
        if not self._cancelled and self._scheduled:
            self._loop.cancelled_timers += 1
        Handle.cancel(self)

    def __lt__(self, TimerHandle other) -> bool:
        return self._when < other._when

    def __le__(self, TimerHandle other) -> bool:
        return self._when <= other._when

    def __gt__(self, TimerHandle other) -> bool:
        return self._when > other._when

    def __ge__(self, TimerHandle other) -> bool:
        return self._when >= other._when


cdef class CallbackWatch(Watch):
    """The callbacks of add_reader and add_writer for one descriptor."""

    cdef LoopCore loop
    cdef Handle reader
    cdef Handle writer

    cdef int on_ready(self, unsigned mask) except -1:
        if self.reader is not None and mask & (PF_POLL_READ | PF_POLL_ERROR):
            self.loop.enqueue(self.reader)
        if self.writer is not None and mask & (PF_POLL_WRITE | PF_POLL_ERROR):
            self.loop.enqueue(self.writer)
        return 0

    cdef int update(self, Poller poller, int fd) except -1:
        cdef unsigned mask = 0
        if self.reader is not None:
            mask |= PF_POLL_READ
        if self.writer is not None:
            mask |= PF_POLL_WRITE
        if mask:
            poller.watch(self, fd, mask)
        else:
            poller.unwatch(self)
        return 0


# ---------------------------------------------------------------------------------------------- the loop

cdef class LoopCore:
    """What an asyncio loop does all the time: queue callbacks, keep timers, wait for descriptors."""

    cdef readonly Poller _poller
    cdef object ready                   # deque of Handles
    cdef public list _scheduled         # heap of TimerHandles
    cdef int cancelled_timers
    cdef bint debug
    cdef bint shut
    cdef object push
    cdef object take
    cdef bint catching                  # start_task wants the next handle for itself
    cdef Handle caught

    def __cinit__(self, *args, **kwargs):
        self._poller = Poller(self, False)
        self._ready = collections.deque()
        self._scheduled = []

    @property
    def _ready(self):
        return self.ready

    @_ready.setter
    def _ready(self, queue):
        self.ready = queue
        self.push = queue.append
        self.take = queue.popleft

    def time(self) -> float:
        return monotonic()

    cdef Handle handle(self, type kind, callback, tuple args, context):
        cdef Handle handle = kind.__new__(kind)
        if self.shut:
            raise RuntimeError("Event loop is closed")
        if self.debug:
            if asyncio.iscoroutine(callback) or inspect.iscoroutinefunction(callback):
                raise TypeError(f"a callback was expected, not the coroutine {callback!r}: use create_task()")
            if not callable(callback):
                raise TypeError(f"a callback was expected, not {callback!r}")
            handle._source_traceback = format_helpers.extract_stack(sys._getframe(0))
        handle._loop = self
        handle._callback = callback
        handle._args = args if args else None
        handle._context = PyContext_CopyCurrent() if context is None else context
        return handle

    cdef int enqueue(self, Handle handle) except -1:
        self.push(handle)
        return 0

    def call_soon(self, callback, *args, context=None):
        if self.debug:
            self._check_thread()
        cdef Handle handle = self.handle(Handle, callback, args, context)
        if self.catching:
            self.catching = False
            self.caught = handle
        else:
            self.push(handle)
        return handle

    def call_soon_threadsafe(self, callback, *args, context=None):
        cdef Handle handle = self.handle(Handle, callback, args, context)
        self.push(handle)
        if self._poller.sleeping:
            pf_poll_wake(&self._poller.c)
        return handle

    def call_later(self, delay, callback, *args, context=None):
        if delay is None:
            raise TypeError("delay must not be None")
        return self.schedule(monotonic() + <double>delay, callback, args, context)

    def call_at(self, when, callback, *args, context=None):
        if when is None:
            raise TypeError("when cannot be None")
        return self.schedule(when, callback, args, context)

    cdef TimerHandle schedule(self, double when, callback, tuple args, context):
        if self.debug:
            self._check_thread()
        cdef TimerHandle timer = <TimerHandle>self.handle(TimerHandle, callback, args, context)
        timer._when = when
        timer._scheduled = True
        heapq.heappush(self._scheduled, timer)
        return timer

    def _add_callback(self, handle):
        if not handle._cancelled:
            self.push(handle)

    def _add_callback_signalsafe(self, handle):
        self._add_callback(handle)
        self._write_to_self()

    def _write_to_self(self):
        pf_poll_wake(&self._poller.c)

    # -- descriptors

    cdef CallbackWatch callbacks_of(self, int fd):
        watch = self._poller.watches.get(fd)
        return <CallbackWatch>watch if isinstance(watch, CallbackWatch) else None

    cdef CallbackWatch need_callbacks_of(self, int fd):
        cdef CallbackWatch watch = self.callbacks_of(fd)
        if watch is None:
            if fd in self._poller.watches:
                raise RuntimeError(f"File descriptor {fd} is used by a stream: detach it first")
            watch = CallbackWatch.__new__(CallbackWatch)
            watch.loop = self
        return watch

    def _add_reader(self, fd, callback, *args):
        cdef int number = number_of(fd)
        cdef Handle handle = self.handle(Handle, callback, args, None)
        cdef CallbackWatch watch = self.need_callbacks_of(number)
        if watch.reader is not None:
            watch.reader.cancel()
        watch.reader = handle
        watch.update(self._poller, number)
        return handle

    def _add_writer(self, fd, callback, *args):
        cdef int number = number_of(fd)
        cdef Handle handle = self.handle(Handle, callback, args, None)
        cdef CallbackWatch watch = self.need_callbacks_of(number)
        if watch.writer is not None:
            watch.writer.cancel()
        watch.writer = handle
        watch.update(self._poller, number)
        return handle

    def _remove_reader(self, fd):
        cdef int number = number_of(fd)
        cdef CallbackWatch watch = self.callbacks_of(number)
        if self.shut or watch is None or watch.reader is None:
            return False
        watch.reader.cancel()
        watch.reader = None
        watch.update(self._poller, number)
        return True

    def _remove_writer(self, fd):
        cdef int number = number_of(fd)
        cdef CallbackWatch watch = self.callbacks_of(number)
        if self.shut or watch is None or watch.writer is None:
            return False
        watch.writer.cancel()
        watch.writer = None
        watch.update(self._poller, number)
        return True

    # -- tasks

    cdef object start_task(self, coroutine, context):
        """Run a new Task's first step now: the handle that the Task queues for it is caught on its way."""
        cdef Handle step
        self.catching = True
        try:
            task = asyncio.Task(coroutine, loop=self, context=context)
        finally:
            self.catching = False
        step, self.caught = self.caught, None
        step.run()
        return task

    # -- one turn

    cdef int timeout_ms(self) except -2:
        cdef double wait
        cdef int64_t alarm
        cdef TimerHandle first
        if self.ready or self._stopping:
            return 0
        alarm = pf_wheel_next(&self._poller.wheel, self._poller.now_ms) if self._poller.wheel.count else -1
        if not self._scheduled:
            return <int>min(alarm, <int64_t>MAX_WAIT_MS)
        first = self._scheduled[0]
        wait = (first._when - monotonic()) * 1000
        if wait <= 0:
            return 0
        if alarm >= 0 and alarm < wait:
            return <int>min(alarm, <int64_t>MAX_WAIT_MS)
        return <int>min(wait + 0.999, <double>MAX_WAIT_MS)

    cdef int drop_cancelled_timers(self) except -1:
        cdef TimerHandle timer
        if self.cancelled_timers > 100 and self.cancelled_timers * 2 > len(self._scheduled):
            self._scheduled = [timer for timer in self._scheduled if not timer._cancelled]
            heapq.heapify(self._scheduled)
            self.cancelled_timers = 0
        while self._scheduled:
            timer = self._scheduled[0]
            if not timer._cancelled:
                break
            heapq.heappop(self._scheduled)._scheduled = False
            self.cancelled_timers -= 1
        return 0

    cdef int queue_due_timers(self) except -1:
        cdef TimerHandle timer
        cdef double now
        if not self._scheduled:
            return 0
        now = monotonic() + 1e-9
        while self._scheduled:
            timer = self._scheduled[0]
            if timer._when > now:
                break
            heapq.heappop(self._scheduled)
            timer._scheduled = False
            if timer._cancelled:
                self.cancelled_timers -= 1
            else:
                self.push(timer)
        return 0

    def _run_once(self):
        cdef Handle handle
        cdef Py_ssize_t i
        if self.cancelled_timers:
            self.drop_cancelled_timers()
        self._poller.poll(self.timeout_ms())
        self.queue_due_timers()
        for i in range(len(self.ready)):
            if not self.ready:      # a callback ran the loop itself
                break
            item = self.take()
            if not isinstance(item, Handle):
                if not item._cancelled:     # an asyncio.Handle, as add_signal_handler makes them
                    item._run()
                continue
            handle = <Handle>item
            if handle._cancelled:
                continue
            if self.debug:
                self.run_watched(handle)
            else:
                handle.run()

    cdef int run_watched(self, Handle handle) except -1:
        cdef double start = monotonic()
        cdef double took
        handle.run()
        took = monotonic() - start
        if took >= self.slow_callback_duration:
            owner = getattr(handle._callback, "__self__", None)
            logger.warning("Executing %r took %.3f seconds", owner if isinstance(owner, asyncio.Task) else handle, took)
        return 0


cdef int number_of(fd) except -1:
    cdef int number = fd if isinstance(fd, int) else fd.fileno()
    if number < 0:
        raise ValueError(f"Invalid file descriptor: {number}")
    return number


class _Selector:
    """The few words that asyncio's selector loops say to their selector, said to our Poller."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller

    def select(self, timeout=None):
        cdef int ms = -1 if timeout is None else <int>min(max(<double>timeout, 0.0) * 1000 + 0.999, <double>MAX_WAIT_MS)
        (<Poller>self._poller).poll(ms)
        return []

    def get_map(self):
        return (<Poller>self._poller).watches

    def close(self) -> None:
        self._poller.close()


class EventLoop(LoopCore, asyncio.SelectorEventLoop):
    """An asyncio event loop with a compiled heart.

    What happens all the time (callbacks, timers, descriptors) is `LoopCore`'s; what is rare (subprocesses, signals,
    transports, name look-ups) is CPython's own.
    """

    def __init__(self) -> None:
        asyncio.SelectorEventLoop.__init__(self, _Selector((<LoopCore>self)._poller))

    def set_debug(self, enabled: bool) -> None:
        super().set_debug(enabled)
        (<LoopCore>self).debug = bool(enabled)

    def close(self) -> None:
        super().close()
        (<LoopCore>self).shut = True
        (<LoopCore>self)._scheduled.clear()


# ---------------------------------------------------------------------------------------------- what others call

cdef object own_pollers = weakref.WeakSet()
cdef object guests = weakref.WeakKeyDictionary()


def reopen_after_fork() -> None:
    cdef Poller poller
    for poller in own_pollers:
        poller.reopen()


os.register_at_fork(after_in_child=reopen_after_fork)


def poller_of(loop) -> Poller:
    """The poller that serves the streams of `loop`: its own one, or a guest made at the first call."""
    if isinstance(loop, LoopCore):
        return (<LoopCore>loop)._poller
    poller = guests.get(loop)
    if poller is None:
        poller = guests[loop] = Poller(loop)
    return poller


def start_task(coroutine, context):
    """Make a Task of `coroutine`, which may have been stepped before, and go on with it at once.

    context: the `contextvars.Context` that it runs in.
    The first step runs before this returns, except on CPython 3.11 under a foreign loop or inside another Task.
    """
    loop = asyncio.get_running_loop()
    if loop.get_task_factory() is not None:
        return loop.create_task(coroutine, context=context)
    if EAGER_TASKS:
        return asyncio.Task(coroutine, loop=loop, context=context, eager_start=True)
    if not isinstance(loop, LoopCore) or asyncio.current_task(loop) is not None:
        return asyncio.Task(coroutine, loop=loop, context=context)
    return (<LoopCore>loop).start_task(coroutine, context)
