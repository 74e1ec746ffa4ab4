import asyncio
import inspect
import logging

import pytest

from pyframework import gen
from pyframework.web import Finish, HTTPError, RequestHandler, stream_request_body


def test_life(fetch):
    steps = []

    class Handler(RequestHandler):
        def initialize(self, color):
            steps.append(f"initialize {color} {self.get_status()}")

        def prepare(self):
            steps.append("prepare")

        def get(self):
            steps.append("get")

        def on_finish(self):
            steps.append("on_finish")

    from pyframework.web import Application

    fetch(Application([("/", Handler, {"color": "red"})]))
    assert steps == ["initialize red 200", "prepare", "get", "on_finish"]


def test_execute_is_a_coroutine_function():
    assert inspect.iscoroutinefunction(RequestHandler._execute)


@pytest.mark.parametrize("method", ["HEAD", "GET", "POST", "DELETE", "PATCH", "PUT", "OPTIONS", "OTHER", "get"])
def test_methods_that_are_not_there(fetch, method):
    class Handler(RequestHandler):
        def other(self):
            self.write("not called: it is not in SUPPORTED_METHODS")

    answer = fetch(Handler, method=method)
    assert answer.status == 405


def test_more_methods(fetch):
    class Handler(RequestHandler):
        SUPPORTED_METHODS = (*RequestHandler.SUPPORTED_METHODS, "OTHER")

        def other(self):
            self.write("other")

    assert fetch(Handler, method="OTHER").body == b"other"


@pytest.mark.parametrize("asynchronous", [False, True])
def test_finish_in_prepare(fetch, asynchronous):
    class Handler(RequestHandler):
        def prepare(self):
            return self.answer() if asynchronous else self.finish("done") and None

        async def answer(self):
            await asyncio.sleep(0)
            self.finish("done")

        def get(self):
            raise AssertionError

    assert fetch(Handler).body == b"done"


def test_kinds_of_coroutines(fetch):
    class Native(RequestHandler):
        async def prepare(self):
            await asyncio.sleep(0)
            self.write("a")

        async def get(self):
            await asyncio.sleep(0)
            self.write("b")

    class Decorated(RequestHandler):
        @gen.coroutine
        def prepare(self):
            yield gen.moment
            self.write("a")

        @gen.coroutine
        def get(self):
            yield gen.moment
            self.write("b")

    for handler in (Native, Decorated):
        assert fetch(handler).body == b"ab"


def test_no_auto_finish(fetch):
    class Handler(RequestHandler):
        def get(self):
            self._auto_finish = False

    assert fetch(Handler).calls == []


def test_uncaught_exception(fetch, caplog):
    class Handler(RequestHandler):
        def get(self):
            raise ZeroDivisionError

    answer = fetch(Handler, "/x?y")
    assert answer.status == 500
    (record, access) = caplog.records
    assert record.name == "tornado.application" and record.levelno == logging.ERROR and record.exc_info
    assert record.getMessage().startswith("Uncaught exception GET /x?y (127.0.0.1)\nHTTPServerRequest(")
    assert access.name == "tornado.access" and access.levelno == logging.ERROR


@pytest.mark.parametrize(("message", "logged"), [("no %s", ["404 GET / (127.0.0.1): no page"]), (None, [])])
def test_http_error(fetch, caplog, message, logged):
    class Handler(RequestHandler):
        def get(self):
            raise HTTPError(404, message, *(["page"] if message else []))

    assert fetch(Handler).status == 404
    assert [record.getMessage() for record in caplog.records if record.name == "tornado.general"] == logged


def test_finish_is_no_error(fetch, caplog):
    class Handler(RequestHandler):
        def get(self):
            self.finish("a")
            raise Finish

    assert fetch(Handler).body == b"a"
    assert not caplog.records


def test_broken_log(fetch, caplog):
    class Handler(RequestHandler):
        def get(self):
            raise KeyError

        def log_exception(self, typ, value, tb):
            raise ZeroDivisionError

    assert fetch(Handler).status == 500
    assert "Error in exception logger" in caplog.text


def test_broken_finish(fetch, caplog):
    class Handler(RequestHandler):
        def get(self):
            pass

        def on_finish(self):
            raise ZeroDivisionError

    assert fetch(Handler).calls == ["write_headers", "finish"]
    assert "Uncaught exception" in caplog.text


def test_malformed_body_is_the_clients_fault(fetch, caplog):
    class Handler(RequestHandler):
        def post(self):
            raise AssertionError

    answer = fetch(Handler, method="POST", headers={"Content-Type": "multipart/form-data; boundary=x"}, body=b"junk")
    assert answer.status == 400
    assert "Invalid body" in caplog.text and "Traceback" not in caplog.text


def test_multipart_without_body(fetch):
    answer = fetch(RequestHandler, headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert answer.status == 400


def test_mixin_behind_the_handler(make_handler):
    class Mixin:
        def __init__(self):
            self.mixed = True

    class Handler(RequestHandler, Mixin):
        pass

    class Derived(Handler):
        pass

    assert make_handler(Handler).mixed and make_handler(Derived).mixed


def test_not_awaitable_result(fetch, caplog):
    class Handler(RequestHandler):
        def get(self):
            return "text"

    assert fetch(Handler).status == 500
    assert "can't be used in 'await' expression" in caplog.text


def test_close_before_the_body_is_there(exchange, in_loop):
    closed = []

    @stream_request_body
    class Handler(RequestHandler):
        def prepare(self):
            pass

        def post(self):
            raise AssertionError

        def on_connection_close(self):
            super().on_connection_close()
            closed.append(True)

    from pyframework.web import Application

    async def main():
        upload = exchange(Application([("/", Handler)]), "POST")
        await upload.begin()
        upload.delegate.on_connection_close()
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
        return upload.connection.calls

    assert in_loop(main()) == []
    assert closed == [True]


def test_data_received_must_be_overridden(make_handler):
    with pytest.raises(NotImplementedError):
        make_handler().data_received(b"")
