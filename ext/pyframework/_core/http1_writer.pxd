"""The writing half of the second floor; and who serves the messages of a stream, as far as a message knows it."""
from libc.stdint cimport int64_t

from pyframework._core.capi cimport pf_buf
from pyframework._core.headers cimport HeaderMap
from pyframework._core.stream cimport Consumer, Stream


cdef class Parameters:
    cdef public bint no_keep_alive
    cdef public Py_ssize_t chunk_size           # bytes given to data_received at a time, at most
    cdef public Py_ssize_t max_header_size
    cdef public object header_timeout           # seconds, or None
    cdef public object max_body_size            # bytes, or None: what the stream may buffer
    cdef public object body_timeout             # seconds, or None
    cdef public bint decompress
    # of a server
    cdef public bint strict_rfc                 # where Tornado and the RFCs differ, do as the RFCs say
    cdef public Py_ssize_t max_header_count
    cdef public object head_timeout             # seconds from its first byte to its end, or None
    cdef public double min_data_rate            # bytes a second, of bodies and of answers; 0: any
    cdef public double data_rate_window         # seconds over which that is measured
    cdef public Py_ssize_t max_unsent_size      # bytes that may wait to be sent when more is written
    cdef public double linger_timeout           # seconds to read and drop behind the last answer


cdef class Server(Consumer):
    cdef bint draining                          # the server shuts down
    cdef int time_head(self) except -1
    cdef int linger(self) except -1
    cdef int choose_interest(self, Writer connection) except -1
    cdef int message_over(self, Writer connection) except -1
    cdef int stop(self) except -1


cdef class Writer(Consumer):
    cdef public Stream stream                   # None after detach()
    cdef readonly bint is_client
    cdef public Parameters params
    cdef public object context
    cdef Server server                          # None for a client
    cdef int minor                              # HTTP/1.minor
    cdef bint head_request
    cdef public object _request_start_line
    cdef public object _response_start_line
    cdef bint writing                           # a client's request is begun and not complete
    cdef public bint _write_finished
    cdef public bint _disconnect_on_finish
    cdef public bint _chunking_output
    cdef int64_t _expected                      # bytes of the body still to be written, or -1: nobody said
    cdef bint says_connection                   # the handler set the Connection field itself

    cdef object closed_future(self)
    cdef int may_write(self) except -1
    cdef object put_head(self, start_line, headers, chunk)
    cdef object put_body(self, chunk)
    cdef int choose_framing(self, start_line, HeaderMap fields) except -1
    cdef int choose_coding(self, HeaderMap fields) except -1
    cdef int choose_connection(self, HeaderMap fields) except -1
    cdef int write_start(self, start_line, pf_buf *out) except -1
    cdef int write_chunk(self, object chunk, bint complete) except -1
    cdef int count_written(self, Py_ssize_t size) except -1


cdef object higher()
cdef int put(pf_buf *out, const char *data, size_t size) except -1
cdef int put_bytes(pf_buf *out, bytes data) except -1
