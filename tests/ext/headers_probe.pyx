"""What http1 does with a HeaderMap, for the tests: fill one from a head, ask it, write it."""
from libc.string cimport memset

from pyframework._core.capi cimport pf_buf, pf_buf_append, pf_buf_data, pf_buf_free, pf_buf_size, pf_field
from pyframework._core.headers cimport HeaderMap, new_headers


def filled(bytes head):
    """Headers over the lines of `head`, each `name: value` + CRLF, as a parser would find them."""
    cdef pf_field fields[64]
    cdef HeaderMap headers = new_headers()
    cdef unsigned count = 0, at = 0
    for line in head.split(b"\r\n")[:-1]:
        colon = line.index(b":")
        value = line[colon + 1:]
        fields[count].name.at = at
        fields[count].name.size = colon
        fields[count].value.at = at + colon + 1 + len(value) - len(value.lstrip())
        fields[count].value.size = len(value.strip())
        count += 1
        at += len(line) + 2
    headers.fill(head, fields, count)
    return headers


def is_folded(HeaderMap headers):
    """Whether the object still is nothing but a head and offsets."""
    return headers.table is None


def lookup(HeaderMap headers, str name):
    return headers.lookup(name)


def written(HeaderMap headers, bytes before=b""):
    """`before` and the lines that were written, and the exception that ended it, if one did."""
    cdef pf_buf out
    memset(&out, 0, sizeof(out))
    pf_buf_append(&out, before, len(before))
    error = None
    try:
        headers.write_to(&out)
    except Exception as raised:
        error = raised
    try:
        return (<char *>pf_buf_data(&out))[:pf_buf_size(&out)] if pf_buf_size(&out) else b"", error
    finally:
        pf_buf_free(&out)
