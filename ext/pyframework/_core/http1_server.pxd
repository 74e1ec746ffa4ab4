"""The messages of one stream of a server, from accept to close."""
from pyframework._core.http1 cimport Connection
from pyframework._core.http1_writer cimport Parameters, Server
from pyframework._core.stream cimport Stream


cdef class ServerConnection(Server):
    cdef public Stream stream
    cdef public Parameters params
    cdef public object context
    cdef object delegate                        # HTTPServerConnectionDelegate
    cdef Connection current                     # the message under way
    cdef bint serving                           # inside `on_bytes`
    cdef bint head_timed                        # part of a head is there, the others have `head_timeout`
    cdef bint lingering                         # all is said; what still comes is dropped
    cdef double quiet                           # seconds to wait for a request then
    cdef Py_ssize_t taken                       # bytes that a slow peer had taken when its rate was last looked at
    cdef object closed                          # a Future for close()
    cdef object __weakref__
    cdef int wait_for_request(self) except -1
    cdef int on_slow_reader(self) except -1
    cdef int begin(self) except -1
