"""The third floor, on the way up: who stands for a message between its connection and the handler."""
from pyframework._core.response cimport Hooks


cdef class RoutingDelegate:
    cdef public object router
    cdef public object server_conn
    cdef public object request_conn
    cdef public object delegate


cdef class HandlerDelegate:
    cdef public object application
    cdef public object request
    cdef public object connection
    cdef public object handler_class
    cdef Hooks hooks
    cdef public dict handler_kwargs
    cdef public object path_args
    cdef public object path_kwargs
    cdef public bint stream_request_body
    cdef public object handler                  # None until it is created
    cdef public list chunks                     # of the body, so far

    cdef object run(self)
    cdef object begin(self)
    cdef object start(self)
