"""A Watch that calls Python, so that tests can drive a Poller."""
from pyframework._core.capi cimport pf_buf, pf_buf_append, pf_buf_data, pf_buf_size
from pyframework._core.loop cimport Poller, Watch


cdef class Probe(Watch):
    cdef public object ready        # called with the mask
    cdef public object alarmed      # called without arguments
    cdef public list yielded        # which shared buffers were asked back

    def __init__(self, ready=None, alarmed=None):
        self.ready = ready
        self.alarmed = alarmed
        self.yielded = []

    cdef int on_ready(self, unsigned mask) except -1:
        self.ready(mask)
        return 0

    cdef int on_alarm(self) except -1:
        self.alarmed()
        return 0

    cdef int yield_inbox(self) except -1:
        self.yielded.append("inbox")
        return 0

    cdef int yield_outbox(self) except -1:
        self.yielded.append("outbox")
        return 0

    def fileno(self):
        return self.fd

    @property
    def watched(self):
        return self.poller is not None

    def watch(self, Poller poller, int fd, unsigned mask):
        poller.watch(self, fd, mask)

    def unwatch(self):
        self.poller.unwatch(self)

    def set_alarm(self, Poller poller, double seconds):
        poller.set_alarm(self, seconds)

    def stop_alarm(self, Poller poller):
        poller.stop_alarm(self)

    def borrow_inbox(self, Poller poller):
        poller.borrow_inbox(self)

    def stage(self, Poller poller, bytes data):
        """Lay `data` out in the poller's outbox, and return all that stands there."""
        cdef pf_buf *outbox = poller.borrow_outbox(self)
        pf_buf_append(outbox, <const char *>data, len(data))
        return pf_buf_data(outbox)[:pf_buf_size(outbox)]


def watched_by(Poller poller):
    return dict(poller.watches)


def alarms_of(Poller poller):
    return poller.wheel.count


def done_of(Poller poller):
    return poller.done()


def is_sleeping(Poller poller):
    return bool(poller.sleeping)
