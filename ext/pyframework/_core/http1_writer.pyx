"""Writer: the writing half of an HTTP/1 connection (RFC 9112), from a start line, fields and pieces of a body to bytes.

Owns: how the body that is written is framed, and how much of it is still promised.
Must not know: the message that is read.
"""
import asyncio
import logging

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_GET_ITEM
from libc.stdint cimport int64_t

from pyframework._core.capi cimport pf_buf, pf_buf_append
from pyframework._core.headers cimport HeaderMap
from pyframework._core.stream cimport Consumer, Stream

from pyframework._core.stream import StreamBufferFullError, StreamClosedError

cdef int64_t LONGEST = 10 ** 17     # a Content-Length that may get another digit
cdef object gen_log = logging.getLogger("tornado.general")
cdef object httputil = None         # stands above this module: it is imported with the first message


cdef object higher():
    global httputil
    if httputil is None:
        from pyframework import httputil as module

        httputil = module
    return httputil


cdef int put(pf_buf *out, const char *data, size_t size) except -1:
    if pf_buf_append(out, data, size) < 0:
        raise MemoryError
    return 0


cdef int put_bytes(pf_buf *out, bytes data) except -1:
    return put(out, PyBytes_AS_STRING(data), len(data))


cdef int64_t content_length(str value) except? -1:
    """The number that a Content-Length of our own side says; -1 for None."""
    cdef int64_t length = 0
    cdef Py_UCS4 digit
    if value is None:
        return -1
    for digit in value:
        if not 48 <= digit <= 57 or length > LONGEST:
            raise ValueError(f"Content-Length must be a number, not {value!r}")
        length = length * 10 + <int64_t>digit - 48
    if not value:
        raise ValueError("Content-Length must be a number, not empty")
    return length


cdef Py_ssize_t size_of(object data) except -1:
    return PyBytes_GET_SIZE(data) if PyBytes_CheckExact(data) else memoryview(data).nbytes


cdef object part(line, Py_ssize_t place):
    """line[place] of a start line."""
    return <object>PyTuple_GET_ITEM(line, place) if isinstance(line, tuple) else line[place]


cdef int put_chunk_size(pf_buf *out, size_t size) except -1:
    """The line before a chunk (RFC 9112 section 7.1)."""
    cdef char line[18]
    cdef int at = 16
    line[16] = c"\r"
    line[17] = c"\n"
    while size or at == 16:
        at -= 1
        line[at] = b"0123456789abcdef"[size & 15]
        size >>= 4
    return put(out, line + at, 18 - at)


cdef class Parameters:
    """Private base of HTTP1ConnectionParameters."""


cdef class Server(Consumer):
    """Who serves the messages of a stream one after another; see http1_server.pyx."""

    cdef int time_head(self) except -1:
        raise NotImplementedError

    cdef int linger(self) except -1:
        raise NotImplementedError

    cdef int choose_interest(self, Writer connection) except -1:
        raise NotImplementedError

    cdef int message_over(self, Writer connection) except -1:
        raise NotImplementedError

    cdef int stop(self) except -1:
        raise NotImplementedError


cdef class Writer(Consumer):
    def write_headers(self, start_line, headers, chunk=None):
        """Write the start line, the fields and, if it is there already, the first of the body.

        Returns a Future for the moment when all of it has been sent. Raises ValueError for fields with characters that
        none may have, and another head may be written then; HTTPOutputError for more body than Content-Length says.
        """
        return self.put_head(start_line, headers, chunk)

    cdef object put_head(self, start_line, headers, chunk):
        cdef Stream stream = self.stream
        cdef HeaderMap fields = headers if isinstance(headers, HeaderMap) else higher().HTTPHeaders(headers)
        cdef pf_buf *out
        cdef size_t start
        self.may_write()
        if stream is None or stream._closed:
            return self.closed_future()
        self.choose_framing(start_line, fields)
        if chunk:
            self.count_written(size_of(chunk))
        out = stream.stage()
        start = out.end
        try:
            self.write_start(start_line, out)
            fields.write_to(out)
            if self._chunking_output and fields.lookup("Transfer-Encoding") is None:
                put(out, b"Transfer-Encoding: chunked\r\n", 28)
            put(out, b"\r\n", 2)
        except BaseException:
            out.end = start
            self._response_start_line = None
            self._chunking_output = False
            self._expected = -1
            raise
        if chunk:
            self.write_chunk(chunk, True)
        else:
            stream.commit(self._expected == 0)
        return stream.written()

    cdef int may_write(self) except -1:
        if self._write_finished and not self.is_client:
            raise higher().HTTPOutputError("the answer is complete: nothing can be written after finish()")
        return 0

    cdef int choose_framing(self, start_line, HeaderMap fields) except -1:
        """How the body that will be written is framed (RFC 9112 section 6)."""
        cdef int64_t length = content_length(fields.lookup("Content-Length"))
        if self.is_client:
            self._request_start_line = start_line
            self.head_request = start_line[0] == "HEAD"
            self.writing = True
            self._write_finished = False
            self._expected = length
            self._chunking_output = start_line[0] in ("POST", "PUT", "PATCH") and length < 0
            return self.choose_coding(fields)
        code = part(start_line, 1)
        self._response_start_line = start_line
        self.choose_connection(fields)
        bodiless = code == 204 or code == 304 or 100 <= code < 200
        self._chunking_output = length < 0 and self.minor == 1 and not bodiless and not self.head_request
        self._expected = 0 if bodiless or self.head_request else length
        return self.choose_coding(fields)

    cdef int choose_coding(self, HeaderMap fields) except -1:
        """A field that was copied from elsewhere must not contradict the body that follows."""
        if self._chunking_output and fields.lookup("Transfer-Encoding") not in (None, "chunked"):
            fields["Transfer-Encoding"] = "chunked"
        return 0

    cdef int choose_connection(self, HeaderMap fields) except -1:
        cdef str options = fields.lookup("Connection")
        self.says_connection = options is not None
        if self.server is not None and self.server.draining and self.stream.unread() == 0:
            self._disconnect_on_finish = True
        if options is None:
            return 0
        if "close" in [option.strip() for option in options.lower().split(",")]:
            self._disconnect_on_finish = True
        elif self._disconnect_on_finish:
            fields["Connection"] = "close"
        return 0

    cdef int write_start(self, start_line, pf_buf *out) except -1:
        cdef bytes line
        if self.is_client:
            line = f"{start_line[0]} {start_line[1]} HTTP/1.1".encode()
        elif part(start_line, 1) == 200 and part(start_line, 2) == "OK":
            line = b"HTTP/1.1 200 OK"
        else:
            line = f"HTTP/1.1 {start_line[1]} {start_line[2]}".encode()
        if b"\n" in line or b"\r" in line:
            raise ValueError(f"Illegal characters (CR or LF) in start line: {line!r}")
        put_bytes(out, line)
        put(out, b"\r\n", 2)
        if self.is_client or self.says_connection:
            return 0
        if self.minor == 0 and not self._disconnect_on_finish:
            put(out, b"Connection: Keep-Alive\r\n", 24)
        elif self.minor == 1 and self._disconnect_on_finish:
            put(out, b"Connection: close\r\n", 19)
        return 0

    def write(self, chunk):
        """Write more of the body. Returns a Future for the moment when it has been sent."""
        return self.put_body(chunk)

    cdef object put_body(self, chunk):
        cdef Stream stream = self.stream
        cdef Py_ssize_t size = size_of(chunk)
        self.may_write()
        if stream is None or stream._closed:
            return self.closed_future()
        if not stream.drained() and stream.pending.holds_more_than(self.params.max_unsent_size):
            gen_log.info("%s reads too slowly: more than %d bytes wait", self.context, self.params.max_unsent_size)
            stream.close(StreamBufferFullError("more bytes wait to be sent than max_unsent_size"))
            return self.closed_future()
        if size:
            self.count_written(size)
            self.write_chunk(chunk, False)
        return stream.written()

    def _more_follows(self):
        """What is written next may wait for what comes behind it, at once."""
        if self.stream is not None:
            (<Stream>self.stream).begun = True

    def write_file(self, int fd, Py_ssize_t offset, Py_ssize_t count):
        """Write part of a regular file as more of the body; see `Stream.write_file`."""
        cdef Stream stream = self.stream
        self.may_write()
        if stream is None or stream._closed:
            return self.closed_future()
        self.count_written(count)
        if self._chunking_output and count:
            put_chunk_size(stream.stage(), count)
        sent = stream.write_file(fd, offset, count)
        if self._chunking_output and count and not stream._closed:
            put(stream.stage(), b"\r\n", 2)
            stream.commit(False)
            sent = stream.written()
        return sent

    cdef int write_chunk(self, object chunk, bint complete) except -1:
        """Send `chunk`, which is not empty: in chunked coding that would be the end."""
        cdef Stream stream = self.stream
        if not self._chunking_output:
            return stream.send_object(chunk, complete and self._expected == 0)
        put_chunk_size(stream.stage(), size_of(chunk))
        stream.put_object(chunk)
        put(stream.stage(), b"\r\n", 2)
        return stream.commit(False)

    cdef int count_written(self, Py_ssize_t size) except -1:
        if self._expected < 0:
            return 0
        if size > self._expected:
            self.stream.close()
            raise higher().HTTPOutputError("Tried to write more data than Content-Length")
        self._expected -= size
        return 0

    cdef object closed_future(self):
        cdef Stream stream = self.stream
        future = asyncio.get_running_loop().create_future() if stream is None else stream.new_future()
        future.set_exception(StreamClosedError(real_error=None if stream is None else stream.error))
        future.exception()
        return future
