"""Fetching with a callback, which gets a response in any case."""

import functools
import time
from collections.abc import Callable
from typing import Any

from pyframework.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from pyframework.ioloop import IOLoop
from pyframework.legacy import stack_context
from pyframework.legacy._arguments import ignoring_loop, on_kept_loop, replace
from pyframework.legacy._delivery import FUTURE
from pyframework.legacy._notes import note
from pyframework.simple_httpclient import SimpleAsyncHTTPClient

_SIMPLE = (
    "[io_loop] max_clients hostname_mapping max_buffer_size resolver defaults max_header_size max_body_size"
)


def _new_client(call: Callable[[], Any], io_loop: IOLoop | None = None) -> Any:
    client = ignoring_loop("AsyncHTTPClient")(call, io_loop=io_loop)
    client._chosen_loop = io_loop
    return client


def _fetch(client: Any, call: Any, callback: Callable[[HTTPResponse], Any] | None = None) -> Any:
    future = call()
    if callback is None:
        return future
    note("AsyncHTTPClient.fetch(callback=)", FUTURE)
    given = call.args[1] if len(call.args) > 1 else call.keywords["request"]
    request = given if isinstance(given, HTTPRequest) else HTTPRequest(given)
    take = callback
    IOLoop.current().add_future(future, lambda done: take(_response_of(done, request)))
    return future


def _response_of(future: Any, request: HTTPRequest) -> HTTPResponse:
    """Return the response that a Future has, or one of status 599 that tells of the error."""
    error = future.exception()
    if error is None:
        result: HTTPResponse = future.result()
        return result
    response: HTTPResponse | None = getattr(error, "response", None)
    if response is not None:
        return response
    return HTTPResponse(request, 599, error=error, request_time=time.time() - request.start_time)


def _init_request(self: HTTPRequest, *args: Any, **kwargs: Any) -> None:
    _init_request_now(self, *args, **kwargs)
    for name in ("streaming_callback", "header_callback", "prepare_curl_callback"):
        setattr(self, name, stack_context.kept(getattr(self, name)))


_init_request_now = HTTPRequest.__init__


def install() -> None:
    HTTPRequest.__init__ = functools.wraps(_init_request_now)(_init_request)  # type: ignore[method-assign]
    replace(AsyncHTTPClient, "__new__", "cls [io_loop] force_instance", _new_client)
    replace(AsyncHTTPClient, "initialize", "[io_loop] defaults", ignoring_loop("AsyncHTTPClient"))
    replace(SimpleAsyncHTTPClient, "initialize", _SIMPLE, ignoring_loop("AsyncHTTPClient"))
    replace(AsyncHTTPClient, "fetch", "request [callback] raise_error", _fetch)
    AsyncHTTPClient.fetch = on_kept_loop(AsyncHTTPClient.fetch)  # type: ignore[method-assign]
