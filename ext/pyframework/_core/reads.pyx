# cython: auto_pickle=False
"""Read: what one call of a stream's read method waits for.

Owns: the Future of the call, and how far the unread bytes have been searched in vain.
Must not know: where bytes come from, or what becomes of those that it leaves.
"""
import numbers
import re

cimport cython
from cpython.buffer cimport PyBUF_READ, PyBuffer_FillInfo
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.string cimport memchr, memcmp

from pyframework._core.capi cimport pf_buf_data, pf_buf_size, pf_buf_take


class UnsatisfiableReadError(Exception):
    """Raised when a read cannot end well: its limit is reached without the delimiter."""


UnsatisfiableReadError.__module__ = "pyframework.iostream"


cdef class Fresh:
    """Lets a bytes object be written while nobody else knows it; it lives as long as any view."""
    cdef bytes content

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        cdef Py_ssize_t size = PyBytes_GET_SIZE(self.content)
        PyBuffer_FillInfo(buffer, self, PyBytes_AS_STRING(self.content), size, False, flags)


@cython.freelist(16)
cdef class Target:
    """A buffer that bytes are received into."""

    cdef Py_ssize_t room(self) except -1:
        return len(self.view) - self.filled

    cdef int take(self, pf_buf *window) except -1:
        """Move unread bytes there, as many as have room."""
        cdef Py_ssize_t size = min(pf_buf_size(window), self.room())
        if size:
            unread = PyMemoryView_FromMemory(<char *>pf_buf_data(window), size, PyBUF_READ)
            self.view[self.filled:self.filled + size] = unread
            pf_buf_take(window, size)
            self.filled += size
        return 0


cdef class Read:
    cdef object take(self, pf_buf *window):
        raise NotImplementedError

    cdef object take_last(self, pf_buf *window):
        return None


@cython.freelist(16)
cdef class ReadUntil(Read):
    cdef bytes delimiter
    cdef Py_ssize_t limit           # max_bytes, or -1
    cdef Py_ssize_t searched        # bytes in which the delimiter does not begin

    cdef object take(self, pf_buf *window):
        cdef Py_ssize_t size = pf_buf_size(window)
        cdef Py_ssize_t end = self.find_end(pf_buf_data(window), size)
        if 0 <= self.limit < (size if end < 0 else end):
            raise UnsatisfiableReadError(f"delimiter {self.delimiter!r} not found within {self.limit} bytes")
        return None if end < 0 else cut(window, end)

    cdef Py_ssize_t find_end(self, const char *data, Py_ssize_t size) except -2:
        """Where the delimiter ends, or -1."""
        cdef Py_ssize_t length = PyBytes_GET_SIZE(self.delimiter)
        cdef Py_ssize_t at = find(data, size, self.searched, PyBytes_AS_STRING(self.delimiter), length)
        if at >= 0:
            return at + length
        self.searched = max(0, size - length + 1)
        return -1


cdef class ReadUntilRegex(ReadUntil):
    cdef object search

    cdef Py_ssize_t find_end(self, const char *data, Py_ssize_t size) except -2:
        if size == 0:
            return -1
        view = PyMemoryView_FromMemory(<char *>data, size, PyBUF_READ)
        match = self.search(view)
        end = -1 if match is None else match.end()
        del match
        view.release()
        return end


@cython.freelist(16)
cdef class ReadBytes(Read):
    cdef Py_ssize_t size
    cdef bint partial               # fewer are enough

    cdef object take(self, pf_buf *window):
        cdef Py_ssize_t unread = pf_buf_size(window)
        if unread >= self.size:
            return cut(window, self.size)
        return cut(window, unread) if self.partial and unread else None


cdef class ReadInto(Read):
    cdef bint partial

    cdef object take(self, pf_buf *window):
        self.target.take(window)
        if self.target.room() == 0 or (self.partial and self.target.filled):
            return self.target.filled
        return None


cdef class ReadUntilClose(Read):
    cdef object take(self, pf_buf *window):
        return None

    cdef object take_last(self, pf_buf *window):
        return cut(window, pf_buf_size(window))


cdef Target piece_target(Py_ssize_t size):
    """A new bytes object, as the `owner` of what is to fill it."""
    cdef Target target = Target.__new__(Target)
    cdef Fresh fresh = Fresh.__new__(Fresh)
    target.owner = fresh.content = PyBytes_FromStringAndSize(NULL, size)
    target.view = memoryview(fresh)
    return target


cdef Read read_until(object delimiter, object max_bytes):
    cdef ReadUntil read = ReadUntil.__new__(ReadUntil)
    if not delimiter:
        raise ValueError("the delimiter must not be empty")
    read.delimiter = delimiter if isinstance(delimiter, bytes) else bytes(memoryview(delimiter))
    read.limit = -1 if max_bytes is None else max_bytes
    return read


cdef Read read_until_regex(object regex, object max_bytes):
    cdef ReadUntilRegex read = ReadUntilRegex.__new__(ReadUntilRegex)
    pattern = re.compile(regex)
    read.search = pattern.search
    read.delimiter = pattern.pattern
    read.limit = -1 if max_bytes is None else max_bytes
    return read


cdef Read read_bytes(object num_bytes, bint partial):
    cdef ReadBytes read = ReadBytes.__new__(ReadBytes)
    if not isinstance(num_bytes, (int, numbers.Integral)):
        raise AssertionError(f"num_bytes must be an integer, not {num_bytes!r}")
    if num_bytes < 0:
        raise ValueError(f"num_bytes must not be negative: {num_bytes}")
    read.size = num_bytes
    read.partial = partial
    return read


cdef Read read_into(object buf, bint partial):
    cdef ReadInto read = ReadInto.__new__(ReadInto)
    view = memoryview(buf).cast("B")
    if view.readonly:
        raise TypeError("read_into needs a writable buffer, such as a bytearray")
    read.target = Target.__new__(Target)
    read.target.view = view
    read.partial = partial
    return read


cdef Read read_until_close():
    return ReadUntilClose.__new__(ReadUntilClose)


cdef bytes cut(pf_buf *window, Py_ssize_t size):
    cdef bytes piece = PyBytes_FromStringAndSize(pf_buf_data(window), size)
    pf_buf_take(window, size)
    return piece


cdef Py_ssize_t find(const char *data, Py_ssize_t size, Py_ssize_t start, const char *wanted, Py_ssize_t length) noexcept:
    """Where `wanted` begins in data[start:size], or -1."""
    cdef const char *at
    while size - start >= length:
        at = <const char *>memchr(data + start, wanted[0], size - start - length + 1)
        if at == NULL:
            return -1
        start = at - data
        if memcmp(at, wanted, length) == 0:
            return start
        start += 1
    return -1
