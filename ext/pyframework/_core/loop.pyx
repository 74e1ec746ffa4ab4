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
import os
import selectors
import sys
import weakref
from asyncio import base_events, format_helpers

from cpython.contextvars cimport PyContext_CopyCurrent, PyContext_Enter, PyContext_Exit
from cpython.exc cimport PyErr_CheckSignals
from cpython.object cimport PyObject_Call
from cpython.pythread cimport PyThread_get_thread_ident
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memset
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from pyframework._core.capi cimport (
    PF_POLL_ERROR, PF_POLL_READ, PF_POLL_WOKEN, PF_POLL_WRITE,
    pf_buf_append, pf_buf_data, pf_buf_free, pf_buf_reserve, pf_buf_size, pf_buf_take, pf_poll_close, pf_poll_event, pf_poll_open, pf_poll_set, pf_poll_wait, pf_poll_wake,
    pf_timer, pf_wheel_add, pf_wheel_advance, pf_wheel_init, pf_wheel_next, pf_wheel_remove,
)

cdef enum:
    BATCH = 256                 # events taken from the kernel at a time
    SCRATCH = 65536             # bytes that one receive can bring
    MAX_WAIT_MS = 86400000      # a day; longer waits are cut and begun again
    TICK_MS = 50                # an alarm may be so much late
    DEPARTURES = 65536          # bytes of answers that wait for the end of a batch

cdef double PATIENCE = 500e-6           # seconds that answers of one batch wait for each other
cdef double LONGEST_ALARM_MS = 1e12     # thirty years
cdef bint EAGER_TASKS = sys.version_info >= (3, 12)
cdef object Future = asyncio.Future
cdef object pollers = weakref.WeakSet()             # all of them, for the child of a fork
cdef object guests = weakref.WeakKeyDictionary()    # asyncio loop -> weak reference to its guest; the loop keeps it


cdef double monotonic() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec + now.tv_nsec * 1e-9


cdef uint64_t monotonic_ms() noexcept nogil:
    return <uint64_t>(monotonic() * 1000)


cdef class Watch:
    cdef int on_ready(self, unsigned mask) except -1:
        raise NotImplementedError

    cdef int on_alarm(self) except -1:
        return 0

    cdef int yield_inbox(self) except -1:
        return 0

    cdef int yield_outbox(self) except -1:
        return 0

    cdef int leave(self, const char *data, Py_ssize_t size) except -1:
        return 0

    cdef int close_descriptor(self) except -1:
        return 0


cdef class Poller:
    """Tells each `Watch` when its descriptor is ready.

    host: the asyncio loop that this poller works for.
    guest: whether that loop is not ours, so that it waits for this poller's descriptor among its own.
    """

    def __cinit__(self, host, bint guest=True):
        self.c.fd = self.c.wake_fd = -1
        self.watches = {}
        self.departing = []
        self.host = weakref.ref(host)
        self.guest = guest
        check(pf_poll_open(&self.c))
        self.now_ms = monotonic_ms()
        pf_wheel_init(&self.wheel, TICK_MS, self.now_ms)
        if guest:
            host.add_reader(self.c.fd, self.run_ready)
        pollers.add(self)

    def __dealloc__(self):
        pf_poll_close(&self.c)
        pf_buf_free(&self.inbox)
        pf_buf_free(&self.outbox)
        pf_buf_free(&self.departures)
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
        """Forget every descriptor; none of them is closed.

        Raises RuntimeError while a loop of our own that it drives is running.
        """
        if self.closed:
            return
        host = self.host()
        if self.guest:
            if self.outbox_user is not None:
                self.outbox_user.yield_outbox()
            if host is not None and not host.is_closed():
                host.remove_reader(self.c.fd)
            if self.alarm_call is not None:
                self.alarm_call.cancel()
        elif host is not None and host.is_running():
            raise RuntimeError("Cannot close a running event loop")
        self.closed = True
        pf_poll_close(&self.c)
        for watch in list(self.watches.values()):
            self.forget(watch)

    def close_descriptors(self) -> None:
        """Close what the streams that are watched have open, without a word to those who wait for them."""
        cdef Watch watch
        for watch in list(self.watches.values()):
            watch.close_descriptor()

    cdef int reopen(self) except -1:
        """In the child after a fork: the descriptor is the parent's, so take a new one and watch the same again.

        It gets the number of the old one, by which a host knows it.
        """
        cdef Watch watch
        cdef pf_poll fresh
        if self.closed:
            return 0
        check(pf_poll_open(&fresh))
        if fresh.fd != self.c.fd:
            os.dup2(fresh.fd, self.c.fd, inheritable=False)
            os.close(fresh.fd)
        if self.c.wake_fd >= 0:
            os.close(self.c.wake_fd)
        self.c.wake_fd = fresh.wake_fd
        for watch in self.departing:            # the parent sends these
            watch.leaving = 0
        self.departing.clear()
        self.departures.start = self.departures.end = 0
        self.departed = 0
        for watch in self.watches.values():     # one that cannot be watched was closed without a word
            pf_poll_set(&self.c, watch.fd, 0, watch.mask | PF_POLL_ERROR, self.token(watch.fd))
        return 0

    cdef uint64_t token(self, int fd):
        return (<uint64_t>self.slots[fd].generation << 32) | <uint32_t>fd

    cdef int grow(self, int fd) except -1:
        cdef int count
        cdef Slot *slots
        os.fstat(fd)    # raises for a number that is no descriptor: it must not cost memory
        count = max(fd + 1, self.slot_count * 2, 64)
        slots = <Slot *>realloc(self.slots, count * sizeof(Slot))
        if slots == NULL:
            raise MemoryError
        memset(slots + self.slot_count, 0, (count - self.slot_count) * sizeof(Slot))
        self.slots = slots
        self.slot_count = count
        return 0

    cdef int watch(self, Watch watch, int fd, unsigned mask) except -1:
        """Call `watch.on_ready` when `fd` is ready for `mask`, from now on; mask 0: only for an error or hang-up."""
        cdef unsigned old = 0
        if self.closed:
            raise RuntimeError("the event loop is closed: open the stream on a running one")
        if fd < 0 or fd >= self.slot_count:
            self.grow(fd)
        if self.slots[fd].watch == <void *>watch:
            old = watch.mask | PF_POLL_ERROR
        else:
            if watch.poller is not None:
                watch.poller.unwatch(watch)
            if self.slots[fd].watch != NULL:    # its owner closed the descriptor without a word, and here it is again
                self.forget(<Watch>self.slots[fd].watch)
            self.slots[fd].generation += 1
        check(pf_poll_set(&self.c, fd, old, mask | PF_POLL_ERROR, self.token(fd)))
        self.slots[fd].watch = <void *>watch
        self.watches[fd] = watch
        watch.poller = self
        watch.fd = fd
        watch.mask = mask
        return 0

    cdef int unwatch(self, Watch watch) except -1:
        if watch.poller is not self:
            return 0
        if watch.leaving:
            self.depart()
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
            self.outbox.start = self.outbox.end = 0     # nobody else may send it
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
        self.now_ms = monotonic_ms()
        self.serving = True
        try:
            for i in range(count):
                self.more = i + 1 < count
                if events[i].token != PF_POLL_WOKEN:
                    self.dispatch(<int>(events[i].token & 0xffffffff), <uint32_t>(events[i].token >> 32), events[i].mask)
                if self.departing and monotonic() > self.batch_end:
                    self.depart()
        finally:
            self.serving = self.more = False
            self.depart()
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
            self.report(watch, error)
        return 0

    cdef int report(self, Watch watch, error) except -1:
        self.host().call_exception_handler({"message": f"Exception while serving {watch!r}", "exception": error})
        return 0

    cdef int set_alarm(self, Watch watch, double seconds) except -1:
        """Call `watch.on_alarm` in that time, at most a tick late; an alarm that was set before is moved.

        Nothing happens for one that does not watch: the wheel borrows, and only `watches` keeps it alive.
        """
        cdef double ms = seconds * 1000
        if watch.poller is not self:
            return 0
        if not ms < LONGEST_ALARM_MS:
            ms = LONGEST_ALARM_MS
        watch.alarm.owner = <void *>watch
        if not self.serving:        # while events are served, the time they came at is near enough
            self.now_ms = monotonic_ms()
        pf_wheel_add(&self.wheel, &watch.alarm.timer, self.now_ms + <uint64_t>max(ms, 0.0))
        if self.guest:
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

    cdef int alarm_ms(self) except -2:
        """How long it is to the next alarm; -1: there is none."""
        if self.wheel.count == 0:
            return -1
        self.now_ms = monotonic_ms()
        return <int>min(pf_wheel_next(&self.wheel, self.now_ms), <int64_t>MAX_WAIT_MS)

    cdef int arm_host(self) except -1:
        """Have the host call at the time of the next alarm, unless it will do so before."""
        cdef int ms = self.alarm_ms()
        if ms < 0:
            return 0
        if self.alarm_call is not None:
            if self.alarm_call_ms <= self.now_ms + ms:
                return 0
            self.alarm_call.cancel()
        self.alarm_call = self.host().call_later(ms / 1000.0, self.on_host_timer)
        self.alarm_call_ms = self.now_ms + ms
        return 0

    def on_host_timer(self) -> None:
        """Serve the alarms that are due; the guest's timer on its host calls this."""
        self.alarm_call = None
        self.now_ms = monotonic_ms()
        try:
            self.run_alarms()
        finally:
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

    cdef bint delay(self, Watch watch, const char *data, Py_ssize_t size) except -1:
        """Whether `data` will leave when the batch ends: the peer is woken once then, not by every answer."""
        if not self.more or pf_buf_size(&self.departures) + size > DEPARTURES:
            return False
        if not self.departing:
            self.batch_end = monotonic() + PATIENCE
        if pf_buf_append(&self.departures, data, size) < 0:
            raise MemoryError
        self.departing.append(watch)
        watch.leaving = size
        return True

    cdef int depart(self) except -1:
        """Send the answers that wait for the end of the batch."""
        cdef Watch watch
        cdef const char *data
        cdef Py_ssize_t size
        while self.departed < len(self.departing):      # counted in `self`: what is called here may call this again
            watch = self.departing[self.departed]
            self.departed += 1
            size, watch.leaving = watch.leaving, 0
            data = pf_buf_data(&self.departures)
            pf_buf_take(&self.departures, size)
            if watch.poller is not self:    # its descriptor was closed without a word
                continue
            try:
                watch.leave(data, size)
            except Exception as error:
                self.report(watch, error)
        self.departing.clear()
        self.departed = 0
        return 0

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
        self.drop()

    cdef int drop(self) except -1:
        self._cancelled = True
        self._callback = None
        self._args = None
        return 0

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
            self.report(error)
        return 0

    cdef int report(self, error) except -1:
        source = format_helpers._format_callback_source(self._callback, self._args or ())
        details = {"message": f"Exception in callback {source}", "exception": error, "handle": self}
        if self._source_traceback:
            details["source_traceback"] = self._source_traceback
        (<object>self._loop).call_exception_handler(details)
        return 0

    cdef list describe(self):
        words = [type(self).__name__]
        if self._cancelled:
            words.append("cancelled")
        if self._callback is not None:
            words.append(format_helpers._format_callback_source(self._callback, self._args or ()))
        if self._source_traceback:
            words.append(f"created at {self._source_traceback[-1][0]}:{self._source_traceback[-1][1]}")
        return words

    def __repr__(self) -> str:
        return f"<{' '.join(self.describe())}>"


cdef class TimerHandle(Handle):
    """A callback that waits for a time, with the interface of `asyncio.TimerHandle`."""

    cdef public double _when
    cdef public bint _scheduled

    def when(self) -> float:
        return self._when

    def cancel(self) -> None:
        if self._scheduled and not self._cancelled:
            self._loop.cancelled_timers += 1
        self.drop()

    cdef list describe(self):
        words = Handle.describe(self)
        words.insert(2 if self._cancelled else 1, f"when={self._when}")
        return words

    def __hash__(self) -> int:
        return hash(self._when)

    def __eq__(self, other: object) -> bool:
        cdef TimerHandle timer
        if not isinstance(other, TimerHandle):
            return NotImplemented
        timer = <TimerHandle>other
        return (
            self._when == timer._when and self._cancelled == timer._cancelled
            and self._callback == timer._callback and self._args == timer._args
        )

    def __lt__(self, other: object) -> bool:
        return self._when < (<TimerHandle>other)._when if isinstance(other, TimerHandle) else NotImplemented

    def __gt__(self, other: object) -> bool:
        return self._when > (<TimerHandle>other)._when if isinstance(other, TimerHandle) else NotImplemented

    def __le__(self, other: object) -> bool:
        return self < other or self == other if isinstance(other, TimerHandle) else NotImplemented

    def __ge__(self, other: object) -> bool:
        return self > other or self == other if isinstance(other, TimerHandle) else NotImplemented


cdef class CallbackWatch(Watch):
    """The callbacks of add_reader and add_writer for one descriptor."""

    cdef LoopCore loop
    cdef object file        # as add_reader got it: kept alive, and known even when it is closed
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

# The loop of ours that last took a turn, and in which thread: asking asyncio costs CPython 3.11 a system call.
cdef LoopCore turning = None
cdef unsigned long turning_thread = 0


cdef int take_turn(LoopCore loop) except -1:
    global turning, turning_thread
    turning = loop
    turning_thread = PyThread_get_thread_ident()
    return 0


cdef LoopCore turning_here():
    return turning if turning_thread == <unsigned long>PyThread_get_thread_ident() else None


cdef object running_loop():
    """As asyncio.get_running_loop()."""
    loop = turning_here()
    return asyncio.get_running_loop() if loop is None else loop


cdef class LoopCore:
    """What an asyncio loop does all the time: queue callbacks, keep timers, wait for descriptors."""

    cdef readonly Poller _poller
    cdef object ready                   # deque of Handles
    cdef public list _scheduled         # heap of TimerHandles
    cdef int cancelled_timers
    cdef bint debug
    cdef bint shut
    cdef bint polling                   # events are served, straight from the turn of the loop
    cdef int stepping                   # Tasks that these events have started and that run now
    cdef object push
    cdef object take
    cdef dict mine                      # the arguments that make a Future one of this loop

    def __cinit__(self, *args, **kwargs):
        self._poller = Poller(self, False)
        self.mine = {"loop": self}
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

    def create_future(self):
        return PyObject_Call(Future, (), self.mine)

    def get_debug(self) -> bool:
        return self.debug

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

    cdef int number_of(self, file) except -1:
        """The descriptor of what an asyncio method got as one."""
        cdef int number
        try:
            number = file if isinstance(file, int) else int(file.fileno())
        except (AttributeError, TypeError) as error:
            raise ValueError(f"Invalid file object: {file!r}") from error
        if number >= 0:
            return number
        for watch in self._poller.watches.values():
            if isinstance(watch, CallbackWatch) and (<CallbackWatch>watch).file is file:
                return (<CallbackWatch>watch).fd
        raise ValueError(f"Invalid file descriptor: {number}")

    cdef CallbackWatch callbacks_of(self, int fd):
        watch = self._poller.watches.get(fd)
        return <CallbackWatch>watch if isinstance(watch, CallbackWatch) else None

    cdef CallbackWatch need_callbacks_of(self, int fd, file):
        cdef CallbackWatch watch = self.callbacks_of(fd)
        if watch is None:
            stream = self._poller.watches.get(fd)
            if stream is not None and stream.fileno() == fd:    # else it is of a stream whose socket was closed
                raise RuntimeError(f"File descriptor {fd} is used by a stream: detach it first")
            watch = CallbackWatch.__new__(CallbackWatch)
            watch.loop = self
        watch.file = file
        return watch

    def _add_reader(self, fd, callback, *args):
        cdef int number = self.number_of(fd)
        cdef Handle handle = self.handle(Handle, callback, args, None)
        cdef CallbackWatch watch = self.need_callbacks_of(number, fd)
        if watch.reader is not None:
            watch.reader.cancel()
        watch.reader = handle
        watch.update(self._poller, number)
        return handle

    def _add_writer(self, fd, callback, *args):
        cdef int number = self.number_of(fd)
        cdef Handle handle = self.handle(Handle, callback, args, None)
        cdef CallbackWatch watch = self.need_callbacks_of(number, fd)
        if watch.writer is not None:
            watch.writer.cancel()
        watch.writer = handle
        watch.update(self._poller, number)
        return handle

    def _remove_reader(self, fd):
        cdef CallbackWatch watch = None if self.shut else self.callbacks_of(self.number_of(fd))
        if watch is None or watch.reader is None:
            return False
        watch.reader.cancel()
        watch.reader = None
        watch.update(self._poller, watch.fd)
        return True

    def _remove_writer(self, fd):
        cdef CallbackWatch watch = None if self.shut else self.callbacks_of(self.number_of(fd))
        if watch is None or watch.writer is None:
            return False
        watch.writer.cancel()
        watch.writer = None
        watch.update(self._poller, watch.fd)
        return True

    # -- tasks

    cdef object start_task(self, coroutine, context):
        """Run a new Task's first step now, not in the next turn: take back the handle that the Task queued for it."""
        PyContext_Enter(context)    # raises if that is its state already, as a Task with eager_start does
        PyContext_Exit(context)
        task = asyncio.Task(coroutine, loop=self, context=context)
        step = self.ready[-1] if self.ready else None
        if type(step) is Handle and getattr((<Handle>step)._callback, "__self__", None) is task:
            self.ready.pop()
            self.stepping += 1
            try:
                (<Handle>step).run()
            finally:
                self.stepping -= 1
        return task

    cdef bint is_between_tasks(self):
        """Whether no Task is being stepped for certain, and they are made in the usual way."""
        return not EAGER_TASKS and self.polling and self.stepping == 0 and self._task_factory is None

    # -- one turn

    cdef int timeout_ms(self) except -2:
        cdef double wait
        cdef int alarm
        cdef TimerHandle first
        if self.ready or self._stopping:
            return 0
        alarm = self._poller.alarm_ms()
        if not self._scheduled:
            return alarm
        first = self._scheduled[0]
        wait = (first._when - monotonic()) * 1000
        if wait <= 0:
            return 0
        if 0 <= alarm < wait:
            return alarm
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
        if self.cancelled_timers:
            self.drop_cancelled_timers()
        if not self.ready:
            PyErr_CheckSignals()    # a signal that came since the last callback must not wait for what comes next
        cdef LoopCore outer = turning_here()     # one that this loop is nested in
        take_turn(self)
        try:
            self.polling = True
            self._poller.poll(self.timeout_ms())
            self.polling = False
            self.queue_due_timers()
            self.run_ready()
        finally:
            self.polling = False
            take_turn(outer)

    cdef int run_ready(self) except -1:
        cdef Py_ssize_t i
        for i in range(len(self.ready)):
            if not self.ready:      # a callback ran the loop itself
                break
            item = self.take()
            if item._cancelled:
                continue
            if self.debug:
                self.run_watched(item)
            elif isinstance(item, Handle):
                (<Handle>item).run()
            else:       # an asyncio.Handle, as add_signal_handler makes them
                item._run()
        return 0

    cdef int run_watched(self, item) except -1:
        cdef double start = monotonic()
        cdef double took
        self._current_handle = item
        try:
            item._run()
        finally:
            self._current_handle = None
        took = monotonic() - start
        if took >= self.slow_callback_duration:
            base_events.logger.warning("Executing %s took %.3f seconds", base_events._format_handle(item), took)
        return 0


class _Selector:
    """The few words that asyncio's selector loops say to their selector, said to our Poller."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller

    def select(self, timeout=None):
        cdef Poller poller = self._poller
        cdef int ms = -1 if timeout is None else <int>min(max(<double>timeout, 0.0) * 1000 + 0.999, <double>MAX_WAIT_MS)
        cdef int alarm = poller.alarm_ms()
        poller.poll(alarm if 0 <= alarm and (alarm < ms or ms < 0) else ms)
        return []

    def get_map(self):
        return (<Poller>self._poller).watches

    def get_key(self, fileobj):
        cdef int fd = fileobj if isinstance(fileobj, int) else int(fileobj.fileno())
        cdef Watch watch = (<Poller>self._poller).watches.get(fd)
        if watch is None:
            raise KeyError(f"{fileobj!r} is not watched")
        events = (selectors.EVENT_READ if watch.mask & PF_POLL_READ else 0) | (
            selectors.EVENT_WRITE if watch.mask & PF_POLL_WRITE else 0
        )
        return selectors.SelectorKey(fileobj, fd, events, watch)

    def close(self) -> None:
        self._poller.close()


class EventLoop(LoopCore, asyncio.SelectorEventLoop):
    """An asyncio event loop with a compiled heart.

    What happens all the time (callbacks, timers, descriptors) is `LoopCore`'s; what is rare (subprocesses, signals,
    transports, name look-ups) is CPython's own.
    """

    def __init__(self) -> None:
        super().__init__(_Selector((<LoopCore>self)._poller))

    def set_debug(self, enabled: bool) -> None:
        super().set_debug(enabled)
        (<LoopCore>self).debug = bool(enabled)

    def close(self) -> None:
        super().close()
        (<LoopCore>self).shut = True    # only now: who is refused in another thread finds is_closed() true


# ---------------------------------------------------------------------------------------------- what others call

def reopen_after_fork() -> None:
    cdef Poller poller
    for poller in pollers:
        poller.reopen()


os.register_at_fork(after_in_child=reopen_after_fork)


def poller_of(loop) -> Poller:
    """The poller that serves the streams of `loop`: its own one, or a guest made at the first call."""
    if isinstance(loop, LoopCore):
        return (<LoopCore>loop)._poller
    known = guests.get(loop)
    poller = None if known is None else known()
    if poller is None or poller.closed:
        poller = Poller(loop)
        guests[loop] = weakref.ref(poller)
    return poller


cdef object new_future():
    """Make a Future of the current event loop; in debug mode its origin is the caller of the calling module."""
    cdef LoopCore loop = turning_here()
    if loop is None:
        future = Future()
        frames = getattr(future, "_source_traceback", None)
    else:
        future = PyObject_Call(Future, (), loop.mine)
        frames = future._source_traceback if loop.debug else None
    if frames:
        name_caller(frames)
    return future


cdef int name_caller(frames) except -1:
    """Take the lines of the module that runs off the end of `frames`."""
    own = sys._getframe(0).f_code.co_filename
    while len(frames) > 1 and frames[-1].filename == own:
        del frames[-1]
    return 0


def create_future():
    return new_future()


def finished_future(value):
    """Return a Future of the current event loop that is done with the result `value`; for None it may be a shared one."""
    if value is None and turning_here() is not None:
        return turning_here()._poller.done()
    future = new_future()
    future.set_result(value)
    return future


def start_task(coroutine, context):
    return start_task_now(coroutine, context)


cdef object start_task_now(coroutine, context):
    """Make a Task of `coroutine`, which may have been stepped before, and go on with it at once.

    context: the `contextvars.Context` that it runs in.
    The first step runs before this returns, except on CPython 3.11 under a foreign loop or inside another Task.
    """
    loop = running_loop()
    if isinstance(loop, LoopCore) and (<LoopCore>loop).is_between_tasks():
        return (<LoopCore>loop).start_task(coroutine, context)
    if loop.get_task_factory() is not None:
        return context.run(loop.create_task, coroutine)     # not every factory takes a context
    if EAGER_TASKS:
        return asyncio.Task(coroutine, loop=loop, context=context, eager_start=True)
    if not isinstance(loop, LoopCore) or asyncio.current_task(loop) is not None:
        return asyncio.Task(coroutine, loop=loop, context=context)
    return (<LoopCore>loop).start_task(coroutine, context)
