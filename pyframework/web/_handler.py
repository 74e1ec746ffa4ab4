"""The life of a request handler: created, prepared, executed, its errors handled.

Arguments, cookies, the response and the like are in the mixins. How a handler gets its turn on the event loop
is the driver's business (`_delegate`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar

from pyframework import httputil, iostream, web
from pyframework._core.delegates import DONE, TaskRequest
from pyframework.concurrent import Future, future_set_result_unless_cancelled
from pyframework.web._errors import Finish, HTTPError
from pyframework.web._origin import OriginMixin
from pyframework.web._render import RenderMixin
from pyframework.web._xsrf import XsrfMixin

if TYPE_CHECKING:
    from pyframework.web._application import Application
    from pyframework.web._transforms import OutputTransform


# So typed, subclasses may choose their own arguments.
_Method = Callable[..., Awaitable[None] | None]


class RequestHandler(XsrfMixin, OriginMixin, RenderMixin):
    """Answers one request. Subclasses define `get`, `post` and so on, plain or as coroutines.

    The framework creates handlers, one for each request; override `initialize` rather than `__init__`.

    :arg application: the Application that the request came to
    :arg request: the request
    :arg kwargs: the rule's `target_kwargs`, passed to `initialize`
    """

    SUPPORTED_METHODS: ClassVar[tuple[str, ...]] = ("GET", "HEAD", "POST", "DELETE", "PATCH", "PUT", "OPTIONS")

    _stream_request_body = False
    _prepared_future: "Future[None] | None" = None
    _body_future: "Future[None]"

    def __init__(self, application: "Application", request: httputil.HTTPServerRequest, **kwargs: Any) -> None:
        super().__init__(application, request, **kwargs)

    # What classes have in this place is compared with it: whoever has not replaced it is made without a call.
    _plain_init = __init__

    def _initialize(self) -> None:
        """Override as `initialize` to take the rule's `target_kwargs`; called before anything else."""

    initialize: Callable[..., None] = _initialize

    def _unimplemented_method(self, *args: str, **kwargs: str) -> None:
        raise HTTPError(405)

    head: _Method = _unimplemented_method
    get: _Method = _unimplemented_method
    post: _Method = _unimplemented_method
    delete: _Method = _unimplemented_method
    patch: _Method = _unimplemented_method
    put: _Method = _unimplemented_method
    options: _Method = _unimplemented_method

    def prepare(self) -> Awaitable[None] | None:
        """Override for what comes before every method; as a coroutine the method waits for it.

        A response finished here is the answer: the method is not called.
        """

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Override with `stream_request_body` to take the body as it comes; as a coroutine it holds the body up."""
        raise NotImplementedError

    def on_connection_close(self) -> None:
        """Override to stop work when the client goes away before it got its response.

        Proxies may hide that for a while.
        """
        if self._stream_request_body:
            body = self._body_future
            if not body.done():
                body.set_exception(iostream.StreamClosedError())
                # A handler that does not wait for its body is not to blame for this.
                body.exception()

    async def _execute(self, transforms: "list[OutputTransform]", *args: bytes, **kwargs: bytes) -> None:
        """Execute the request: check it, prepare, call its method, finish.

        :arg transforms: applied to the output in this order
        :arg args, kwargs: the groups of the rule's pattern
        """
        if transforms:
            self._transforms = transforms
        streaming = False
        in_task = False
        waiting: Awaitable[None] | None = None
        try:
            if args or kwargs:
                self.path_args, self.path_kwargs = self._decode_path_arguments(args, kwargs)
            if not self._request_is_simple:
                streaming = self._stream_request_body
                self._check_before_prepare()
            waiting = self.prepare()
            if waiting is not None or streaming:
                in_task = True
                await TaskRequest()
                if waiting is not None:
                    await waiting
                self._let_body_come()
            if self._finished or (streaming and not await self._body_arrived()):
                return
            # The plain call is the one that builds no tuple and no dict.
            run = self._method_function
            waiting = run(*self.path_args, **self.path_kwargs) if args or kwargs else run()
            if waiting is not None and waiting is not DONE:
                if not in_task:
                    in_task = True
                    await TaskRequest()
                await waiting
            if self._auto_finish and not self._finished:
                self.finish()
        except (Exception, asyncio.CancelledError) as error:
            # The traceback holds this frame, and the frame what failed.
            waiting = None
            if self._answer_exception(error, in_task):
                raise
        finally:
            if streaming:
                self._let_body_come()

    _plain_execute = _execute

    def _allowed_methods(self) -> list[str]:
        """Return the methods that the class has a method for (RFC 9110, section 10.2.1)."""
        kind = type(self)
        known = ((method, getattr(kind, method.lower(), None)) for method in self.SUPPORTED_METHODS)
        return [method for method, function in known if function not in (None, RequestHandler._unimplemented_method)]

    def _check_before_prepare(self) -> None:
        """Check what requests have that are more than a safe method and a path."""
        method = self.request.method
        if method not in self.SUPPORTED_METHODS:
            raise HTTPError(405)
        if not self._stream_request_body:
            self._parse_body()
        if method not in ("GET", "HEAD", "OPTIONS"):
            if self.application.settings.get("xsrf_cookies"):
                self.check_xsrf_cookie()
            self._cross_origin_protection()

    def _parse_body(self) -> None:
        try:
            self.request._parse_body()
        except httputil.HTTPInputError as error:
            raise HTTPError(400, "Invalid body: %s", error) from error

    def _begin_body(self) -> None:
        self._prepared_future, self._body_future = Future(), Future()

    def _end_body(self) -> None:
        future_set_result_unless_cancelled(self._body_future, None)

    def _let_body_come(self) -> None:
        prepared = self._prepared_future
        if prepared is not None and not prepared.done():
            prepared.set_result(None)

    async def _body_arrived(self) -> bool:
        try:
            await self._body_future
        except iostream.StreamClosedError:
            return False
        return True

    def _answer_exception(self, error: BaseException, in_task: bool) -> bool:
        """Answer what ended the request early.

        :returns: whether it was this request's own Task that was told to stop: nobody's error, so there is no log
        """
        cancelled = in_task and isinstance(error, asyncio.CancelledError) and _is_cancelling()
        try:
            if not cancelled:
                self._handle_request_exception(error)
            elif not self._finished:
                self.send_error(500)
        except Exception:
            web.app_log.error("Exception in exception handler", exc_info=True)
        return cancelled

    def _handle_request_exception(self, e: BaseException) -> None:
        if isinstance(e, Finish):
            if not self._finished:
                self.finish(*e.args)
            return
        exc_info = type(e), e, e.__traceback__
        try:
            self.log_exception(*exc_info)
        except Exception:
            # What is broken may be the application's logging: the framework's own tells of it.
            web.app_log.error("Error in exception logger", exc_info=True)
        if not self._finished:
            self.send_error(e.status_code if isinstance(e, HTTPError) else 500, exc_info=exc_info)

    def log_exception(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Log an exception that ended the request; override to do it your way.

        An HTTPError is a warning if it has a message, all else an error with its traceback.
        """
        if not isinstance(value, HTTPError):
            exc_info = (typ, value, tb) if typ is not None and value is not None else None
            web.app_log.error("Uncaught exception %s\n%r", self._request_summary(), self.request, exc_info=exc_info)
        elif value.log_message:
            arguments = [value.status_code, self._request_summary(), *value.args]
            web.gen_log.warning("%d %s: " + value.log_message, *arguments)

    def _request_summary(self) -> str:
        request = self.request
        return f"{request.method} {request.uri} ({request.remote_ip})"


def _is_cancelling() -> bool:
    """Return whether the running Task itself was asked to stop, not something it waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
