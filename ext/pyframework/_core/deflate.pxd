"""What permessage-deflate (RFC 7692) does to the messages of one direction."""
from pyframework._core.capi cimport pf_buf, pf_deflate


cdef class Compressor:
    cdef pf_deflate own                         # zlib's state, if messages refer back to those before
    cdef pf_deflate *stream
    cdef bint persistent
    cdef int window_bits
    cdef int level
    cdef int memory_level
    cdef pf_buf *deflate(self, const char *data, Py_ssize_t size) except NULL


cdef class Decompressor:
    cdef pf_deflate own
    cdef pf_deflate *stream
    cdef bint persistent
    cdef int window_bits
    cdef Py_ssize_t max_message_size
    cdef pf_buf *inflate(self, const char *data, Py_ssize_t size) except NULL
