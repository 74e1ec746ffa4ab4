"""The start of a request's life above HTTP: made once for each, so compiled.

Owns: the plain attributes of a request, and the step from its head to the router.
Must not know: rules, handlers, or what forms and cookies look like.
Trick: what can be derived is derived when it is read; a Host that the parser has checked is not checked again.
"""
from posix.time cimport CLOCK_REALTIME, clock_gettime, timespec

from pyframework._core.headers cimport HeaderMap


cdef double wall_clock() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_REALTIME, &now)
    return now.tv_sec + now.tv_nsec * 1e-9


cdef bint from_the_wire(headers):
    """Whether the parser has seen these fields, and so the Host among them."""
    return isinstance(headers, HeaderMap) and (<HeaderMap>headers).head is not None


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
        self.connection = connection
        self.server_connection = server_connection
        if files is not None:
            self.files = files
        # Read at once: behind a proxy these are right only while the request comes in.
        context = getattr(connection, "context", None)
        self.remote_ip = getattr(context, "remote_ip", None)
        self.protocol = getattr(context, "protocol", "http")
        if host is not None or not from_the_wire(self.headers):
            self.check_host(host or self.headers.get("Host"))
        if "&" in self.uri:
            self._check_query()
        self._start_time = wall_clock()

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
        path, _, query = self.uri.partition("?")
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


cdef object HTTPServerRequest = None


cdef class RoutingDelegate:
    """Private base of _RoutingDelegate: stands for a message until its head has come, and hands the rest on."""

    def __init__(self, router, server_conn, request_conn):
        self.router = router
        self.server_conn = server_conn
        self.request_conn = request_conn

    def headers_received(self, start_line, headers):
        global HTTPServerRequest
        if HTTPServerRequest is None:
            from pyframework.httputil import HTTPServerRequest
        request = HTTPServerRequest(
            connection=self.request_conn, server_connection=self.server_conn, start_line=start_line, headers=headers
        )
        delegate = self.router.find_handler(request)
        if delegate is None:
            delegate = self._nobody(request)
        self.delegate = delegate
        return delegate.headers_received(start_line, headers)

    def data_received(self, chunk):
        return self.delegate.data_received(chunk)

    def finish(self):
        self.delegate.finish()

    def on_connection_close(self):
        if self.delegate is not None:
            self.delegate.on_connection_close()
