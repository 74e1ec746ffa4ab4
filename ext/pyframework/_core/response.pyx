"""Response: what a handler answers, from its first header to its last byte.

Owns: status, headers and buffered body of one answer, and the order in which they leave.
Must not know: routes, arguments, templates, or how the handler finds its answer.
Trick: each step is a method that a subclass, a patch or an instance may replace; one that nobody replaced is called
without the detour over Python.
"""
import hashlib
import logging
import weakref
from http.cookies import Morsel

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
from cpython.list cimport PyList_CheckExact, PyList_GET_ITEM, PyList_GET_SIZE
from cpython.object cimport PyObject, PyObject_GenericSetAttr
from cpython.unicode cimport PyUnicode_AsUTF8String, PyUnicode_CheckExact, PyUnicode_DecodeLatin1
from libc.time cimport time, time_t

from pyframework._core.capi cimport PF_SHA1_SIZE, pf_sha1
from pyframework._core.headers cimport HeaderMap, new_headers
from pyframework._core.loop cimport new_future
from pyframework._core.http1 cimport Connection, is_plain
from pyframework._core.instances cimport bare_instance, is_replaced, method_of, version_of
from pyframework._core.request cimport Request

cdef enum:      # Hooks.replaced; in the order of HOOKS and HIGHER_HOOKS
    CLEAR = 1
    SET_DEFAULT_HEADERS = 2
    COMPUTE_ETAG = 4
    SET_ETAG_HEADER = 8
    CHECK_ETAG_HEADER = 16
    FLUSH = 32
    LOG = 64
    ON_FINISH = 128
    INITIALIZE = 256
    INIT = 512
    EXECUTE = 1024
    SET_HEADER = 2048
    ADD_HEADER = 4096
    GET_STATUS = 8192

cdef enum:
    SHORT = 119         # bytes up to which our SHA-1 is faster than OpenSSL's, which needs setting up
    MEMORABLE = 4096    # bytes from which content is remembered with its ETag,
    LONGEST_MEMORABLE = 262144      # up to this many,
    MEMORY = 8          # in so many places
    KNOWN_SIZES = 1000  # Content-Lengths whose text is kept
    START_LINES = 256   # pairs of status and reason that are kept

cdef tuple HOOKS = (
    "clear", "set_default_headers", "compute_etag", "set_etag_header", "check_etag_header", "flush", "_log", "on_finish"
)
cdef dict HIGHER_HOOKS = {      # methods that Response does not have, and the names under which the original ones stay
    "initialize": "_initialize", "__init__": "_plain_init", "_execute": "_plain_execute",
    "set_header": "_plain_set_header", "add_header": "_plain_add_header", "get_status": "_plain_get_status",
}
cdef dict HOOK_BITS = {name: 1 << place for place, name in enumerate((*HOOKS, *HIGHER_HOOKS))}
cdef list SIZES = [str(size) for size in range(KNOWN_SIZES)]
cdef tuple NO_ARGUMENTS = ()
cdef str JSON_TYPE = "application/json; charset=UTF-8"
cdef list lately = [None] * MEMORY      # (content, ETag)
cdef bytes HEX = b"0123456789abcdef"

# What every response starts from: made anew once a second for its Date.
cdef HeaderMap default_headers = None
cdef time_t default_second = 0

cdef object access_log = logging.getLogger("tornado.access")
cdef dict web_names = None
cdef object INFO = logging.INFO
cdef dict start_lines = {}
cdef object ok_line = None
cdef object ResponseStartLine = None


cdef object start_line(status, reason):
    """("", status, reason) as a ResponseStartLine."""
    global ResponseStartLine, ok_line
    if status == 200 and reason == "OK" and ok_line is not None:
        return ok_line
    key = (status, reason)
    line = start_lines.get(key)
    if line is None:
        if ResponseStartLine is None:
            from pyframework.httputil import ResponseStartLine
        if len(start_lines) >= START_LINES:
            start_lines.clear()
        line = start_lines[key] = ResponseStartLine("", status, reason)
        if key == (200, "OK"):
            ok_line = line
    return line


cdef int on_close(connection, callback) except -1:
    if is_plain(connection):
        (<Connection>connection)._close_callback = callback
    else:
        connection.set_close_callback(callback)
    return 0


cdef bint has_header(headers, str name) except -1:
    return (<HeaderMap>headers).lookup(name) is not None if isinstance(headers, HeaderMap) else name in headers


cdef int set_header(headers, str name, value) except -1:
    if isinstance(headers, HeaderMap):
        return (<HeaderMap>headers).put(name, value)
    headers[name] = value
    return 0


# Of a Request these two are read straight from its struct.

cdef object connection_of(request):
    return (<Request>request).connection if isinstance(request, Request) else request.connection


cdef object verb_of(request):
    return (<Request>request).method if isinstance(request, Request) else request.method


cdef bytes joined(buffer):
    if PyList_CheckExact(buffer) and PyList_GET_SIZE(buffer) == 1:
        only = <object>PyList_GET_ITEM(buffer, 0)
        if PyBytes_CheckExact(only):
            return only
    return b"".join(buffer)


cdef str etag_of(bytes content):
    """The quoted SHA-1 of some content."""
    cdef unsigned char digest[PF_SHA1_SIZE]
    cdef char text[2 * PF_SHA1_SIZE + 2]
    cdef const char *digits = PyBytes_AS_STRING(HEX)
    cdef int i
    if PyBytes_GET_SIZE(content) > MEMORABLE:
        return remembered_etag_of(content)
    if PyBytes_GET_SIZE(content) > SHORT:
        return openssl_etag_of(content)
    pf_sha1(PyBytes_AS_STRING(content), PyBytes_GET_SIZE(content), digest)
    for i in range(PF_SHA1_SIZE):
        text[2 * i + 1] = digits[digest[i] >> 4]
        text[2 * i + 2] = digits[digest[i] & 15]
    text[0] = text[2 * PF_SHA1_SIZE + 1] = c'"'
    return PyUnicode_DecodeLatin1(text, 2 * PF_SHA1_SIZE + 2, NULL)


cdef str openssl_etag_of(bytes content):
    return f'"{hashlib.sha1(content, usedforsecurity=False).hexdigest()}"'


cdef str remembered_etag_of(bytes content):
    """The same of long content; what was sent lately is compared, which takes a tenth of the time of a SHA-1."""
    cdef Py_ssize_t slot = PyBytes_GET_SIZE(content) % MEMORY
    known = lately[slot]
    if known is not None and known[0] == content:
        return known[1]
    etag = openssl_etag_of(content)
    if PyBytes_GET_SIZE(content) <= LONGEST_MEMORABLE:
        lately[slot] = (content, etag)
    return etag


# The attributes of a cookie that are plain text, and those that are there or not (RFC 6265 section 4.1.1).
cdef dict TEXTS = {"domain": "Domain", "expires": "expires", "max-age": "Max-Age", "path": "Path", "samesite": "SameSite"}
cdef dict FLAGS = {"httponly": "HttpOnly", "secure": "Secure"}


cdef str cookie_text(morsel):
    """What `morsel.OutputString()` returns, which looks at everything that a Morsel could have."""
    cdef list parts = []
    if type(morsel) is not Morsel:
        return morsel.OutputString()
    for name, value in (<dict>morsel).items():
        if value == "":
            continue
        if type(value) is str and name in TEXTS:
            parts.append((name, f"; {<str>TEXTS[name]}={<str>value}"))
        elif value is True and name in FLAGS:
            parts.append((name, f"; {<str>FLAGS[name]}"))
        else:
            return morsel.OutputString()
    if len(parts) > 1:
        parts.sort()
    return "".join([f"{morsel.key}={morsel.coded_value}", *[text for _, text in parts]])


cdef bint is_silent(application, status) except -1:
    """Whether log_request would find that nobody wants to know of such a status."""
    global web_names
    if web_names is None:
        from pyframework import web
        web_names = vars(web)
    if status >= 400 or "log_function" in application.settings or web_names["access_log"] is not access_log:
        return False
    plain = getattr(type(application), "_plain_log_request", None)
    if plain is None or is_replaced(application, "log_request", <PyObject *>plain):
        return False
    # A logger keeps what it was asked before; to ask it again is a call of Python for each request.
    known = getattr(access_log, "_cache", None)
    if type(known) is dict and (<dict>known).get(INFO) is False:
        return True
    return not access_log.isEnabledFor(INFO)


cdef class Hooks:
    cdef int read(self, cls) except -1:
        """Find out what the class replaces."""
        cdef unsigned bit = 1
        self.replaced = 0
        for name in HOOKS:
            if method_of(cls, name) != method_of(Response, name):
                self.replaced |= bit
            bit <<= 1
        for name, plain in HIGHER_HOOKS.items():
            if getattr(cls, name) is not getattr(cls, plain):
                self.replaced |= bit
            bit <<= 1
        self.mixes_in = super(Response, cls).__init__ is not object.__init__
        self.streams = cls._stream_request_body
        self.methods = cls.SUPPORTED_METHODS
        self.version = version_of(cls)
        return 0


cdef Hooks hooks_of(cls):
    """Of the class as it is now."""
    cdef PyObject *found = method_of(cls, "_response_hooks")
    cdef Hooks hooks = None if found == NULL else <Hooks>found
    if hooks is None or hooks.of() is not cls:
        hooks = cls._response_hooks = Hooks.__new__(Hooks)
        hooks.of = weakref.ref(cls)
    if hooks.version != version_of(cls) or hooks.version == 0:
        hooks.read(cls)
    return hooks


cdef Response new_response(cls, application, request, dict arguments, Hooks hooks):
    """cls(application, request, **arguments)"""
    made = None if hooks.replaced & INIT else bare_instance(cls, Response, NO_ARGUMENTS)
    if made is None:
        return cls(application, request, **arguments) if arguments else cls(application, request)
    (<Response>made).open(application, request, arguments, hooks)
    return <Response>made


cdef class Response:
    """Private base of RequestHandler."""

    def __init__(self, application, request, **kwargs):
        self.open(application, request, kwargs, hooks_of(type(self)))

    cdef int open(self, application, request, dict arguments, Hooks hooks) except -1:
        self.hooks = hooks
        if hooks.mixes_in:
            super(Response, self).__init__()
        self.application = application
        self.request = request
        self._transforms = NO_ARGUMENTS
        if self.replaces(CLEAR):
            self.clear()
        else:
            self.reset()
        on_close(connection_of(request), self.on_connection_close)
        if arguments:
            self.initialize(**arguments)
        elif self.replaces(INITIALIZE):
            self.initialize()
        return 0

    def __setattr__(self, name, value):
        if name in HOOK_BITS:
            self.own_hooks |= <unsigned>HOOK_BITS[name]
        PyObject_GenericSetAttr(self, name, value)

    cdef bint has_plain_execution(self):
        """Whether `_execute` is the original coroutine, of which alone it is known that it asks for its Task."""
        return not self.replaces(EXECUTE)

    cdef bint replaces(self, unsigned hook):
        """Whether class or instance have something of their own in place of a method."""
        if self.hooks is None or self.hooks.version != version_of(type(self)) or self.hooks.version == 0:
            self.hooks = hooks_of(type(self))
        return ((self.hooks.replaced | self.own_hooks) & hook) != 0

    @property
    def _request_is_simple(self):
        """Whether the request is what most are: one of a safe method, without content."""
        request = self.request
        method = verb_of(request)
        if self.hooks is None or self.hooks.streams or method not in self.hooks.methods or method not in ("GET", "HEAD", "OPTIONS"):
            return False
        return not request._has_content

    @property
    def _method_function(self):
        """What the class has for the method of the request."""
        method = verb_of(self.request)
        return self.get if method == "GET" else getattr(self, method.lower())

    @property
    def path_args(self):
        """The positional arguments that the rule's pattern found in the path."""
        if self.args is None:
            self.args = []
        return self.args

    @path_args.setter
    def path_args(self, args):
        self.args = args

    @property
    def path_kwargs(self):
        """The named arguments that the rule's pattern found in the path."""
        if self.kwargs is None:
            self.kwargs = {}
        return self.kwargs

    @path_kwargs.setter
    def path_kwargs(self, kwargs):
        self.kwargs = kwargs

    @property
    def _cookies_to_set(self):
        """As `_new_cookie`, but None while there is none."""
        return self.cookies

    @property
    def _new_cookie(self):
        if self.cookies is None:
            raise AttributeError("_new_cookie")
        return self.cookies

    @_new_cookie.setter
    def _new_cookie(self, cookies):
        self.cookies = cookies

    # ------------------------------------------------------------------------------------------ the head

    def clear(self) -> None:
        """Forget all headers and content written so far."""
        self.reset()

    cdef int reset(self) except -1:
        global default_headers, default_second
        cdef time_t now = time(NULL)
        cdef HeaderMap headers
        if now != default_second:
            default_headers = self._default_headers(now)
            default_headers.print_lines()
            default_second = now
        headers = new_headers()
        default_headers.copy_to(headers)
        self._headers = headers
        if self.replaces(SET_DEFAULT_HEADERS):
            self.set_default_headers()
        self._write_buffer = []
        self._status_code = 200
        self._reason = "OK"
        return 0

    cdef int put_header(self, str name, value, text) except -1:
        """Set a header to `text`, or by the method that replaces `set_header` to the value of that text."""
        if self.replaces(SET_HEADER):
            self.set_header(name, value)
            return 0
        return set_header(self._headers, name, text)

    def _put_header(self, str name, value, text):
        self.put_header(name, value, text)

    def set_default_headers(self) -> None:
        """Override to set headers at the start of each response, error pages included."""

    def compute_etag(self):
        """Return the tag of what is written so far, a hash by default; None for no tag."""
        return etag_of(joined(self._write_buffer))

    def set_etag_header(self) -> None:
        """Set the Etag header to what `compute_etag` returns, unless that is None."""
        self.tag()

    cdef int tag(self) except -1:
        if self.replaces(COMPUTE_ETAG):
            etag = self.compute_etag()
        else:
            etag = etag_of(joined(self._write_buffer))
        if etag is not None:
            self.put_header("Etag", etag, etag.decode() if isinstance(etag, bytes) else etag)
        return 0

    def check_etag_header(self) -> bool:
        """Return whether the client already has the tag in the Etag header: the answer is then 304.

        Tags are compared weakly, as If-None-Match asks (RFC 9110, section 13.1.2).
        """
        return self.has_current()

    cdef bint has_current(self) except -1:
        offered = self.request.headers.get("If-None-Match")
        return offered is not None and self._is_offered(offered)

    cdef int complete_head(self) except -1:
        """Add what can be told only now: the Etag, that the client has it already (304), the Content-Length."""
        cdef bint current
        if self._status_code == 200 and verb_of(self.request) in ("GET", "HEAD") and not has_header(self._headers, "Etag"):
            if self.replaces(SET_ETAG_HEADER):
                self.set_etag_header()
            else:
                self.tag()
            if self.replaces(CHECK_ETAG_HEADER):
                current = self.check_etag_header()
            else:
                current = self.has_current()
            if current:
                self._write_buffer = []
                self.set_status(304)
        if self._status_code != 200 and self._should_not_send_content(self._status_code):
            if self._write_buffer:
                raise RuntimeError(f"Cannot send body with status code HTTP{self._status_code}")
            self._clear_representation_headers()
        elif not has_header(self._headers, "Content-Length"):
            self.put_length()
        return 0

    cdef int put_length(self) except -1:
        cdef Py_ssize_t size = 0
        for part in self._write_buffer:
            size += PyBytes_GET_SIZE(part) if PyBytes_CheckExact(part) else len(part)
        return self.put_header("Content-Length", size, SIZES[size] if size < KNOWN_SIZES else str(size))

    # ------------------------------------------------------------------------------------------ the body

    def write(self, chunk) -> None:
        """Add to the buffer of the response; `flush` sends it.

        :arg chunk: str or bytes; a dict is written as JSON, and makes the Content-Type `application/json`
        :raises RuntimeError: the response is finished
        :raises TypeError: any other type; a list too, because older browsers run it as a script
        """
        if self._finished:
            raise RuntimeError("Cannot write() after finish()")
        if PyUnicode_CheckExact(chunk):
            chunk = PyUnicode_AsUTF8String(chunk)
        elif isinstance(chunk, dict):
            chunk = self._json_of(chunk)
            self.put_header("Content-Type", JSON_TYPE, JSON_TYPE)
        elif not PyBytes_CheckExact(chunk):
            chunk = self._bytes_of(chunk)
        self._write_buffer.append(chunk)

    def flush(self, include_footers=False):
        """Send what is in the buffer, after the headers if they are not sent yet.

        :arg include_footers: this is the last flush: transforms write what they held back
        :returns: a Future that is done when the bytes have left the stream's own buffer
        """
        return self.send_buffer(include_footers)

    cdef object send_buffer(self, bint finishing):
        chunk = joined(self._write_buffer)
        self._write_buffer = []
        if self._headers_written:
            return self.write_on(chunk, finishing)
        self._headers_written = True
        for transform in self._transforms:
            self._status_code, self._headers, chunk = transform.transform_first_chunk(
                self._status_code, self._headers, chunk, finishing
            )
        if self.cookies is not None:
            self.put_cookies()
        headers = self._headers
        request = self.request
        connection = connection_of(request)
        line = start_line(self._status_code, self._reason)
        if verb_of(request) == "HEAD":
            chunk = b""
        try:
            if is_plain(connection):
                return (<Connection>connection).put_head(line, headers, chunk)
            return connection.write_headers(line, headers, chunk)
        except ValueError:      # a header that cannot be sent: the error page may still be
            self._headers_written = False
            raise

    cdef int put_cookies(self) except -1:
        add = self.add_header if self.replaces(ADD_HEADER) else self._headers.add
        for morsel in self.cookies.values():
            add("Set-Cookie", cookie_text(morsel))
        return 0

    cdef object write_on(self, chunk, bint finishing):
        """Send more of the body behind the headers."""
        for transform in self._transforms:
            chunk = transform.transform_chunk(chunk, finishing)
        request = self.request
        if verb_of(request) == "HEAD":
            done = new_future()
            done.set_result(None)
            return done
        connection = connection_of(request)
        return (<Connection>connection).put_body(chunk) if is_plain(connection) else connection.write(chunk)

    def finish(self, chunk=None):
        """Send the rest of the response and end the request.

        :arg chunk: written first, as by `write`
        :returns: a Future that is done when all is sent; it fails if the connection is lost before
        :raises RuntimeError: the response is finished already, or has a body that its status does not allow
        """
        if self._finished:
            raise RuntimeError("finish() called twice")
        if chunk is not None:
            self.write(chunk)
        return self.complete()

    cdef object complete(self):
        if not self._headers_written:
            self.complete_head()
        connection = connection_of(self.request)
        # From here on a lost connection is of no interest: no callback, and no cycle through it.
        on_close(connection, None)
        sent = self.flush(include_footers=True) if self.replaces(FLUSH) else self.send_buffer(True)
        if is_plain(connection):
            (<Connection>connection).put_end()
        else:
            connection.finish()
        if self.replaces(LOG):
            self._log()
        elif self.replaces(GET_STATUS) or not is_silent(self.application, self._status_code):
            self.application.log_request(self)
        self._finished = True
        if self.replaces(ON_FINISH):
            self.on_finish()
        if self._ui is not None:
            self._break_cycles()
        return sent

    def on_finish(self) -> None:
        """Override to clean up or log; called after the response has been sent.

        The counterpart of `prepare`, which may not have been called if the request failed early.
        """

    def _log(self) -> None:
        """Log the request. Kept for applications that override it: `Application.log_request` does the work."""
        self.application.log_request(self)
