# cython: auto_pickle=False
"""WebSocket messages (RFC 6455, RFC 7692): bytes of a stream to calls of a handler, and back.

Owns: where in a frame the reader is, what waits for a slow handler, how a connection ends.
Must not know: the handshake, topics, or what messages mean.
Trick: a message is unmasked where it was received and handed up inside the read event; what the handler sends in reply
is framed in the stream's outbox and leaves when the event ends.
"""
import asyncio
import collections
import logging
import os
import sys

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.contextvars cimport PyContext_CopyCurrent, PyContext_Enter, PyContext_Exit
from cpython.object cimport PyObject_GenericSetAttr
from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_DecodeUTF8
from libc.stdint cimport uint64_t
from libc.string cimport memcpy, memset

from pyframework._core.capi cimport (
    PF_WS_AGAIN, PF_WS_BINARY, PF_WS_CLOSE, PF_WS_CONTINUATION, PF_WS_CONTROL, PF_WS_CONTROL_MAX, PF_WS_FIN,
    PF_WS_HEAD_MAX, PF_WS_PING, PF_WS_PONG, PF_WS_RSV1, PF_WS_TEXT,
    pf_buf, pf_buf_append, pf_buf_data, pf_buf_free, pf_buf_reserve, pf_buf_size, pf_mask, pf_utf8_check,
    pf_ws_close_code_is_valid, pf_ws_parse_head, pf_ws_put_head, pf_ws_reason,
)
from pyframework._core.loop cimport start_task_now
from pyframework._core.stream cimport Consumer, Stream

from pyframework._core.deflate import DecompressError, _DecompressTooLargeError
from pyframework._core.stream import StreamBufferFullError

cdef enum:
    TURN = 262144           # bytes that are read in one turn of the loop
    FRAME_COST = 1024       # that a frame counts for beside its payload
    READ_AHEAD = 65536      # bytes of messages that may wait for a slow handler
    COPIED = 49152          # bytes up to which a payload is copied behind its head rather than sent from where it lies
    KEYS = 4096             # random bytes that are fetched at a time

cdef object gen_log = logging.getLogger("tornado.general")
cdef bytes keys = b""       # masking keys that were not used yet
cdef Py_ssize_t next_key = 0

# gen stands above this module: it is looked up when a callback returns something unusual first.
cdef object convert_yielded = None


class WebSocketError(Exception):
    """Raised when something is wrong with a WebSocket connection."""


class WebSocketClosedError(WebSocketError):
    """Raised when something is sent on a connection that is closed."""


WebSocketError.__module__ = WebSocketClosedError.__module__ = "pyframework.websocket"


cdef int take_key(unsigned char *key) except -1:
    """Copy the next masking key, which nobody can foretell, to `key`."""
    global keys, next_key
    if next_key + 4 > PyBytes_GET_SIZE(keys):
        keys = os.urandom(KEYS)
        next_key = 0
    memcpy(key, PyBytes_AS_STRING(keys) + next_key, 4)
    next_key += 4
    return 0


def websocket_mask(bytes mask, bytes data):
    """XOR `data` with the four bytes of `mask`, repeated (RFC 6455 section 5.3)."""
    if PyBytes_GET_SIZE(mask) != 4:
        raise ValueError("mask must be 4 bytes")
    cdef Py_ssize_t size = PyBytes_GET_SIZE(data)
    cdef bytes masked = PyBytes_FromStringAndSize(NULL, size)
    pf_mask(PyBytes_AS_STRING(masked), PyBytes_AS_STRING(data), size, <const unsigned char *>PyBytes_AS_STRING(mask), 0)
    return masked


def close_code_is_valid(code: int) -> bool:
    """Whether a Close may carry `code` (RFC 6455 section 7.4)."""
    return 0 <= code <= 4999 and pf_ws_close_code_is_valid(code)


def frame_of(int opcode, bytes data):
    """Return `data` as one whole frame of a server."""
    cdef char head[PF_WS_HEAD_MAX]
    cdef int size = pf_ws_put_head(head, PF_WS_FIN | opcode, PyBytes_GET_SIZE(data), NULL)
    return PyBytes_FromStringAndSize(head, size) + data


cdef object future_of(result, context):
    """The Future of what a callback returned; a coroutine begins now, in `context` or a copy of the current one."""
    global convert_yielded
    if asyncio.isfuture(result):
        return result
    if asyncio.iscoroutine(result):
        return start_task_now(result, PyContext_CopyCurrent() if context is None else context)
    if convert_yielded is None:
        from pyframework.gen import convert_yielded as convert

        convert_yielded = convert
    return convert_yielded(result)


cdef class FrameConnection(Consumer):
    """Private base of WebSocketProtocol13."""

    def __cinit__(self, *args, **kwargs):
        self.hooked_in = type(self)._handle_message is not FrameConnection._handle_message
        self.hooked_out = type(self)._write_frame is not FrameConnection._write_frame

    def __dealloc__(self):
        pf_buf_free(&self.message)

    def __setattr__(self, name, value):
        if name == "_handle_message":       # a hook of this one object
            self.hooked_in = True
        elif name == "_write_frame":
            self.hooked_out = True
        PyObject_GenericSetAttr(self, name, value)

    def _begin(self, open=None):
        """Take the stream over; messages are read when `open` has been called and its Future, if any, is done."""
        self.context = PyContext_CopyCurrent()
        self.max_message_size = self.params.max_message_size
        self.max_unsent_size = self.params.max_unsent_size
        if self.stream._closed:
            self.client_terminated = self.server_terminated = True
        else:
            self.stream.attach(self)
        if open is not None:
            self.hold(self.call(self.context.run, (open,), self.context))
        self.resting = True
        self.stream.home.host().call_soon(self._go_on)

    # ------------------------------------------------------------------------------------------ taking turns

    cdef int on_bytes(self) except -1:
        if self.lingering:
            return self.stream.take(self.stream.unread())
        return 0 if self.delivering or self.resting else self.run()

    cdef int run(self) except -1:
        """Read on, as far as the bytes and the handler allow."""
        self.delivering = True
        PyContext_Enter(self.context)
        try:
            self.advance()
            if self.client_terminated and self.busy is None and not self.over:
                self.finish()
        except (Exception, asyncio.CancelledError):
            self.report()
        finally:
            PyContext_Exit(self.context)
            self.delivering = False
        return self.choose_interest()

    cdef int advance(self) except -1:
        cdef Py_ssize_t begin = self._wire_bytes_in
        cdef Py_ssize_t frames = 0
        while not self.client_terminated:
            if self.waiting is not None and self.busy is None:
                opcode, message = self.waiting.popleft()
                self.waiting_size -= FRAME_COST + len(message)
                if not self.waiting:
                    self.waiting = None
                self.dispatch(opcode, message)
            elif self.ended or self.waiting_size > READ_AHEAD or not self.read_frame():
                break
            frames += 1
            if frames * FRAME_COST + self._wire_bytes_in - begin > TURN and not self.client_terminated:
                self.resting = True
                self.stream.home.host().call_soon(self._go_on)
                return 0
        if self.stream._closed and self.busy is None and self.waiting is None:
            self.client_terminated = self.server_terminated = True
        return 0

    cdef int choose_interest(self) except -1:
        cdef Stream stream = self.stream
        cdef bint pause = not self.lingering and (self.resting or self.waiting_size > READ_AHEAD)
        if stream.consumer is not self or stream.paused == pause:
            return 0
        return stream.pause() if pause else stream.resume()

    def _go_on(self, future=None):
        self.resting = False
        if future is not None:
            self.busy = None
        if self.delivering or self.over:
            return
        if self.stream.consumer is not self:
            self.run()
            return
        self.stream.corked = True
        try:
            self.run()
        finally:
            self.stream.end_event()

    # ------------------------------------------------------------------------------------------ reading

    cdef bint read_frame(self) except -1:
        """Whether there may be more to do."""
        cdef Stream stream = self.stream
        cdef int status
        if not self.in_frame:
            status = pf_ws_parse_head(
                stream.peek(), stream.unread(), 0 if self._decompressor is None else PF_WS_RSV1, &self.head
            )
            if status == PF_WS_AGAIN:
                return False
            if status < 0:
                return self.fail(1002, pf_ws_reason(status).decode())
            stream.take(status)
            self._wire_bytes_in += status
            if not self.begin_frame():
                return False
        if self.head.opcode & PF_WS_CONTROL:
            return self.read_control()
        return self.read_data()

    cdef bint begin_frame(self) except -1:
        cdef Py_ssize_t gathered = pf_buf_size(&self.message)
        if self.head.masked == self.mask_outgoing:
            return self.fail(1002, "masked frame from a server" if self.mask_outgoing else "frame without a mask")
        self.in_frame = True
        self.left = self.head.size
        if self.head.opcode & PF_WS_CONTROL:
            return True
        if (self.head.opcode == PF_WS_CONTINUATION) != (self.opcode != 0):
            return self.fail(1002, "continuation of no message" if self.opcode == 0 else "message within a message")
        if self.left > <uint64_t>max(0, self.max_message_size - gathered):
            return self.fail(1009, "message too big")
        if self.opcode == 0:
            self.opcode = self.head.opcode
            self.compressed = (self.head.first & PF_WS_RSV1) != 0
            memset(&self.utf8, 0, sizeof(self.utf8))
        return True

    cdef bint read_control(self) except -1:
        cdef Stream stream = self.stream
        cdef char *data = <char *>stream.peek()
        cdef Py_ssize_t size = self.left
        if stream.unread() < size:
            return False
        if self.head.masked:
            pf_mask(data, data, size, self.head.key, 0)
        payload = PyBytes_FromStringAndSize(data, size)
        stream.take(size)
        self._wire_bytes_in += size
        self.in_frame = False
        if self.head.opcode == PF_WS_CLOSE:
            self.ended = True
            self.hand_up(PF_WS_CLOSE, payload)
        else:
            future = self._handle_message(self.head.opcode, payload)
            if future is not None and self.busy is None:
                self.hold(future)
        return True

    cdef bint read_data(self) except -1:
        cdef Stream stream = self.stream
        cdef char *data = <char *>stream.peek()
        cdef Py_ssize_t size = min(self.left, <uint64_t>stream.unread())
        cdef bint complete = <uint64_t>size == self.left
        if size == 0 and not complete:
            return False
        if not complete or not self.head.first & PF_WS_FIN or pf_buf_size(&self.message):
            return self.gather(size)
        if self.head.masked:
            pf_mask(data, data, size, self.head.key, self.head.size - self.left)
        self.in_frame = False
        stream.take(size)       # the bytes stay where they are until the next receive
        self._wire_bytes_in += size
        return self.message_done(data, size)

    cdef bint gather(self, Py_ssize_t size) except -1:
        """Move `size` bytes of the payload to what is there of the message already."""
        cdef Stream stream = self.stream
        cdef char *target
        if pf_buf_reserve(&self.message, size) < 0:
            raise MemoryError
        target = self.message.base + self.message.end
        if self.head.masked:
            pf_mask(target, stream.peek(), size, self.head.key, self.head.size - self.left)
        else:
            memcpy(target, stream.peek(), size)
        self.message.end += size
        stream.take(size)
        self._wire_bytes_in += size
        self.left -= size
        if self.opcode == PF_WS_TEXT and not self.compressed and pf_utf8_check(&self.utf8, target, size) < 0:
            return self.fail(1007, "text that is no UTF-8")
        if self.left:
            return False
        self.in_frame = False
        if self.head.first & PF_WS_FIN:
            return self.message_done(pf_buf_data(&self.message), pf_buf_size(&self.message))
        return True

    cdef bint message_done(self, const char *data, Py_ssize_t size) except -1:
        cdef int opcode = self.opcode
        self.opcode = 0
        if self.compressed:
            plain = self.inflated(data, size)
            if plain == NULL:
                return False
            data, size = pf_buf_data(plain), pf_buf_size(plain)
        self._message_bytes_in += size
        if opcode == PF_WS_TEXT:
            try:
                message = PyUnicode_DecodeUTF8(data, size, NULL)
            except UnicodeDecodeError:
                return self.fail(1007, "text that is no UTF-8")
        else:
            message = PyBytes_FromStringAndSize(data, size)
        if self.message.base != NULL:
            pf_buf_free(&self.message)
        self.hand_up(opcode, message)
        return True

    cdef pf_buf *inflated(self, const char *data, Py_ssize_t size) except? NULL:
        """The message decompressed, or NULL if the connection has failed of that."""
        try:
            return self._decompressor.inflate(data, size)
        except _DecompressTooLargeError:
            self.fail(1009, "message too big after decompression")
        except DecompressError:
            self.fail(1007, "message that cannot be decompressed")
        return NULL

    # ------------------------------------------------------------------------------------------ handing up

    cdef int hand_up(self, int opcode, message) except -1:
        if self.busy is None and self.waiting is None:
            return self.dispatch(opcode, message)
        if self.waiting is None:
            self.waiting = collections.deque()
        self.waiting.append((opcode, message))
        self.waiting_size += FRAME_COST + len(message)
        return 0

    cdef int dispatch(self, int opcode, message) except -1:
        if self.hooked_in or opcode == PF_WS_CLOSE:
            return self.hold(self._handle_message(opcode, message.encode() if opcode == PF_WS_TEXT else message))
        return self.hold(self.call(self.handler.on_message, (message,)))

    cdef int hold(self, future) except -1:
        """Let the next message wait for `future`."""
        if future is not None:
            self.busy = future
            future.add_done_callback(self._go_on)
        return 0

    def _handle_message(self, int opcode, data):
        """Act on one message or control frame; return the Future that the next message has to wait for, or None."""
        if self.client_terminated:
            return None
        if opcode == PF_WS_TEXT:
            return self.call(self.handler.on_message, (data.decode(),))
        if opcode == PF_WS_BINARY:
            return self.call(self.handler.on_message, (data,))
        if opcode == PF_WS_CLOSE:
            return self.on_close_frame(data)
        if opcode == PF_WS_PING:
            self._send_pong(data)
            self.call(self.handler.on_ping, (data,))
            return None
        self._received_pong = True
        return self.call(self.handler.on_pong, (data,))

    def _run_callback(self, callback, *args, **kwargs):
        """Call what the user wrote; an exception is logged and ends the connection. Return its Future unless it is done."""
        if kwargs:
            raise TypeError("callbacks have no keyword arguments")
        return self.call(callback, args)

    cdef object call(self, callback, tuple arguments, context=None):
        """Do as `_run_callback`. context: given for `open` alone, which runs in it."""
        try:
            result = callback(*arguments)
            if result is None:
                return None
            future = future_of(result, context)
            if future.done():
                future.result()
                return None
        except (Exception, asyncio.CancelledError):
            self.unopened |= context is not None
            self.report()
            return None
        future.add_done_callback(self._check_result if context is None else self._check_open)
        return future

    def _check_result(self, future):
        try:
            future.result()
        except (Exception, asyncio.CancelledError):
            self.report()

    def _check_open(self, future):
        self.unopened = future.cancelled() or future.exception() is not None
        self._check_result(future)

    cdef int report(self) except -1:
        """Log the exception that is being handled, and give the connection up."""
        self.handler.log_exception(*sys.exc_info())
        self._abort()
        return 0

    # ------------------------------------------------------------------------------------------ the end

    cdef object on_close_frame(self, bytes data):
        cdef Py_ssize_t size = PyBytes_GET_SIZE(data)
        code = reason = None
        if size == 1:
            self.fail(1002, "half a close code")
            return None
        if size >= 2:
            code = int.from_bytes(data[:2], "big")
            if not pf_ws_close_code_is_valid(code):
                self.fail(1002, "invalid close code")
                return None
        if size > 2:
            try:
                reason = data[2:].decode()
            except UnicodeDecodeError:
                self.fail(1007, "close reason that is no UTF-8")
                return None
        self.client_terminated = True
        self.close_code = code
        self.close_reason = reason
        self.close(code)
        return None

    cdef bint fail(self, int code, reason) except -1:
        """Close because of what the peer did (RFC 6455 section 7.1.7); returns False."""
        cdef Stream stream = self.stream
        gen_log.debug("WebSocket closed with %d: %s", code, reason)
        pf_buf_free(&self.message)
        self.waiting = None
        self.waiting_size = 0
        if stream._closed:
            self.client_terminated = self.server_terminated = True
            return False
        self.close(code, reason)
        self.client_terminated = self.lingering = True
        stream.take(stream.unread())
        stream.flush()
        if stream.drained() and not stream._closed:
            stream._end_writing()
        return False

    def _close_stream(self):
        """Close when all that was written has left."""
        if self.stream._closed or self.stream.drained():
            self.stream.close()
        else:
            self.closing = True

    cdef int on_drained(self) except -1:
        if self.closing:
            self.stream.close()
        elif self.lingering:
            self.stream._end_writing()
        return 0

    cdef int on_closed(self) except -1:
        if self.delivering or self.resting or self.over:
            return 0
        return self.run()

    cdef int finish(self) except -1:
        self.over = True
        pf_buf_free(&self.message)
        self.waiting = None
        self._ended()
        if not self.unopened:
            self.handler.on_ws_connection_close(self.close_code, self.close_reason)
        return 0

    def is_closing(self) -> bool:
        """Whether either side has begun to close, or the stream is closed."""
        return self.client_terminated or self.server_terminated or self.stream is None or self.stream._closed

    # ------------------------------------------------------------------------------------------ writing

    @property
    def buffered_amount(self):
        """Bytes that were written and that the peer has not made room for yet."""
        return 0 if self.stream is None or self.stream.drained() else self.stream.pending._size

    def write_message(self, message, bint binary=False):
        """Send a message; return a Future that is done when all of it has left."""
        cdef unsigned first = PF_WS_FIN | (PF_WS_BINARY if binary else PF_WS_TEXT)
        cdef Py_ssize_t size = 0
        cdef const char *data
        if isinstance(message, dict):
            from pyframework.escape import json_encode

            message = json_encode(message)
        if isinstance(message, str):
            data = PyUnicode_AsUTF8AndSize(message, &size)
        elif isinstance(message, bytes):
            data, size = PyBytes_AS_STRING(message), PyBytes_GET_SIZE(message)
        else:
            raise TypeError(f"Expected bytes, unicode, or dict; got {type(message)!r}")
        self.check_room(size)       # before a compressor sees what might not be sent
        self._message_bytes_out += size
        if self._compressor is not None:
            compressed = self._compressor.deflate(data, size)
            data, size = pf_buf_data(compressed), pf_buf_size(compressed)
            message = None
            first |= PF_WS_RSV1
        if self.hooked_out:
            payload = PyBytes_FromStringAndSize(data, size)
            return self._write_frame(True, first & 0x0F, payload, flags=first & PF_WS_RSV1)
        self.put_frame(first, data, size, message)
        return self.sent()

    def _write_frame(self, bint fin, int opcode, bytes data, int flags=0):
        """Send one frame; return a Future that is done when all of it has left."""
        if opcode & PF_WS_CONTROL:
            if not fin:
                raise ValueError("control frames may not be fragmented")
            if PyBytes_GET_SIZE(data) > PF_WS_CONTROL_MAX:
                raise ValueError("control frame payloads may not exceed 125 bytes")
        cdef unsigned first = (PF_WS_FIN if fin else 0) | opcode | flags
        self.check_room(PyBytes_GET_SIZE(data))
        self.put_frame(first, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), data)
        return self.stream.written()

    def _write_prepared(self, bytes frame, bytes data, int opcode):
        """Send `data`, of which `frame` is the plain frame."""
        if self._compressor is not None or self.mask_outgoing or self.hooked_out:
            self.write_message(data, opcode == PF_WS_BINARY)
            return
        self.check_room(PyBytes_GET_SIZE(frame))
        self._message_bytes_out += PyBytes_GET_SIZE(data)
        self._wire_bytes_out += PyBytes_GET_SIZE(frame)
        self.stream.send_object(frame, True)
        if not self.stream.drained():
            self.stream.update_interest()

    cdef int check_room(self, Py_ssize_t size) except -1:
        cdef Stream stream = self.stream
        if stream is None or stream._closed:
            raise WebSocketClosedError()
        if stream.drained():
            return 0
        if stream.max_write_buffer_size is not None and size + stream.pending._size > stream.max_write_buffer_size:
            raise StreamBufferFullError("Reached maximum write buffer size")
        if stream.pending._size > self.max_unsent_size:
            gen_log.info("WebSocket closed: the peer does not read what it is sent")
            self._abort()
            raise WebSocketClosedError()
        return 0

    cdef int put_frame(self, unsigned first, const char *data, Py_ssize_t size, owner) except -1:
        """Send one frame. owner: the object that `data` belongs to, or None."""
        cdef Stream stream = self.stream
        cdef unsigned char key[4]
        cdef pf_buf *out
        if self.mask_outgoing:
            take_key(key)
        out = stream.stage()
        if pf_buf_reserve(out, PF_WS_HEAD_MAX + (size if size < COPIED else 0)) < 0:
            raise MemoryError
        begin = out.end
        out.end += pf_ws_put_head(out.base + out.end, first, size, key if self.mask_outgoing else NULL)
        self._wire_bytes_out += out.end - begin + size
        if size >= COPIED:
            if self.mask_outgoing:
                owner = PyBytes_FromStringAndSize(NULL, size)
                pf_mask(PyBytes_AS_STRING(owner), data, size, key, 0)
            elif not PyBytes_CheckExact(owner):
                owner = PyBytes_FromStringAndSize(data, size)
            stream.send_object(owner, True)
        else:
            if self.mask_outgoing:
                pf_mask(out.base + out.end, data, size, key, 0)
            else:
                memcpy(out.base + out.end, data, size)
            out.end += size
            stream.commit(True)
        return 0 if stream.drained() else stream.update_interest()

    cdef object sent(self):
        """A Future for the moment when all that was written has left, which knows this module's errors."""
        cdef Stream stream = self.stream
        if stream.drained() and not stream._closed:
            return stream.home.done()
        future = stream.new_future()
        stream.written().add_done_callback(lambda written: pass_on(written, future))
        return future

    def _send_pong(self, bytes data):
        """Answer a Ping; while the last answer is on its way, only the latest Ping is remembered (RFC 6455 section 5.5.3)."""
        if self.pong is not None and not self.pong.done():
            self.next_pong = data
            return
        self.next_pong = None
        if self.server_terminated:
            return
        try:
            future = self._write_frame(True, PF_WS_PONG, data)
        except (StreamBufferFullError, WebSocketClosedError):
            self._abort()
            return
        self.pong = None
        if not future.done():
            self.pong = future
            future.add_done_callback(self._pong_sent)

    def _pong_sent(self, future):
        data, self.next_pong = self.next_pong, None
        if data is not None and not future.cancelled() and future.exception() is None:
            self._send_pong(data)


def pass_on(written, future):
    """Give `future` the outcome of `written`."""
    if future.done():
        return
    if written.cancelled():
        future.cancel()
    elif written.exception() is None:
        future.set_result(None)
    else:
        future.set_exception(WebSocketClosedError())
        future.exception()      # whoever does not wait for it does not mind
