"""Who gives a handler its turn, and when that costs a Task."""

import asyncio
import contextvars
from unittest import mock

import pytest

from pyframework.web import Application, Finish, RequestHandler, _delegate, stream_request_body

color = contextvars.ContextVar("color", default="none")


def test_no_task_for_a_handler_that_does_not_wait(exchange, in_loop):
    class Handler(RequestHandler):
        def get(self):
            self.write("x")

    async def main():
        get = exchange(Application([("/", Handler)]))
        get.begin()
        with mock.patch("asyncio.Task", side_effect=AssertionError):
            get.delegate.finish()
        return get.connection.calls

    # Answered before anything else had its turn.
    assert in_loop(main()) == ["write_headers", "finish"]


def test_coroutines_run_in_a_task_from_their_first_line(fetch):
    tasks = []

    class Handler(RequestHandler):
        async def prepare(self):
            tasks.append(asyncio.current_task())

        async def get(self):
            tasks.append(asyncio.current_task())
            async with asyncio.timeout(60), asyncio.TaskGroup() as group:
                group.create_task(asyncio.sleep(0))
            tasks.append(asyncio.current_task())
            self.write("x")

    answer = fetch(Handler)
    assert answer.body == b"x"
    assert len(set(tasks)) == 1 and tasks[0] is not None
    assert not _delegate._running


def test_plain_prepare_then_coroutine(fetch):
    class Handler(RequestHandler):
        def prepare(self):
            color.set("red")
            self.write(str(asyncio.current_task() is not None))

        async def get(self):
            await asyncio.sleep(0)
            self.write(color.get())

    # The request is driven from inside of the test's Task.
    assert fetch(Handler).body == b"Truered"


@pytest.mark.parametrize("asynchronous", [False, True])
def test_requests_do_not_share_a_context(exchange, in_loop, asynchronous):
    seen = []

    class Handler(RequestHandler):
        def initialize(self):
            seen.append(color.get())
            color.set("red")

        def get(self):
            seen.append(color.get())
            return asyncio.sleep(0) if asynchronous else None

    async def main():
        application = Application([("/", Handler)])
        for _ in range(2):
            await exchange(application).run()
        return color.get()

    assert in_loop(main()) == "none"
    assert seen == ["none", "red"] * 2


@pytest.mark.parametrize("kind", ["override", "class patch", "instance patch"])
def test_replaced_execute_runs_as_a_task(fetch, monkeypatch, kind):
    original = RequestHandler._execute
    tasks = []

    async def traced(self, *args, **kwargs):
        tasks.append(asyncio.current_task())
        await asyncio.sleep(0)
        await original(self, *args, **kwargs)

    class Handler(RequestHandler):
        def initialize(self):
            if kind == "instance patch":
                self._execute = traced.__get__(self)

        async def get(self):
            await asyncio.sleep(0)
            tasks.append(asyncio.current_task())
            self.write("x")

    if kind == "override":
        Handler._execute = traced
    if kind == "class patch":
        monkeypatch.setattr(RequestHandler, "_execute", traced)
    assert fetch(Handler).body == b"x"
    assert len(tasks) == 2 and tasks[0] is tasks[1]


def test_execute_may_return_a_future(fetch):
    class Handler(RequestHandler):
        def _execute(self, transforms, *args, **kwargs):
            self._transforms = transforms
            return asyncio.get_running_loop().run_in_executor(None, str)

    assert fetch(Handler).calls == []


def test_execute_that_fails_is_logged(fetch, caplog):
    class Handler(RequestHandler):
        async def _execute(self, transforms, *args, **kwargs):
            raise ZeroDivisionError

    fetch(Handler)
    assert "ZeroDivisionError" in caplog.text


def test_exit_is_not_caught(fetch):
    class Handler(RequestHandler):
        def get(self):
            raise SystemExit(3)

    with pytest.raises(SystemExit):
        fetch(Handler)


def test_own_task_cancelled(fetch, caplog):
    class Handler(RequestHandler):
        async def get(self):
            asyncio.current_task().cancel()
            await asyncio.sleep(0)

    answer = fetch(Handler)
    assert answer.status == 500
    assert [record.name for record in caplog.records] == ["tornado.access"]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_something_else_cancelled(fetch, caplog, asynchronous):
    class Handler(RequestHandler):
        def get(self):
            if not asynchronous:
                raise asyncio.CancelledError
            future = asyncio.get_running_loop().create_future()
            future.cancel()
            return future

    assert fetch(Handler).status == 500
    assert "Uncaught exception" in caplog.text


def test_body_in_pieces(fetch, exchange, in_loop):
    class Handler(RequestHandler):
        def post(self):
            self.write(self.request.body)

    async def main():
        return await exchange(Application([("/", Handler)]), "POST").run(b"ab", b"cd")

    assert in_loop(main()).body == b"abcd"


def test_closed_connection_has_no_request(exchange, in_loop):
    async def main():
        upload = exchange(Application([("/", RequestHandler)]), "POST")
        upload.begin()
        upload.delegate.data_received(b"x")
        upload.delegate.on_connection_close()
        return upload.connection.calls

    assert in_loop(main()) == []


@pytest.mark.parametrize("asynchronous", [False, True])
def test_streamed_body(exchange, in_loop, asynchronous):
    steps = []

    @stream_request_body
    class Handler(RequestHandler):
        def step(self, name):
            steps.append(name)
            return asyncio.sleep(0) if asynchronous else None

        def prepare(self):
            return self.step("prepare")

        def data_received(self, chunk):
            return self.step(chunk)

        def post(self):
            return self.step("post")

    async def main():
        return await exchange(Application([("/", Handler)]), "POST").run(b"ab", b"cd")

    assert in_loop(main()).status == 200
    assert steps == ["prepare", b"ab", b"cd", "post"]


@pytest.mark.parametrize("error", [Finish, ZeroDivisionError])
def test_early_answer_to_a_streamed_body(exchange, in_loop, error):
    @stream_request_body
    class Handler(RequestHandler):
        async def prepare(self):
            raise error

        def data_received(self, chunk):
            pass

    async def main():
        return await exchange(Application([("/", Handler)]), "POST").run(b"ab")

    assert in_loop(main()).calls == ["write_headers", "finish"]


@pytest.mark.parametrize("cached", [False, True])
def test_caches(fetch, cached):
    loader, static = mock.Mock(), mock.Mock()
    settings = {"compiled_template_cache": cached, "static_hash_cache": cached, "static_handler_class": static}
    with mock.patch.dict(RequestHandler._template_loaders, {"path": loader}):
        fetch(RequestHandler, **settings)
    assert loader.reset.called is static.reset.called is not cached


def test_no_cycle_keeps_a_handler(exchange, in_loop):
    import gc
    import weakref

    handlers = []

    class Handler(RequestHandler):
        def get(self):
            handlers.append(weakref.ref(self))
            if self.request.path == "/wait":
                return asyncio.sleep(0)
            if self.request.path == "/fail":
                raise ZeroDivisionError
            return None

        def log_exception(self, typ, value, tb):
            pass  # a log record would keep the traceback, which keeps all its frames' variables

    async def main():
        for path in ("/", "/wait", "/fail"):
            await exchange(Application([(".*", Handler)]), path=path).run()

    gc.collect()
    gc.disable()
    try:
        in_loop(main())
        assert [handler() for handler in handlers] == [None] * 3
    finally:
        gc.enable()
