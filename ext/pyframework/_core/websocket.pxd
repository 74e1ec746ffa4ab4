"""The second floor of WebSockets (RFC 6455): messages in and out of one stream that HTTP has given up."""
from libc.stdint cimport uint64_t

from pyframework._core.capi cimport pf_buf, pf_utf8, pf_ws_head
from pyframework._core.deflate cimport Compressor, Decompressor
from pyframework._core.stream cimport Consumer, Stream


cdef class FrameConnection(Consumer):
    cdef public Stream stream                   # None before the handshake
    cdef public object handler                  # a WebSocketHandler or a WebSocketClientConnection
    cdef public object params
    cdef public bint mask_outgoing              # of a client
    cdef public bint client_terminated          # the peer has said Close, or is not listened to any more
    cdef public bint server_terminated          # we have
    cdef public object close_code               # what the peer's Close says
    cdef public object close_reason
    cdef public Compressor _compressor          # None unless permessage-deflate was agreed
    cdef public Decompressor _decompressor
    cdef public bint _received_pong
    cdef public Py_ssize_t _message_bytes_in
    cdef public Py_ssize_t _message_bytes_out
    cdef public Py_ssize_t _wire_bytes_in
    cdef public Py_ssize_t _wire_bytes_out
    # what the Python class keeps: here it costs an idle connection no dict
    cdef public object _selected_subprotocol
    cdef public object _ping_task
    cdef public object _closing_timer
    cdef public object _upgraded                # the server's set of connections like this, or None
    cdef public object _topics                  # list of those subscribed to, or None
    cdef object context                         # the contextvars.Context that all callbacks run in
    cdef Py_ssize_t max_message_size
    cdef Py_ssize_t max_unsent_size
    cdef bint hooked_in                         # `_handle_message` is not ours
    cdef bint hooked_out                        # `_write_frame` is not ours
    # the frame and the message that are read
    cdef pf_ws_head head
    cdef bint in_frame
    cdef uint64_t left                          # bytes of the payload still to come
    cdef int opcode                             # of the message; 0: none is begun
    cdef bint compressed
    cdef pf_utf8 utf8
    cdef pf_buf message                         # what is there of it
    # taking turns
    cdef bint delivering                        # inside `run`
    cdef bint resting                           # the loop's other work has its turn
    cdef object busy                            # the Future of the callback that the next message waits for
    cdef object waiting                         # deque of (opcode, message) behind it, or None
    cdef Py_ssize_t waiting_size
    cdef bint ended                             # Close is among them: nothing behind it is read
    cdef bint lingering                         # all is said; what still comes is dropped
    cdef bint closing                           # the stream is closed when all has left
    cdef bint over                              # the handler knows that this is the end
    cdef bint unopened                          # `open` has failed: the handler is not told of the end
    cdef object pong                            # the Future of a Pong that has not left yet
    cdef object next_pong                       # the payload of the one that follows it, or None

    cdef int run(self) except -1
    cdef int advance(self) except -1
    cdef int choose_interest(self) except -1
    cdef bint read_frame(self) except -1
    cdef bint begin_frame(self) except -1
    cdef bint read_control(self) except -1
    cdef bint read_data(self) except -1
    cdef bint gather(self, Py_ssize_t size) except -1
    cdef bint message_done(self, const char *data, Py_ssize_t size) except -1
    cdef pf_buf *inflated(self, const char *data, Py_ssize_t size) except? NULL
    cdef int hand_up(self, int opcode, message) except -1
    cdef int dispatch(self, int opcode, message) except -1
    cdef int hold(self, future) except -1
    cdef object call(self, callback, tuple arguments, context=*)
    cdef int report(self) except -1
    cdef bint fail(self, int code, reason) except -1
    cdef object on_close_frame(self, bytes data)
    cdef int finish(self) except -1
    cdef int put_frame(self, unsigned first, const char *data, Py_ssize_t size, owner) except -1
    cdef int check_room(self, Py_ssize_t size) except -1
    cdef object sent(self)
