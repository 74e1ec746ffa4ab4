"""Header fields: a case-insensitive multi-map over a parsed head, built only when it must be."""
from libc.stdint cimport uint32_t

from pyframework._core.capi cimport pf_buf, pf_field


cdef class HeaderMap:
    # Straight off the wire: the head and where its fields lie in it. A look-up scans them.
    cdef bytes head
    cdef pf_field *fields
    cdef uint32_t count
    # After the first change, copy or iteration: normalised name -> value, or list of values. None before that.
    cdef dict table
    # The lines of the first fields of `table` as they are sent, or None: what many messages begin with is printed once.
    cdef bytes printed
    cdef Py_ssize_t printed_count

    cdef int fill(self, bytes head, const pf_field *fields, uint32_t count) except -1
    cdef int write_to(self, pf_buf *out) except -1
    cdef int print_lines(self) except -1
    cdef object lookup(self, str name)
    cdef int put(self, str name, value) except -1
    cdef int store(self, name, value) except -1

    cdef dict unfold(self)
    cdef int copy_to(self, HeaderMap other) except -1
    cdef object scan(self, const char *name, size_t size)
    cdef list values_of(self, name)


cdef HeaderMap new_headers()
