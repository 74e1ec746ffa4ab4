# cython: auto_pickle=False
"""StreamBuffer: bytes on their way out of a stream, in memory and in files.

Owns: descriptors of the files, until their bytes have been sent.
Must not know: how bytes leave.
Trick: what is large stays where it is; for peers on this machine files are mapped and sent from memory, because the kernel
would hand their pages from processor to processor one by one.
"""
import collections
import os
import weakref

from cpython.buffer cimport PyBuffer_FillInfo
from cpython.bytes cimport PyBytes_FromStringAndSize
from posix.mman cimport MAP_FAILED, MAP_SHARED, PROT_READ, mmap, munmap
from posix.unistd cimport close

cdef enum:
    LARGE = 16384           # bytes from which a piece is kept where it is; smaller ones are merged

cdef double KEPT = 1.0      # seconds for which a file that was sent stays mapped
cdef object mappings = weakref.WeakValueDictionary()    # by what tells one content of a file from another


cdef class Mapping:
    """The content of a file as memory, for send(2) only: to read what a file that became shorter has lost is fatal."""

    def __dealloc__(self):
        if self.base != NULL:
            munmap(self.base, self.size)

    def __getbuffer__(self, Py_buffer *view, int flags):
        PyBuffer_FillInfo(view, self, self.base, self.size, True, flags)


cdef Mapping mapping_of(int fd, loop):
    """The mapping of an open file, which `loop` keeps for a while; None where there can be none."""
    cdef Mapping mapping
    cdef void *base
    status = os.fstat(fd)
    key = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    mapping = mappings.get(key)
    if mapping is not None or status.st_size == 0:
        return mapping
    base = mmap(NULL, status.st_size, PROT_READ, MAP_SHARED, fd, 0)
    if base == MAP_FAILED:
        return None
    mapping = Mapping.__new__(Mapping)
    mapping.base = base
    mapping.size = status.st_size
    mappings[key] = mapping
    loop.call_later(KEPT, forget, mapping)
    return mapping


def forget(mapping):
    """The timer that calls this has kept it long enough."""


cdef class FilePart:
    """Part of a file on its way out, by a descriptor of its own."""

    def __cinit__(self, int fd, Py_ssize_t offset, Py_ssize_t size):
        self.fd = os.dup(fd)
        self.offset = offset
        self.size = size

    def __dealloc__(self):
        close(self.fd)

    def __len__(self) -> int:
        return self.size

    def read(self, Py_ssize_t at, Py_ssize_t size) -> memoryview:
        """At most `size` bytes from `at` on; none if the file has become shorter."""
        size = min(size, self.size - at)
        if self.chunk is None or not self.chunk_at <= at < self.chunk_at + len(self.chunk):
            self.chunk = os.pread(self.fd, size, self.offset + at)
            self.chunk_at = at
        return memoryview(self.chunk)[at - self.chunk_at:at - self.chunk_at + size]


cdef bint is_of_file(part) except -1:
    return isinstance(part, FilePart) or isinstance(part, memoryview) and isinstance(part.obj, Mapping)


cdef class StreamBuffer:
    """Bytes on their way out: small pieces merged, large ones kept where they are."""

    def __cinit__(self):
        self._parts = collections.deque()
        self._large_buf_threshold = LARGE

    def __len__(self) -> int:
        return self._size

    @property
    def _buffers(self):
        return self._parts

    def append(self, data) -> None:
        """Add bytes, a bytearray or a memoryview at the end; a large one is not copied, so leave it as it is."""
        view = memoryview(data)
        cdef Py_ssize_t size = view.nbytes
        if size > self._large_buf_threshold:
            self._parts.append(view.cast("B"))
        elif size == 0:
            return
        elif not self.merge(view):
            self._parts.append(bytearray(view))
        self._size += size

    cdef bint holds_more_than(self, Py_ssize_t size) except -1:
        """Whether more than `size` bytes of memory wait; those of files do not count."""
        if self._size <= size:
            return False
        return sum([len(part) for part in self._parts if not is_of_file(part)]) > size

    cdef bint merge(self, view) except -1:
        """Whether the last piece had room for this small one."""
        last = self._parts[-1] if self._parts else None
        if not isinstance(last, bytearray) or len(last) + view.nbytes > self._large_buf_threshold:
            return False
        try:
            last += view
        except BufferError:     # somebody still looks at it through `peek`
            return False
        return True

    def append_file(self, fd: int, Py_ssize_t offset, Py_ssize_t count) -> None:
        """Add part of a file, which is read when its turn comes."""
        self._parts.append(FilePart(fd, offset, count))
        self._size += count

    cdef int add(self, const char *data, Py_ssize_t size) except -1:
        self.append(PyBytes_FromStringAndSize(data, size))
        return 0

    def peek(self, size: int) -> memoryview:
        """At most `size` bytes from the front; fewer where a piece ends."""
        if size <= 0:
            raise ValueError("size must be positive")
        if not self._parts:
            return memoryview(b"")
        if isinstance(self._parts[0], FilePart):
            return self._parts[0].read(self._first, size)
        return memoryview(self._parts[0])[self._first:self._first + size]

    def advance(self, size: int) -> None:
        """Drop `size` bytes from the front."""
        self.drop(size)

    cdef int drop(self, Py_ssize_t size) except -1:
        cdef Py_ssize_t left = size
        cdef Py_ssize_t have
        if not 0 < size <= self._size:
            raise ValueError(f"cannot drop {size} of {self._size} bytes")
        self._size -= size
        while left:
            have = len(self._parts[0]) - self._first
            if have > left:
                self._first += left
                break
            left -= have
            self._parts.popleft()
            self._first = 0
        return 0

    def clear(self) -> None:
        """Drop everything, and with it each hold on the caller's buffers."""
        self._parts.clear()
        self._first = self._size = 0
