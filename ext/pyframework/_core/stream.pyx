"""Stream: the bytes of one descriptor.

Owns: unread and unsent bytes, the Futures of the read and write methods, and what its poller is asked to watch.
Must not know: messages, or who the consumer is.
Trick: all streams of a poller receive into one buffer and lay answers out in another, so an idle connection holds none.
"""
import asyncio
import collections
import errno
import logging
import numbers
import os
import re

from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.buffer cimport PyBUF_READ, PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.errno cimport EAGAIN, EINTR, errno as c_errno
from libc.string cimport memchr, memcmp, memcpy

from pyframework._core.capi cimport (
    MSG_NOSIGNAL, PF_POLL_ERROR, PF_POLL_READ, PF_POLL_WRITE, iovec,
    pf_buf_append, pf_buf_data, pf_buf_free, pf_buf_reserve, pf_buf_size, pf_buf_take, recv, send, writev,
)
from pyframework._core.loop cimport Poller, Watch

cdef enum:
    NOTHING, UNTIL, REGEX, BYTES, INTO, CLOSE       # which read method waits

    SCRATCH = 65536         # bytes of one receive
    STAGE_LIMIT = 65536     # staged bytes that are sent although the event goes on
    LARGE = 16384           # bytes from which a body is sent from where it lies
    MERGE_LIMIT = 2048      # bytes up to which pending writes are merged
    PARTS = 16              # pieces of one gathering send
    TURNS = 16              # receives for one descriptor in one event

cdef object gen_log = logging.getLogger("tornado.general")
cdef frozenset CONNRESET = frozenset(
    getattr(errno, name) for name in ("ECONNRESET", "ECONNABORTED", "EPIPE", "ETIMEDOUT") if hasattr(errno, name)
)


class StreamClosedError(IOError):
    """Raised when a stream is closed under a read or write.

    real_error: the exception that closed the stream, if there was one.
    """

    def __init__(self, real_error=None):
        super().__init__("Stream is closed")
        self.real_error = real_error


StreamClosedError.__module__ = "pyframework.iostream"


class UnsatisfiableReadError(Exception):
    """Raised when a read cannot end well: its limit is reached without the delimiter."""


UnsatisfiableReadError.__module__ = "pyframework.iostream"


class StreamBufferFullError(Exception):
    """Raised when a buffer would outgrow its limit."""


StreamBufferFullError.__module__ = "pyframework.iostream"


cdef class Consumer:
    cdef int on_bytes(self) except -1:
        raise NotImplementedError

    cdef int on_drained(self) except -1:
        return 0

    cdef int on_closed(self) except -1:
        return 0

    cdef int on_time(self) except -1:
        return 0


cdef class StreamBuffer:
    """Bytes on their way out: small pieces merged, large ones kept where they are."""

    _large_buf_threshold = MERGE_LIMIT

    def __cinit__(self):
        self._parts = collections.deque()

    def __len__(self) -> int:
        return self._size

    @property
    def _buffers(self):
        return self._parts

    def append(self, data) -> None:
        """Add bytes, a bytearray or a memoryview at the end."""
        cdef Py_ssize_t size = data.nbytes if isinstance(data, memoryview) else len(data)
        if size > self._large_buf_threshold:
            self._parts.append(memoryview(data).cast("B"))
            self._size += size
        elif size:
            if not self._parts or not isinstance(self._parts[-1], bytearray):
                self._parts.append(bytearray())
            self._parts[-1].extend(memoryview(data).cast("B"))
            self._size += size

    cdef int add(self, const char *data, Py_ssize_t size) except -1:
        self.append(PyBytes_FromStringAndSize(data, size))
        return 0

    def peek(self, size: int) -> memoryview:
        """At most `size` bytes from the front; fewer where a piece ends."""
        if size <= 0:
            raise ValueError("size must be positive")
        if not self._parts:
            return memoryview(b"")
        return memoryview(self._parts[0])[self._first:self._first + size]

    def advance(self, size: int) -> None:
        """Drop `size` bytes from the front."""
        cdef Py_ssize_t left = size
        cdef Py_ssize_t have
        if not 0 < left <= self._size:
            raise ValueError(f"cannot drop {size} of {self._size} bytes")
        self._size -= left
        while left:
            have = len(self._parts[0]) - self._first
            if have > left:
                self._first += left
                break
            left -= have
            self._parts.popleft()
            self._first = 0


cdef class Stream(Watch):
    """Private base of BaseIOStream.

    raw: the subclass reads and writes its descriptor by nothing but recv(2) and send(2).
    """

    def __cinit__(self, *args, **kwargs):
        self.fd = -1
        self.window = &self.own
        self.limit = -1

    def __dealloc__(self):
        pf_buf_free(&self.own)

    def _open(self, poller, bint raw):
        """Take up work, served by `poller`; the descriptor is asked for when it is needed first."""
        self.home = poller
        self.raw = raw
        if raw:
            self.fd = self.fileno()

    def _watch(self):
        self.update_interest()

    # ------------------------------------------------------------------------------------------ for the consumer

    cdef int attach(self, Consumer consumer) except -1:
        """Push all bytes, unread ones first, to `consumer` from now on."""
        if self._read_future is not None:
            raise RuntimeError("a read is pending on this stream: await it first")
        self.consumer = consumer
        self.paused = self.deaf = False
        self.update_interest()
        return 0

    cdef int release(self) except -1:
        """Give the stream back to the read methods; unread bytes stay."""
        self.consumer = None
        self.paused = self.deaf = False
        self.home.stop_alarm(self)
        if self.corked:
            self.corked = False
            self.flush()
        self.update_interest()
        return 0

    cdef int pause(self) except -1:
        self.paused = self.deaf = True
        return 0

    cdef int resume(self) except -1:
        self.paused = self.deaf = False
        self.update_interest()
        return 0

    cdef int allow(self, double seconds) except -1:
        """Give the consumer so much time, from now; below 0: all the time it wants."""
        if seconds < 0:
            return self.home.stop_alarm(self)
        return self.home.set_alarm(self, seconds)

    cdef int on_alarm(self) except -1:
        cdef Consumer consumer = self.consumer
        return 0 if consumer is None else consumer.on_time()

    cdef Py_ssize_t unread(self):
        return pf_buf_size(self.window)

    cdef const char *peek(self):
        return pf_buf_data(self.window)

    cdef int take(self, Py_ssize_t size) except -1:
        pf_buf_take(self.window, size)
        return 0

    cdef pf_buf *stage(self) except NULL:
        """Where to append what is to be sent; then `commit`."""
        return self.home.borrow_outbox(self)

    cdef int commit(self, bint complete) except -1:
        """Send what was staged: at the end of the event if the answer is `complete`, else now."""
        if not (self.corked and complete) or pf_buf_size(&self.home.outbox) >= STAGE_LIMIT:
            self.flush()
        return 0

    cdef int send_object(self, object data, bint complete) except -1:
        """Stage bytes-like `data`, or send it from where it lies if it is large; behind what is staged already."""
        cdef pf_buf *stage
        cdef Py_ssize_t size = PyBytes_GET_SIZE(data) if PyBytes_CheckExact(data) else memoryview(data).nbytes
        if size < LARGE:
            stage = self.stage()
            if PyBytes_CheckExact(data):
                if pf_buf_append(stage, PyBytes_AS_STRING(data), size) < 0:
                    raise MemoryError
            else:
                copy = bytes(data)
                if pf_buf_append(stage, PyBytes_AS_STRING(copy), size) < 0:
                    raise MemoryError
            return self.commit(complete)
        self.queue_staged()
        self.pending.append(data)
        self._total_write_index += size
        return self.send_pending()

    def queue_staged(self):
        """Move what is staged behind the pending writes."""
        if self.pending is None:
            self.pending = StreamBuffer()
        if self.home.outbox_user is self:
            self.yield_staged()

    cdef object written(self):
        """A Future for the moment when all that was written has left."""
        if self.pending is None or self.pending._size == 0:
            return self.home.done()
        future = self.new_future()
        if self.write_futures is None:
            self.write_futures = collections.deque()
        self.write_futures.append((self._total_write_index, future))
        return future

    cdef bint drained(self):
        return self.pending is None or self.pending._size == 0

    # ------------------------------------------------------------------------------------------ events

    cdef int on_ready(self, unsigned mask) except -1:
        self.corked = True
        try:
            if self._connecting:
                self._handle_connect()
                if self._connecting or self._closed:
                    return 0
            if mask & (PF_POLL_READ | PF_POLL_ERROR):
                self.receive()
            if mask & PF_POLL_WRITE and not self._closed:
                self.send_pending()
        finally:
            self.end_event()
        return 0

    cdef int end_event(self) except -1:
        self.corked = False
        if self.home.outbox_user is self:
            self.flush()
        if self.home.inbox_user is self:
            self.yield_inbox()
        if self.own.base != NULL and pf_buf_size(&self.own) == 0 and self.window == &self.own:
            pf_buf_free(&self.own)
        if not self._closed:
            self.update_interest()
        return 0

    cdef int yield_inbox(self) except -1:
        """Leave the shared inbox: what is unread moves into the stream's own buffer."""
        cdef Py_ssize_t size
        if self.home.inbox_user is not self:
            return 0
        self.home.inbox_user = None
        size = pf_buf_size(self.window)
        if size and pf_buf_append(&self.own, pf_buf_data(self.window), size) < 0:
            raise MemoryError
        pf_buf_take(&self.home.inbox, size)
        self.window = &self.own
        return 0

    cdef int yield_outbox(self) except -1:
        return self.flush()

    cdef int update_interest(self) except -1:
        cdef unsigned mask = 0
        cdef bint listens
        if self._closed:
            return 0
        if self.consumer is not None:
            listens = not self.paused or (self.unread() < SCRATCH and not self.deaf)
        else:
            listens = self.wanted != NOTHING or (self._close_callback is not None and self.unread() == 0)
        if self._connecting:
            mask = PF_POLL_WRITE
        else:
            if listens:
                mask = PF_POLL_READ
            if not self.drained():
                mask |= PF_POLL_WRITE
        if mask != self.mask or (self.poller is None and mask):
            if self.fd < 0:
                self.fd = self.fileno()
            self.home.watch(self, self.fd, mask)
        return 0

    # ------------------------------------------------------------------------------------------ inwards

    cdef int receive(self) except -1:
        cdef Py_ssize_t count
        cdef int turn
        for turn in range(TURNS):
            count = self.fill()
            if count <= 0:
                break
            self.deliver()
            if count < SCRATCH or self._closed or (self.consumer is None and self.wanted == NOTHING):
                break
            if self.consumer is not None and self.paused:
                break
        return 0

    cdef Py_ssize_t fill(self) except -2:
        """Receive once into the window: bytes received, 0 if there are none yet, -1 if the stream is closed now."""
        cdef pf_buf *buf
        cdef Py_ssize_t count
        if not self.raw:
            return self.fill_by_hook()
        if pf_buf_size(self.window) == 0 and self.own.base == NULL:
            buf = self.window = self.home.borrow_inbox(self)
        else:
            buf = self.window
            if pf_buf_reserve(buf, SCRATCH) < 0:
                raise MemoryError
        count = recv(self.fd, buf.base + buf.end, SCRATCH, 0)
        if count > 0:
            buf.end += count
            if self.max_buffer_size is not None and <Py_ssize_t>pf_buf_size(buf) > <Py_ssize_t>self.max_buffer_size:
                self.overflow()
                return -1
            return count
        if count == 0:
            self.close()
            return -1
        if c_errno == EAGAIN or c_errno == EINTR:
            return 0
        self.fail(last_error())
        return -1

    def fill_by_hook(self):
        space = bytearray(self.read_chunk_size or SCRATCH)
        try:
            count = self.read_from_fd(space)
        except InterruptedError:
            return 0
        except OSError as error:
            self.fail(error)
            return -1
        if count is None:
            return 0
        if count == 0:
            self.close()
            return -1
        if pf_buf_append(self.window, PyByteArray_AS_STRING(space), count) < 0:
            raise MemoryError
        if self.max_buffer_size is not None and self.unread() > self.max_buffer_size:
            self.overflow()
            return -1
        return count

    def overflow(self):
        gen_log.error("Reached maximum read buffer size")
        self.close(StreamBufferFullError("Reached maximum read buffer size"))

    cdef int fail(self, object error) except -1:
        """Close after an error of the descriptor; a peer that went away is no news."""
        if error.errno not in CONNRESET:
            gen_log.warning("Error on %r: %s", self, error)
        self.close(error)
        return 0

    cdef int deliver(self) except -1:
        cdef Consumer consumer = self.consumer  # held here: it may be released on its way
        if consumer is not None:
            if not self.paused:
                consumer.on_bytes()
        elif self.wanted != NOTHING:
            self.satisfy()
        return 0

    cdef bytes cut(self, Py_ssize_t size):
        cdef bytes piece = PyBytes_FromStringAndSize(pf_buf_data(self.window), size)
        pf_buf_take(self.window, size)
        return piece

    cdef int satisfy(self) except -1:
        """End the waiting read if the window holds what it wants."""
        cdef Py_ssize_t size
        try:
            if self.wanted == INTO:
                return self.fill_target()
            size = self.find_end()
        except UnsatisfiableReadError as error:
            gen_log.info("Unsatisfiable read, closing connection: %s", error)
            self.close(error)
            return 0
        if size >= 0:
            self.resolve_read(self.cut(size))
        return 0

    cdef Py_ssize_t find_end(self) except -2:
        """How many bytes of the window the waiting read takes; -1: it waits on."""
        cdef Py_ssize_t size = self.unread()
        cdef Py_ssize_t at
        if self.wanted == BYTES:
            if size >= self.goal:
                return self.goal
            return size if self.partial and size > 0 else -1
        if self.wanted == CLOSE:
            return -1
        if self.wanted == UNTIL:
            at = find(self.peek(), size, self.scanned, PyBytes_AS_STRING(self.delimiter), PyBytes_GET_SIZE(self.delimiter))
            if at >= 0:
                at += PyBytes_GET_SIZE(self.delimiter)
            else:
                self.scanned = max(0, size - PyBytes_GET_SIZE(self.delimiter) + 1)
        else:
            at = self.search()
        self.over_limit(size if at < 0 else at)
        return at

    def search(self):
        if self.unread() == 0:
            return -1
        view = PyMemoryView_FromMemory(<char *>self.peek(), self.unread(), PyBUF_READ)
        match = self.delimiter.search(view)
        at = -1 if match is None else match.end()
        del match
        view.release()
        return at

    cdef int over_limit(self, Py_ssize_t size) except -1:
        if self.limit >= 0 and size > self.limit:
            wanted = self.delimiter if self.wanted == UNTIL else self.delimiter.pattern
            raise UnsatisfiableReadError(f"delimiter {wanted!r} not found within {self.limit} bytes")
        return 0

    cdef int fill_target(self) except -1:
        """Move bytes from the window into the buffer of read_into, and end the read if that is enough."""
        cdef Py_ssize_t room = len(self.target) - self.goal
        cdef Py_ssize_t size = min(self.unread(), room)
        if size:
            self.target[self.goal:self.goal + size] = PyMemoryView_FromMemory(<char *>self.peek(), size, PyBUF_READ)
            self.take(size)
            self.goal += size
        if self.goal == len(self.target) or (self.partial and self.goal > 0):
            filled = self.goal
            self.target = None
            self.resolve_read(filled)
        return 0

    cdef int resolve_read(self, object result) except -1:
        future = self._read_future
        self._read_future = None
        self.wanted = NOTHING
        self.delimiter = None
        self.scanned = 0
        self.limit = -1
        if not future.done():
            future.set_result(result)
        return 0

    cdef int begin_read(self, int kind) except -1:
        if self.consumer is not None:
            raise RuntimeError("this stream belongs to a connection: detach() it first")
        if self._read_future is not None:
            self.check_closed()
            raise AssertionError("Already reading: await the pending read before the next one")
        self._read_future = self.new_future()
        self.wanted = kind
        return 0

    cdef object finish_begin(self):
        """Serve the read just begun from what is there already; else wait for more."""
        future = self._read_future
        self.satisfy()
        if self._read_future is not None:
            if self._closed:
                self._read_future = None
                self.wanted = NOTHING
                self.check_closed()
        self.update_interest()      # also after a read that emptied the buffer: a close callback listens again
        return future

    def read_until(self, bytes delimiter, max_bytes=None):
        """Read up to and including `delimiter`.

        max_bytes: close the stream if that many bytes do not hold it.
        """
        if not delimiter:
            raise ValueError("the delimiter must not be empty")
        self.begin_read(UNTIL)
        self.delimiter = delimiter
        self.limit = -1 if max_bytes is None else max_bytes
        return self.finish_begin()

    def read_until_regex(self, regex, max_bytes=None):
        """Read up to the end of the first match of the bytes pattern `regex`.

        max_bytes: close the stream if that many bytes do not match.
        """
        pattern = re.compile(regex)
        self.begin_read(REGEX)
        self.delimiter = pattern
        self.limit = -1 if max_bytes is None else max_bytes
        return self.finish_begin()

    def read_bytes(self, num_bytes, bint partial=False):
        """Read `num_bytes` bytes; with `partial`, at least one and at most that many."""
        if not isinstance(num_bytes, numbers.Integral):
            raise AssertionError(f"num_bytes must be an integer, not {num_bytes!r}")
        self.begin_read(BYTES)
        self.goal = num_bytes
        self.partial = partial
        return self.finish_begin()

    def read_into(self, buf, bint partial=False):
        """Fill the writable buffer `buf`; with `partial`, at least one byte of it. The Future's result: bytes read."""
        target = memoryview(buf).cast("B")
        self.begin_read(INTO)
        self.target = target
        self.goal = 0
        self.partial = partial
        return self.finish_begin()

    def read_until_close(self):
        """Read everything up to the end of the stream."""
        self.begin_read(CLOSE)
        if self._closed:
            future = self._read_future
            self.resolve_read(self.cut(self.unread()))
            return future
        return self.finish_begin()

    def reading(self) -> bool:
        """Whether a read is pending."""
        return self._read_future is not None

    # ------------------------------------------------------------------------------------------ outwards

    def write(self, data):
        """Send bytes, a bytearray or a memoryview; the Future is done when all of it has left."""
        self.check_closed()
        cdef Py_ssize_t size = data.nbytes if isinstance(data, memoryview) else len(data)
        cdef Py_ssize_t waiting = 0 if self.pending is None else self.pending._size
        if self.max_write_buffer_size is not None and size and waiting + size > self.max_write_buffer_size:
            raise StreamBufferFullError("Reached maximum write buffer size")
        if size and (self._connecting or not self.raw):
            self.queue_staged()
            self.pending.append(data)
            self._total_write_index += size
            if not self._connecting:
                self.send_pending()
        elif size:
            self.send_object(data, False)
        elif not self._connecting:
            self.send_pending()
        self.update_interest()
        return self.written()

    def writing(self) -> bool:
        """Whether bytes wait to be sent."""
        return not self.drained()

    @property
    def _write_buffer(self):
        if self._closed:
            return None
        if self.pending is None:
            self.pending = StreamBuffer()
        return self.pending

    cdef int flush(self) except -1:
        """Send what is staged now."""
        cdef pf_buf *staged = &self.home.outbox
        cdef Py_ssize_t size, sent
        if self.home.outbox_user is not self:
            return 0
        size = pf_buf_size(staged)
        if size and not self._closed:
            self._total_write_index += size
            sent = self.send_now(pf_buf_data(staged), size) if self.raw and self.drained() and not self._connecting else 0
            if sent < 0:
                size = 0
            else:
                self._total_write_done_index += sent
                if sent < size:
                    if self.pending is None:
                        self.pending = StreamBuffer()
                    self.pending.add(pf_buf_data(staged) + sent, size - sent)
        self.home.outbox_user = None
        staged.start = staged.end = 0
        if size and not self._closed and not self.drained():
            if not self.raw and not self._connecting:
                self.send_pending()
            self.update_interest()
        return 0

    def yield_staged(self):
        """Put what is staged behind the pending writes without sending."""
        cdef pf_buf *staged = &self.home.outbox
        cdef Py_ssize_t size = pf_buf_size(staged)
        if size:
            self.pending.add(pf_buf_data(staged), size)
            self._total_write_index += size
        self.home.outbox_user = None
        staged.start = staged.end = 0

    cdef Py_ssize_t send_now(self, const char *data, Py_ssize_t size) except -2:
        """Bytes sent, or -1 if the stream is closed now."""
        cdef Py_ssize_t sent = send(self.fd, data, size, MSG_NOSIGNAL)
        if sent >= 0:
            return sent
        if c_errno == EAGAIN or c_errno == EINTR:
            return 0
        self.fail(last_error())
        return -1

    cdef Py_ssize_t send_parts(self) except -2:
        """Send as many pending pieces as one call takes: bytes sent, or -1 if the stream is closed now."""
        cdef Py_buffer views[PARTS]
        cdef iovec pieces[PARTS]
        cdef Py_ssize_t sent
        cdef int count = 0
        cdef int i
        for part in self.pending._parts:
            PyObject_GetBuffer(part, &views[count], PyBUF_SIMPLE)
            pieces[count].iov_base = views[count].buf
            pieces[count].iov_len = views[count].len
            count += 1
            if count == PARTS:
                break
        pieces[0].iov_base = <char *>pieces[0].iov_base + self.pending._first
        pieces[0].iov_len -= self.pending._first
        sent = writev(self.fd, pieces, count)
        for i in range(count):
            PyBuffer_Release(&views[i])
        if sent >= 0:
            return sent
        if c_errno == EAGAIN or c_errno == EINTR:
            return 0
        self.fail(last_error())
        return -1

    def send_by_hook(self):
        try:
            return self.write_to_fd(self.pending.peek(128 * 1024)) or 0
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            self.fail(error)
            return -1

    cdef int send_pending(self) except -1:
        cdef Py_ssize_t sent
        cdef Consumer consumer = self.consumer
        if self.home.outbox_user is self:
            self.flush()
        while not self._closed and not self.drained():
            sent = self.send_parts() if self.raw else self.send_by_hook()
            if sent <= 0:
                break
            self.pending.advance(sent)
            self._total_write_done_index += sent
        if self._closed:
            return 0
        self.settle_writes()
        if consumer is not None and self.drained():
            consumer.on_drained()
        return 0

    cdef int settle_writes(self) except -1:
        while self.write_futures:
            index, future = self.write_futures[0]
            if index > self._total_write_done_index:
                break
            self.write_futures.popleft()
            if not future.done():
                future.set_result(None)
        return 0

    # ------------------------------------------------------------------------------------------ the end

    cdef int check_closed(self) except -1:
        if self._closed:
            raise StreamClosedError(real_error=self.error)
        return 0

    def _check_closed(self):
        self.check_closed()

    cdef object new_future(self):
        return self.home.host().create_future()

    def closed(self) -> bool:
        """Whether the stream has been closed, by either side."""
        return self._closed

    def set_close_callback(self, callback) -> None:
        """Call `callback` without arguments when the stream is closed, also if it is closed already."""
        self._close_callback = callback
        if self._closed:
            self._signal_closed()
        else:
            self.update_interest()

    def close(self, exc_info=False) -> None:
        """Close the stream and end every pending read and write.

        exc_info: True, or the exception that is the reason, which becomes `error`.
        """
        if not self._closed:
            self._keep_reason(exc_info)
            if self.home is not None:
                if self.home.outbox_user is self:
                    self.flush()
                if self._closed:    # the last bytes could not be sent
                    return
                if self.home.inbox_user is self:
                    self.yield_inbox()
            if self.wanted == CLOSE:
                self.resolve_read(self.cut(self.unread()))
            if self.poller is not None:
                self.poller.unwatch(self)
            self.close_fd()
            self._closed = True
            self.pending = None
        self._signal_closed()

    def _signal_closed(self):
        reason = self.error
        futures = [self._read_future, self._connect_future]
        if self.write_futures:
            futures += [future for _, future in self.write_futures]
        self._read_future = self._connect_future = self.write_futures = self.target = None
        self.wanted = NOTHING
        for future in futures:
            if future is not None and not future.done():
                future.set_exception(StreamClosedError(real_error=reason))
                future.exception()      # somebody may have stopped waiting for it: no news then
        loop = None if self.home is None else self.home.host()
        if loop is None or loop.is_closed():
            return
        if self.consumer is not None:
            consumer, self.consumer = self.consumer, None
            loop.call_soon(call_closed, consumer)
        callback, self._close_callback = self._close_callback, None
        if callback is not None:
            self.io_loop.add_callback(callback)


cdef object last_error():
    return OSError(c_errno, os.strerror(c_errno))


def call_closed(Consumer consumer):
    consumer.on_closed()


cdef Py_ssize_t find(const char *data, Py_ssize_t size, Py_ssize_t start, const char *wanted, Py_ssize_t length):
    """Where `wanted` begins in data[start:size], or -1."""
    cdef const char *at
    while size - start >= length:
        at = <const char *>memchr(data + start, wanted[0], size - start - length + 1)
        if at == NULL:
            return -1
        start = at - data
        if memcmp(at, wanted, length) == 0:
            return start
        start += 1
    return -1
