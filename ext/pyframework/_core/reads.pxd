"""The reads of a stream: what one call of a read method waits for."""
from pyframework._core.capi cimport pf_buf


cdef class Target:
    cdef object view                        # memoryview to write into
    cdef bytes owner                        # of the memory, where it is that of a piece
    cdef Py_ssize_t filled                  # bytes of it
    cdef Py_ssize_t room(self) except -1
    cdef int take(self, pf_buf *window) except -1


cdef class Read:
    cdef object future
    cdef Target target                      # where bytes may go without a detour over the window, or None
    cdef object take(self, pf_buf *window)  # its result, taken from the unread bytes; None: it waits on
    cdef object take_last(self, pf_buf *window)     # the same when no more bytes will come


cdef bytes cut(pf_buf *window, Py_ssize_t size)
cdef Target piece_target(Py_ssize_t size)
cdef Read read_until(object delimiter, object max_bytes)
cdef Read read_until_regex(object regex, object max_bytes)
cdef Read read_bytes(object num_bytes, bint partial)
cdef Read read_into(object buf, bint partial)
cdef Read read_until_close()
