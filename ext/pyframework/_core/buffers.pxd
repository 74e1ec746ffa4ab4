cdef class Mapping:
    cdef void *base
    cdef Py_ssize_t size
    cdef object __weakref__


cdef Mapping mapping_of(int fd, loop)


cdef class FilePart:
    cdef int fd                             # ours
    cdef Py_ssize_t offset                  # where the part begins in the file
    cdef Py_ssize_t size
    cdef bint unsendable                    # sendfile(2) does not take it
    cdef bytes chunk                        # what was read of it last
    cdef Py_ssize_t chunk_at                # and where that stands in the part


cdef class StreamBuffer:
    cdef public Py_ssize_t _large_buf_threshold
    cdef object _parts                      # deque of bytearrays (ours, growing), memoryviews (the caller's, of Mappings), FileParts
    cdef Py_ssize_t _first                  # bytes of the first part that were sent
    cdef Py_ssize_t _size
    cdef int add(self, const char *data, Py_ssize_t size) except -1
    cdef bint holds_more_than(self, Py_ssize_t size) except -1
    cdef bint merge(self, view) except -1
    cdef int drop(self, Py_ssize_t size) except -1
