"""Percent-encoding (RFC 3986 section 2.1).

Must not know: what a URL is made of.
Trick: what needs no escape, and most does not, comes back as the same object.
"""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport (
    PyUnicode_AsUTF8AndSize, PyUnicode_DATA, PyUnicode_Decode, PyUnicode_FromObject, PyUnicode_New,
)
from libc.string cimport memchr

from pyframework._core.capi cimport PyUnicode_MAX_CHAR_VALUE

cdef enum:
    IN_QUERY = 1            # stays as it is in a query string
    IN_PATH = 2             # and in a path

cdef const char *HEX = b"0123456789ABCDEF"
cdef unsigned char KEPT[256]
cdef signed char DIGIT[256]

for _code in range(256):
    KEPT[_code] = 0
    DIGIT[_code] = int(chr(_code), 16) if chr(_code) in "0123456789abcdefABCDEF" else -1
for _character in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~":
    KEPT[ord(_character)] = IN_QUERY | IN_PATH
KEPT[<unsigned char>c"/"] = IN_PATH


cdef str escaped(const unsigned char *data, Py_ssize_t size, Py_ssize_t more, unsigned char kept, bint plus):
    """The data with `more` escapes."""
    result = PyUnicode_New(size + 2 * more, 127)
    cdef char *out = <char *>PyUnicode_DATA(result)
    cdef Py_ssize_t at
    for at in range(size):
        if KEPT[data[at]] & kept:
            out[0] = data[at]
            out += 1
        elif plus and data[at] == c" ":
            out[0] = c"+"
            out += 1
        else:
            out[0] = c"%"
            out[1] = HEX[data[at] >> 4]
            out[2] = HEX[data[at] & 15]
            out += 3
    return <str>result


def url_escape(value, bint plus=True) -> str:
    """Percent-encode for a URL (RFC 3986, section 2.1).

    :arg value: str is encoded as UTF-8 first
    :arg plus: for query strings, a space becomes ``+`` and ``/`` becomes ``%2F``; else, for paths, ``%20`` and ``/``
    """
    cdef unsigned char kept = IN_QUERY if plus else IN_PATH
    cdef Py_ssize_t size, at, more = 0, blanks = 0
    cdef const unsigned char *data
    if isinstance(value, str):
        data = <const unsigned char *>PyUnicode_AsUTF8AndSize(value, &size)
    elif isinstance(value, (bytes, bytearray)):
        value = bytes(value)
        data = <const unsigned char *>PyBytes_AS_STRING(value)
        size = PyBytes_GET_SIZE(value)
    else:
        raise TypeError(f"expected str or bytes, not {type(value).__name__}")
    for at in range(size):
        if not KEPT[data[at]] & kept:
            if plus and data[at] == c" ":
                blanks += 1
            else:
                more += 1
    if more == 0 and blanks == 0 and isinstance(value, str):
        return PyUnicode_FromObject(value)
    return escaped(data, size, more, kept, plus)


cdef bytes unescaped(const char *data, Py_ssize_t size, bint plus):
    """Bytes without their escapes; what is no valid escape stays."""
    cdef bytes result
    cdef char *out
    cdef Py_ssize_t at = 0, filled = 0
    cdef int high, low
    if memchr(data, c"%", size) == NULL and not (plus and memchr(data, c"+", size) != NULL):
        return PyBytes_FromStringAndSize(data, size)
    result = PyBytes_FromStringAndSize(NULL, size)
    out = PyBytes_AS_STRING(result)
    while at < size:
        if data[at] == c"%" and size - at > 2:
            high, low = DIGIT[<unsigned char>data[at + 1]], DIGIT[<unsigned char>data[at + 2]]
            if high >= 0 and low >= 0:
                out[filled] = <char>(high << 4 | low)
                filled += 1
                at += 3
                continue
        out[filled] = c" " if plus and data[at] == c"+" else data[at]
        filled += 1
        at += 1
    return result if filled == size else PyBytes_FromStringAndSize(out, filled)


cdef str decoded(str text, const char *encoding, bint plus):
    """ASCII text without its escapes."""
    cdef Py_ssize_t size
    cdef const char *data = PyUnicode_AsUTF8AndSize(text, &size)
    cdef bytes raw = unescaped(data, size, plus)
    return PyUnicode_Decode(PyBytes_AS_STRING(raw), PyBytes_GET_SIZE(raw), encoding, b"replace")


cdef str decoded_runs(str text, const char *encoding, bint plus):
    """Text without the escapes in its runs of ASCII; what is between them is no encoded text."""
    cdef list runs = []
    cdef Py_ssize_t start = 0, at
    cdef bint ascii = True
    for at in range(len(text)):
        if (text[at] < 128) == ascii:
            continue
        runs.append(decoded(text[start:at], encoding, plus) if ascii else text[start:at])
        start, ascii = at, not ascii
    runs.append(decoded(text[start:], encoding, plus) if ascii else text[start:])
    return "".join(runs)


def url_unescape(value, encoding="utf-8", bint plus=True):
    """Decode percent-encoding; what is not a valid escape stays as it is.

    :arg encoding: of the returned str, with U+FFFD for what does not decode; None returns bytes
    :arg plus: ``+`` means a space, as in query strings and forms, not in paths
    """
    cdef str text
    cdef bytes name
    if encoding is None:
        value = value.encode() if isinstance(value, str) else value
        return unescaped(PyBytes_AS_STRING(<bytes?>value), PyBytes_GET_SIZE(value), plus)
    if isinstance(value, bytes):
        text = (<bytes>value).decode()
    elif isinstance(value, str):
        text = PyUnicode_FromObject(value)
    else:
        raise TypeError(f"expected str or bytes, not {type(value).__name__}")
    if "%" not in text:
        return text.replace("+", " ") if plus else text
    name = encoding.encode("ascii")
    return decoded(text, name, plus) if PyUnicode_MAX_CHAR_VALUE(text) == 127 else decoded_runs(text, name, plus)
