"""Escaping for HTML: the text of values, with the characters that mean something to HTML replaced.

Must not know: templates.
Trick: text without such characters, and most is, comes back as the same object.
"""
from cpython.long cimport PyLong_CheckExact
from cpython.unicode cimport (
    PyUnicode_CheckExact, PyUnicode_DATA, PyUnicode_FromObject, PyUnicode_GET_LENGTH, PyUnicode_KIND, PyUnicode_New,
)
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport strlen

from pyframework._core.capi cimport PyUnicode_MAX_CHAR_VALUE

ctypedef fused unit:
    uint8_t
    uint16_t
    uint32_t

cdef const char *REFERENCES[64]
cdef Py_ssize_t SIZES[64]

for _code in range(64):
    REFERENCES[_code] = NULL
    SIZES[_code] = 0


cdef int refer(unsigned char character, const char *reference) except -1:
    REFERENCES[character] = reference
    SIZES[character] = strlen(reference)
    return 0


refer(c"&", b"&amp;")
refer(c"<", b"&lt;")
refer(c">", b"&gt;")
refer(c'"', b"&quot;")
refer(c"'", b"&#x27;")


cdef Py_ssize_t growth(const unit *text, Py_ssize_t size) noexcept nogil:
    """How many units more the escaped text has."""
    cdef Py_ssize_t at, more = 0
    for at in range(size):
        if text[at] < 64 and SIZES[text[at]]:
            more += SIZES[text[at]] - 1
    return more


cdef void put_escaped(const unit *text, Py_ssize_t size, unit *out) noexcept nogil:
    cdef const char *reference
    cdef Py_ssize_t at, i
    for at in range(size):
        reference = REFERENCES[text[at]] if text[at] < 64 else NULL
        if reference == NULL:
            out[0] = text[at]
            out += 1
            continue
        for i in range(SIZES[text[at]]):
            out[i] = <unit>reference[i]
        out += SIZES[text[at]]


cdef str escaped_units(str text, const unit *data, Py_ssize_t size):
    cdef Py_ssize_t more = growth(data, size)
    if more == 0:
        return text
    result = PyUnicode_New(size + more, PyUnicode_MAX_CHAR_VALUE(text))
    put_escaped(data, size, <unit *>PyUnicode_DATA(result))
    return <str>result


cdef str escaped_text(str text):
    cdef int kind = PyUnicode_KIND(text)
    cdef void *data = PyUnicode_DATA(text)
    cdef Py_ssize_t size = PyUnicode_GET_LENGTH(text)
    if kind == 1:
        return escaped_units(text, <const uint8_t *>data, size)
    if kind == 2:
        return escaped_units(text, <const uint16_t *>data, size)
    return escaped_units(text, <const uint32_t *>data, size)


def xhtml_escape(value) -> str:
    """Escape ``& < > " '`` for HTML and XML text and quoted attribute values.

    :arg value: str, or bytes in UTF-8
    """
    if isinstance(value, bytes):
        return escaped_text((<bytes>value).decode())
    if not isinstance(value, str):
        raise TypeError(f"expected str or bytes, not {type(value).__name__}")
    return escaped_text(PyUnicode_FromObject(value))


def text(value) -> str:
    """Return the text of any value: that of bytes is UTF-8, and where it is not, it can be encoded back."""
    if isinstance(value, str):      # what it holds, whatever a subclass, such as an enum, says that it is
        return PyUnicode_FromObject(value)
    if isinstance(value, bytes):
        return (<bytes>value).decode("utf-8", "surrogateescape")
    return str(value)


def escaped(value) -> str:
    """Return the text of any value, escaped as by `xhtml_escape`."""
    if PyUnicode_CheckExact(value):
        return escaped_text(value)
    if PyLong_CheckExact(value):
        return str(value)
    if isinstance(value, bytes):    # here it must be UTF-8
        return escaped_text((<bytes>value).decode())
    return escaped_text(text(value))
