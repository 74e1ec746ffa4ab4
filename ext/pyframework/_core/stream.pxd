"""The first floor: bytes in and out of one descriptor.

Inwards a stream serves either a `Consumer`, which is called with every arrival, or the read methods and their Futures.
Unread bytes stand in `window`: the poller's shared inbox while an event is being served, the stream's own buffer
between events. Outwards bytes are laid out in the poller's shared outbox and leave in one send when the event ends;
what the kernel does not take waits in `pending`.
"""
from pyframework._core.buffers cimport FilePart, StreamBuffer
from pyframework._core.capi cimport pf_buf
from pyframework._core.loop cimport Poller, Watch
from pyframework._core.reads cimport Read, Target


ctypedef unsigned char flag                 # a bint takes four bytes, and a server has many streams


cdef class Consumer:
    cdef int on_bytes(self) except -1       # unread bytes wait in the stream's window
    cdef int on_blocked(self) except -1     # some of what was written has to wait for the peer
    cdef int on_drained(self) except -1     # all that was written has been sent
    cdef int on_closed(self) except -1
    cdef int on_time(self) except -1        # the time given to `Stream.allow` is over


cdef class Stream(Watch):
    cdef Poller home
    cdef public object io_loop
    cdef public object socket               # the Python socket, where the descriptor is one
    cdef public object error                # the exception that closed the stream
    cdef public Py_ssize_t max_buffer_size
    cdef public object max_write_buffer_size
    cdef public Py_ssize_t read_chunk_size
    cdef public bint _closed
    cdef public bint _connecting            # not open yet: events go to `_handle_connect`, nothing is read or sent
    cdef public int _connect_state          # which events, as IOLoop names them
    cdef public object _close_callback
    cdef flag raw                           # the descriptor's own recv and send, no hook of a subclass between
    cdef flag corked                        # an event is being served: complete answers wait for its end
    cdef flag begun                         # and something has been sent in it; or more follows what is sent next
    cdef flag held                          # the kernel may hold back what was sent last
    cdef flag looking                       # for bytes that the poller does not know of, soon
    cdef flag paused                        # the consumer wants no more for now
    cdef flag deaf                          # and not to know either whether the peer is still there
    cdef signed char near                   # the peer is on this machine; below 0: nobody has asked
    # inwards
    cdef public bint _hidden                # `read_from_fd` holds more bytes back, of which the poller knows nothing
    cdef Consumer consumer
    cdef pf_buf own
    cdef pf_buf *window
    cdef Read waiting                       # for bytes, where there is no consumer
    cdef Target piece                       # for the consumer: the bytes object that the next bytes go straight into
    # outwards
    cdef StreamBuffer pending               # None while nothing waits
    cdef object write_futures               # deque of (index, Future), or None
    cdef public object _connect_future
    cdef public Py_ssize_t _total_write_index
    cdef public Py_ssize_t _total_write_done_index

    # for the consumer
    cdef int attach(self, Consumer consumer) except -1
    cdef int release(self) except -1
    cdef int pause(self) except -1
    cdef int resume(self) except -1
    cdef int allow(self, double seconds) except -1
    cdef Py_ssize_t unread(self)
    cdef const char *peek(self)
    cdef int take(self, Py_ssize_t size) except -1
    cdef bytes cut(self, Py_ssize_t size)
    cdef int begin_piece(self, Py_ssize_t size) except -1
    cdef Py_ssize_t fill_piece(self) except -1
    cdef bytes end_piece(self)
    cdef pf_buf *stage(self) except NULL
    cdef int commit(self, bint complete) except -1
    cdef int put_object(self, object data) except -1
    cdef int send_object(self, object data, bint complete) except -1
    cdef object written(self)
    cdef bint drained(self)

    # within
    cdef int check_open(self) except -1
    cdef int serve_event(self, unsigned mask) except -1
    cdef bint listens(self)
    cdef int update_interest(self) except -1
    cdef int watch_for(self, unsigned mask) except -1
    cdef int descriptor(self) except? -1
    cdef Py_ssize_t receive(self) except -2
    cdef Py_ssize_t fill(self) except -2
    cdef int open_window(self, Py_ssize_t room) except -1
    cdef Target straight_target(self, Py_ssize_t room)
    cdef Py_ssize_t fill_raw(self, Py_ssize_t room, Target target) except -2
    cdef Py_ssize_t fill_by_hook(self, Py_ssize_t room, Target target) except -2
    cdef int deliver(self) except -1
    cdef bint served(self)
    cdef int satisfy(self) except -1
    cdef int satisfy_last(self) except -1
    cdef int resolve_read(self, object result) except -1
    cdef int drop_cancelled(self) except -1
    cdef object begin_read(self, Read read)
    cdef int read_at_once(self) except -1
    cdef bint delayed(self) except -1
    cdef int free_own(self) except -1
    cdef StreamBuffer queue(self)
    cdef bint is_near(self) except -1
    cdef int flush(self) except -1
    cdef Py_ssize_t send_now(self, const char *data, Py_ssize_t size) except -2
    cdef Py_ssize_t send_parts(self) except -2
    cdef Py_ssize_t send_file(self, FilePart part) except -2
    cdef Py_ssize_t send_by_hook(self) except -2
    cdef int send_pending(self) except -1
    cdef int settle_writes(self) except -1
    cdef int end_event(self) except -1
    cdef int fail_send(self, object error) except -1
    cdef int check_closed(self) except -1
    cdef object new_future(self)
