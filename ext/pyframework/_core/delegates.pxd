"""The third floor, on the way up: who stands for a message between its connection and the handler."""
from pyframework._core.http1 cimport Gatherer
from pyframework._core.request cimport Request
from pyframework._core.response cimport Hooks
from pyframework._core.routes cimport PathIndex, Route


cdef class Routing:
    cdef PathIndex index                        # None: the router has ways of its own
    cdef unsigned long as_of                    # what `rules_as_of` said when it was asked for
    cdef unsigned version                       # of the router's class, then
    cdef Route route_of(self, str path)


cdef class RoutingDelegate(Gatherer):
    cdef public object router
    cdef public object server_conn
    cdef public object request_conn
    cdef public object delegate
    cdef object find(self, Request request)


cdef class HandlerDelegate(Gatherer):
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

    cdef int open(
        self, application, request, handler_class, dict handler_kwargs, path_args, path_kwargs
    ) except -1
    cdef object run(self)
    cdef object begin(self)
    cdef object start(self)
