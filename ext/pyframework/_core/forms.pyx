"""Forms: `name=value` fields between ampersands, and the parts of multipart.

Must not know: what text the bytes stand for.
"""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_GetItemWithError
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_DecodeLatin1
from libc.string cimport memchr, memcmp

from pyframework._core.capi cimport memmem
from pyframework._core.urls cimport unescaped

def fields(bytes data, bint keep_blank_values, bint strict, Py_ssize_t max_fields, dict table):
    """Add the values to the lists in `table` by name (decoded as Latin-1).

    keep_blank_values: keep fields without a value.
    strict: raise ValueError for fields without `=`.
    max_fields: raise ValueError for more; -1: any number.
    """
    cdef const char *at = PyBytes_AS_STRING(data)
    cdef const char *end = at + PyBytes_GET_SIZE(data)
    cdef const char *stop
    cdef const char *equals
    cdef Py_ssize_t value_size
    if max_fields >= 0 and data.count(b"&") >= max_fields:
        raise ValueError(f"Max number of fields exceeded; the limit is {max_fields}")
    while at <= end:
        stop = <const char *>memchr(at, c"&", end - at)
        if stop == NULL:
            stop = end
        equals = <const char *>memchr(at, c"=", stop - at)
        if strict and equals == NULL:
            raise ValueError(f"query field without '=': {at[:stop - at]!r}")
        value_size = 0 if equals == NULL else stop - equals - 1
        if value_size > 0 or (keep_blank_values and stop > at):
            name = unescaped(at, (stop if equals == NULL else equals) - at, True)
            value = b"" if value_size == 0 else unescaped(equals + 1, value_size, True)
            add(table, PyUnicode_DecodeLatin1(PyBytes_AS_STRING(name), PyBytes_GET_SIZE(name), NULL), value)
        at = stop + 1


cdef int add(dict table, str name, bytes value) except -1:
    cdef PyObject *known = PyDict_GetItemWithError(table, name)
    if known == NULL:
        table[name] = [value]
    else:
        (<list><object>known).append(value)
    return 0


def add_all(dict table, dict more):
    """Append the values of each name in `more` to those in `table`; the lists of `more` are copied."""
    cdef PyObject *known
    for name, values in more.items():
        known = PyDict_GetItemWithError(table, name)
        if known == NULL:
            table[name] = (<list?>values)[:]
        else:
            (<list?><object>known).extend(values)


cdef Py_ssize_t last_of(const char *data, Py_ssize_t size, bytes wanted) except -2:
    """Where `wanted` stands last in the data, or -1."""
    cdef Py_ssize_t length = PyBytes_GET_SIZE(wanted)
    cdef const char *text = PyBytes_AS_STRING(wanted)
    cdef Py_ssize_t at
    for at in range(size - length, -1, -1):
        if data[at] == text[0] and memcmp(data + at, text, length) == 0:
            return at
    return -1


def parts(bytes data, bytes boundary, Py_ssize_t max_parts):
    """Return where each part of a multipart body (RFC 2046 section 5.1) begins and ends, its header included.

    The time that takes grows with the product of the two sizes at worst, so limit that of the boundary.
    Raises ValueError without a final boundary, and for `max_parts` delimiters or more.
    """
    cdef const char *start = PyBytes_AS_STRING(data)
    cdef const char *at = start
    cdef const char *stop
    cdef const char *end
    cdef bytes delimiter = b"--" + boundary + b"\r\n"
    cdef Py_ssize_t last = last_of(start, PyBytes_GET_SIZE(data), b"--" + boundary + b"--")
    cdef Py_ssize_t delimiters = 0
    cdef list found = []
    if last < 0:
        raise ValueError("no final boundary found")
    end = start + last
    while True:
        stop = <const char *>memmem(at, end - at, PyBytes_AS_STRING(delimiter), PyBytes_GET_SIZE(delimiter))
        if stop == NULL:
            break
        delimiters += 1
        if delimiters >= max_parts:
            raise ValueError(f"multipart/form-data has too many parts; the limit is {max_parts} (max_parts)")
        if stop > at:
            found.append((at - start, stop - start))
        at = stop + PyBytes_GET_SIZE(delimiter)
    if end > at:
        found.append((at - start, end - start))
    return found
