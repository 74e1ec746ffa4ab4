"""What instrumentation agents do (OpenTelemetry, Datadog, Sentry, Elastic APM, New Relic): replace methods, late."""

import asyncio
import functools
import inspect
import logging
from typing import Any

import pytest

from pyframework import http1connection, httpserver, httputil, routing, web
from pyframework.web import Application, HTTPError, RequestHandler


class Wrapped:
    """A callable object in place of a function, bound by its own `__get__`, as the package wrapt makes it."""

    def __init__(self, function: Any, seen: list[Any], bound_to: Any = None) -> None:
        self.function, self.seen, self.bound_to = function, seen, bound_to

    def __get__(self, instance: Any, owner: Any) -> "Wrapped":
        return self if instance is None else Wrapped(self.function.__get__(instance, owner), self.seen, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.seen.append(self.bound_to)
        return self.function(*args, **kwargs)


def recorded(original: Any, seen: list[Any]) -> Any:
    @functools.wraps(original)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(self)
        return original(self, *args, **kwargs)

    return wrapper


WRAPPERS = [recorded, Wrapped]


@pytest.mark.parametrize("wrap", WRAPPERS)
@pytest.mark.parametrize("name", ["__init__", "clear", "prepare", "finish", "flush", "on_finish", "_execute"])
@pytest.mark.parametrize("of", ["RequestHandler", "the class itself"])
async def test_steps_of_a_handler(open_site, hello, monkeypatch, wrap, name, of):
    ask = await open_site(hello)
    patched = RequestHandler if of == "RequestHandler" else hello
    seen: list[Any] = []
    monkeypatch.setattr(patched, name, wrap(getattr(patched, name), seen))
    response = await ask("/hello/you")
    assert response.body == b"hello you"
    assert seen and all(isinstance(handler, hello) for handler in seen)
    monkeypatch.undo()
    del seen[:]
    assert (await ask("/hello/me")).body == b"hello me"
    assert not seen


async def test_execute_is_a_coroutine_function_that_may_be_wrapped_in_another(open_site, hello, monkeypatch):
    ask = await open_site(hello)
    assert inspect.iscoroutinefunction(RequestHandler._execute)
    original, calls = RequestHandler._execute, []

    async def execute(self: RequestHandler, *args: Any, **kwargs: Any) -> Any:
        calls.append((self.request.path, asyncio.current_task() is not None))
        try:
            return await original(self, *args, **kwargs)
        finally:
            calls.append(self.get_status())

    monkeypatch.setattr(RequestHandler, "_execute", execute)
    assert (await ask()).body == b"hello world"
    assert (await ask(method="POST", body=b"content")).body == b"content"
    assert calls == [("/", True), 200, ("/", True), 200]


@pytest.mark.parametrize("wrap", WRAPPERS)
async def test_log_exception(open_site, monkeypatch, caplog, wrap):
    class Failing(RequestHandler):
        def get(self, name: str = "") -> None:
            raise HTTPError(418, "no coffee") if name == "tea" else ZeroDivisionError

    ask = await open_site(Failing)
    caplog.clear()
    seen: list[Any] = []
    monkeypatch.setattr(RequestHandler, "log_exception", wrap(RequestHandler.log_exception, seen))
    assert (await ask("/hello/tea")).code == 418
    assert (await ask()).code == 500
    assert len(seen) == 2
    records = [record for record in caplog.records if record.name in ("tornado.general", "tornado.application")]
    assert [record.levelno for record in records] == [logging.WARNING, logging.ERROR]


async def test_handle_request_exception(open_site, monkeypatch):
    class Failing(RequestHandler):
        def get(self, name: str = "") -> None:
            raise HTTPError(404)

    ask = await open_site(Failing)
    seen: list[Any] = []
    original = RequestHandler._handle_request_exception
    monkeypatch.setattr(RequestHandler, "_handle_request_exception", recorded(original, seen))
    assert (await ask()).code == 404
    assert len(seen) == 1


async def test_classes_are_patched_while_their_first_handler_is_made(open_site, hello, monkeypatch):
    # OpenTelemetry replaces `RequestHandler.__init__`, and there `prepare` and `on_finish` of the handler's class.
    ask = await open_site(hello)
    steps: list[Any] = []
    original = RequestHandler.__init__

    def init(self: RequestHandler, *args: Any, **kwargs: Any) -> None:
        if "prepare" not in vars(type(self)):
            type(self).prepare = recorded(type(self).prepare, steps)
            type(self).on_finish = recorded(type(self).on_finish, steps)
        original(self, *args, **kwargs)

    monkeypatch.setattr(RequestHandler, "__init__", init)
    await ask()
    assert len(steps) == 2
    await ask()
    assert len(steps) == 4


async def test_own_attributes_of_a_handler(open_site):
    class Patching(RequestHandler):
        seen: list[str] = []

        def prepare(self) -> None:
            for name in ("flush", "on_finish", "get"):
                setattr(self, name, self.noting(name, getattr(self, name)))

        def noting(self, name: str, original: Any) -> Any:
            return lambda *args, **kwargs: (self.seen.append(name), original(*args, **kwargs))[1]

        def get(self, name: str = "") -> None:
            self.write("x")

    ask = await open_site(Patching)
    assert Patching.seen == ["get", "flush", "on_finish"]
    assert (await ask()).body == b"x"


@pytest.mark.parametrize("wrap", WRAPPERS)
@pytest.mark.parametrize("name", ["write_headers", "write", "finish"])
async def test_answers_pass_a_replaced_method_of_the_connection(open_site, monkeypatch, wrap, name):
    class Answering(RequestHandler):
        async def get(self, name: str = "") -> None:
            self.write("head")
            await self.flush()
            self.write(" body")

    ask = await open_site(Answering)
    seen: list[Any] = []
    connection = http1connection.HTTP1Connection
    monkeypatch.setattr(connection, name, wrap(getattr(connection, name), seen))
    assert (await ask()).body == b"head body"
    assert [found for found in seen if not found.is_client]


async def test_fields_are_added_in_a_replaced_write_headers(open_site, hello, monkeypatch):
    ask = await open_site(hello)
    original = http1connection.HTTP1Connection.write_headers

    def write_headers(self: Any, start_line: Any, headers: httputil.HTTPHeaders, chunk: bytes | None = None) -> Any:
        if not self.is_client:
            headers.add("X-Trace", str(start_line.code))
        return original(self, start_line, headers, chunk)

    monkeypatch.setattr(http1connection.HTTP1Connection, "write_headers", write_headers)
    assert (await ask()).headers["X-Trace"] == "200"
    assert (await ask("/nowhere")).headers["X-Trace"] == "404"


@pytest.mark.parametrize("name", ["write_headers", "finish"])
async def test_own_attributes_of_a_connection(open_site, name):
    class Patching(RequestHandler):
        seen: list[str] = []

        def get(self, path: str = "") -> None:
            connection = self.request.connection
            original = getattr(connection, name)
            setattr(connection, name, lambda *args, **kwargs: (self.seen.append(name), original(*args, **kwargs))[1])
            connection._nr_transaction = self
            assert connection.__dict__["_nr_transaction"] is self
            self.write("x")

    ask = await open_site(Patching)
    assert (await ask()).body == b"x"
    assert Patching.seen == [name, name]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (web.Application, "start_request"),
        (web.Application, "find_handler"),
        (web.Application, "log_request"),
        (httpserver.HTTPServer, "start_request"),
        (routing._RoutingDelegate, "headers_received"),
        (routing._RoutingDelegate, "finish"),
        (web._HandlerDelegate, "headers_received"),
        (web._HandlerDelegate, "finish"),
    ],
)
async def test_delegates(open_site, hello, monkeypatch, kind, name):
    ask = await open_site(hello)
    seen: list[Any] = []
    monkeypatch.setattr(kind, name, recorded(getattr(kind, name), seen))
    assert (await ask("/hello/you")).body == b"hello you"
    assert [type(found) for found in seen] == [kind]


async def test_a_server_is_told_of_the_end_of_a_connection(open_site, hello, monkeypatch):
    ask = await open_site(hello)
    told = asyncio.Event()
    original = httpserver.HTTPServer.on_close

    def on_close(self: Any, connection: object) -> None:
        original(self, connection)
        told.set()

    monkeypatch.setattr(httpserver.HTTPServer, "on_close", on_close)
    await ask(headers={"Connection": "close"})
    await asyncio.wait_for(told.wait(), 5)


@pytest.mark.parametrize("kind", [routing._RoutingDelegate, web._HandlerDelegate])
async def test_delegates_of_a_body(open_site, hello, monkeypatch, kind):
    ask = await open_site(hello)
    seen: list[Any] = []
    monkeypatch.setattr(kind, "data_received", recorded(kind.data_received, seen))
    assert (await ask(method="POST", body=b"content")).body == b"content"
    assert [type(found) for found in seen] == [kind]


async def test_names_of_fields_are_normalised_by_whatever_httputil_has(open_site, monkeypatch):
    class Echo(RequestHandler):
        def get(self, name: str = "") -> None:
            self.write(",".join(self.request.headers))

    ask = await open_site(Echo)
    seen: list[str] = []
    original = httputil._normalize_header

    def normalise(name: str) -> str:
        seen.append(name)
        return original(name)

    monkeypatch.setattr(httputil, "_normalize_header", normalise)
    assert b"X-Odd-Name" in (await ask(headers={"x-odd-NAME": "1"})).body
    assert seen


async def test_a_request_is_made_by_whatever_httputil_has(open_site, hello, monkeypatch):
    ask = await open_site(hello)
    seen: list[Any] = []
    request = httputil.HTTPServerRequest
    monkeypatch.setattr(request, "__init__", recorded(request.__init__, seen))
    assert (await ask()).body == b"hello world"
    assert [type(found) for found in seen] == [request]


async def test_log_function_and_handlers_of_an_application(open_site, hello):
    logged: list[Any] = []
    ask = await open_site(Application([("/", hello)], log_function=lambda handler: logged.append(handler.get_status())))
    await ask("/nowhere")
    assert logged == [200, 404]


async def test_a_patch_between_two_requests_that_are_under_way(open_site, hello, monkeypatch):
    waiting, go_on, calls = asyncio.Event(), asyncio.Event(), []

    class Slow(hello):
        async def post(self) -> None:
            waiting.set()
            await go_on.wait()
            self.write("slow")

    ask = await open_site(Slow)
    under_way = asyncio.ensure_future(ask(method="POST", body=b""))
    await waiting.wait()
    for owner, name in ((RequestHandler, "_execute"), (http1connection.HTTP1Connection, "write_headers")):
        original = getattr(owner, name)

        def patched(self: Any, *args: Any, original: Any = original, name: str = name, **kwargs: Any) -> Any:
            if not getattr(self, "is_client", False):
                calls.append(name)
            return original(self, *args, **kwargs)

        monkeypatch.setattr(owner, name, patched)
    assert (await ask()).body == b"hello world"
    assert calls == ["_execute", "write_headers"]
    go_on.set()
    assert (await under_way).body == b"slow"
    assert calls == ["_execute", "write_headers", "write_headers"]  # it was executed before the patch
