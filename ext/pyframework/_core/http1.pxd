"""The second floor: messages in and out of one stream.

A `ServerConnection` (http1_server) serves a stream from accept to close; for each request it makes a `Connection`, which
reads that one message, pushes it to a delegate and writes the answer, which is its `Writer` half (http1_writer). A client
uses a `Connection` alone.
"""
from libc.stdint cimport int64_t

from pyframework._core.capi cimport pf_chunked, pf_http1_head
from pyframework._core.headers cimport HeaderMap
from pyframework._core.http1_writer cimport Parameters, Writer
from pyframework._core.stream cimport Stream


cdef class Gatherer:
    cdef bint gathers(self)                     # this delegate keeps the body until all of it is there


cdef class Connection(Writer):
    cdef public bint no_keep_alive
    cdef object __weakref__
    # the message that is read
    cdef int state
    cdef object delegate
    cdef object waiting                         # the delegate's Future that reading waits for
    cdef size_t scanned                         # bytes of the head that hold no end of it
    cdef int status                             # of an answer
    cdef unsigned flags                         # of the head that was read last
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
    cdef public object _request_headers
    cdef readonly bint _read_finished
    cdef object _close_callback
    cdef bint told                              # the delegate has seen the head
    cdef bint patched                           # this one instance replaces a method
    cdef bint over                              # nothing is left to be done for this message

    cdef int open(self, Stream stream, bint is_client, Parameters params, context) except -1
    cdef bint keeps_alive(self, pf_http1_head *head)
    cdef int advance(self) except -1
    cdef int look_up(self) except -1
    cdef bint step(self) except -1
    cdef bint awaits_head(self)
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
    cdef int put_end(self) except -1
    cdef int settle(self) except -1
    cdef int end(self) except -1


cdef bint is_plain(connection) except -1
