"""The third floor, on the way down: the answer that a handler makes, until the connection has it."""


cdef class Hooks:
    """What a class of handlers has in place of methods of Response."""
    cdef object of                              # weak reference to the class
    cdef unsigned version                       # of the class, which this was found out for
    cdef unsigned replaced                      # a bit for each method
    cdef bint mixes_in                          # a class behind Response has an __init__
    cdef readonly bint streams                  # the handler takes the body as it comes
    cdef object methods                         # SUPPORTED_METHODS
    cdef int read(self, cls) except -1


cdef class Response:
    cdef public object application
    cdef public object request
    cdef public object _headers                 # HTTPHeaders
    cdef public object _write_buffer            # list of bytes
    cdef public object _status_code
    cdef public object _reason
    cdef public object _transforms
    cdef public bint _headers_written
    cdef public bint _finished
    cdef public object _ui
    cdef object cookies                         # SimpleCookie of those to be set, or None
    cdef object args                            # path_args and path_kwargs, or None
    cdef object kwargs
    cdef Hooks hooks
    cdef unsigned own_hooks                     # bits of methods that this one instance replaces
    cdef object __weakref__

    cdef int open(self, application, request, dict arguments, Hooks hooks) except -1
    cdef bint replaces(self, unsigned hook)
    cdef bint has_plain_execution(self)
    cdef int reset(self) except -1
    cdef object send_buffer(self, bint finishing)
    cdef object write_on(self, chunk, bint finishing)
    cdef object complete(self)
    cdef int complete_head(self) except -1
    cdef int tag(self) except -1
    cdef int put_length(self) except -1
    cdef int put_header(self, str name, value, text) except -1
    cdef int put_cookies(self) except -1
    cdef bint has_current(self) except -1


cdef Hooks hooks_of(cls)
cdef Response new_response(cls, application, request, dict arguments, Hooks hooks)
