"""What is known of a request when its head has come."""
from pyframework._core.headers cimport HeaderMap


cdef class Request:
    cdef public object method
    cdef public object uri
    cdef public object version
    cdef public object headers
    cdef public object body
    cdef public object connection
    cdef public object server_connection
    cdef public object remote_ip
    cdef public object protocol
    cdef public double _start_time
    cdef object _host
    cdef object _path
    cdef object _query
    cdef int take_head(self, start_line, HeaderMap headers, connection, server_connection) except -1
    cdef int take_target(self) except -1
    cdef int take_connection(self, connection, host) except -1
    cdef int check_host(self, host) except -1
    cdef int split_uri(self) except -1


cdef Request new_request(cls, start_line, headers, connection, server_connection)
