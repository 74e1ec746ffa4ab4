"""The compiled half of a response: every step of it may be replaced, in a class, by a patch or in one instance."""

import asyncio
import hashlib
import socket
from collections.abc import Callable
from typing import Any

import pytest

from pyframework.http1connection import HTTP1Connection
from pyframework.httpserver import HTTPServer
from pyframework.httputil import HTTPServerRequest
from pyframework.iostream import IOStream, StreamClosedError
from pyframework.web import Application, RequestHandler

HOOKS = ("set_etag_header", "check_etag_header", "compute_etag", "flush", "_log", "on_finish")
CLASS_HOOKS = ("initialize", "clear", "set_default_headers")


class Hello(RequestHandler):
    def get(self) -> None:
        self.write("hello")


def answers(*handlers: type[RequestHandler], between: Callable[[], None] = lambda: None) -> list[bytes]:
    """What a client gets that asks one connection for `/0`, `/1` … of these handlers, one after the other."""

    async def serve() -> list[bytes]:
        ours, theirs = socket.socketpair()
        rules = [(f"/{number}", handler) for number, handler in enumerate(handlers)]
        server = HTTPServer(Application(rules, log_function=lambda handler: None))
        server.handle_stream(IOStream(ours), None)
        client = IOStream(theirs)
        received = []
        for number in range(len(handlers)):
            await client.write(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number)
            received.append(await client.read_until(b"hello"))
            between()
        client.close()
        await server.close_all_connections()
        return received

    return asyncio.run(serve())


def test_the_etag_is_the_sha1_of_the_content() -> None:
    handler = Hello.__new__(Hello)
    for size in range(300):
        handler._write_buffer = [b"x" * (size // 2), b"y" * (size - size // 2)]
        assert handler.compute_etag() == f'"{hashlib.sha1(b"".join(handler._write_buffer)).hexdigest()}"'


@pytest.mark.parametrize("name", HOOKS + CLASS_HOOKS)
def test_a_class_replaces_a_step(name: str) -> None:
    called = []
    original = getattr(RequestHandler, name)
    own = type("Own", (Hello,), {name: lambda self, *a, **k: called.append(name) or original(self, *a, **k)})
    answers(own, Hello)
    assert called == [name]


@pytest.mark.parametrize("name", HOOKS + CLASS_HOOKS)
@pytest.mark.parametrize("patched", [RequestHandler, Hello])
def test_a_step_is_patched_while_the_class_is_in_use(
    name: str, patched: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = []
    original = getattr(RequestHandler, name)

    def patch() -> None:
        monkeypatch.setattr(patched, name, lambda self, *a, **k: called.append(name) or original(self, *a, **k))

    answers(Hello, Hello, between=patch)
    assert called == [name]
    monkeypatch.undo()
    answers(Hello)
    assert called == [name]


@pytest.mark.parametrize("name", HOOKS)
def test_one_instance_replaces_a_step(name: str) -> None:
    called = []

    class Once(Hello):
        def prepare(self) -> None:
            original = getattr(self, name)
            setattr(self, name, lambda *a, **k: called.append(name) or original(*a, **k))

    answers(Once, Hello)
    assert called == [name]


@pytest.mark.parametrize("name", ["set_close_callback", "write_headers", "finish"])
def test_a_method_of_the_connection_is_replaced(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    original = getattr(HTTP1Connection, name)

    def replaced(self: HTTP1Connection, *args: Any) -> Any:
        called.append("class")
        return original(self, *args)

    answers(Hello, Hello, between=lambda: monkeypatch.setattr(HTTP1Connection, name, replaced))
    monkeypatch.undo()
    assert called == ["class"] * (2 if name == "set_close_callback" else 1)

    class Patches(Hello):
        def prepare(self) -> None:
            connection = self.request.connection
            connection.__dict__  # what is set on it is kept there  # noqa: B018
            setattr(connection, name, lambda *args: called.append("instance") or original(connection, *args))

    answers(Patches, Hello)
    assert called[-1] == "instance" and called.count("instance") == 1


def test_a_class_that_is_made_in_its_own_way() -> None:
    made = []

    class Meta(type):
        def __call__(cls, *args: Any, **kwargs: Any) -> Any:
            made.append("call")
            return super().__call__(*args, **kwargs)

    class Called(Hello, metaclass=Meta):
        pass

    class New(Hello):
        def __new__(cls, *args: Any, **kwargs: Any) -> "New":
            made.append("new")
            return super().__new__(cls)

    class Init(Hello):
        def __init__(self, application: Application, request: HTTPServerRequest, **kwargs: Any) -> None:
            made.append("init")
            super().__init__(application, request, **kwargs)

    answers(Called, New, Init, Hello)
    assert made == ["call", "new", "init"]


def test_a_class_behind_the_handler_has_its_init_called() -> None:
    made = []

    class Mixin:
        def __init__(self) -> None:
            made.append(type(self).__name__)

    class Behind(Hello, Mixin):
        pass

    class Before(Mixin, Hello):
        pass

    answers(Behind, Hello)
    assert made == ["Behind"]


def test_a_handler_of_headers_that_are_no_headers() -> None:
    class Plain(Hello):
        def prepare(self) -> None:
            self._headers = {"X-Plain": "1"}  # type: ignore[assignment]

    (answer,) = answers(Plain)
    assert b"X-Plain: 1\r\n" in answer and b"Content-Length: 5\r\n" in answer


@pytest.mark.parametrize(("name", "value"), [("X", "a\nb"), ("X Y", "a"), ("X", "\u20ac")])
@pytest.mark.parametrize("flushes", [False, True])
def test_a_head_that_cannot_be_sent_is_an_error_like_others(name: str, value: str, flushes: bool) -> None:
    class Bad(Hello):
        def get(self) -> None:
            self._headers[name] = value
            if flushes:
                self.flush()
            super().get()

        def write_error(self, status_code: int, **kwargs: Any) -> None:
            self.finish(f"{status_code} {type(kwargs['exc_info'][1]).__name__} hello")

    (answer,) = answers(Bad)
    assert answer.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert answer.endswith(b"500 UnicodeEncodeError hello" if value == "\u20ac" else b"500 ValueError hello")


def test_a_connection_without_an_answer_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HTTP1Connection, "write_headers", lambda *args: None)
    with pytest.raises(StreamClosedError):
        answers(Hello)
