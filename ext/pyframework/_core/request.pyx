"""One request as its connection describes it: made once for each, so compiled.

Owns: the plain attributes of a request.
Must not know: rules, handlers, or what forms and cookies look like.
Trick: what can be derived is derived when it is read; a Host that the parser has checked is not checked again.
"""
from cpython.tuple cimport PyTuple_GET_ITEM
from cpython.unicode cimport PyUnicode_FindChar, PyUnicode_GET_LENGTH
from posix.time cimport CLOCK_REALTIME, clock_gettime, timespec

from pyframework._core.headers cimport HeaderMap
from pyframework._core.http1 cimport Connection
from pyframework._core.instances cimport bare_instance, has_init_of

cdef tuple NO_ARGUMENTS = ()


cdef double wall_clock() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_REALTIME, &now)
    return now.tv_sec + now.tv_nsec * 1e-9


cdef bint from_the_wire(headers):
    """Whether the parser has seen these fields, and so the Host among them."""
    return isinstance(headers, HeaderMap) and (<HeaderMap>headers).head is not None


cdef Py_ssize_t origin_start(str uri) except -1:
    """Where path and query begin: not at 0 if the target is in absolute form (RFC 9112 section 3.2.2)."""
    cdef Py_ssize_t size = PyUnicode_GET_LENGTH(uri)
    cdef Py_ssize_t start, slash, mark
    if PyUnicode_FindChar(uri, c"/", 0, 1, 1) == 0:
        return 0
    start = uri.find("://")
    if start <= 0 or "?" in uri[:start]:
        return 0
    slash = PyUnicode_FindChar(uri, c"/", start + 3, size, 1)
    mark = PyUnicode_FindChar(uri, c"?", start + 3, size, 1)
    if slash < 0 or 0 <= mark < slash:
        slash = mark
    return size if slash < 0 else slash


cdef Request new_request(cls, start_line, headers, connection, server_connection):
    """An instance for what a connection has just read."""
    made = None
    if has_init_of(cls, Request) and isinstance(headers, HeaderMap) and isinstance(start_line, tuple):
        made = bare_instance(cls, Request, NO_ARGUMENTS)
    if made is None:
        made = cls(
            connection=connection, server_connection=server_connection, start_line=start_line, headers=headers
        )
    else:
        (<Request>made).take_head(start_line, headers, connection, server_connection)
    return <Request>made


cdef class Request:
    """Private base of HTTPServerRequest."""

    def __init__(
        self, method=None, uri=None, version="HTTP/1.0", headers=None, body=None, host=None, files=None,
        connection=None, start_line=None, server_connection=None,
    ):
        if start_line is None or method is not None or uri is not None or host is not None:
            self._warn_of_deprecated(method, uri, host, start_line)
        if start_line is None:
            self.method = method or "GET"
            self.uri = uri or "/"
            self.version = version
        else:
            self.method, self.uri, self.version = start_line
        self.headers = self._no_headers() if headers is None else headers
        self.body = body or b""
        self.server_connection = server_connection
        if files is not None:
            self.files = files
        self.take_connection(connection, host)

    cdef int take_head(self, start_line, HeaderMap headers, connection, server_connection) except -1:
        """As __init__, of what a connection has just read."""
        self.method = <object>PyTuple_GET_ITEM(start_line, 0)
        self.uri = <object>PyTuple_GET_ITEM(start_line, 1)
        self.version = <object>PyTuple_GET_ITEM(start_line, 2)
        self.headers = headers
        self.body = b""
        self.server_connection = server_connection
        return self.take_connection(connection, None)

    cdef int take_connection(self, connection, host) except -1:
        # Read at once: behind a proxy these are right only while the request comes in.
        if isinstance(connection, Connection):
            context = (<Connection>connection).context
        else:
            context = getattr(connection, "context", None)
        self.connection = connection
        self.remote_ip = getattr(context, "remote_ip", None)
        self.protocol = getattr(context, "protocol", "http")
        if host is not None or not from_the_wire(self.headers):
            self.check_host(host or self.headers.get("Host"))
        if PyUnicode_FindChar(self.uri, c"/", 0, 1, 1) < 0:
            self.take_target()
        if "&" in self.uri:
            self._check_query()
        self._start_time = wall_clock()
        return 0

    cdef int take_target(self) except -1:
        """The authority of a target in absolute form counts, not the Host field (RFC 9112 section 3.2.2)."""
        cdef Py_ssize_t start = origin_start(self.uri)
        if start:
            _, _, authority = self.uri[:start].partition("://")
            self._host = authority.rpartition("@")[2]
        return 0

    @property
    def _has_content(self):
        """Whether there is a body, or the claim that there is one, to be parsed."""
        return bool(self.body) or "Content-Type" in self.headers

    cdef int check_host(self, host) except -1:
        """Of headers that did not come off the wire."""
        if host is None and self.version != "HTTP/1.0":
            self._check_host_field(None)
        if host is not None:
            self._check_host_field(host)
            self._host = host
        return 0

    @property
    def host(self):
        """The Host field of the request; 127.0.0.1 for one of HTTP/1.0 that has none."""
        if self._host is None:
            host = self.headers.get("Host")
            self._host = "127.0.0.1" if host is None else host
        return self._host

    @host.setter
    def host(self, value):
        self._host = value

    cdef int split_uri(self) except -1:
        cdef str uri = self.uri
        cdef Py_ssize_t start = origin_start(uri)
        cdef Py_ssize_t mark = PyUnicode_FindChar(uri, c"?", start, PyUnicode_GET_LENGTH(uri), 1)
        path = uri[start:] if mark < 0 else uri[start:mark]
        if start and not path:
            path = "/"
        query = "" if mark < 0 else uri[mark + 1:]
        if self._path is None:
            self._path = path
        if self._query is None:
            self._query = query
        return 0

    @property
    def path(self):
        """The target up to the query."""
        if self._path is None:
            self.split_uri()
        return self._path

    @path.setter
    def path(self, value):
        self._path = value

    @property
    def query(self):
        """The query, without the question mark."""
        if self._query is None:
            self.split_uri()
        return self._query

    @query.setter
    def query(self, value):
        self._query = value
