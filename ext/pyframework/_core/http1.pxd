"""The second floor: messages in and out of one stream.

A `ServerConnection` serves a stream from accept to close; for each request it makes a `Connection`, which reads that
one message, pushes it to a delegate and writes the answer. A client uses a `Connection` alone.
"""
from libc.stdint cimport int64_t

from pyframework._core.capi cimport pf_buf, pf_chunked, pf_http1_head
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


cdef class Gatherer:
    cdef bint gathers(self)                     # this delegate keeps the body until all of it is there


cdef class Connection(Consumer):
    cdef public Stream stream                   # None after detach()
    cdef readonly bint is_client
    cdef public Parameters params
    cdef public object context
    cdef public bint no_keep_alive
    cdef ServerConnection server                # None for a client
    cdef object __weakref__
    # the message that is read
    cdef int state
    cdef object delegate
    cdef object waiting                         # the delegate's Future that reading waits for
    cdef size_t scanned                         # bytes of the head that hold no end of it
    cdef int minor                              # HTTP/1.minor
    cdef int status                             # of an answer
    cdef unsigned flags                         # of the head that was read last
    cdef bint head_request
    cdef int64_t left                           # bytes of the body still to come
    cdef int64_t received                       # bytes of the body so far; where its length is known, of the piece
    cdef bint in_pieces                         # the rest of the body goes into pieces of the stream
    cdef Py_ssize_t gathered                    # bytes of chunks that stand joined at the front of the window
    cdef pf_chunked chunked
    cdef int informational                      # 1xx answers so far
    cdef readonly Py_ssize_t _max_body_size
    cdef double body_timeout                    # seconds, or -1
    cdef bint timed                             # the body is being read against time
    cdef double deadline                        # for that: the end of the body's time, or -1
    cdef public double min_data_rate            # bytes of the body a second
    cdef int64_t consumed                       # bytes of the body that went up
    cdef int64_t measured                       # as many as that when the rate was last looked at
    cdef object result                          # the Future of read_response
    cdef bint delivering                        # inside `advance`
    cdef public object _request_start_line
    cdef public object _request_headers
    cdef public object _response_start_line
    cdef readonly bint _read_finished
    # the message that is written
    cdef bint writing                           # a client's request is begun and not complete
    cdef public bint _write_finished
    cdef public bint _disconnect_on_finish
    cdef public bint _chunking_output
    cdef int64_t _expected                      # bytes of the body still to be written, or -1: nobody said
    cdef object _close_callback
    cdef bint told                              # the delegate has seen the head
    cdef bint says_connection                   # the handler set the Connection field itself
    cdef bint patched                           # this one instance replaces a method
    cdef bint over                              # nothing is left to be done for this message

    cdef int open(self, Stream stream, bint is_client, Parameters params, context) except -1
    cdef bint keeps_alive(self, pf_http1_head *head)
    cdef object closed_future(self)
    cdef int advance(self) except -1
    cdef int look_up(self) except -1
    cdef bint step(self) except -1
    cdef bint read_head(self) except -1
    cdef int hand_up_head(self, pf_http1_head *head, bytes raw, HeaderMap headers) except -1
    cdef bint head_done(self) except -1
    cdef bint skip_informational(self) except -1
    cdef int time_body(self) except -1
    cdef int next_window(self) except -1
    cdef bint has_progress(self)
    cdef int choose_body(self) except -1
    cdef bint read_fixed(self) except -1
    cdef bint read_piece(self) except -1
    cdef bint read_chunked(self) except -1
    cdef bint next_turn(self, char *start, Py_ssize_t filled, Py_ssize_t at) except -1
    cdef bint read_until_close(self) except -1
    cdef int deliver(self, Py_ssize_t size, Py_ssize_t framing) except -1
    cdef int body_done(self) except -1
    cdef int wait_for(self, object awaitable) except -1
    cdef int refuse(self, int status, object reason) except -1
    cdef int refuse_head(self, const char *data, Py_ssize_t size) except -1
    cdef int answer_and_close(self, int status, object error) except -1
    cdef int fail(self, object error) except -1
    cdef int give_up(self, object error) except -1
    cdef int lose(self) except -1
    cdef int abandon(self) except -1
    cdef int finish_reading(self, object result) except -1
    cdef int fail_result(self, object error) except -1
    cdef int may_write(self) except -1
    cdef object put_head(self, start_line, headers, chunk)
    cdef object put_body(self, chunk)
    cdef int put_end(self) except -1
    cdef int choose_framing(self, start_line, HeaderMap fields) except -1
    cdef int choose_connection(self, HeaderMap fields) except -1
    cdef int write_start(self, start_line, pf_buf *out) except -1
    cdef int write_chunk(self, object chunk, bint complete) except -1
    cdef int count_written(self, Py_ssize_t size) except -1
    cdef int settle(self) except -1
    cdef int end(self) except -1


cdef class ServerConnection(Consumer):
    cdef public Stream stream
    cdef public Parameters params
    cdef public object context
    cdef object delegate                        # HTTPServerConnectionDelegate
    cdef Connection current                     # the message under way
    cdef bint serving                           # inside `on_bytes`
    cdef bint head_timed                        # part of a head is there, the others have `head_timeout`
    cdef bint lingering                         # all is said; what still comes is dropped
    cdef bint draining                          # the server shuts down
    cdef double quiet                           # seconds to wait for a request then
    cdef Py_ssize_t taken                       # bytes that a slow peer had taken when its rate was last looked at
    cdef object closed                          # a Future for close()
    cdef object __weakref__
    cdef int wait_for_request(self) except -1
    cdef int time_head(self) except -1
    cdef int linger(self) except -1
    cdef int on_slow_reader(self) except -1
    cdef int choose_interest(self, Connection connection) except -1
    cdef int begin(self) except -1
    cdef int message_over(self, Connection connection) except -1
    cdef int stop(self) except -1


cdef bint is_plain(connection) except -1
