# cython: auto_pickle=False
"""Messages compressed and decompressed, as permessage-deflate wants them (RFC 7692 section 7.2).

Owns: zlib's memory, and the one buffer that what comes out of it stands in until the next call.
Must not know: frames, connections, or what was agreed on.
Trick: connections whose messages stand alone have no memory of zlib: they share the state of all that are set up alike.
"""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

from pyframework._core.capi cimport (
    PF_DEFLATE_NO_MEMORY, PF_DEFLATE_OK, PF_DEFLATE_TOO_LARGE,
    pf_buf, pf_buf_free, pf_deflate, pf_deflate_free, pf_deflate_message, pf_inflate_free, pf_inflate_message,
)

cdef enum:
    BITS_MIN = 8
    BITS_MAX = 15
    LEVEL = 4               # half to a third of the time of zlib's own, 6, for messages a tenth longer
    LEVEL_MAX = 9
    MEMORY_LEVEL = 8
    MEMORY_LEVEL_MAX = 9
    KEPT = 262144           # bytes up to which the buffer is kept for the next message

cdef pf_buf output
cdef pf_deflate deflaters[BITS_MAX + 1][LEVEL_MAX + 2][MEMORY_LEVEL_MAX + 1]    # for messages that stand alone
cdef pf_deflate inflaters[BITS_MAX + 1]


class _DecompressTooLargeError(Exception):
    """A message is longer than it may be once it is decompressed."""


class DecompressError(Exception):
    """A message that cannot be decompressed."""


_DecompressTooLargeError.__module__ = DecompressError.__module__ = "pyframework.websocket"


cdef int within(name, number, int least, int most) except? -2:
    if not isinstance(number, int) or not least <= number <= most:
        raise ValueError(f"Invalid {name} value {number!r}; allowed range {least}-{most}")
    return number


cdef int make_room() except -1:
    """Begin a new output; one that was large leaves its memory."""
    if output.capacity > KEPT:
        pf_buf_free(&output)
    return 0


cdef class Compressor:
    """Compresses messages.

    persistent: each message may refer back to those before it.
    max_wbits: how far, as a power of two, 9 to 15; None for 15. zlib knows no window of 8 bits.
    compression_options: `compression_level` (0 to 9) and `mem_level` (1 to 9), as of `zlib.compressobj`.
    """

    def __cinit__(self, bint persistent, max_wbits, compression_options=None):
        options = compression_options or {}
        self.persistent = persistent
        self.window_bits = BITS_MAX if max_wbits is None else within("max_wbits", max_wbits, BITS_MIN + 1, BITS_MAX)
        self.level = within("compression_level", options.get("compression_level", LEVEL), -1, LEVEL_MAX)
        self.memory_level = within("mem_level", options.get("mem_level", MEMORY_LEVEL), 1, MEMORY_LEVEL_MAX)
        self.stream = &self.own if persistent else &deflaters[self.window_bits][self.level + 1][self.memory_level]

    def __dealloc__(self):
        pf_deflate_free(&self.own)

    def compress(self, bytes data):
        """Return one message compressed."""
        compressed = self.deflate(PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
        return PyBytes_FromStringAndSize(compressed.base, compressed.end)

    cdef pf_buf *deflate(self, const char *data, Py_ssize_t size) except NULL:
        """One message compressed; it stands there until the next call."""
        make_room()
        if pf_deflate_message(
            self.stream, &output, data, size, self.persistent, self.level, self.window_bits, self.memory_level
        ) < 0:
            raise MemoryError
        return &output


cdef class Decompressor:
    """Decompresses messages of at most `max_message_size` bytes; the other arguments are the compressor's."""

    def __cinit__(self, bint persistent, max_wbits, Py_ssize_t max_message_size, compression_options=None):
        self.persistent = persistent
        self.window_bits = BITS_MAX if max_wbits is None else within("max_wbits", max_wbits, BITS_MIN, BITS_MAX)
        self.max_message_size = max_message_size
        self.stream = &self.own if persistent else &inflaters[self.window_bits]

    def __dealloc__(self):
        pf_inflate_free(&self.own)

    def decompress(self, bytes data):
        """Return one message decompressed.

        Raises _DecompressTooLargeError if there is more than allowed, of which no more than that is made, and
        DecompressError for what is no message.
        """
        plain = self.inflate(PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
        return PyBytes_FromStringAndSize(plain.base, plain.end)

    cdef pf_buf *inflate(self, const char *data, Py_ssize_t size) except NULL:
        """One message decompressed; it stands there until the next call."""
        make_room()
        cdef int status = pf_inflate_message(
            self.stream, &output, data, size, self.persistent, self.window_bits, max(0, self.max_message_size)
        )
        if status == PF_DEFLATE_OK:
            return &output
        if status == PF_DEFLATE_TOO_LARGE:
            raise _DecompressTooLargeError
        if status == PF_DEFLATE_NO_MEMORY:
            raise MemoryError
        raise DecompressError
