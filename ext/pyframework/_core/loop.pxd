"""The ground floor: descriptors, deadlines and, where the running loop is ours, callbacks.

A `Watch` is whatever waits for a descriptor: the `Poller` calls its `on_ready` straight from the C wait. The streams
of one poller share its two scratch buffers; each knows how to give them up when the next stream asks (`yield_`).
"""
from libc.stdint cimport uint32_t, uint64_t

from pyframework._core.capi cimport pf_buf, pf_poll, pf_timer, pf_wheel


cdef struct Alarm:
    pf_timer timer
    void *owner             # borrowed: the Watch whose alarm this is; it stops the alarm before it goes


cdef class Watch:
    cdef Alarm alarm
    cdef Poller poller      # None while nothing is watched
    cdef int fd
    cdef unsigned mask
    cdef Py_ssize_t leaving         # bytes of it that leave when the batch ends
    cdef object __weakref__
    cdef int on_ready(self, unsigned mask) except -1
    cdef int on_alarm(self) except -1
    cdef int yield_inbox(self) except -1
    cdef int yield_outbox(self) except -1
    cdef int leave(self, const char *data, Py_ssize_t size) except -1
    cdef int close_descriptor(self) except -1


cdef struct Slot:
    void *watch             # borrowed: `Poller.watches` keeps it alive
    uint32_t generation     # told apart from events of a descriptor's former owner


cdef class Poller:
    cdef pf_poll c
    cdef object __weakref__
    cdef object host        # weak reference to the asyncio loop that it works for
    cdef bint guest         # that loop is not ours: it waits for our descriptor among its own
    cdef Slot *slots        # by descriptor
    cdef int slot_count
    cdef dict watches       # descriptor -> Watch
    cdef readonly bint closed
    cdef bint sleeping      # a wait with a time-out is under way
    cdef pf_buf inbox       # what one stream has just received
    cdef Watch inbox_user
    cdef pf_buf outbox      # what one stream is about to send
    cdef Watch outbox_user
    cdef pf_buf departures  # answers that leave together when the batch ends
    cdef list departing     # whose they are, in order
    cdef Py_ssize_t departed    # how many of those have left already
    cdef bint serving       # a batch is under way: `now_ms` is when it came
    cdef bint more          # other events of this batch are still to be served
    cdef double batch_end   # when answers have waited long enough for each other
    cdef pf_wheel wheel
    cdef uint64_t now_ms    # read once a batch
    cdef object alarm_call  # the guest's timer on its host
    cdef uint64_t alarm_call_ms     # and when that is due
    cdef object _done       # the finished Future that stands for "nothing left to wait for"

    cdef uint64_t token(self, int fd)
    cdef int grow(self, int fd) except -1
    cdef int reopen(self) except -1
    cdef int forget(self, Watch watch) except -1
    cdef int watch(self, Watch watch, int fd, unsigned mask) except -1
    cdef int unwatch(self, Watch watch) except -1
    cdef int poll(self, int timeout_ms) except -1
    cdef int dispatch(self, int fd, uint32_t generation, unsigned mask) except -1
    cdef int serve(self, Watch watch, unsigned mask, bint alarm) except -1
    cdef int report(self, Watch watch, error) except -1
    cdef int set_alarm(self, Watch watch, double seconds) except -1
    cdef int stop_alarm(self, Watch watch) except -1
    cdef int run_alarms(self) except -1
    cdef int alarm_ms(self) except -2
    cdef int arm_host(self) except -1
    cdef pf_buf *borrow_inbox(self, Watch user) except NULL
    cdef pf_buf *borrow_outbox(self, Watch user) except NULL
    cdef bint delay(self, Watch watch, const char *data, Py_ssize_t size) except -1
    cdef int depart(self) except -1
    cdef object done(self)


cdef object start_task_now(coroutine, context)
cdef object new_future()
