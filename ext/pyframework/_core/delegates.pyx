"""The delegates of a request: one until its route is found, one that gives its handler a turn.

Own: the way from a message to the first step of the handler's coroutine.
Must not know: rules, or what a handler does.
Trick: `_execute` is stepped once, right here in the read event and in a context of its own. A handler that does not
wait is done by then and has cost no Task. One that must wait yields first, and the same coroutine goes on as a Task.
"""
from cpython.contextvars cimport PyContext_CopyCurrent, PyContext_Enter, PyContext_Exit
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF

from pyframework._core.capi cimport PYGEN_NEXT, PyIter_Send
from pyframework._core.http1 cimport Connection, Gatherer
from pyframework._core.instances cimport bare_instance, version_of
from pyframework._core.loop cimport start_task_now
from pyframework._core.request cimport Request, new_request
from pyframework._core.response cimport Response, hooks_of, new_response
from pyframework._core.routes cimport Route, route_in, rules_as_of

cdef object HTTPServerRequest = None
cdef object _RoutingDelegate = None
cdef object _HandlerDelegate = None
cdef tuple NO_ARGUMENTS = ()


cdef int higher() except -1:
    """These stand above this module: they are looked up at the first request."""
    global HTTPServerRequest, _RoutingDelegate
    if HTTPServerRequest is None:
        from pyframework.httputil import HTTPServerRequest
        from pyframework.routing import _RoutingDelegate
    return 0


cdef class Routing:
    """Private base of Router: takes requests to where their path leads, if nothing else decides."""

    def _route_index(self):
        """Return the index of the rules by which every request is routed, or None if there is more to it."""
        return None

    cdef Route route_of(self, str path):
        cdef unsigned version = version_of(type(self))
        if self.as_of != rules_as_of() or self.version != version or version == 0:
            self.index = self._route_index()
            self.version = version_of(type(self))
            self.as_of = rules_as_of()
        return None if self.index is None else route_in(self.index, path)

    def start_request(self, server_conn, request_conn):
        """Return who receives a request until its route is found."""
        higher()
        made = bare_instance(_RoutingDelegate, RoutingDelegate, NO_ARGUMENTS)
        (<RoutingDelegate>made).router = self
        (<RoutingDelegate>made).server_conn = server_conn
        (<RoutingDelegate>made).request_conn = request_conn
        return made


cdef class RoutingDelegate(Gatherer):
    """Private base of _RoutingDelegate: stands for a message until its head has come, and hands the rest on."""

    def __init__(self, router, server_conn, request_conn):
        self.router = router
        self.server_conn = server_conn
        self.request_conn = request_conn

    def headers_received(self, start_line, headers):
        higher()
        request = new_request(HTTPServerRequest, start_line, headers, self.request_conn, self.server_conn)
        self.delegate = self.find(request)
        return self.delegate.headers_received(start_line, headers)

    cdef object find(self, Request request):
        router = self.router
        cdef Route route = (<Routing>router).route_of(request.path) if isinstance(router, Routing) else None
        if route is not None:
            return handler_delegate(router, request, route)
        delegate = router.find_handler(request)
        return self._nobody(request) if delegate is None else delegate

    cdef bint gathers(self):
        return isinstance(self.delegate, Gatherer) and (<Gatherer>self.delegate).gathers()

    def data_received(self, chunk):
        return self.delegate.data_received(chunk)

    def finish(self):
        self.delegate.finish()

    def on_connection_close(self):
        if self.delegate is not None:
            self.delegate.on_connection_close()


cdef class TaskRequest:
    """Awaited by `_execute` before anything that may take time: the driver then gives it a Task."""

    cdef bint made

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        if self.made:
            raise StopIteration
        self.made = True


cdef class Done:
    """Awaited, it is done at once: what a method returns that must be awaitable and has nothing to wait for."""

    def __await__(self):
        return iter(())


DONE = Done()


cdef class HandlerDelegate(Gatherer):
    """Private base of _HandlerDelegate: feeds one request to one handler."""

    def __init__(self, application, request, handler_class, handler_kwargs=None, path_args=None, path_kwargs=None):
        self.open(application, request, handler_class, handler_kwargs, path_args, path_kwargs)

    cdef int open(
        self, application, request, handler_class, dict handler_kwargs, path_args, path_kwargs
    ) except -1:
        self.application = application
        self.request = request
        self.connection = request.connection
        self.handler_class = handler_class
        self.handler_kwargs = handler_kwargs
        self.path_args = path_args
        self.path_kwargs = path_kwargs
        self.hooks = hooks_of(handler_class)
        self.stream_request_body = self.hooks.streams
        return 0

    def headers_received(self, start_line, headers):
        if not self.stream_request_body:
            return None
        if isinstance(self.connection, Connection):     # how fast its body comes is the handler's business
            (<Connection>self.connection).min_data_rate = 0
        return self.run()

    cdef bint gathers(self):
        return not self.stream_request_body

    def data_received(self, data):
        if self.stream_request_body:
            return self.handler.data_received(data)
        if self.chunks is None:
            self.chunks = []
        self.chunks.append(data)

    def finish(self):
        if self.stream_request_body:
            self.handler._end_body()
            return
        if self.chunks is not None:
            self.request.body = b"".join(self.chunks)
            self.chunks = None
        self.run()

    def on_connection_close(self):
        if self.stream_request_body:
            self.handler.on_connection_close()
        else:
            self.chunks = None

    def execute(self):
        """Create the handler and run it as far as it goes, in a context of its own.

        :returns: for a handler that streams its body, a Future that is done when it is prepared for the first chunk
        """
        return self.run()

    cdef object run(self):
        context = PyContext_CopyCurrent()
        PyContext_Enter(context)
        try:
            unfinished = self.begin()
        finally:
            PyContext_Exit(context)
        if unfinished is not None:
            task = start_task_now(unfinished, context)
            if not task.done() or task.cancelled() or task.exception() is not None:
                self._keep(task)
        return self.handler._prepared_future if self.stream_request_body else None

    cdef object begin(self):
        """Create the handler and step `_execute`; return it if it asks for a Task."""
        cdef PyObject *result = NULL
        settings = self.application.settings
        if "compiled_template_cache" in settings or "static_hash_cache" in settings:
            self._forget_caches(settings)
        self.handler = new_response(self.handler_class, self.application, self.request, self.handler_kwargs, self.hooks)
        if self.stream_request_body:
            self.handler._begin_body()
        coroutine = self.start()
        if not (<Response>self.handler).has_plain_execution():
            return self._coroutine_of(coroutine)
        waits = PyIter_Send(coroutine, None, &result) == PYGEN_NEXT
        Py_DECREF(<object>result)
        return coroutine if waits else None

    cdef object start(self):
        application = self.application
        transforms = application.transforms
        transforms = [make(self.request) for make in transforms] if transforms else NO_ARGUMENTS
        args, kwargs = self.path_args, self.path_kwargs
        if not args and not kwargs:     # the plain call is the one that builds no tuple and no dict
            return self.handler._execute(transforms)
        return self.handler._execute(transforms, *(args or ()), **(kwargs or {}))


cdef object handler_delegate(application, request, Route route):
    """An instance of web's _HandlerDelegate."""
    global _HandlerDelegate
    if _HandlerDelegate is None:
        from pyframework.web import _HandlerDelegate
    made = bare_instance(_HandlerDelegate, HandlerDelegate, NO_ARGUMENTS)
    (<HandlerDelegate>made).open(
        application, request, route.handler_class, route.arguments, route.path_args, route.path_kwargs
    )
    return made
