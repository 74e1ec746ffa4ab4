"""Header fields (RFC 9110 section 5): look-up by name in any case, repeated fields, and the way back to the wire.

Knows nothing of messages, connections or what a field means. Its one trick: a head that came off the wire stays
one bytes object with a table of offsets until somebody iterates over, copies or changes it.
"""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.dict cimport PyDict_Copy, PyDict_GetItemWithError, PyDict_Next
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject, PyTypeObject
from cpython.unicode cimport (
    PyUnicode_1BYTE_KIND,
    PyUnicode_AsUTF8AndSize,
    PyUnicode_DATA,
    PyUnicode_DecodeLatin1,
    PyUnicode_GET_LENGTH,
    PyUnicode_KIND,
)
from libc.stdint cimport uint32_t
from libc.string cimport memcpy, memset

from pyframework._core.capi cimport pf_buf, pf_buf_append, pf_buf_data, pf_buf_free, pf_buf_reserve, pf_buf_size, pf_field

# A peer chooses the spellings of names: so many are remembered, and none that is longer than this.
cdef enum:
    MAX_SPELLINGS = 1000
    MAX_SPELLING_SIZE = 64

ctypedef HeaderMap (*make_instance)(PyObject *, tuple, PyObject *)

cdef unsigned char LOWER[256]
cdef bint IS_TOKEN[256]
for _code in range(256):
    LOWER[_code] = _code + 32 if 65 <= _code <= 90 else _code
    IS_TOKEN[_code] = _code < 128 and (chr(_code).isalnum() or chr(_code) in "!#$%&'*+-.^_`|~")

cdef dict _namespace = None
cdef dict _spellings = {}
cdef object _normalizer = None


cdef dict namespace():
    # httputil stands above this module and parts of it may be patched: whatever is needed is looked up late.
    global _namespace
    if _namespace is None:
        from pyframework import httputil

        _namespace = vars(httputil)
    return _namespace


cdef HeaderMap new_headers():
    """A fresh, empty httputil.HTTPHeaders; its __init__ does not run."""
    cdef PyObject *cls = PyDict_GetItemWithError(namespace(), "HTTPHeaders")
    return (<make_instance>(<PyTypeObject *>cls).tp_new)(cls, (), NULL)


cdef int renew_normalizer() except -1:
    global _normalizer
    cdef PyObject *function = PyDict_GetItemWithError(namespace(), "_normalize_header")
    if function != <PyObject *>_normalizer:
        _spellings.clear()
        _normalizer = <object>function
    return 0


cdef object normalize(name):
    cdef PyObject *known
    if not isinstance(name, str):
        raise TypeError(f"the name of a header must be str, not {type(name).__name__}")
    known = PyDict_GetItemWithError(_spellings, name)
    if known != NULL:
        return <object>known
    normalized = _normalizer(name)
    if PyUnicode_GET_LENGTH(name) <= MAX_SPELLING_SIZE:
        if len(_spellings) >= MAX_SPELLINGS:
            _spellings.clear()
        _spellings[name] = normalized
    return normalized


cdef bint same_name(const unsigned char *one, const unsigned char *other, size_t size) noexcept nogil:
    cdef size_t at
    for at in range(size):
        if LOWER[one[at]] != LOWER[other[at]]:
            return False
    return True


cdef bint is_token(str text) noexcept:
    cdef const unsigned char *data = <const unsigned char *>PyUnicode_DATA(text)
    cdef Py_ssize_t at, size = PyUnicode_GET_LENGTH(text)
    if size == 0 or PyUnicode_KIND(text) != PyUnicode_1BYTE_KIND:
        return False
    for at in range(size):
        if not IS_TOKEN[data[at]]:
            return False
    return True


cdef bint has_controls(str text) noexcept:
    # Everything below U+0020 but the tab, and U+007F.
    cdef const unsigned char *data = <const unsigned char *>PyUnicode_DATA(text)
    cdef Py_ssize_t at, size = PyUnicode_GET_LENGTH(text)
    cdef unsigned char code, found = 0
    cdef Py_UCS4 wide
    if PyUnicode_KIND(text) == PyUnicode_1BYTE_KIND:
        for at in range(size):
            code = data[at]
            found |= ((code < 32) & (code != 9)) | (code == 127)
        return found
    for wide in text:
        if (wide < 32 and wide != 9) or wide == 127:
            return True
    return False


cdef bint is_padded(str text):
    return text[:1] in (" ", "\t") or text[-1:] in (" ", "\t")


cdef str text_of(name, value):
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode()
    raise TypeError(f"the value of header {name!r} must be str, not {type(value).__name__}")


cdef object joined(values):
    # The one value a reader of a mapping sees.
    if type(values) is not list:
        return values
    return (<list>values)[0] if len(<list>values) == 1 else ",".join(<list>values)


cdef int append(dict table, name, value) except -1:
    cdef PyObject *present = PyDict_GetItemWithError(table, name)
    if present == NULL:
        table[name] = value
    elif type(<object>present) is list:
        (<list><object>present).append(value)
    else:
        table[name] = [<object>present, value]
    return 0


cdef int write_line(pf_buf *out, str name, str value) except -1:
    cdef Py_ssize_t name_size = PyUnicode_GET_LENGTH(name), value_size = PyUnicode_GET_LENGTH(value)
    cdef char *at
    if PyUnicode_KIND(value) != PyUnicode_1BYTE_KIND:
        value.encode("latin-1")
    if has_controls(value):
        raise ValueError(f"Illegal characters in header {name}: {value!r}; remove CR, LF and other control characters")
    if not is_token(name):
        raise ValueError(f"Illegal characters in header name {name!r}; it must be a token (RFC 9110 section 5.6.2)")
    if pf_buf_reserve(out, name_size + value_size + 4) < 0:
        raise MemoryError()
    at = out.base + out.end
    memcpy(at, PyUnicode_DATA(name), name_size)
    memcpy(at + name_size, b": ", 2)
    memcpy(at + name_size + 2, PyUnicode_DATA(value), value_size)
    memcpy(at + name_size + 2 + value_size, b"\r\n", 2)
    out.end += name_size + value_size + 4
    return 0


def _restore(cls, pairs):
    headers = cls.__new__(cls)
    for name, value in pairs:
        append((<HeaderMap?>headers).unfold(), name, value)
    return headers


cdef class HeaderMap:
    """The compiled part of `httputil.HTTPHeaders`; of no use without it."""

    def __init__(self, *args, **kwargs):
        if len(args) == 1 and not kwargs and isinstance(args[0], HeaderMap):
            (<HeaderMap>args[0]).copy_to(self)
        elif args or kwargs:
            self.update(*args, **kwargs)

    def __cinit__(self):
        renew_normalizer()      # looked at once an object: each look-up needs what it remembers

    def __dealloc__(self):
        PyMem_Free(self.fields)

    # ---- off the wire, and back to it

    cdef int fill(self, bytes head, const pf_field *fields, uint32_t count) except -1:
        """Make a fresh object stand for the `count` fields of `head`; their names must be tokens."""
        self.fields = <pf_field *>PyMem_Malloc(count * sizeof(pf_field))
        if self.fields == NULL:
            raise MemoryError()
        memcpy(self.fields, fields, count * sizeof(pf_field))
        self.head = head
        self.count = count
        return 0

    cdef int write_to(self, pf_buf *out) except -1:
        """Append `Name: value CRLF` for each line, in latin-1; on an error nothing is appended.

        Raises ValueError (UnicodeEncodeError is one) for what must not stand in a header.
        """
        cdef size_t before = pf_buf_size(out)
        cdef dict table = self.unfold()
        cdef Py_ssize_t place = 0, count = 0
        cdef PyObject *name
        cdef PyObject *value
        if self.printed is not None and pf_buf_append(out, PyBytes_AS_STRING(self.printed), len(self.printed)) < 0:
            raise MemoryError()
        try:
            while PyDict_Next(table, &place, &name, &value):
                count += 1
                if self.printed is not None and count <= self.printed_count:
                    continue
                if type(<object>value) is list:
                    for one in <list><object>value:
                        write_line(out, <object>name, text_of(<object>name, one))
                else:
                    write_line(out, <object>name, text_of(<object>name, <object>value))
        except:
            out.end = out.start + before
            raise
        return 0

    cdef int print_lines(self) except -1:
        """Print the lines that are there now, for this object and its copies."""
        cdef pf_buf out
        memset(&out, 0, sizeof(out))
        try:
            self.write_to(&out)
            self.printed = PyBytes_FromStringAndSize(pf_buf_data(&out), pf_buf_size(&out))
        finally:
            pf_buf_free(&out)
        self.printed_count = len(self.table)
        return 0

    cdef int store(self, name, value) except -1:
        """Set a field by its normalised name."""
        cdef dict table = self.unfold()
        cdef Py_ssize_t count = len(table)
        table[name] = value
        if len(table) == count:     # one of the printed fields, perhaps
            self.printed = None
        return 0

    # ---- looking up

    cdef object scan(self, const char *name, size_t size):
        cdef const unsigned char *base = <const unsigned char *>PyBytes_AS_STRING(self.head)
        cdef const pf_field *field
        cdef object found = None
        cdef uint32_t at
        for at in range(self.count):
            field = &self.fields[at]
            if field.name.size != size or not same_name(base + field.name.at, <const unsigned char *>name, size):
                continue
            value = PyUnicode_DecodeLatin1(<const char *>base + field.value.at, field.value.size, NULL)
            if found is None:
                found = value
            elif type(found) is list:
                (<list>found).append(value)
            else:
                found = [found, value]
        return found

    cdef object lookup(self, str name):
        """The value, joined with commas if there are several; None if there is none."""
        cdef Py_ssize_t size
        cdef const char *data
        cdef PyObject *found
        if self.table is not None:
            found = PyDict_GetItemWithError(self.table, normalize(name))
            return joined(<object>found) if found != NULL else None
        if self.count == 0:
            return None
        data = PyUnicode_AsUTF8AndSize(name, &size)
        return joined(self.scan(data, size))

    cdef list values_of(self, name):
        cdef object values = self.unfold().get(normalize(name))
        if values is None:
            return []
        return list(<list>values) if type(values) is list else [values]

    cdef dict unfold(self):
        cdef const char *base
        cdef pf_field *field
        cdef uint32_t at
        cdef dict table
        if self.table is not None:
            return self.table
        table = {}
        if self.count != 0:
            base = PyBytes_AS_STRING(self.head)
        for at in range(self.count):
            field = &self.fields[at]
            name = normalize(PyUnicode_DecodeLatin1(base + field.name.at, field.name.size, NULL))
            append(table, name, PyUnicode_DecodeLatin1(base + field.value.at, field.value.size, NULL))
        PyMem_Free(self.fields)
        self.fields = NULL
        self.count = 0
        self.head = None
        self.table = table
        return table

    # ---- a mapping

    def __getitem__(self, name):
        value = self.lookup(name)
        if value is None:
            raise KeyError(normalize(name))
        return value

    def get(self, name, default=None):
        """The value of `name`, joined with commas if there are several, or `default`."""
        value = self.lookup(name)
        return default if value is None else value

    def __contains__(self, name):
        return isinstance(name, str) and self.lookup(name) is not None

    def __setitem__(self, name, value):
        # A list stands for repeated fields: one that comes as a value is wrapped.
        self.store(normalize(name), [value] if type(value) is list else value)

    cdef int put(self, str name, value) except -1:
        """Set a field, in place of any value it had."""
        return self.store(normalize(name), value)

    def __delitem__(self, name):
        del self.unfold()[normalize(name)]
        self.printed = None

    def __iter__(self):
        return iter(self.unfold())

    def __len__(self):
        return len(self.unfold())

    def update(self, other=(), /, **kwargs):
        """Set each field of a mapping, of pairs or of keyword arguments, replacing the ones of the same name."""
        if isinstance(other, dict):
            for name, value in (<dict>other).items():
                self[name] = value
        elif hasattr(other, "keys"):
            for name in other.keys():
                self[name] = other[name]
        else:
            for name, value in other:
                self[name] = value
        for name, value in kwargs.items():
            self[name] = value

    # ---- a multi-map

    def add(self, name: str, value: str, *, _chars_are_bytes: bool = True) -> None:
        """Add one field line, after those of the same name (RFC 9110 section 5.3).

        Raises HTTPInputError unless the name is a token and the value a field-value (RFC 9110 section 5.5).
        """
        cdef str text
        if not isinstance(name, str) or not is_token(name):
            raise namespace()["HTTPInputError"](f"Invalid header name {name!r}")
        text = text_of(name, value)
        if has_controls(text) or (_chars_are_bytes and (PyUnicode_KIND(text) != PyUnicode_1BYTE_KIND or is_padded(text))):
            raise namespace()["HTTPInputError"](f"Invalid header value {value!r}")
        append(self.unfold(), normalize(name), text)
        self.printed = None

    def get_list(self, name: str) -> list[str]:
        """All values of `name`, in order; a new list, empty if there is none."""
        return self.values_of(name)

    def get_all(self):
        """Iterate over (name, value), one for each field line."""
        for name in list(self.unfold()):
            for value in self.values_of(name):
                yield name, value

    def parse_line(self, line: str, *, _chars_are_bytes: bool = True) -> None:
        """Add one line `Name: value` with or without its line end; an empty line is skipped.

        Raises HTTPInputError for a line without colon, a continuation line, or what `add` refuses.
        """
        if line[-1:] == "\n":
            line = line[:-2] if line[-2:-1] == "\r" else line[:-1]
        if not line:
            return
        if line[0] in (" ", "\t"):
            raise namespace()["HTTPInputError"](f"Folded header lines are not supported: {line!r}")
        name, colon, value = line.partition(":")
        if not colon:
            raise namespace()["HTTPInputError"](f"No colon in header line {line!r}")
        self.add(name, value.strip(" \t"), _chars_are_bytes=_chars_are_bytes)

    @classmethod
    def parse(cls, headers: str, *, _chars_are_bytes: bool = True):
        """Read a block of header lines, each ended by CRLF or LF; raises HTTPInputError as `parse_line` does."""
        parsed = cls()
        *lines, last = headers.split("\n")
        for line in lines:
            parsed.parse_line(line + "\n", _chars_are_bytes=_chars_are_bytes)
        parsed.parse_line(last, _chars_are_bytes=_chars_are_bytes)
        return parsed

    # ---- copies

    cdef int copy_to(self, HeaderMap other) except -1:
        cdef dict table = PyDict_Copy(self.unfold())
        for name, value in table.items():
            if type(value) is list:
                table[name] = list(<list>value)
        other.table = table
        other.printed = self.printed
        other.printed_count = self.printed_count
        return 0

    def copy(self):
        """An independent HTTPHeaders with the same fields."""
        cdef HeaderMap other = new_headers()
        self.copy_to(other)
        return other

    def __copy__(self):
        return self.copy()

    def __reduce__(self):
        return _restore, (type(self), list(self.get_all())), getattr(self, "__dict__", None) or None

    def __str__(self):
        return "".join([f"{name}: {value}\n" for name, value in self.get_all()])
