"""HTTP/1 connections (RFC 9112): bytes of a stream to messages of a delegate, and back.

Owns: where in a message the reader is, how the body that is read is framed, whether the connection is kept.
Must not know: routes, handlers, or anything else that gives a message its meaning.
Trick: everything happens inside the read event. A request whose answer does not wait is read, handed up, answered and
staged for sending before the next one is looked at, without a Future between.
"""
import asyncio
import logging
import re
import sys
import time

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.object cimport PyObject, PyObject_GenericSetAttr, PyTypeObject
from cpython.unicode cimport PyUnicode_DATA, PyUnicode_DecodeLatin1
from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport realloc
from libc.string cimport memchr, memcmp, memmove
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from pyframework._core.capi cimport (
    PF_HTTP1_AGAIN, PF_HTTP1_BAD_CONTENT_LENGTH, PF_HTTP1_BAD_HOST, PF_HTTP1_BAD_TRANSFER_CODING, PF_HTTP1_BAD_VERSION,
    PF_HTTP1_CHUNKED, PF_HTTP1_CLOSE, PF_HTTP1_EXPECT_CONTINUE, PF_HTTP1_FIELDS_FULL, PF_HTTP1_KEEP_ALIVE,
    PF_HTTP1_MANY_CONTENT_LENGTHS, PF_HTTP1_REPEATED_LENGTH,
    pf_chunked_decode, pf_chunked_init, pf_chunked_reason, pf_field,
    pf_http1_head, pf_http1_head_end, pf_http1_parse_request, pf_http1_parse_response, pf_http1_reason, pf_span,
)
from pyframework._core.headers cimport HeaderMap, new_headers
from pyframework._core.http1_writer cimport Writer, higher, put, put_bytes
from pyframework._core.instances cimport method_of, version_of
from pyframework._core.stream cimport Stream

from pyframework._core.stream import StreamClosedError, UnsatisfiableReadError

ctypedef object (*make_tuple)(PyObject *, tuple, PyObject *)

cdef enum:      # Connection.state
    HEAD, HEAD_DONE, FIXED, CHUNKED, UNTIL_CLOSE, COMPLETE

cdef enum:
    PIECE = 4194304         # bytes of a body of known length that are received in one piece, if it is gathered
    CHUNKS = 256            # chunks of a body that are read in one turn of the loop
    SHOWN = 100             # characters of a bad value that a log line shows

_MAX_1XX_RESPONSES = 20     # that may stand before one answer

cdef object gen_log = logging.getLogger("tornado.general")
cdef object app_log = logging.getLogger("tornado.application")
cdef tuple METHODS = ("GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS")
cdef str HTTP_1_1 = sys.intern("HTTP/1.1")
cdef str HTTP_1_0 = sys.intern("HTTP/1.0")

# Where the fields of the head that is being parsed lie; every HeaderMap takes a copy.
cdef pf_field *fields = NULL
cdef uint32_t capacity = 0

cdef PyObject *RequestStartLine = NULL
cdef PyObject *ResponseStartLine = NULL


cdef int look_up_lines() except -1:
    global RequestStartLine, ResponseStartLine
    if RequestStartLine == NULL:
        request, response = higher().RequestStartLine, higher().ResponseStartLine
        RequestStartLine, ResponseStartLine = <PyObject *>request, <PyObject *>response
    return 0


cdef int more_fields() except -1:
    global fields, capacity
    cdef uint32_t wanted = capacity * 2 if capacity else 64
    cdef pf_field *grown = <pf_field *>realloc(fields, wanted * sizeof(pf_field))
    if grown == NULL:
        raise MemoryError
    fields = grown
    capacity = wanted
    return 0


cdef int parse(bytes head, bint response, pf_http1_head *parsed) except 1:
    """0, or the negative reason why `head` is none."""
    cdef int status
    if capacity == 0:
        more_fields()
    while True:
        if response:
            status = pf_http1_parse_response(PyBytes_AS_STRING(head), len(head), parsed, fields, capacity)
        else:
            status = pf_http1_parse_request(PyBytes_AS_STRING(head), len(head), parsed, fields, capacity)
        if status != PF_HTTP1_FIELDS_FULL:
            return status
        more_fields()


cdef str text(const char *base, pf_span span):
    return PyUnicode_DecodeLatin1(base + span.at, span.size, NULL)


cdef str method_name(const char *base, pf_span span):
    cdef str method
    for method in METHODS:
        if <uint32_t>len(method) == span.size and memcmp(base + span.at, PyUnicode_DATA(method), span.size) == 0:
            return method
    return text(base, span)


cdef object new_tuple(PyObject *cls, tuple values):
    """An instance of a named tuple, without the detour over its own __new__."""
    return (<make_tuple>(<PyTypeObject *>tuple).tp_new)(cls, (values,), NULL)


cdef str reason_of(int status, HeaderMap headers):
    """What is wrong with a head, for a log line."""
    cdef str reason = pf_http1_reason(status).decode()
    cdef str name = SUSPECTS.get(status)
    cdef str value = None if name is None else headers.lookup(name)
    if value is None:
        return reason
    colon = "" if status == PF_HTTP1_BAD_TRANSFER_CODING else ":"
    return f"{reason}{colon} {value[:SHOWN].encode('ascii', 'backslashreplace').decode()}"


cdef unsigned plain_version = 0


cdef bint is_plain(connection) except -1:
    """Whether a message may be written without a detour over methods that a class or an instance may replace."""
    global plain_version
    cdef unsigned version = version_of(type(connection))
    if not isinstance(connection, Connection) or (<Connection>connection).patched:
        return False
    if version == 0 or version != plain_version:
        for name in ("set_close_callback", "write_headers", "write", "finish"):
            if method_of(type(connection), name) != method_of(Connection, name):
                return False
        plain_version = version_of(type(connection))
    return True


cdef double now() noexcept nogil:
    cdef timespec moment
    clock_gettime(CLOCK_MONOTONIC, &moment)
    return moment.tv_sec + moment.tv_nsec * 1e-9


cdef object OTHER_VERSION = re.compile(rb"[^ ]+ [^ ]+ HTTP/[02-9]\.[0-9]\r?\n")
# Others, and then chunked: where that is not the last one, nobody can tell where the body ends.
cdef object UNKNOWN_CODINGS = re.compile(r"(?!.*\bchunked\b.*,)[^\s,].*,\s*chunked", re.IGNORECASE)


cdef int status_of(int wrong, bytes head, HeaderMap headers, bint strict) except -1:
    """The status that answers a head which is refused (RFC 9110 section 15)."""
    if wrong == PF_HTTP1_BAD_VERSION and OTHER_VERSION.match(head.lstrip(b"\r\n")):
        return 505
    if wrong == PF_HTTP1_BAD_TRANSFER_CODING and strict:
        return 501 if UNKNOWN_CODINGS.fullmatch(headers.lookup("Transfer-Encoding")) else 400
    return 400


cdef bytes refusal(int status, bint strict):
    """A whole answer without content. One of 400 is as bare as Tornado's, unless `strict`."""
    line = f"HTTP/1.1 {status} {higher().responses.get(status, 'Unknown')}\r\n"
    if status == 400 and not strict:
        return f"{line}\r\n".encode()
    date = higher().format_timestamp(time.time())
    return f"{line}Date: {date}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode()


def resolve(future):
    if not future.done():
        future.set_result(None)


cdef class Gatherer:
    """A delegate that can say whether it gathers the body: then it comes in pieces larger than `chunk_size`."""

    cdef bint gathers(self):
        return False


cdef class Connection(Writer):
    """Private base of HTTP1Connection: one message in, one message out."""

    def __init__(self, stream, is_client, params=None, context=None):
        self.open(stream, is_client, self._default_params() if params is None else params, context)

    cdef int open(self, Stream stream, bint is_client, Parameters params, context) except -1:
        limit = params.max_body_size
        timeout = params.body_timeout
        self.stream = stream
        self.is_client = is_client
        self.params = params
        self.min_data_rate = params.min_data_rate
        self.context = context
        self.no_keep_alive = params.no_keep_alive
        self._max_body_size = stream.max_buffer_size if limit is None else <Py_ssize_t>int(limit)
        self.body_timeout = -1 if timeout is None else timeout
        self._expected = -1
        return 0

    def __setattr__(self, name, value):
        self.patched = True
        PyObject_GenericSetAttr(self, name, value)

    # ------------------------------------------------------------------------------------------ reading

    def read_response(self, delegate):
        """Read one answer; for users' own clients.

        delegate: an HTTPMessageDelegate. Returns a Future: whether the connection can be used again. The Future raises
        UnsatisfiableReadError for a head that is longer than `max_header_size`.
        """
        cdef Stream stream = self.stream
        if stream is None:
            return self.closed_future()
        if self.params.decompress:
            delegate = self._decompressing(delegate)
        self.delegate = delegate
        self.state = HEAD
        self.scanned = self.gathered = 0
        self.informational = 0
        self.told = self.over = self._read_finished = False
        self.result = future = stream.new_future()
        if not stream._closed:
            stream.attach(self)
            if self.params.header_timeout is not None:
                stream.allow(self.params.header_timeout)
        self.advance()
        return future

    cdef int on_bytes(self) except -1:
        return self.advance()

    cdef int advance(self) except -1:
        """Read on, as far as the bytes and the delegate allow."""
        if self.delivering:
            return 0
        self.delivering = True
        try:
            while self.step():
                pass
        except (Exception, asyncio.CancelledError) as error:
            self.fail(error)
        finally:
            self.delivering = False
        return self.look_up() if self.server is None and self.stream is not None else 0

    cdef int look_up(self) except -1:
        """Of a connection that nobody serves, after reading: is there more to come?"""
        cdef Stream stream = self.stream
        if stream._closed and self.waiting is None:     # whatever is missing will not come any more
            if not self.told:
                self.fail_result(StreamClosedError(real_error=stream.error))
            return self.lose()
        return stream.update_interest()

    cdef bint step(self) except -1:
        """Whether there may be more to do."""
        if self.waiting is not None or self.stream is None or self.over:
            return False
        if not self.is_client and self.stream._closed:
            return False
        if self.state == HEAD:
            return self.read_head()
        if self.state == HEAD_DONE:
            return self.head_done()
        if self.state == FIXED:
            return self.read_fixed()
        if self.state == CHUNKED:
            return self.read_chunked()
        if self.state == UNTIL_CLOSE:
            return self.read_until_close()
        return False

    cdef bint awaits_head(self):
        return self.state == HEAD

    cdef bint read_head(self) except -1:
        cdef Stream stream = self.stream
        cdef const char *data = stream.peek()
        cdef Py_ssize_t size = stream.unread()
        cdef pf_http1_head head
        cdef HeaderMap headers
        cdef bytes raw
        cdef int status
        cdef int64_t end = PF_HTTP1_AGAIN if size == 0 else pf_http1_head_end(data, size, &self.scanned, self.is_client)
        if end > self.params.max_header_size or (end == PF_HTTP1_AGAIN and size > self.params.max_header_size):
            self.refuse_head(data, size)
            return False
        if end == PF_HTTP1_AGAIN:
            if size and self.server is not None:
                self.server.time_head()
            return False
        if end < 0:
            self.refuse(400, pf_http1_reason(<int>end).decode())
            return False
        look_up_lines()
        headers = new_headers()     # before `fields` are filled: no other thread may come between
        raw = PyBytes_FromStringAndSize(data, end)
        status = parse(raw, self.is_client, &head)
        if status == 0 or SUSPECTS.get(status) is not None:
            headers.fill(raw, fields, head.field_count)
        if head.flags & PF_HTTP1_REPEATED_LENGTH:
            headers["Content-Length"] = str(head.content_length)
        stream.take(end)
        self.scanned = 0
        if status < 0:
            self.refuse(status_of(status, raw, headers, self.params.strict_rfc), reason_of(status, headers))
            return False
        if head.field_count > self.params.max_header_count:
            self.refuse(431, f"more than {self.params.max_header_count} header fields")
            return False
        self.minor = head.minor
        self.flags = head.flags
        self.left = head.content_length
        self.status = head.status
        self.hand_up_head(&head, raw, headers)
        return True

    cdef int hand_up_head(self, pf_http1_head *head, bytes raw, HeaderMap headers) except -1:
        cdef const char *data = PyBytes_AS_STRING(raw)
        version = HTTP_1_1 if head.minor == 1 else HTTP_1_0 if head.minor == 0 else text(data, head.version)
        if self.is_client:
            start_line = new_tuple(ResponseStartLine, (version, head.status, text(data, head.reason)))
            self._response_start_line = start_line
        else:
            method = method_name(data, head.method)
            start_line = new_tuple(RequestStartLine, (method, text(data, head.target), version))
            self._request_start_line = start_line
            self._request_headers = headers
            self.head_request = method is METHODS[2]
        self._disconnect_on_finish = not self.keeps_alive(head)
        self.told = True
        self.state = HEAD_DONE
        return self.wait_for(self.delegate.headers_received(start_line, headers))

    cdef bint keeps_alive(self, pf_http1_head *head):
        if self.no_keep_alive or head.flags & PF_HTTP1_CLOSE:
            return False
        if head.minor == 1:
            return True
        if self.params.strict_rfc and head.flags & PF_HTTP1_CHUNKED:    # of 1.0: its framing cannot be trusted
            return False
        if head.content_length < 0 and not head.flags & PF_HTTP1_CHUNKED:
            if self.is_client or self._request_start_line[0] not in ("GET", "HEAD"):
                return False
        return (head.flags & PF_HTTP1_KEEP_ALIVE) != 0

    cdef bint head_done(self) except -1:
        """The delegate has seen the head and may have set limits: on to the body."""
        cdef Stream stream = self.stream
        if self.is_client and 100 <= self.status < 200:
            return self.skip_informational()
        self.choose_body()
        if self.state == COMPLETE:
            return False
        if self.flags & PF_HTTP1_EXPECT_CONTINUE and not self.is_client and self.minor == 1 and not self._write_finished:
            put(stream.stage(), b"HTTP/1.1 100 (Continue)\r\n\r\n", 27)
            stream.commit(False)
        if self.is_client:
            stream.allow(self.body_timeout)
        elif self.state == CHUNKED or self.left > stream.unread():
            self.time_body()
        return True

    cdef int time_body(self) except -1:
        """Give the rest of the body its time: until the deadline, and so long as enough of it comes."""
        self.timed = True
        self.deadline = -1 if self.body_timeout < 0 else now() + self.body_timeout
        return self.next_window()

    cdef int next_window(self) except -1:
        cdef double seconds = self.params.data_rate_window if self.min_data_rate > 0 else -1
        cdef double left = -1 if self.deadline < 0 else max(0.0, self.deadline - now())
        self.measured = self.consumed
        if left >= 0 and (seconds < 0 or left < seconds):
            seconds = left
        return self.stream.allow(seconds)

    cdef bint skip_informational(self) except -1:
        if self.left >= 0 or self.flags & PF_HTTP1_CHUNKED:
            raise higher().HTTPInputError(f"Response code {self.status} cannot have body")
        self.informational += 1
        if self.informational > _MAX_1XX_RESPONSES:
            raise higher().HTTPInputError(f"Too many 1xx responses ({_MAX_1XX_RESPONSES} are allowed)")
        self.state = HEAD
        return True

    cdef int choose_body(self) except -1:
        """How the body is framed (RFC 9112 section 6.3)."""
        cdef Stream stream = self.stream
        cdef bint is_chunked = (self.flags & PF_HTTP1_CHUNKED) != 0
        if self.is_client and (self.head_request or self.status == 304):
            return self.body_done()
        if self.is_client and self.status == 204:
            if self.left > 0 or is_chunked:
                raise higher().HTTPInputError("Response with code 204 should not have body")
            return self.body_done()
        if self.left > self._max_body_size:
            raise higher()._ContentTooLarge("Content-Length too long")
        self.received = self.consumed = 0
        if is_chunked:
            self.state = CHUNKED
            pf_chunked_init(&self.chunked)
        elif self.left > 0:
            self.state = FIXED
            self.in_pieces = (
                self.left > max(stream.unread(), self.params.chunk_size)
                and isinstance(self.delegate, Gatherer) and (<Gatherer>self.delegate).gathers()
            )
        elif self.left == 0 or not self.is_client:
            return self.body_done()
        else:
            self.state = UNTIL_CLOSE
        return 0

    cdef bint read_fixed(self) except -1:
        cdef Stream stream = self.stream
        cdef Py_ssize_t size = min(stream.unread(), self.left, self.params.chunk_size)
        if self.left == 0:
            self.body_done()
            return True
        if self.in_pieces:
            return self.read_piece()
        if size == 0:
            return False
        self.left -= size
        self.deliver(size, 0)
        return True

    cdef bint read_piece(self) except -1:
        """Let the stream fill a piece of the body, and hand it up when it is full."""
        cdef Stream stream = self.stream
        cdef Py_ssize_t size
        if stream.piece is None:
            self.received = 0
            stream.begin_piece(min(self.left, <int64_t>PIECE))
        size = stream.fill_piece() - self.received
        self.received += size
        self.consumed += size
        self.left -= size
        if stream.piece.room():
            return False
        piece = stream.end_piece()
        if not self._write_finished:        # else answered already: nobody wants it
            self.wait_for(self.delegate.data_received(piece))
        return True

    cdef bint read_chunked(self) except -1:
        """Join the data of chunks at the front of the window, and hand it up when there is no more or enough of it."""
        cdef Stream stream = self.stream
        cdef char *start = <char *>stream.peek()
        cdef Py_ssize_t size = stream.unread()
        cdef Py_ssize_t filled = self.gathered
        cdef Py_ssize_t at = filled
        cdef const char *data
        cdef size_t run
        cdef int64_t taken
        cdef int turn = 0
        if self.chunked.done and filled == 0:
            self.body_done()
            return False
        while filled < self.params.chunk_size and not self.chunked.done:
            if turn == CHUNKS:
                return self.next_turn(start, filled, at)
            turn += 1
            taken = min(size - at, self.params.chunk_size - filled)
            taken = pf_chunked_decode(&self.chunked, start + at, taken, &data, &run)
            if taken < 0:
                raise higher().HTTPInputError(pf_chunked_reason(<int>taken).decode())
            self.received += run
            if self.received > self._max_body_size:
                raise higher()._ContentTooLarge("chunked body too large")
            if run and start + filled != data:
                memmove(start + filled, data, run)
            filled += run
            at += taken
            if taken == 0 or at == size:
                break
        self.gathered = 0
        if filled:
            self.deliver(filled, at - filled)
        else:
            stream.take(at)
        return at > 0

    cdef bint next_turn(self, char *start, Py_ssize_t filled, Py_ssize_t at) except -1:
        """Keep the `filled` bytes of data that stand before `at`, and read on when the others have had their turn."""
        cdef Stream stream = self.stream
        memmove(start + at - filled, start, filled)
        stream.take(at - filled)
        self.gathered = filled
        future = stream.new_future()
        stream.home.host().call_soon(resolve, future)
        self.wait_for(future)
        return False

    cdef bint read_until_close(self) except -1:
        cdef Stream stream = self.stream
        cdef Py_ssize_t size = min(stream.unread(), self.params.chunk_size)
        if size == 0:
            if stream._closed and stream.error is None:
                self.body_done()
            return False
        self.received += size
        if self.received > self._max_body_size:
            raise higher().HTTPInputError("Body too long")
        self.deliver(size, 0)
        return True

    cdef int deliver(self, Py_ssize_t size, Py_ssize_t framing) except -1:
        """Hand `size` bytes up; `framing` more stand behind them and are dropped."""
        cdef Stream stream = self.stream
        self.consumed += size
        if self._write_finished and not self.is_client:     # answered already: nobody wants the rest
            return stream.take(size + framing)
        chunk = stream.cut(size)
        stream.take(framing)
        return self.wait_for(self.delegate.data_received(chunk))

    cdef int body_done(self) except -1:
        cdef Stream stream = self.stream
        self.state = COMPLETE
        self._read_finished = True
        if self.timed or self.is_client:
            self.timed = False
            stream.allow(-1)
        if self.is_client or not self._write_finished:
            self.delegate.finish()
            self.delegate = None
        return self.finish_reading(True) if self.is_client else self.settle()

    cdef int finish_reading(self, object result) except -1:
        """End `read_response`; of a client, once the request has been written too."""
        cdef Stream stream = self.stream
        if result and self.writing and stream is not None and not stream._closed:
            stream.paused = True        # `finish` comes back here, or the end of the connection does
            return stream.update_interest()
        self.over = True
        if stream is not None:
            if stream.consumer is self:
                stream.release()
            if self._disconnect_on_finish or not result:
                stream.close()
        future, self.result = self.result, None
        if future is not None and not future.done():
            future.set_result(result and self.stream is not None)
        return 0

    cdef int wait_for(self, object awaitable) except -1:
        """Read no further before what the delegate returned is done."""
        if awaitable is None:
            return 0
        future = asyncio.ensure_future(awaitable)
        if future.done():
            future.result()
            return 0
        self.waiting = future
        if self.stream is not None:
            self.stream.pause()
        future.add_done_callback(self._go_on)
        return 0

    def _go_on(self, future):
        """What the delegate returned is done."""
        error = asyncio.CancelledError() if future.cancelled() else future.exception()
        if self.waiting is not future:      # the message ended meanwhile
            if error is not None and not future.cancelled():
                app_log.error("Uncaught exception", exc_info=error)
            return
        self.waiting = None
        if error is not None:
            self.fail(error)
        elif self.server is not None:
            self.server._serve()
        else:
            self.stream.paused = self.stream.deaf = False
            self.advance()

    # ------------------------------------------------------------------------------------------ bad ends

    cdef int refuse(self, int status, object reason) except -1:
        """Answer a bad request, or drop a bad answer; then close."""
        gen_log.info("Malformed HTTP message from %s: %s", self.context, reason)
        return self.answer_and_close(status, None)

    cdef int refuse_head(self, const char *data, Py_ssize_t size) except -1:
        cdef Py_ssize_t start = 0
        cdef bint lines
        while start < size and (data[start] == c"\r" or data[start] == c"\n"):
            start += 1
        lines = memchr(data + start, c"\n", min(size - start, self.params.max_header_size)) != NULL
        error = UnsatisfiableReadError(f"the header section is longer than {self.params.max_header_size} bytes")
        gen_log.info("Unsatisfiable read, closing connection to %s: %s", self.context, error)
        self.fail_result(error)
        return self.answer_and_close(431 if lines else 414, error)

    cdef int fail_result(self, object error) except -1:
        """Raise `error` in who waits for an answer."""
        future, self.result = self.result, None
        if future is not None and not future.done():
            future.set_exception(error)
        return 0

    cdef int answer_and_close(self, int status, object error) except -1:
        cdef Stream stream = self.stream
        if self.is_client or stream is None or stream._closed or self._response_start_line is not None:
            return self.give_up(error)
        put_bytes(stream.stage(), refusal(status, self.params.strict_rfc))
        stream.flush()
        if self.server is None:
            return self.give_up(error)
        self.abandon()
        return self.server.linger()

    cdef int fail(self, object error) except -1:
        """The delegate raised `error`."""
        if isinstance(error, higher().HTTPInputError):
            return self.refuse(error._status if self.params.strict_rfc else 400, error)
        app_log.error("Uncaught exception", exc_info=error)
        return self.give_up(None)

    cdef int give_up(self, object error) except -1:
        """Close because of `error`; a delegate that has seen part of the message is told."""
        cdef Stream stream = self.stream
        if stream is not None:
            stream.close(error)
        return self.lose()

    cdef int lose(self) except -1:
        """The stream is closed and the message will not be completed."""
        if self.over:
            return 0
        self.abandon()
        return self.finish_reading(False)

    cdef int abandon(self) except -1:
        """Tell who has to know that the message will not be completed."""
        self.over = True
        self.waiting = None
        delegate, self.delegate = self.delegate, None
        callback, self._close_callback = self._close_callback, None
        try:
            if delegate is not None and self.told:
                delegate.on_connection_close()
            elif callback is not None:
                callback()
        except Exception:
            app_log.error("Uncaught exception", exc_info=True)
        return 0

    cdef int on_drained(self) except -1:
        return 0 if self.is_client else self.settle()

    cdef int on_closed(self) except -1:
        """The connection has ended, and nobody serves it."""
        return self.advance()

    cdef int on_time(self) except -1:
        cdef bint late = not self.timed or (self.deadline >= 0 and now() >= self.deadline)
        if self.is_client:
            if self.state != HEAD:
                gen_log.info("Timeout reading body from %s", self.context)
            return self.give_up(None)
        if not late and (self.waiting is not None or self.has_progress()):
            return self.next_window()
        gen_log.info("Timeout reading %s from %s", "body" if self.timed else "head", self.context)
        if self.timed and not self.params.strict_rfc:
            return self.give_up(None)
        return self.answer_and_close(408, None)

    cdef bint has_progress(self):
        return self.consumed - self.measured >= self.min_data_rate * self.params.data_rate_window

    def finish(self) -> None:
        """The message that was written is complete. Raises HTTPOutputError if Content-Length promised more."""
        self.put_end()

    cdef int put_end(self) except -1:
        cdef Stream stream = self.stream
        cdef bint open = stream is not None and not stream._closed
        if self._write_finished:
            return 0
        if self._expected > 0 and open:
            missing = self._expected
            stream.close()
            raise higher().HTTPOutputError(f"Tried to write {missing} bytes less than Content-Length")
        if open and not self.is_client and self._response_start_line is None:
            stream.close()      # nothing was written: whatever comes next would be taken for this answer
        if self._chunking_output and open:
            put(stream.stage(), b"0\r\n\r\n", 5)
            stream.commit(True)
        self._write_finished = True
        if not self.is_client:
            self.settle()
        elif self.writing:
            self.writing = False
            if self._read_finished and not self.over:
                self.finish_reading(True)
        return 0

    cdef int settle(self) except -1:
        """Of a server: once the answer has left, go on to the next message or close."""
        cdef Stream stream = self.stream
        if not self._write_finished or self.over or stream is None:
            return 0
        if not self._read_finished:
            self._disconnect_on_finish = True       # not to read the rest is all that is left to do about it
        elif not stream.drained():                  # on_drained comes back here
            if self.server is not None:
                self.server.choose_interest(self)
            return stream.update_interest()
        if self._disconnect_on_finish:
            stream.flush()
            if self.over or not stream._closed and not stream.drained():
                return 0
        return self.end()

    cdef int end(self) except -1:
        """Both messages are done with."""
        cdef Stream stream = self.stream
        self.over = True
        self.waiting = None
        delegate, self.delegate = self.delegate, None
        self._close_callback = None
        if self.told and not self._read_finished:   # it waits for more of a request that is answered already
            stream.home.host().call_soon(delegate.on_connection_close)
        if self.server is None:
            return self.finish_reading(True)
        if self._disconnect_on_finish:
            if self._read_finished and stream.unread() == 0 and not self.server.draining:
                stream.close()
            else:
                self.server.linger()
        return self.server.message_over(self)

    # ------------------------------------------------------------------------------------------ for the user

    def set_close_callback(self, callback) -> None:
        """Call `callback` when the peer goes away while the answer is awaited."""
        self._close_callback = callback

    def close(self) -> None:
        """Close the connection at once."""
        self._close_callback = None
        if self.stream is not None:
            self.stream.close()

    def detach(self):
        """Take the stream, unread bytes included, out of the hands of HTTP."""
        cdef Stream stream = self.stream
        self.stream = self.waiting = None
        self.over = True
        self.delegate = self._close_callback = None
        self._request_start_line = self._response_start_line = self._request_headers = None
        if stream is not None and stream.consumer is not None:
            stream.take(self.gathered)
            stream.release()
            if self.server is not None:
                self.server.stop()
        if self.result is not None and not self.result.done():
            self.result.set_result(False)
        return stream

    def set_body_timeout(self, timeout) -> None:
        """Seconds that the body of this message may take."""
        self.body_timeout = -1 if timeout is None else timeout

    def set_max_body_size(self, max_body_size: int) -> None:
        """Bytes that the body of this message may have."""
        self._max_body_size = int(max_body_size)


# The field that is to blame for a reason why a head is refused.
cdef dict SUSPECTS = {
    PF_HTTP1_BAD_CONTENT_LENGTH: "Content-Length",
    PF_HTTP1_MANY_CONTENT_LENGTHS: "Content-Length",
    PF_HTTP1_BAD_TRANSFER_CODING: "Transfer-Encoding",
    PF_HTTP1_BAD_HOST: "Host",
}
