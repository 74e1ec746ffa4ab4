"""What is known of a request when its head has come, and who stands for it until a route is found."""

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
    cdef int check_host(self, host) except -1
    cdef int split_uri(self) except -1


cdef class RoutingDelegate:
    cdef public object router
    cdef public object server_conn
    cdef public object request_conn
    cdef public object delegate
