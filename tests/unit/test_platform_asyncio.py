"""The classes around asyncio loops, the selector thread, and the policy for loops in any thread."""

import asyncio
import contextvars
import gc
import os
import socket
import subprocess
import sys
import threading
from concurrent import futures

import pytest

from pyframework import gen
from pyframework.concurrent import Future
from pyframework.ioloop import IOLoop
from pyframework.platform import asyncio as platform
from pyframework.platform.asyncio import (
    AddThreadSelectorEventLoop,
    AnyThreadEventLoopPolicy,
    AsyncIOLoop,
    AsyncIOMainLoop,
    BaseAsyncIOLoop,
    SelectorThread,
    to_asyncio_future,
    to_tornado_future,
)

LONG = 30  # seconds that a test never lasts unless it hangs


class Deaf(asyncio.SelectorEventLoop):
    """A loop that cannot watch descriptors for others, like the proactor loop of Windows."""

    add_reader = asyncio.AbstractEventLoop.add_reader
    add_writer = asyncio.AbstractEventLoop.add_writer
    remove_reader = asyncio.AbstractEventLoop.remove_reader
    remove_writer = asyncio.AbstractEventLoop.remove_writer


@pytest.fixture
def pair():
    one, other = socket.socketpair()
    with one, other:
        one.setblocking(False)
        other.setblocking(False)
        yield one, other


@pytest.fixture
def deaf():
    loop = Deaf()
    yield loop
    loop.close()


@pytest.fixture
def threaded(deaf):
    loop = AddThreadSelectorEventLoop(deaf)
    yield loop
    loop.close()


def run_until(loop, future):
    return loop.run_until_complete(asyncio.wait_for(future, LONG))


class TestLoops:
    def test_main_loop_wraps_the_current_one(self):
        async def main():
            io_loop = AsyncIOMainLoop()
            assert io_loop.asyncio_loop is asyncio.get_running_loop()
            assert IOLoop.current() is io_loop
            with pytest.raises(RuntimeError):
                AsyncIOMainLoop()

        asyncio.run(main())

    def test_a_new_loop_that_cannot_register_is_closed(self, monkeypatch):
        made = []

        def make():
            made.append(asyncio.SelectorEventLoop())
            return made[-1]

        monkeypatch.setattr(platform, "_new_asyncio_loop", make)
        with pytest.raises(TypeError):
            AsyncIOLoop(make_current=False, nonsense=True)
        assert made[0].is_closed()

    def test_a_given_loop_that_cannot_register_is_not_closed(self):
        io_loop = AsyncIOLoop(make_current=False)
        with pytest.raises(RuntimeError):
            AsyncIOLoop(asyncio_loop=io_loop.asyncio_loop, make_current=False)
        assert not io_loop.asyncio_loop.is_closed()
        io_loop.close()

    def test_all_are_configurable_ioloops(self):
        io_loop = AsyncIOLoop(make_current=False)
        assert isinstance(io_loop, BaseAsyncIOLoop)
        assert isinstance(io_loop, IOLoop)
        assert io_loop.selector_loop is io_loop.asyncio_loop
        io_loop.close()

    def test_closing_restores_the_loop_that_was_current(self):
        before = asyncio.new_event_loop()
        asyncio.set_event_loop(before)
        io_loop = AsyncIOLoop()
        assert asyncio.get_event_loop_policy().get_event_loop() is io_loop.asyncio_loop
        io_loop.close()
        assert asyncio.get_event_loop_policy().get_event_loop() is before
        asyncio.set_event_loop(None)
        before.close()

    def test_handlers_on_a_loop_without_add_reader(self, deaf, pair):
        one, other = pair
        io_loop = IOLoop(asyncio_loop=deaf, make_current=False)
        seen = []

        def handle(fd, events):
            seen.append((fd, events, one.recv(10)))
            io_loop.stop()

        io_loop.add_handler(one, handle, IOLoop.READ)
        io_loop.call_later(0, other.send, b"x")
        io_loop.start()
        assert seen == [(one, IOLoop.READ, b"x")]
        io_loop.close()
        assert deaf.is_closed()


class TestFutures:
    def test_to_asyncio_future(self):
        async def native():
            return "native"

        async def main():
            future = Future()
            assert to_asyncio_future(future) is future is to_tornado_future(future)
            with futures.ThreadPoolExecutor(1) as pool:
                assert await to_asyncio_future(pool.submit(str, 1)) == "1"
            assert await to_asyncio_future([native(), gen.sleep(0)]) == ["native", None]
            with pytest.raises(gen.BadYieldError):
                to_asyncio_future(42)

        asyncio.run(main())


class TestSelectorThread:
    def test_reading_and_writing(self, threaded, pair):
        one, other = pair
        received = threaded.create_future()

        def write(data):
            assert threaded.remove_writer(one)
            one.send(data)

        def read():
            assert threaded.remove_reader(other)
            received.set_result(other.recv(10))

        threaded.add_reader(other, read)
        threaded.call_soon(threaded.add_writer, one, write, b"hello")
        assert run_until(threaded, received) == b"hello"
        assert not threaded.remove_reader(other)
        assert not threaded.remove_writer(one)

    def test_callbacks_run_on_the_loop_in_the_context_of_add_reader(self, threaded, pair):
        one, other = pair
        seen = threaded.create_future()
        var = contextvars.ContextVar("var", default="none")

        def read():
            threaded.remove_reader(other)
            seen.set_result((threading.get_ident(), var.get()))

        def add():
            var.set("where it was added")
            threaded.add_reader(other, read)

        contextvars.copy_context().run(add)
        one.send(b"x")
        assert run_until(threaded, seen) == (threading.get_ident(), "where it was added")

    def test_a_failing_callback_stops_nothing(self, threaded, pair):
        one, other = pair
        failures = []
        done = threaded.create_future()

        def fail():
            if len(failures) == 2:
                done.set_result(None)
                threaded.remove_reader(other)
            raise KeyError("x")

        threaded.set_exception_handler(lambda loop, details: failures.append(details["exception"]))
        threaded.add_reader(other, fail)
        one.send(b"x")
        run_until(threaded, done)
        assert len(failures) == 3

    def test_a_closed_descriptor_is_reported_and_dropped(self, threaded, pair):
        one, other = pair
        number = os.dup(one.fileno())
        reports, received = [], threaded.create_future()
        threaded.set_exception_handler(lambda loop, details: reports.append(details["message"]))
        threaded.add_reader(number, print)
        threaded.add_reader(other, lambda: received.done() or received.set_result(other.recv(10)))
        os.close(number)
        one.send(b"x")
        assert run_until(threaded, received) == b"x"
        assert reports == [f"File descriptor {number} cannot be watched any more"]
        assert not threaded.remove_reader(number)

    def test_everything_else_is_the_real_loops(self, threaded, deaf):
        assert threaded.time.__self__ is deaf
        threaded.set_debug(True)
        assert deaf.get_debug()
        with pytest.raises(AttributeError):
            threaded.nonsense  # noqa: B018

    def test_closing_twice(self, deaf):
        loop = AddThreadSelectorEventLoop(deaf)
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        loop.close()
        assert deaf.is_closed()

    def test_asyncio_ends_the_thread(self, pair):
        loop = asyncio.SelectorEventLoop()
        selector = SelectorThread(loop)
        loop.run_until_complete(asyncio.sleep(0))
        loop.run_until_complete(asyncio.sleep(0))
        thread = selector._thread
        assert thread.is_alive()
        loop.run_until_complete(loop.shutdown_asyncgens())
        assert not thread.is_alive()
        assert selector not in platform._selector_loops
        loop.close()

    def test_exit_ends_the_thread(self):
        loop = asyncio.SelectorEventLoop()
        selector = SelectorThread(loop)
        loop.run_until_complete(asyncio.sleep(0))
        loop.run_until_complete(asyncio.sleep(0))
        platform._atexit_callback()
        assert not selector._thread.is_alive()
        assert selector._waker_r.fileno() == selector._waker_w.fileno() == -1
        selector.close()
        loop.close()

    @pytest.mark.parametrize("run_first", [False, True])
    def test_closed_before_it_began(self, run_first, caplog):
        loop = asyncio.SelectorEventLoop()
        selector = SelectorThread(loop)
        if run_first:
            loop.call_soon(loop.stop)
            loop.run_forever()
        selector.close()
        loop.close()
        del loop, selector
        gc.collect()
        assert not caplog.records

    @pytest.mark.parametrize("run_first", [False, True])
    def test_closed_before_it_began_on_a_loop_that_goes_on(self, run_first, caplog):
        loop = asyncio.SelectorEventLoop()
        selector = SelectorThread(loop)
        if run_first:
            loop.call_soon(loop.stop)
            loop.run_forever()
        selector.close()
        for _ in range(3):
            loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        del loop, selector
        gc.collect()
        assert not caplog.records

    def test_a_loop_that_nobody_closes_does_not_hold_up_the_exit(self):
        code = (
            "import asyncio; from pyframework.platform.asyncio import SelectorThread;"
            "loop = asyncio.new_event_loop(); selector = SelectorThread(loop);"
            "[loop.run_until_complete(asyncio.sleep(0)) for _ in range(3)];"
            "assert selector._thread.is_alive()"
        )
        subprocess.run([sys.executable, "-c", code], check=True, timeout=LONG)


class TestAnyThreadPolicy:
    def test_makes_a_loop_in_any_thread(self):
        def loop_of_thread():
            loop = asyncio.get_event_loop_policy().get_event_loop()
            assert asyncio.get_event_loop_policy().get_event_loop() is loop
            loop.close()
            return loop

        before = asyncio.get_event_loop_policy()
        with pytest.warns(DeprecationWarning, match="AnyThreadEventLoopPolicy"):
            policy = AnyThreadEventLoopPolicy()
        asyncio.set_event_loop_policy(policy)
        try:
            with futures.ThreadPoolExecutor(1) as pool:
                assert isinstance(pool.submit(loop_of_thread).result(), asyncio.AbstractEventLoop)
        finally:
            asyncio.set_event_loop_policy(before)
