# cython: auto_pickle=False
"""Stream: the bytes of one descriptor.

Owns: unread and unsent bytes, the Futures of the read and write methods, and what its poller is asked to watch.
Must not know: messages, or who the consumer is.
Trick: all streams of a poller receive into one buffer and lay answers out in another, so an idle connection holds none.
"""
import collections
import errno
import logging
import os
import sys

from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from cpython.object cimport PyObject_GenericSetAttr
from cpython.ref cimport Py_REFCNT
from libc.errno cimport EAGAIN, EINTR, errno as c_errno
from libc.string cimport memset

from pyframework._core.capi cimport (
    MSG_MORE, MSG_NOSIGNAL, PF_POLL_ERROR, PF_POLL_READ, PF_POLL_WRITE, iovec, msghdr,
    pf_buf_append, pf_buf_data, pf_buf_free, pf_buf_reserve, pf_buf_size, pf_buf_take, pf_push, recv,
    send, sendmsg,
)
from pyframework._core.buffers cimport FilePart, Mapping, StreamBuffer, mapping_of
from pyframework._core.loop cimport Poller, Watch
from pyframework._core.reads cimport (
    Read, Target, cut, piece_target, read_bytes, read_into, read_until, read_until_close, read_until_regex,
)

from pyframework._core.reads import UnsatisfiableReadError

cdef enum:
    SCRATCH = 65536         # bytes of one receive
    STAGE_LIMIT = 65536     # staged bytes that are sent although the event goes on
    LARGE = 16384           # bytes from which a body is sent from where it lies; smaller pending writes are merged
    PARTS = 16              # pieces of one gathering send
    PEEK = 131072           # bytes offered to `write_to_fd` at a time
    TURNS = 16              # receives, or sends, for one descriptor in one event
    FILE_TURN = 1048576     # bytes of a file in one send
    LESSON = 8388608        # bytes of one block that is freed before large ones come and go

cdef object gen_log = logging.getLogger("tornado.general")
cdef tuple UNSENDABLE = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)     # what sendfile says of files without pages
cdef str SHORTER = "the file has become shorter while it was sent"
cdef bint taught = False
cdef object spare = None        # the bytearray that `read_from_fd` fills, between two calls

cdef enum:
    IOLOOP_READ = 0x001     # events as IOLoop.add_handler names them
    IOLOOP_WRITE = 0x004
    IOLOOP_ERROR = 0x018


class StreamClosedError(IOError):
    """Raised when a stream is closed under a read or write.

    real_error: the exception that closed the stream, if there was one.
    """

    def __init__(self, real_error=None):
        super().__init__("Stream is closed")
        self.real_error = real_error


StreamClosedError.__module__ = "pyframework.iostream"


class StreamBufferFullError(Exception):
    """Raised when a buffer would outgrow its limit."""


StreamBufferFullError.__module__ = "pyframework.iostream"


cdef class Consumer:
    cdef int on_bytes(self) except -1:
        raise NotImplementedError

    cdef int on_blocked(self) except -1:
        return 0

    cdef int on_drained(self) except -1:
        return 0

    cdef int on_closed(self) except -1:
        return 0

    cdef int on_time(self) except -1:
        return 0


cdef class Stream(Watch):
    """Private base of BaseIOStream.

    raw: the subclass reads and writes its descriptor by nothing but recv(2) and send(2).
    """

    def __cinit__(self, *args, **kwargs):
        self.fd = self.near = -1
        self.window = &self.own
        self._connect_state = IOLOOP_WRITE

    def __dealloc__(self):
        pf_buf_free(&self.own)

    def __sizeof__(self) -> int:
        return object.__sizeof__(self) + self.own.capacity

    def __setattr__(self, name, value):
        if name == "read_from_fd" or name == "write_to_fd":     # a hook of this one object
            self.raw = False
        elif isinstance(value, float) and name in ("max_buffer_size", "read_chunk_size"):
            value = int(min(value, sys.maxsize))
        PyObject_GenericSetAttr(self, name, value)

    def _open(self, poller, bint raw):
        """Take up work, served by `poller`; the descriptor is asked for when it is needed first."""
        self.home = poller
        self.raw = raw

    cdef int check_open(self) except -1:
        if self.home is None:
            raise RuntimeError("this stream is not set up: call BaseIOStream.__init__ first")
        return 0

    # ------------------------------------------------------------------------------------------ for the consumer

    cdef int attach(self, Consumer consumer) except -1:
        """Push all bytes, unread ones first, to `consumer` from now on."""
        self.drop_cancelled()
        if self.waiting is not None:
            raise RuntimeError("a read is pending on this stream: await it first")
        self.consumer = consumer
        self.paused = self.deaf = False
        self.update_interest()
        return 0

    cdef int release(self) except -1:
        """Give the stream back to the read methods; unread bytes stay."""
        self.consumer = None
        self.end_piece()
        self.paused = self.deaf = False
        self.home.stop_alarm(self)
        if self.leaving:
            self.home.depart()
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
        if self._closed:
            return 0
        if self.poller is None:     # the poller keeps what it watches alive, the wheel of its alarms does not
            self.watch_for(0)
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

    cdef bytes cut(self, Py_ssize_t size):
        """Take `size` bytes as an object of their own."""
        return cut(self.window, size)

    cdef pf_buf *stage(self) except NULL:
        """Where to append what is to be sent; then `commit`."""
        cdef bint begins = self.home.outbox_user is not self
        cdef pf_buf *out = self.home.borrow_outbox(self)
        if begins:      # whoever had it may have gone without emptying it
            out.start = out.end = 0
        return out

    cdef int commit(self, bint complete) except -1:
        """Send what was staged: at the end of the event if the answer is `complete`, else now."""
        if not (self.corked and complete) or pf_buf_size(&self.home.outbox) >= STAGE_LIMIT:
            self.flush()
        return 0

    cdef int send_object(self, object data, bint complete) except -1:
        self.put_object(data)
        return self.commit(complete)

    cdef int put_object(self, object data) except -1:
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
            return 0
        self.queue().append(data)
        self._total_write_index += size
        self.send_pending()
        return 0 if self._closed or self.drained() else self.update_interest()

    cdef StreamBuffer queue(self):
        """The pending writes, with what is staged behind them."""
        cdef pf_buf *staged = &self.home.outbox
        cdef Py_ssize_t size
        if self.pending is None:
            self.pending = StreamBuffer()
        if self.home.outbox_user is self:
            size = pf_buf_size(staged)
            piece = PyBytes_FromStringAndSize(pf_buf_data(staged), size)
            self.home.outbox_user = None
            staged.start = staged.end = 0
            self.pending.append(piece)
            self._total_write_index += size
        return self.pending

    cdef object written(self):
        """A Future for the moment when all that was written has left."""
        cdef Py_ssize_t left
        if self.drained() and not self._closed:
            return self.home.done()
        future = self.new_future()
        if self._closed:
            future.set_exception(StreamClosedError(real_error=self.error))
            future.exception()
            return future
        left = self.pending._size
        if self.home.outbox_user is self:
            left += pf_buf_size(&self.home.outbox)
        if self.write_futures is None:
            self.write_futures = collections.deque()
        self.write_futures.append((self._total_write_done_index + left, future))
        return future

    cdef bint drained(self):
        return self.pending is None or self.pending._size == 0

    # ------------------------------------------------------------------------------------------ events

    cdef int on_ready(self, unsigned mask) except -1:
        if self.mask == 0 and self.consumer is None and self.poller is not None:
            self.poller.unwatch(self)   # a hang-up behind unread bytes: the next read will meet it
            return 0
        self.corked = True
        try:
            self.serve_event(mask)
        except Exception as error:
            self.close(error)
            raise
        finally:
            self.end_event()
        return 0

    cdef int serve_event(self, unsigned mask) except -1:
        if self._connecting:
            self._handle_connect()
            if self._connecting or self._closed:
                return 0
            mask = PF_POLL_WRITE        # for what was written meanwhile
        if mask & (PF_POLL_READ | PF_POLL_ERROR):
            if self.receive() < 0 and self.error is not None and not self._is_connreset(self.error):
                gen_log.warning("error on read: %s", self.error)
        if mask & PF_POLL_WRITE and not self._closed:
            self.send_pending()
        return 0

    cdef int end_event(self) except -1:
        self.corked = self.begun = False
        if self.home.outbox_user is self and not self.delayed():
            self.flush()
        if self.held and not self.leaving and not self._closed:
            self.held = False
            pf_push(self.fd)
        if self.home.inbox_user is self:
            self.yield_inbox()
        self.free_own()
        if not self._closed:
            self.update_interest()
        return 0

    cdef bint delayed(self) except -1:
        """Whether what is staged will leave together with the answers of other streams."""
        cdef pf_buf *staged = &self.home.outbox
        if self._closed or not self.raw or self._connecting or self.leaving or not self.drained():
            return False
        if not self.home.delay(self, pf_buf_data(staged), pf_buf_size(staged)):
            return False
        self.home.outbox_user = None
        staged.start = staged.end = 0
        return True

    cdef int free_own(self) except -1:
        """Give memory back that holds nothing any more."""
        if self.own.base != NULL and self.window == &self.own and pf_buf_size(&self.own) == 0:
            pf_buf_free(&self.own)
        return 0

    cdef int yield_inbox(self) except -1:
        """Leave the shared inbox: what is unread moves into the stream's own buffer."""
        cdef Py_ssize_t size
        if self.home.inbox_user is not self:
            return 0
        size = pf_buf_size(self.window)
        if size and pf_buf_append(&self.own, pf_buf_data(self.window), size) < 0:
            raise MemoryError
        self.home.inbox_user = None
        pf_buf_take(&self.home.inbox, size)
        self.window = &self.own
        return 0

    cdef int yield_outbox(self) except -1:
        return self.flush()

    cdef bint listens(self):
        """Whether to be told of bytes to read; an idle stream wants to know when the other side goes away."""
        if self.consumer is not None:
            if not self.paused:
                return True
            return not self.deaf and self.unread() < min(<Py_ssize_t>SCRATCH, self.max_buffer_size // 2)
        if self.waiting is not None:
            return True
        return self.unread() == 0 and (self.poller is not None or self._close_callback is not None)

    cdef int update_interest(self) except -1:
        cdef unsigned mask = 0
        if self._closed or self.home is None:
            return 0
        if self._connecting:
            mask = poll_mask(self._connect_state)
        else:
            if self.listens():
                mask = PF_POLL_READ
            if not self.drained():
                mask |= PF_POLL_WRITE
        if mask != self.mask or (self.poller is None and mask):
            blocked = mask & PF_POLL_WRITE and not self.mask & PF_POLL_WRITE and not self._connecting
            self.watch_for(mask)
            if blocked and self.consumer is not None:
                self.consumer.on_blocked()
        if self._hidden and mask & PF_POLL_READ and not self.looking and self.served():
            self.looking = True
            self.home.host().call_soon(look_again, self)
        return 0

    cdef int watch_for(self, unsigned mask) except -1:
        cdef int fd = self.descriptor()
        if fd < 0:
            raise OSError(errno.EBADF, "the descriptor of this stream is closed")
        return self.home.watch(self, fd, mask)

    cdef int descriptor(self) except? -1:
        """The descriptor, asked for anew while nobody watches it: its number may have gone to somebody else."""
        if self.poller is None:
            number = self.fileno()
            self.fd = number if isinstance(number, int) else number.fileno()
        return self.fd

    # What Tornado's IOStream calls so; libraries reach for it.

    def _watch(self):
        self.update_interest()

    def _handle_events(self, fd, int events):
        self.check_open()
        self.on_ready(poll_mask(events))

    def _add_io_state(self, int state):
        self.check_open()
        if not self._closed:
            self.watch_for(self.mask | poll_mask(state))

    def _maybe_add_error_listener(self):
        if self.poller is None and self.unread() == 0:
            self._add_io_state(IOLOOP_READ)

    @property
    def _state(self):
        if self.poller is None:
            return None
        return (
            IOLOOP_ERROR | (IOLOOP_READ if self.mask & PF_POLL_READ else 0)
            | (IOLOOP_WRITE if self.mask & PF_POLL_WRITE else 0)
        )

    @_state.setter
    def _state(self, state):
        if state is not None:
            self.check_open()
            self.watch_for(poll_mask(state))
        elif self.poller is not None:
            self.poller.unwatch(self)

    # ------------------------------------------------------------------------------------------ inwards

    cdef Py_ssize_t receive(self) except -2:
        """Receive and hand on what there is, as far as it is wanted: as `fill`, of the last receive."""
        cdef Py_ssize_t count = 0
        cdef int turn
        for turn in range(TURNS):
            count = self.fill()
            if count <= 0:
                break
            self.deliver()
            if self._closed or count < min(<Py_ssize_t>SCRATCH, self.read_chunk_size):
                break
            if self.paused or not self.served():
                break
        return count

    cdef Py_ssize_t fill(self) except -2:
        """Receive once: bytes received, 0 if there are none yet, -1 if the stream is closed now.

        They go into the window, or straight into the consumer's piece or the buffer of read_into, where that has room
        for a whole receive.
        """
        cdef Py_ssize_t room = min(<Py_ssize_t>SCRATCH, max(<Py_ssize_t>1, self.read_chunk_size))
        cdef Target target = self.straight_target(room)
        cdef Py_ssize_t count = self.fill_raw(room, target) if self.raw else self.fill_by_hook(room, target)
        if count > 0:
            if target is not None:
                target.filled += count
            elif self.unread() > self.max_buffer_size:
                gen_log.warning("Reached maximum read buffer size")
                self.close(StreamBufferFullError("Reached maximum read buffer size"))
                return -1
        return count

    cdef Target straight_target(self, Py_ssize_t room):
        """Where `room` bytes may go without a detour over the window, or None."""
        cdef Target target = None
        if self.unread():
            return None
        if self.piece is not None:
            target = self.piece
        elif self.waiting is not None and not self.waiting.future.done():
            target = self.waiting.target
        return target if target is not None and target.room() >= room else None

    cdef int open_window(self, Py_ssize_t room) except -1:
        """Make room at the end of the window: in the shared inbox unless the stream has unread bytes of its own."""
        if self.window != &self.own and pf_buf_size(self.window):
            self.yield_inbox()
        if self.own.base == NULL:
            self.window = self.home.borrow_inbox(self)
        elif pf_buf_reserve(self.window, room) < 0:
            raise MemoryError
        return 0

    cdef Py_ssize_t fill_raw(self, Py_ssize_t room, Target target) except -2:
        cdef int fd = self.descriptor()
        cdef Py_buffer buffer
        cdef Py_ssize_t count
        if target is not None:
            PyObject_GetBuffer(target.view, &buffer, PyBUF_WRITABLE)
            count = recv(fd, <char *>buffer.buf + target.filled, buffer.len - target.filled, 0)
            error = last_error() if count < 0 and c_errno != EAGAIN and c_errno != EINTR else None
            PyBuffer_Release(&buffer)
        else:
            self.open_window(room)
            count = recv(fd, self.window.base + self.window.end, room, 0)
            error = last_error() if count < 0 and c_errno != EAGAIN and c_errno != EINTR else None
            if count > 0:
                self.window.end += count
        if count > 0:
            return count
        if count < 0 and error is None:
            return 0
        self.close(False if error is None else error)
        return -1

    cdef Py_ssize_t fill_by_hook(self, Py_ssize_t room, Target target) except -2:
        global spare
        space = None
        if target is not None:
            view = target.view[target.filled:]
        else:
            space, spare = spare, None
            if space is None or len(space) != room:
                space = bytearray(room)
            view = memoryview(space)
        try:
            count = self.read_from_fd(view)
            if count is not None and not 0 <= count <= len(view):
                raise ValueError(f"read_from_fd returned {count} for a buffer of {len(view)} bytes")
        except (BlockingIOError, InterruptedError):
            count = None
        except Exception as error:
            self.close(error)
            return -1
        finally:
            view.release()      # an error keeps frames that know it, and must not hold on to the caller's buffer
        if count and target is None:
            if not self._closed:
                self.open_window(count)
            if pf_buf_append(self.window, PyByteArray_AS_STRING(space), count) < 0:
                raise MemoryError
        if Py_REFCNT(space) == 1:       # no view of it is left
            spare = space
        if count == 0:
            self.close()
        if self._closed:
            return -1
        return 0 if count is None else count

    cdef int deliver(self) except -1:
        cdef Consumer consumer = self.consumer  # held here: it may be released on its way
        if consumer is not None:
            if not self.paused:
                consumer.on_bytes()
        elif self.waiting is not None:
            self.satisfy()
        return 0

    cdef bint served(self):
        """Whether anybody wants bytes."""
        return self.consumer is not None or self.waiting is not None

    cdef int begin_piece(self, Py_ssize_t size) except -1:
        """Let the next `size` bytes go straight into a bytes object, which `end_piece` returns when it is full."""
        teach_malloc()
        self.piece = piece_target(size)
        return 0

    cdef Py_ssize_t fill_piece(self) except -1:
        """Move unread bytes there too, and return how many it holds."""
        self.piece.take(self.window)
        return self.piece.filled

    cdef bytes end_piece(self):
        cdef Target piece = self.piece
        self.piece = None
        return None if piece is None else piece.owner

    # ------------------------------------------------------------------------------------------ reads

    cdef int satisfy(self) except -1:
        """End the waiting read if the window holds what it wants."""
        self.drop_cancelled()
        if self.waiting is None:
            return 0
        try:
            result = self.waiting.take(self.window)
        except UnsatisfiableReadError as error:
            gen_log.info("Unsatisfiable read, closing connection: %s", error)
            self.close(error)
            return 0
        return self.resolve_read(result)

    cdef int satisfy_last(self) except -1:
        """End the waiting read if the end of the stream is what it wants."""
        self.drop_cancelled()
        return 0 if self.waiting is None else self.resolve_read(self.waiting.take_last(self.window))

    cdef int resolve_read(self, object result) except -1:
        cdef Read read = self.waiting
        if result is not None:
            self.waiting = None
            read.future.set_result(result)
        return 0

    cdef int drop_cancelled(self) except -1:
        """Forget a read that was cancelled: its bytes are for the next one, also those that its target holds."""
        cdef Read read = self.waiting
        if read is None or not read.future.done():
            return 0
        self.waiting = None
        if read.target is not None:
            if read.target.filled:
                self._read_buffer = bytes(read.target.view[:read.target.filled]) + self.cut(self.unread())
            read.target.view.release()
        return 0

    cdef object begin_read(self, Read read):
        """Serve the read at once or let it wait; returns its Future."""
        self.check_open()
        if self.consumer is not None:
            raise RuntimeError("this stream belongs to a connection: detach() it first")
        self.drop_cancelled()
        if self.waiting is not None:
            self.check_closed()
            raise AssertionError("Already reading: await the pending read before the next one")
        read.future = self.new_future()
        self.waiting = read
        try:
            self._try_inline_read()
        except BaseException:
            self.waiting = None
            raise
        return read.future

    def _try_inline_read(self):
        """Serve the read just begun from what is unread or, where no event will tell, from the descriptor; else wait."""
        if self.waiting is None:
            return
        self.satisfy()
        if self._closed:
            self.satisfy_last()
        if self.waiting is not None:
            self.check_closed()
            if not self._connecting and (self._hidden or not self.mask & PF_POLL_READ):
                self.read_at_once()
        self.update_interest()
        if not self.corked:
            self.free_own()

    cdef int read_at_once(self) except -1:
        if self.receive() < 0 and self.error is not None and not self._is_connreset(self.error):
            raise self.error
        if not self.corked:
            self.yield_inbox()
        return 0

    def read_until(self, delimiter, max_bytes=None):
        """Read up to and including `delimiter`.

        max_bytes: close the stream if that many bytes do not hold it.
        """
        return self.begin_read(read_until(delimiter, max_bytes))

    def read_until_regex(self, regex, max_bytes=None):
        """Read up to the end of the first match of the bytes pattern `regex`.

        max_bytes: close the stream if that many bytes do not match.
        """
        return self.begin_read(read_until_regex(regex, max_bytes))

    def read_bytes(self, num_bytes, bint partial=False):
        """Read `num_bytes` bytes; with `partial`, at least one and at most that many."""
        return self.begin_read(read_bytes(num_bytes, partial))

    def read_into(self, buf, bint partial=False):
        """Fill the writable buffer `buf`; with `partial`, at least one byte of it. The Future's result: bytes read."""
        return self.begin_read(read_into(buf, partial))

    def read_until_close(self):
        """Read everything up to the end of the stream."""
        return self.begin_read(read_until_close())

    def reading(self) -> bool:
        """Whether a read is pending."""
        return self.waiting is not None and not self.waiting.future.done()

    @property
    def _read_future(self):
        return None if self.waiting is None else self.waiting.future

    @property
    def _read_buffer(self):
        """A copy of the unread bytes; assign to replace them."""
        return bytearray(PyBytes_FromStringAndSize(self.peek(), self.unread()))

    @_read_buffer.setter
    def _read_buffer(self, data):
        copy = bytes(data)
        self.take(self.unread())
        if pf_buf_append(self.window, PyBytes_AS_STRING(copy), PyBytes_GET_SIZE(copy)) < 0:
            raise MemoryError

    @property
    def _read_buffer_size(self):
        return self.unread()

    @_read_buffer_size.setter
    def _read_buffer_size(self, size):
        pass    # it follows the buffer

    # ------------------------------------------------------------------------------------------ outwards

    def write(self, data):
        """Send bytes, a bytearray or a memoryview; the Future is done when all of it has left."""
        self.check_open()
        self.check_closed()
        cdef Py_ssize_t size = PyBytes_GET_SIZE(data) if PyBytes_CheckExact(data) else memoryview(data).nbytes
        if size and self.max_write_buffer_size is not None:
            if size + (0 if self.drained() else self.pending._size) > self.max_write_buffer_size:
                raise StreamBufferFullError("Reached maximum write buffer size")
        if size and self.raw and not self._connecting:
            self.send_object(data, False)
        else:
            if size:
                self.queue().append(data)
                self._total_write_index += size
            if not self._connecting:
                self.send_pending()
        self.update_interest()
        return self.written()

    def write_file(self, fd: int, Py_ssize_t offset, Py_ssize_t count):
        """Send `count` bytes of a regular file from `offset` on: by sendfile(2) where the descriptor is a plain socket, by
        send(2) from where the file is mapped if the peer is on this machine.

        The Future is done when all of it has left; `fd` may be closed before. If the file becomes shorter meanwhile, the
        stream is closed.
        """
        self.check_open()
        self.check_closed()
        if offset < 0 or count < 0:
            raise ValueError(f"no part of a file: {count} bytes from {offset} on")
        cdef Mapping mapping = mapping_of(fd, self.home.host()) if count and self.raw and self.is_near() else None
        if mapping is not None and offset + count <= mapping.size:
            self.queue().append(memoryview(mapping)[offset:offset + count])
        elif count:
            self.queue().append_file(fd, offset, count)
        self._total_write_index += count
        if not self._connecting:
            self.send_pending()
        self.update_interest()
        return self.written()

    cdef bint is_near(self) except -1:
        """Whether the peer is on this machine."""
        if self.near < 0:
            try:
                address = self.socket.getpeername()
            except (AttributeError, OSError):       # no socket, or not connected
                return False
            host = address[0] if isinstance(address, tuple) else ""     # else the address of a unix socket
            self.near = not host or host == "::1" or host.removeprefix("::ffff:").startswith("127.")
        return self.near > 0

    @property
    def _near(self):
        """Whether the peer is on this machine; None before anybody has asked."""
        return None if self.near < 0 else self.near > 0

    @_near.setter
    def _near(self, near):
        self.near = near

    def writing(self) -> bool:
        """Whether bytes wait to be sent."""
        return not self.drained()

    @property
    def _write_buffer(self):
        self.check_open()
        return None if self._closed else self.queue()

    cdef int flush(self) except -1:
        """Send what is staged now."""
        cdef pf_buf *staged = &self.home.outbox
        cdef const char *data
        cdef Py_ssize_t size
        if self.home.outbox_user is not self:
            return 0
        if self.leaving:
            self.home.depart()
        if self._closed or not self.raw or self._connecting or not self.drained():
            if not self._closed:
                self.queue()
            self.home.outbox_user = None
            staged.start = staged.end = 0
            if not (self._closed or self.raw or self._connecting):
                self.send_pending()
            return self.update_interest()
        data = pf_buf_data(staged)
        size = pf_buf_size(staged)
        self.home.outbox_user = None
        staged.start = staged.end = 0
        return self.leave(data, size)

    cdef int leave(self, const char *data, Py_ssize_t size) except -1:
        """Send `data` now; what the kernel does not take waits in `pending`."""
        cdef Py_ssize_t sent = self.send_now(data, size) if size else 0
        if sent < 0:
            return self.fail_send(last_error())
        self._total_write_index += size
        self._total_write_done_index += sent
        if sent == size:
            return 0
        if self.pending is None:
            self.pending = StreamBuffer()
        self.pending.add(data + sent, size - sent)
        return self.update_interest()

    cdef Py_ssize_t send_now(self, const char *data, Py_ssize_t size) except -2:
        """Bytes sent, or -1 and errno. In an event the first packet goes at once, the kernel may gather what follows."""
        cdef Py_ssize_t sent
        self.held = self.begun
        self.begun = self.corked
        sent = send(self.descriptor(), data, size, MSG_NOSIGNAL | (MSG_MORE if self.held else 0))
        return 0 if sent < 0 and (c_errno == EAGAIN or c_errno == EINTR) else sent

    cdef Py_ssize_t send_parts(self) except -2:
        """Send as many pending pieces as one call takes: bytes sent, or -1 if the stream is closed now."""
        cdef Py_buffer views[PARTS]
        cdef iovec pieces[PARTS]
        cdef msghdr message
        cdef Py_ssize_t sent
        cdef int count = 0
        cdef int flags = MSG_NOSIGNAL
        cdef int fd = self.descriptor()
        cdef int i
        if isinstance(self.pending._parts[0], FilePart):
            return self.send_file(self.pending._parts[0])
        for part in self.pending._parts:
            if isinstance(part, FilePart):
                flags |= MSG_MORE
                break
            PyObject_GetBuffer(part, &views[count], PyBUF_SIMPLE)
            pieces[count].iov_base = views[count].buf
            pieces[count].iov_len = views[count].len
            count += 1
            if count == PARTS:
                break
        pieces[0].iov_base = <char *>pieces[0].iov_base + self.pending._first
        pieces[0].iov_len -= self.pending._first
        memset(&message, 0, sizeof(message))
        message.msg_iov = pieces
        message.msg_iovlen = count
        sent = sendmsg(fd, &message, flags)
        error = last_error() if sent < 0 and c_errno != EAGAIN and c_errno != EINTR else None
        for i in range(count):
            PyBuffer_Release(&views[i])
        if error is not None:
            self.fail_send(OSError(errno.EIO, SHORTER) if error.errno == errno.EFAULT else error)
            return -1
        return max(sent, 0)

    cdef Py_ssize_t send_file(self, FilePart part) except -2:
        """As `send_parts`, of a part of a file that comes first."""
        cdef Py_ssize_t at = self.pending._first
        cdef Py_ssize_t size = min(part.size - at, <Py_ssize_t>FILE_TURN)
        cdef Py_ssize_t sent = 0
        try:
            if part.unsendable:
                view = self.pending.peek(PEEK)
                sent = self.socket.send(view) if view else 0
            else:
                sent = os.sendfile(self.descriptor(), part.fd, part.offset + at, size)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            if not part.unsendable and error.errno in UNSENDABLE:
                part.unsendable = True
                return self.send_file(part)
            self.fail_send(error)
            return -1
        if sent == 0:
            self.fail_send(OSError(errno.EIO, SHORTER))
            return -1
        return sent

    cdef Py_ssize_t send_by_hook(self) except -2:
        view = self.pending.peek(PEEK)
        try:
            if not view:
                raise OSError(errno.EIO, SHORTER)
            return self.write_to_fd(view) or 0
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            self.fail_send(error)
            return -1
        finally:
            view.release()      # an error keeps frames that know it, and must not hold on to the caller's buffer

    cdef int fail_send(self, object error) except -1:
        """Close after an error of the descriptor; a peer that went away is no news."""
        if not self._is_connreset(error):
            gen_log.warning("Write error on %s: %s", self.fd, error)
        self.close(error)
        return 0

    cdef int send_pending(self) except -1:
        cdef Py_ssize_t sent
        cdef int turn
        cdef Consumer consumer = self.consumer
        if self.leaving:
            self.home.depart()
        if self.home.outbox_user is self:
            self.flush()
        for turn in range(TURNS):
            if self._closed or self.drained():
                break
            sent = self.send_parts() if self.raw else self.send_by_hook()
            if sent <= 0 or self._closed:
                break
            self.pending.drop(sent)
            self._total_write_done_index += sent
        if self._closed:
            return 0
        self.settle_writes()
        if self.drained():
            self.pending = self.write_futures = None
            if consumer is not None:
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
        if self._closed or self.home is None:
            self._signal_closed()
            return
        self._keep_reason(exc_info)
        if self.leaving:
            self.home.depart()
            if self._closed:
                return
        if self.home.outbox_user is self:
            self.flush()
            if self._closed:        # the last bytes could not be sent
                return
        self.yield_inbox()
        if self.error is None or self._is_connreset(self.error):
            self.satisfy_last()
        if self.poller is not None:
            self.poller.unwatch(self)
        self._closed = True
        try:
            self.close_fd()
        finally:
            self._signal_closed()

    cdef int close_descriptor(self) except -1:
        if not self._closed:
            self._closed = True
            self.close_fd()
        return 0

    def _signal_closed(self):
        """Tell everybody who waits for something that it will not come."""
        self.end_piece()
        futures = [self._read_future, self._connect_future]
        self.waiting = None
        if self.write_futures is not None:
            futures += [future for _, future in self.write_futures]
        if self.pending is not None:
            self.pending.clear()
        callback = self._close_callback
        consumer = self.consumer
        self._connect_future = self.write_futures = self.pending = self._close_callback = self.consumer = None
        loop = None if self.home is None else self.home.host()
        if loop is None or loop.is_closed():
            return
        for future in futures:
            if future is not None and not future.done():
                future.set_exception(StreamClosedError(real_error=self.error))
                future.exception()      # somebody may have stopped waiting for it: no news then
        if consumer is not None:
            loop.call_soon(call_closed, consumer, self.io_loop, callback)
        elif callback is not None:
            self.io_loop.add_callback(callback)


cdef int teach_malloc() except -1:
    """Let malloc keep what large blocks leave: glibc gives back what is more than twice the largest that was freed."""
    global taught
    if not taught:      # else each body costs its pages anew (mallopt(3), M_MMAP_THRESHOLD)
        PyMem_RawFree(PyMem_RawMalloc(LESSON))
        taught = True
    return 0


cdef object last_error():
    cdef int number = c_errno
    return OSError(number, os.strerror(number))


cdef unsigned poll_mask(int events):
    """Events as IOLoop names them, in the poller's terms."""
    return (
        (PF_POLL_READ if events & IOLOOP_READ else 0) | (PF_POLL_WRITE if events & IOLOOP_WRITE else 0)
        | (PF_POLL_ERROR if events & IOLOOP_ERROR else 0)
    )


def call_closed(Consumer consumer, io_loop, callback):
    """Tell the consumer, and after those who wait for it whoever set the close callback."""
    try:
        consumer.on_closed()
    finally:
        if callback is not None:
            io_loop.add_callback(callback)


def look_again(Stream stream):
    """Read what the poller cannot see."""
    stream.looking = False
    if stream._hidden and stream.mask & PF_POLL_READ and not stream._closed:
        stream.on_ready(PF_POLL_READ)
